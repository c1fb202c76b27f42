// How long it takes to look for opportunities in a million records, all of them within the window: 10,000 creatives in 100
// campaigns and 30 countries. Beside it, in turn, a plain sum over the same records; then lists and the matrix as the API
// reads them.
// npm run bench:opportunities -- [millions of records, 1]
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { addDays, daysFromTo } from "../core/days.ts";
import { median } from "../core/quantiles.ts";
import { readMatrix, saveGeographic } from "../queries/intelligence/geographic.ts";
import { readCampaignWindow } from "../queries/intelligence/opportunity-cells.ts";
import { listOpportunities } from "../queries/intelligence/opportunities.ts";
import { recordTests } from "../queries/intelligence/opportunity-state.ts";
import { findOpportunities } from "../rules/intelligence/find-opportunities.ts";
import { findPatterns, matrixOf } from "../rules/intelligence/geographic-patterns.ts";
import { opportunityStates } from "../rules/intelligence/opportunity-states.ts";
import { inTransaction, openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";

const client = "713";
const records = Number(process.argv[2] ?? "1") * 1_000_000;
const to = "2026-03-28";
const from = addDays(to, -27);
const runs = 5;
const quickRuns = 51;

const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-bench-"));
await chmod(folder, 0o755);
const [port = 0] = await freePorts(1);
const postgres = await startPostgres({ dataDir: path.join(folder, "postgres"), port, database: "signal_room" });
try {
  await migrateDatabase(postgres.url);
  const database = openDatabase({ url: postgres.url, poolSize: 2, name: "bench", statementTimeoutMs: 600_000 });
  await fill(database);
  const phases = {
    "a plain sum": [] as number[],
    "reading the window": [] as number[],
    judging: [] as number[],
    storing: [] as number[],
    "the whole search": [] as number[],
  };
  let tested = 0;
  for (let run = 0; run < runs; run += 1) {
    phases["a plain sum"].push(await timed(() => plain(database)));
    const took = await search(database);
    tested = took.tested;
    phases["reading the window"].push(took.reading);
    phases.judging.push(took.judging);
    phases.storing.push(took.storing);
    phases["the whole search"].push(took.reading + took.judging + took.storing);
  }
  for (const [name, all] of Object.entries(phases))
    console.log(
      `${name.padEnd(20)} ${median(all).toFixed(0).padStart(6)} ms, of ${runs}: ${all.map((ms) => ms.toFixed(0)).join(" ")}`,
    );
  console.log(
    `${tested} parts tested; the search takes ${(median(phases["the whole search"]) / median(phases["a plain sum"])).toFixed(1)} times the plain sum`,
  );
  await quick("a list of opportunities", () =>
    listOpportunities(
      database,
      { client, type: null, campaignId: null, minSavings: null, states: opportunityStates, blocked: true },
      { limit: 50 },
    ),
  );
  await quick("the matrix", () => readMatrix(database, { client }));
  await database.end();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

function plain(database: Database) {
  return database.query(
    `select k.campaign_id, m.geography, sum(m.clicks), sum(m.spend) from rtb.performance_metrics m
       join rtb.campaign_creatives k on k._client_id = m._client_id and k.creative_id = m.creative_id
      where m._client_id = $1 and m.date between $2 and $3 group by 1, 2`,
    [client, from, to],
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function quick(name: string, work: () => Promise<unknown>): Promise<void> {
  const all: number[] = [];
  for (let run = 0; run < quickRuns; run += 1) all.push(await timed(work));
  console.log(`${name.padEnd(20)} ${median(all).toFixed(1).padStart(6)} ms at the median of ${quickRuns}`);
}

function search(database: Database) {
  return inTransaction(database, async (session) => {
    const started = performance.now();
    const window = await readCampaignWindow(session, { client, from, to });
    const read = performance.now();
    const { tests } = findOpportunities(window, () => 0);
    const matrix = matrixOf(window.cells.geography, window.traits);
    const patterns = findPatterns(window.cells.geography, window.traits);
    const judged = performance.now();
    await recordTests(session, { client, to }, tests);
    await saveGeographic(session, { client, from, to }, { matrix, patterns });
    return {
      tested: tests.length,
      reading: read - started,
      judging: judged - read,
      storing: performance.now() - judged,
    };
  });
}

async function fill(database: Database): Promise<void> {
  await database.query("select rtb.ensure_months($1::date[])", [daysFromTo(from, to)]);
  await database.query(
    `insert into rtb.campaigns (_client_id, campaign_name, genre, origin) select $1, 'Campaign ' || n, 'Genre ' || n % 8, 'real' from generate_series(1, 100) n`,
    [client],
  );
  await database.query(
    `with made as (insert into rtb.creatives (_client_id, creative_id, buyer_id, format, canonical_size, origin)
       select $1, 'c' || n, '1', 'HTML', (array['300x250', '320x50', '728x90', '160x600', '300x600'])[1 + n % 5], 'real' from generate_series(1, 10000) n returning id)
     insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id)
     select $1, c.campaign_id, m.id from (select id, row_number() over () as n from made) m
       join (select campaign_id, row_number() over (order by campaign_id) as n from rtb.campaigns) c on c.n = 1 + m.n % 100`,
    [client],
  );
  const each = Math.ceil(records / 10_000 / 28);
  await database.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, impressions, clicks, spend, geography, device_type, hour, placement, _file_id)
     select $1, c.id, $2::date + d, 1000, 1 + (abs(hashtext(c.creative_id || d || g)) % 9), round((0.5 + (abs(hashtext(g || c.creative_id || d)) % 100) / 50.0)::numeric, 2),
            chr(65 + (c.n + g * 7) % 26) || chr(65 + (c.n + g) % 3), 'mobile', -1, '', 1
       from (select id, creative_id, row_number() over (order by id)::int as n from rtb.creatives where _client_id = $1) c,
            generate_series(0, 27) d, generate_series(1, $3) g
     on conflict do nothing`,
    [client, from, each],
  );
  await database.query("analyze");
}
