// Questions over a year of ad performance, answered by Postgres alone and with ClickHouse adding up, in one run and with the
// same answers; how long a first filling takes, and how long a changed day takes until it is mirrored.
// npm run bench:clickhouse -- [rows, 50000000] [rounds, 7]
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { addDays, daysFromTo } from "../core/days.ts";
import { median } from "../core/quantiles.ts";
import { copyDays } from "../activities/ops/copy-days.ts";
import { prepareStore } from "../activities/ops/prepare-store.ts";
import { readCampaignWindow } from "../queries/intelligence/opportunity-cells.ts";
import { QuestionRefused } from "../queries/intelligence/question-cells.ts";
import { runQuestion } from "../queries/intelligence/run-question.ts";
import { nextMarked } from "../queries/ops/mirror-marks.ts";
import { windowDays } from "../rules/intelligence/opportunity-cells.ts";
import { question, type QuestionInput } from "../rules/intelligence/question.ts";
import { openColumnStore, type ColumnStore } from "../schema/clickhouse/column-store.ts";
import { inTransaction, openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { startEngine } from "./chdb/chdb.ts";

const client = "713";
const days = 365;
const creatives = 10_000;
const records = Number(process.argv[2] ?? "50000000");
const rounds = Number(process.argv[3] ?? "7");
const to = "2026-03-28";
const from = addDays(to, 1 - days);
const year = { from, to };
const countries = "BR,DE,IN,MX,US,CA,GB,FR,ES,IT,PT,NL,BE,PL,SE,NO,FI,DK,IE,AT,CH,CZ,HU,RO,GR,TR,JP,KR,AU,NZ".split(
  ",",
);
const asker = { client, today: addDays(to, 1) };

const asked: Record<string, QuestionInput> = {
  "hours, of two countries, on phones": {
    ...{ subject: "hour", metric: "cpc", period: year },
    where: [
      { dimension: "country", values: ["BR", "DE"] },
      { dimension: "device", values: ["mobile"] },
    ],
  },
  "countries by price of a thousand": { subject: "country", metric: "cpm", period: year },
  "campaigns dearer on iOS than on Android": {
    ...{ subject: "campaign", metric: "cpc", period: year },
    compare: {
      ...{ with: "slice", is: "above", by: { percent: "1" } },
      slice: { dimension: "os", values: ["ios"] },
      against: { dimension: "os", values: ["android"] },
    },
  },
  "creatives by clicks, of all countries but one": {
    ...{ subject: "creative", metric: "clicks", period: year },
    where: [{ dimension: "country", is: "not_in", values: ["IN"] }],
  },
  "weekends against other days, by campaign": {
    ...{ subject: "campaign", metric: "ctr", period: { days: 28 } },
    compare: {
      ...{ with: "slice", is: "above", by: { percent: "0" } },
      slice: { dimension: "weekday", values: ["saturday", "sunday"] },
    },
  },
};

const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-bench-"));
await chmod(folder, 0o755);
const [port = 0] = await freePorts(1);
const postgres = await startPostgres({ dataDir: path.join(folder, "postgres"), port, database: "signal_room" });
const engine = await startEngine();
const store = openColumnStore({
  ...{ url: engine.url, user: "default", password: null, database: "signal_room", cluster: null },
  ...{ timeoutMs: 60_000, name: "bench" },
});
try {
  await migrateDatabase(postgres.url);
  const database = openDatabase({ url: postgres.url, poolSize: 4, name: "bench", statementTimeoutMs: 3_600_000 });
  console.log(`load ${os.loadavg()[0]?.toFixed(1) ?? "?"} on ${os.cpus().length} processors`);
  const filled = await secondsOf(() => fill(database));
  console.log(`${records.toLocaleString("en-US")} rows of ${days} days made in Postgres in ${filled.toFixed(0)} s`);
  const identity = await prepareStore({ database, store, redact: (text) => text });
  const mirrored = await secondsOf(() => mirrorAll(database, store, identity));
  console.log(`mirrored in ${mirrored.toFixed(0)} s`);
  for (const [name, input] of Object.entries(asked)) await compare(name, question.parse(input), database, store);
  const window = { client, from: addDays(to, 1 - windowDays), to };
  const search = (of: ColumnStore | null) =>
    inTransaction(database, (session) => readCampaignWindow(session, window, of));
  await line(
    `what campaigns did in ${windowDays} days, by creative and country`,
    () => search(null),
    () => search(store),
  );
  await database.query("vacuum analyze rtb.performance_metrics");
  const changes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await database.query("update rtb.performance_metrics set clicks = clicks + 1 where _client_id = $1 and date = $2", [
      client,
      addDays(to, -round),
    ]);
    await database.query("insert into ops.mirror_marks (feed, _client_id, day) values ('performance', $1, $2)", [
      client,
      addDays(to, -round),
    ]);
    changes.push(await secondsOf(() => mirrorAll(database, store, identity)));
  }
  const perDay = Math.round(records / days).toLocaleString("en-US");
  console.log(
    `a changed day of ${perDay} rows is mirrored in ${spread(changes, "s", 2)}, and up to 0.5 s until it is looked for`,
  );
  console.log(`load ${os.loadavg()[0]?.toFixed(1) ?? "?"} at the end`);
  await database.end();
} finally {
  await store.close();
  await engine.stop();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

function spread(all: number[], unit: string, places: number): string {
  const sorted = all.toSorted((one, other) => one - other);
  return `${median(sorted).toFixed(places)} ${unit} (${(sorted[0] ?? 0).toFixed(places)} to ${(sorted.at(-1) ?? 0).toFixed(places)})`;
}

async function compare(name: string, of: ReturnType<typeof question.parse>, database: Database, columns: ColumnStore) {
  const ask = (from: ColumnStore | null) =>
    runQuestion(database, asker, of, from).catch((error: unknown) => {
      if (error instanceof QuestionRefused) return null;
      throw error;
    });
  const [one, other] = [await ask(null), await ask(columns)];
  if (one !== null && !isDeepStrictEqual(one, other)) throw new Error(`two answers to "${name}"`);
  await line(
    `${name}${one === null ? " (Postgres gives up after 10 s)" : ""}`,
    () => ask(null),
    () => ask(columns),
  );
}

/** In turn, so that what else the machine does meets both. */
async function line(name: string, one: () => Promise<unknown>, other: () => Promise<unknown>): Promise<void> {
  const here: number[] = [];
  const there: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    here.push((await secondsOf(one)) * 1_000);
    there.push((await secondsOf(other)) * 1_000);
  }
  console.log(`${name}: Postgres ${spread(here, "ms", 0)}, ClickHouse ${spread(there, "ms", 0)}`);
}

async function mirrorAll(database: Database, columns: ColumnStore, identity: string): Promise<void> {
  for (;;) {
    const marked = await nextMarked(database);
    if (marked === null) return;
    const { different } = await copyDays(
      { database, store: columns, redact: (text) => text },
      { ...marked, identity },
      new AbortController().signal,
    );
    if (different > 0) throw new Error("copies do not add up");
  }
}

async function fill(database: Database): Promise<void> {
  await database.query("select rtb.ensure_months($1::date[])", [daysFromTo(from, to)]);
  await database.query(
    `insert into rtb.campaigns (_client_id, campaign_name, genre, origin) select $1, 'Campaign ' || n, 'Genre ' || n % 8, 'real' from generate_series(1, 100) n`,
    [client],
  );
  await database.query(
    `insert into rtb.creatives (_client_id, id, creative_id, buyer_id, declared_click_urls, origin)
     select $1, n, 'c' || n, 's' || n % 5, jsonb_build_array(case n % 2 when 0 then 'https://apps.apple.com/us/app/x/id123456789'
              else 'https://play.google.com/store/apps/details?id=a.b' end), 'real' from generate_series(1, $2::int) n`,
    [client, creatives],
  );
  await database.query(
    `insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id)
     select $1, p.campaign_id, n from generate_series(1, $2::int) n
       join (select campaign_id, row_number() over (order by campaign_id) - 1 as place from rtb.campaigns where _client_id = $1) p on p.place = n % 100`,
    [client, creatives],
  );
  const perDay = Math.ceil(records / days);
  for (const day of daysFromTo(from, to))
    await database.query(
      `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
       select $1, 1 + i % $3, $2, (i / $3 * 5) % 24, ($5::text[])[1 + (i / ($3 * 24) + i % $3) % 30], (array['mobile', 'desktop', 'tablet'])[1 + (i % $3 + i / $3) % 3], '',
              500 + (i * 7919) % 4500, (i * 104729) % 60, ((i * 15485863) % 4000000) / 1000000.0, 1
         from generate_series(0, $4::bigint - 1) i`,
      [client, day, creatives, perDay, countries],
    );
  await database.query(
    "insert into ops.file_days (_client_id, date, file_id, inserted) select $1, day, 1, 1 from unnest($2::date[]) day",
    [client, daysFromTo(from, to)],
  );
  await database.query("vacuum analyze rtb.performance_metrics, rtb.creatives, rtb.campaign_creatives, rtb.campaigns");
}
