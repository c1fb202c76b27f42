import { mkdtemp, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { createRateGate } from "../../activities/shared/rate-gate.ts";
import { compareSlice } from "../../activities/sync/compare-slice.ts";
import { targetOf } from "../../activities/sync/read-day.ts";
import type { Api } from "../../api/server/parts.ts";
import { sources } from "../../connectors/registry.ts";
import { clockTime, dayAt } from "../../core/days.ts";
import { keyRing } from "../../core/crypto.ts";
import { readBookDifferences } from "../../queries/files/books.ts";
import { countOthers, otherPurges } from "../../queries/ops/purge-others.ts";
import { compareBooks } from "../../queries/sync/stored.ts";
import { testSecret, testServer } from "../../test/api-server.ts";
import { googleAccount } from "../../test/google-account.ts";
import { madeSigningSecret } from "../../test/payouts.ts";
import { startStack, type TestStack } from "../../test/stack.ts";
import { freePorts } from "../embedded/process.ts";
import { openDemo, zone } from "./demo.ts";
import { fillDemo, type FilledArea } from "./fill.ts";
import { readDays } from "./readings.ts";
import { approvedAt, morningLook, readLooks, runningLooks } from "./settling.ts";

jest.setTimeout(180_000);

const client = "713";
const identityKey = keyRing(randomBytes(32));
const credentialsKey = keyRing(randomBytes(32));
let stack: TestStack;
let api: Api;
let importDir: string;
let context: Parameters<typeof fillDemo>[0];

beforeAll(async () => {
  importDir = await mkdtemp(path.join(os.tmpdir(), "signal-room-demo-"));
  const [port = 0] = await freePorts(1);
  const { key, known } = googleAccount(client);
  stack = await startStack({
    API_PORT: String(port),
    API_JWT_SECRET: testSecret,
    IMPORT_DIR: importDir,
    ANYTRACK_WEBHOOK_SECRET: "a-webhook-secret-of-713-long",
    META_PIXEL_ID: "123456789012345",
    META_ACCESS_TOKEN: "sandbox-713",
    HUBSPOT_ACCESS_TOKEN: "sandbox-713",
    REDDIT_CLIENT_ID: "sandbox-713",
    REDDIT_CLIENT_SECRET: "sandbox-713",
    INSTAGRAM_ACCESS_TOKEN: "sandbox-713",
    INSTAGRAM_USER_ID: "sandbox-713",
    META_ADS_ACCESS_TOKEN: "sandbox-713",
    AUTHORIZED_BUYERS_KEY: key,
    AUTHORIZED_BUYERS_INTERVAL_MS: "10",
    IDENTITY_ENCRYPTION_KEY: identityKey.current.toString("base64"),
    CREDENTIALS_ENCRYPTION_KEY: credentialsKey.current.toString("base64"),
    STATEMENT_SIGNING_KEY: madeSigningSecret(),
  });
  await stack.control("POST", "/authorized_buyers/service-accounts", known);
  const { config, database, temporal } = stack;
  api = await testServer({
    database: database.pool,
    temporal: { client: stack.client },
    accounts: config.accounts,
    anytrack: config.anytrack,
    ingest: config.ingest,
    clients: config.clients,
    identityKey,
    credentialsKey,
    env: { API_RATE_LIMIT_PER_MINUTE: "100000" },
  });
  await api.listen({ port, host: "127.0.0.1" });
  context = {
    env: { SANDBOX_PORT: new URL(stack.sandboxUrl).port },
    config,
    database: () => Promise.resolve(database.pool),
    temporal: () => Promise.resolve({ ...temporal, client: stack.client, close: () => Promise.resolve() }),
  };
});
afterAll(async () => {
  await api?.close();
  await stack?.stop();
  await rm(importDir, { recursive: true, force: true });
});

const days = 3;
const options = () => ({
  client,
  days,
  now: new Date(),
  hasOwnHook: true,
  board: { show: () => undefined, end: () => undefined },
});
const fill = () => fillDemo(context, options());
const rowsOf = (areas: readonly FilledArea[]) => Object.fromEntries(areas.map(({ area, rows }) => [area, rows]));

/** What the tables hold, without when. */
async function everything(): Promise<Record<string, unknown>> {
  const [sums] = await stack.rows(
    `select (select sum(cost) from redtrack.daily_spend) as spend, (select count(*) from ops.receipts) as receipts,
            (select count(*) from ops.restatements) as ledger, (select count(*) from anytrack.webhook_events) as events,
            (select count(*) from ops.deliveries) as deliveries, (select count(*) from ops.files) as files,
            (select sum(spend) from rtb.performance_metrics) as performance, (select count(*) from recon.reconciliation_logs) as verdicts,
            (select count(*) from promo.promo_click_tracking) as promo_clicks, (select count(*) from recon.disputes) as disputes, (select count(*) from ops.quarantine) as quarantined,
            (select count(*) from ops.audit where action like '%key%') as keys, (select count(*) from ops.runs) as runs`,
  );
  return sums ?? {};
}

test("a short demo fills every area, adds up, and changes nothing when it is repeated", async () => {
  const areas = await fill();
  expect(areas.filter(({ note }) => note !== null)).toEqual([]);
  expect(areas.map(({ area, rows, added }) => [area, rows > 0, rows === added])).toEqual(
    areas.map(({ area }) => [area, true, true]),
  );

  // Postgres knows how much there is, and does not plan for empty tables.
  const unknown = `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                    where n.nspname in ('promo', 'everflow', 'rtb') and c.relkind = 'r' and c.reltuples < 0`;
  expect(await stack.rows(unknown)).toEqual([]);

  const states = await stack.rows<{ state: string }>("select distinct state from ops.deliveries order by 1");
  expect(states.map(({ state }) => state)).toEqual(expect.arrayContaining(["delivered", "failed", "held", "pending"]));
  const verdicts = await stack.rows<{ verdict: string }>(
    "select distinct coalesce(level, verdict, state) as verdict from recon.report_state order by 1",
  );
  expect(verdicts.map(({ verdict }) => verdict)).toEqual(
    expect.arrayContaining([
      "HIGH",
      "LOW",
      "MATCHED",
      "MEDIUM",
      "POST_DELETED",
      "POST_UNKNOWN",
      "UNVERIFIABLE",
      "WAITING",
    ]),
  );
  const files = await stack.rows<{ outcome: string; rejected: boolean; replaced: boolean }>(
    "select outcome, bool_or(rejected > 0) as rejected, bool_or(replaced > 0) as replaced from ops.files group by 1 order by 1",
  );
  expect(files).toEqual([
    { outcome: "ingested", rejected: true, replaced: true },
    { outcome: "refused", rejected: expect.any(Boolean), replaced: false },
  ]);
  const alerts = await stack.rows<{ severity: string }>(
    "select distinct severity from ops.alerts where resolved_at is null order by 1",
  );
  expect(alerts.map(({ severity }) => severity)).toEqual(["critical", "warning"]);
  const kinds = await stack.rows<{ kind: string }>("select distinct kind from ops.restatements order by 1");
  expect(kinds.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["changed", "first"]));

  const [funnel] = await stack.rows(
    `select f.bids > 0 as bids, f.waste_ratio between 0.5 and 1 as waste, f.report from rtb.funnel_by('all', current_date - 7, current_date, $1) f`,
    [client],
  );
  expect(funnel).toEqual({ bids: true, waste: true, report: "pipeline_by_country" });
  const coverage = await stack.rows<{ coverage: string }>(
    "select distinct coverage from rtb.size_coverage(current_date - 7, current_date, $1) order by 1",
    [client],
  );
  expect(coverage.map((one) => one.coverage)).toEqual(expect.arrayContaining(["excess", "good", "none"]));

  const plans = await stack.rows<{ title: string }>("select state, title from rtb.pretargeting_plans order by plan_id");
  expect(plans).toEqual([
    { state: "planned", title: "Leave out the country Indonesia" },
    { state: "planned", title: expect.stringMatching(/^Leave out the publisher pub-/) },
  ]);

  const before = await everything();
  expect(rowsOf(await fill())).toEqual(rowsOf(areas));
  expect(await everything()).toEqual(before);
  await expect(differences()).resolves.toEqual([]);
});

test("a past day is read as it stood while it ran and in its next morning, and known then as it was", async () => {
  const noon = clockTime(dayAt(new Date(), zone), 12, 0, zone);
  const demo = await openDemo(context, { ...options(), days: 12, now: noon });
  const [day = ""] = demo.days;
  const show = () => undefined;
  const seen = { vendor: "everflow", source: "everflow.daily_stats" };
  const looks = [...runningLooks({ demo, days: [day], share: () => 1 }), morningLook({ demo, days: [day] })];
  await readLooks(demo, seen, looks, show);
  await readLooks(demo, { vendor: "redtrack", source: "redtrack.daily_spend" }, looks.slice(0, 1), show);
  await readDays(demo, { source: seen.source, days: [day], at: (of) => approvedAt(demo, of) }, show);
  const readings = await stack.rows<{ hours: number; total: number }>(
    `select round(extract(epoch from fetched_at - ((slice::date + 1)::timestamp at time zone timezone)) / 3600)::int as hours, total::float8 as total
       from ops.receipts where _client_id = $1 and source = 'everflow.daily_stats' and slice = $2 order by fetch_seq`,
    [client, day],
  );
  expect(readings.map(({ hours }) => hours)).toEqual([-12, -11, 7, expect.any(Number)]);
  expect([31, 55]).toContain(readings.at(-1)?.hours);
  const totals = readings.map(({ total }) => total);
  expect(totals).toEqual([...totals].sort((one, other) => one - other));
  expect(new Set(totals).size).toBe(4);
  const [known] = await stack.rows<{ then: number; now: number }>(
    `select sum(conversions_then)::int as "then", sum(conversions_now)::int as now from public.known_figures($1, $2, $2, -12)`,
    [client, day],
  );
  expect(known?.then).toBeGreaterThan(0);
  expect(known?.then).toBeLessThan(known?.now ?? 0);
  // The sandbox says again what is true of it.
  expect(await stack.control("GET", "/faults")).toEqual([]);
});

test("what has a real key is left out, and what was made up does not join it", async () => {
  const { config } = stack;
  const redtrack = config.accounts.get(`redtrack/${client}`);
  if (redtrack === undefined) throw new Error("there is no account");
  const real = { ...redtrack, baseUrl: "https://api.redtrack.io" };
  const accounts = new Map([...config.accounts, [real.name, real] as const]);
  const areas = await fillDemo({ ...context, config: { ...config, accounts } }, options());
  expect(areas.filter(({ note }) => note !== null).map(({ area, note }) => [area, note])).toEqual([
    ["spend", "redtrack is real"],
    ["anytrack", "redtrack is real"],
    ["deliveries", "redtrack is real"],
    ["promo", "redtrack is real"],
    ["creatives", "redtrack is real"],
    ["advice", "redtrack is real"],
    ["ad performance", "redtrack is real"],
    ["traffic and waste", "redtrack is real"],
    ["pretargeting", "redtrack is real"],
    ["campaigns", "redtrack is real"],
    ["opportunities", "redtrack is real"],
    ["questions", "redtrack is real"],
    ["findings", "redtrack is real"],
    ["tie-out", "redtrack is real"],
  ]);
  expect(areas.every(({ failed, added }) => !failed && added === 0)).toBe(true);
});

test("purging deletes the files of the demo with their rows and sums, and leaves a person's", async () => {
  await stack.rows("update ops.files set origin = 'real' where name like 'demo-partner-%'");
  const [kept] = await stack.rows<{ fileId: number; rows: number; spend: string }>(
    `select f.file_id as "fileId", count(*)::int as rows, sum(m.spend) as spend
       from ops.files f join rtb.performance_metrics m on m._file_id = f.file_id where f.origin = 'real' group by 1`,
  );
  const database = stack.database.pool;
  const step = { atATime: 100, by: { actor: "cli:a test", role: null } };
  const counted = (await countOthers(database, client)).filter(({ source }) => source === "files");
  const purged = await otherPurges.files(database, client, step);
  expect(purged).toEqual(expect.arrayContaining(counted));
  await expect(
    stack.rows(
      `select _file_id as "fileId", count(*)::int as rows, sum(spend) as spend from rtb.performance_metrics group by 1`,
    ),
  ).resolves.toEqual([kept]);
  await expect(stack.rows("select sum(spend_all) as spend from rtb.creative_performance")).resolves.toEqual([
    { spend: kept?.spend },
  ]);
  await expect(stack.rows("select count(*)::int as sums from rtb.funnel_sums")).resolves.toEqual([{ sums: 0 }]);
  await expect(readBookDifferences(database, { client })).resolves.toEqual([]);
  await expect(otherPurges.files(database, client, step)).resolves.toEqual([]);
});

/** As `npm run verify` compares: what the sandbox says now, the receipts, and the books of files. */
async function differences(): Promise<unknown[]> {
  const demo = await openDemo(context, options());
  const database = stack.database.pool;
  const pulling = {
    database,
    config: stack.config,
    sources,
    gate: createRateGate(database),
    redact: (text: string) => text,
  };
  const [from = "", to = ""] = [demo.days[0], demo.days.at(-2)];
  const found: unknown[] = [];
  for (const source of sources) {
    const account = stack.config.accounts.get(`${source.vendor.name}/${client}`);
    if (account?.secrets == null) continue;
    for (const day of demo.days.slice(0, -1))
      found.push(...(await compareSlice(pulling, { source, account, day })).differences);
    found.push(...(await compareBooks(database, targetOf(source, client, from), { client, from, to })).differences);
  }
  return [...found, ...(await readBookDifferences(database, { client, from, to }))];
}
