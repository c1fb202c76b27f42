// How long the three example questions take on a million records: 5,000 creatives in 100 campaigns and 12 countries, spread
// over the days given. Beside them, in the same run, a plain sum over the records of the same window.
// npm run bench:questions -- [days, 90] [records, 1000000]
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { addDays, daysFromTo } from "../core/days.ts";
import { median } from "../core/quantiles.ts";
import { runQuestion } from "../queries/intelligence/run-question.ts";
import { examples } from "../rules/intelligence/question-examples.ts";
import { inWords } from "../rules/intelligence/question-words.ts";
import { openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";

const client = "713";
const days = Number(process.argv[2] ?? "90");
const records = Number(process.argv[3] ?? "1000000");
const creatives = 5_000;
const to = "2026-03-28";
const from = addDays(to, 1 - days);
const runs = 21;

const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-bench-"));
await chmod(folder, 0o755);
const [port = 0] = await freePorts(1);
const postgres = await startPostgres({ dataDir: path.join(folder, "postgres"), port, database: "signal_room" });
try {
  await migrateDatabase(postgres.url);
  const database = openDatabase({ url: postgres.url, poolSize: 2, name: "bench", statementTimeoutMs: 600_000 });
  await fill(database);
  const asker = { client, today: addDays(to, 1) };
  const sum = await timesOf(() =>
    database.query(
      "select creative_id, sum(clicks), sum(spend) from rtb.performance_metrics where _client_id = $1 and date between $2 and $3 group by 1",
      [client, addDays(to, -27), to],
    ),
  );
  console.log(`${line("a plain sum per creative", sum)}`);
  for (const { name, question } of examples) {
    const answer = await runQuestion(database, asker, question);
    console.log(line(name, await timesOf(() => runQuestion(database, asker, question))));
    console.log(`  ${inWords(question)} ${answer.matched} rows of ${answer.compared}`);
  }
  await database.end();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function timesOf(work: () => Promise<unknown>): Promise<number[]> {
  const all: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const started = performance.now();
    await work();
    all.push(performance.now() - started);
  }
  return all.sort((one, other) => one - other);
}

function line(name: string, all: readonly number[]): string {
  return `${name.padEnd(64)} ${median(all).toFixed(0).padStart(5)} ms at the median of ${runs}, ${(all.at(0) ?? 0).toFixed(0)} to ${(all.at(-1) ?? 0).toFixed(0)}`;
}

async function fill(database: Database): Promise<void> {
  await database.query("select rtb.ensure_months($1::date[])", [daysFromTo(from, to)]);
  await database.query(
    `insert into rtb.campaigns (_client_id, campaign_name, genre, origin) select $1, 'Campaign ' || n, 'Genre ' || n % 8, 'real' from generate_series(1, 100) n`,
    [client],
  );
  await database.query(
    `with made as (insert into rtb.creatives (_client_id, creative_id, buyer_id, format, canonical_size, declared_click_urls, origin)
       select $1, 'c' || n, '1', (array['HTML', 'VIDEO', 'NATIVE'])[1 + n % 3], (array['300x250', '320x50', '728x90'])[1 + n % 3],
              jsonb_build_array((array['https://apps.apple.com/app/id1234567', 'https://play.google.com/store/apps/details?id=a.b'])[1 + n % 2]), 'real'
         from generate_series(1, ${creatives}) n returning id)
     insert into rtb.campaign_creatives (_client_id, campaign_id, creative_id)
     select $1, c.campaign_id, m.id from (select id, row_number() over () as n from made) m
       join (select campaign_id, row_number() over (order by campaign_id) as n from rtb.campaigns) c on c.n = 1 + (m.n / 2) % 100`,
    [client],
  );
  const each = Math.ceil(records / creatives / days);
  const shown = Math.round(records / days / each);
  await database.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, impressions, clicks, spend, geography, device_type, hour, placement, _file_id)
     select $1, c.id, $2::date + d, 1000, (abs(hashtext(c.creative_id || d || g)) % 45), round((0.5 + (abs(hashtext(g || c.creative_id || d)) % 100) / 50.0)::numeric, 2),
            (array['BR', 'IN', 'MX', 'US', 'DE', 'FR', 'GB', 'IE', 'PT', 'ES', 'IT', 'PL'])[1 + (c.n + g) % 12], (array['mobile', 'desktop', 'tablet'])[1 + g / 12 % 3], -1, '', 1
       from (select id, creative_id, row_number() over (order by id)::int as n from rtb.creatives where _client_id = $1 limit $5::int) c,
            generate_series(0, $4::int - 1) d, generate_series(1, $3::int) g
     on conflict do nothing`,
    [client, from, each, days, shown],
  );
  await database.query(
    "insert into ops.file_days (_client_id, date, file_id) select $1, day, 1 from unnest($2::date[]) day",
    [client, daysFromTo(from, to)],
  );
  const { rows } = await database.query<{ n: number }>("select count(*)::int as n from rtb.performance_metrics");
  console.log(`${rows[0]?.n.toLocaleString("en-US")} records over ${days} days`);
  await database.query("vacuum analyze");
}
