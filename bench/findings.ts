// How long findings take where there are a million conversions and a year of days: the nightly search, and the lists and single
// findings as the API reads them.
// npm run bench:findings -- [millions of conversions, 1]
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { searchFindings } from "../activities/findings/search-findings.ts";
import { addDays, dayAt } from "../core/days.ts";
import { median } from "../core/quantiles.ts";
import { createRedactor } from "../core/redact.ts";
import {
  findFinding,
  listEvidence,
  listFindings,
  totalFindings,
  type FindingFilter,
} from "../queries/findings/findings.ts";
import { keptFindings } from "../queries/findings/save-findings.ts";
import { listChanges } from "../queries/shared/listed-states.ts";
import { findingStates } from "../rules/findings/kinds.ts";
import { openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { loadConfig } from "../settings/config.ts";

const client = "713";
const conversions = Number(process.argv[2] ?? "1") * 1_000_000;
const to = addDays(dayAt(new Date(), "America/New_York"), -1);
const from = addDays(to, -364);
const searches = 3;
const quickRuns = 51;

const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-bench-"));
await chmod(folder, 0o755);
const [port = 0] = await freePorts(1);
const postgres = await startPostgres({ dataDir: path.join(folder, "postgres"), port, database: "signal_room" });
try {
  await migrateDatabase(postgres.url);
  const database = openDatabase({ url: postgres.url, poolSize: 2, name: "bench", statementTimeoutMs: 600_000 });
  await fill(database);
  const config = loadConfig({ DATABASE_URL: postgres.url, CLIENTS: client }, [], []);
  const took: number[] = [];
  for (let run = 0; run < searches; run += 1) {
    const inside = new MockActivityEnvironment(
      { workflowExecution: { workflowId: "bench", runId: `run ${run}` } },
      { logger: new DefaultLogger("ERROR") },
    );
    const began = performance.now();
    const context = { database, config, redact: createRedactor([]) };
    const summary = await inside.run((input: { input: unknown }) => searchFindings(context, input), { input: {} });
    took.push(performance.now() - began);
    if (run === 0) console.log(JSON.stringify(summary));
  }
  console.log(`the whole search ${median(took).toFixed(0)} ms, of ${took.map((ms) => ms.toFixed(0)).join(" ")}`);
  await timeAnswers(database);
  await database.end();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function timeAnswers(database: Database): Promise<void> {
  const all: FindingFilter = {
    ...{ client, kind: null, subject: null, currency: null, minAtStake: null, states: findingStates },
  };
  const { rows } = await database.query<{ id: number; cases: number }>(
    "select finding_id as id, cases from findings.findings order by cases desc limit 1",
  );
  const of = { client, findingId: rows[0]?.id ?? 0 };
  const answers = {
    "the list": () => listFindings(database, all, { limit: 101 }),
    "the list by kind": () => listFindings(database, { ...all, kind: "paid_twice" }, { limit: 101 }),
    totals: () => totalFindings(database, all),
    "one finding": () =>
      Promise.all([findFinding(database, of), listChanges(database, keptFindings, { client, id: of.findingId })]),
    [`its first rows of ${rows[0]?.cases ?? 0}`]: () => listEvidence(database, of, { limit: 51 }),
  };
  for (const [name, ask] of Object.entries(answers)) {
    const took: number[] = [];
    for (let run = 0; run < quickRuns; run += 1) {
      const began = performance.now();
      await ask();
      took.push(performance.now() - began);
    }
    console.log(`${name.padEnd(28)} ${median(took).toFixed(1)} ms`);
  }
  await timeOne(database, "select * from findings.evidence($1, $2)", [of.client, of.findingId]);
}

async function timeOne(database: Database, text: string, values: unknown[]): Promise<void> {
  const took: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const began = performance.now();
    await database.query(text, values);
    took.push(performance.now() - began);
  }
  console.log(`its rows computed again      ${median(took).toFixed(0)} ms`);
}

/** 200 affiliates and 200 sources; a fifth of the orders is AnyTrack's alone, and a few of those that Everflow pays are AnyTrack's too. */
async function fill(database: Database): Promise<void> {
  const perDay = Math.round(conversions / 365);
  await database.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final, outcome, content_hash, origin)
     select $1, s.source, d::date::text, d::date, 'America/New_York', true, 'committed', md5(d::text), 'real'
       from generate_series($2::date, $3::date, interval '1 day') d, (values ('redtrack.daily_spend'), ('everflow.daily_stats'), ('everflow.conversions')) s(source)`,
    [client, from, to],
  );
  await database.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, clicked_at, status, is_event, affiliate_id, affiliate_name, currency, payout, revenue, order_id, transaction_id, _slice, _run_id)
     select $1, format('c-%s-%s', d.day, n), d.day, d.at, d.at - case when n % 200 = 7 and n % 3 = 0 then interval '9 seconds' else interval '1 second' * (300 + (n::bigint * 7919) % 200000) end,
            case when n % 20 = 0 then 'pending' else 'approved' end, false, (n % 200)::text, 'Partner ' || n % 200, 'USD', 10 + n % 7, 40, format('order-%s-%s', d.day, n), format('t-%s-%s', d.day, n), d.day::text, 'run'
       from generate_series($2::date, $3::date, interval '1 day') x, generate_series(1, $4::int) n
      cross join lateral (select x::date as day, x::date + interval '1 second' * (n % 80000) as at) d`,
    [client, from, to, perDay],
  );
  await database.query(
    `insert into anytrack.conversions (_client_id, conversion_key, type, order_id, revenue, currency, source, affiliate_id, visitor, event_time, version, date, seen_by_webhook_at, _run_id, origin)
     select $1, 'order:' || o.order_id, 'SALE', o.order_id, 30, 'USD', 'facebook', 'a' || n % 50, 'v' || n, d.day + time '12:00', d.day + time '12:00', d.day, d.day + time '12:00', 'run', 'real'
       from generate_series($2::date, $3::date, interval '1 day') x, generate_series(1, $4::int) n
      cross join lateral (select x::date as day) d
      cross join lateral (select case when n % 50 = 0 then format('order-%s-%s', d.day, n) else format('shop-%s-%s', d.day, n) end as order_id) o`,
    [client, from, to, Math.round(perDay / 5)],
  );
  await database.query(
    `insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id)
     select $1, d::date, 's' || s, 'Source ' || s, case when s = 1 and d::date = $3::date - 3 then 0 else 900 + (s * 11 + extract(doy from d)::int * 37) % 200 end, 40 + (s + extract(doy from d)::int) % 9, 400 + (s * 7) % 60, d::date::text, 'run'
       from generate_series($2::date, $3::date, interval '1 day') d, generate_series(1, 200) s`,
    [client, from, to],
  );
  await database.query("analyze");
}
