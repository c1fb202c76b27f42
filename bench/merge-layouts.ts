// What each layout of the table costs an import: the document's, one without its foreign key and surrogate id, the same with
// room on the page, and ours, by months, with all that is kept beside the rows. Lines come as COPY text from memory, so what
// is measured is Postgres alone: seconds by the clock, and in brackets the seconds of processor of its session.
// npm run bench:merge -- [--rows 1000000] [--rounds 1] [--statements] [--only ours --only "the document"]
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { addDays } from "../core/days.ts";
import { mergeStaged } from "../queries/files/merge-file.ts";
import { openStaging } from "../queries/files/staging.ts";
import { inTransaction, openDatabase, type Database, type Session } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    rounds: { type: "string", default: "1" },
    statements: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
  },
  allowPositionals: true,
});
const rows = Number(values.rows);
const creatives = 10_000;
const days = 365;
const today = "2025-12-18";
const client = "713";
const dates = Array.from({ length: days }, (_, index) => addDays(today, index + 1 - days));
const geographies = "BR US IE DE FR GB IT ES PT NL BE AT CH SE NO DK FI PL CZ HU RO BG GR TR IN JP KR AU CA MX".split(
  " ",
);
const devices = ["mobile", "desktop", "tablet"];
const key = "creative_id, date, hour, geography, device_type, placement";

/** Lines in no order, no key twice; of a changed file every second line spends more. */
function* blocks(changed: boolean): Generator<Buffer> {
  const space = creatives * days * geographies.length * devices.length;
  // Prime to the space: the steps meet each place once.
  const step = (104_729_000_003 % space) | 1;
  let place = 1;
  let text = "";
  for (let line = 0; line < rows; line += 1) {
    place = (place + step) % space;
    let rest = place;
    const take = (of: number) => {
      const taken = rest % of;
      rest = (rest - taken) / of;
      return taken;
    };
    const creative = take(creatives);
    const date = dates[take(days)];
    const geography = geographies[take(geographies.length)];
    const impressions = 1 + ((line * 7_919) % 20_000);
    const micros = ((line * 104_729) % 50_000_000) + (changed && line % 2 === 1 ? 10_000 : 0);
    text += `${line + 2}\t${creative}\t${date}\t\\N\t${geography}\t${devices[rest]}\t\\N\t${impressions}\t${impressions >> 5}\t${(micros / 1e6).toFixed(4)}\n`;
    if (text.length > 262_144) {
      yield Buffer.from(text);
      text = "";
    }
  }
  yield Buffer.from(text);
}
const files = { load: [...blocks(false)], reload: [...blocks(true)] };

interface Layout {
  name: string;
  prepare: string;
  merge: (session: Session, fileId: number) => Promise<unknown>;
}

const amounts = "impressions bigint not null, clicks bigint not null, spend numeric(18,6) not null";
const keyed = `creative_id bigint not null, date date not null, hour smallint not null, geography text collate "C" not null, device_type text collate "C" not null, placement text collate "C" not null`;
const staged = `(select line, creative as creative_id, date, coalesce(hour, -1) as hour, geography, device_type, coalesce(placement, '') as placement, impressions, clicks, spend from staged) s`;
const last = `select distinct on (${key}) ${key}, impressions, clicks, spend from ${staged} order by ${key}, line desc`;
const same =
  "p.creative_id = s.creative_id and p.date = s.date and p.hour = s.hour and p.geography = s.geography and p.device_type = s.device_type and p.placement = s.placement";

const layouts: Layout[] = [
  {
    name: "the document's",
    prepare: `
      create table peer_creatives (id bigint primary key);
      insert into peer_creatives select n from generate_series(0, ${creatives - 1}) n;
      create table peer (id bigint generated always as identity primary key, creative_id bigint not null references peer_creatives, date date not null,
        hour int check (hour between 0 and 23), impressions bigint default 0, clicks bigint default 0, spend numeric(18,6) default 0, cpm numeric, cpc numeric,
        geography varchar(2), device_type varchar(20), placement varchar(100), created_at timestamptz default now(), updated_at timestamptz default now(),
        unique nulls not distinct (creative_id, date, hour, geography, device_type, placement));`,
    merge: (session) =>
      session.query(
        `insert into peer as p (creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, cpm, cpc)
         select distinct on (${key}) ${key}, impressions, clicks, spend, spend * 1000 / nullif(impressions, 0), spend / nullif(clicks, 0)
           from (select *, creative as creative_id from staged) s order by ${key}, line desc
         on conflict (${key}) do update set impressions = excluded.impressions, clicks = excluded.clicks, spend = excluded.spend, cpm = excluded.cpm, cpc = excluded.cpc, updated_at = now()
          where (p.impressions, p.clicks, p.spend) is distinct from (excluded.impressions, excluded.clicks, excluded.spend)`,
      ),
  },
  ...[100, 85, 66].map((fill) => ({
    name: `the key as primary key, pages filled to ${fill}`,
    prepare: `create table peer (${keyed}, ${amounts}, primary key (${key})) with (fillfactor = ${fill});`,
    merge: async (session: Session) => {
      await session.query(
        `update peer p set impressions = s.impressions, clicks = s.clicks, spend = s.spend from (${last}) s
          where ${same} and (p.impressions, p.clicks, p.spend) is distinct from (s.impressions, s.clicks, s.spend)`,
      );
      await session.query(
        `insert into peer (${key}, impressions, clicks, spend) select * from (${last}) s where not exists (select from peer p where ${same})`,
      );
    },
  })),
  {
    name: "ours, with all that is kept beside the rows",
    prepare: "",
    merge: (session, fileId) =>
      mergeStaged(session, { client, fileId, today, combine: "later", createStubs: true, doubtful: [] }),
  },
];

const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-merge-"));
await chmod(folder, 0o755);
const [port = 0] = await freePorts(1);
const postgres = await startPostgres({
  dataDir: path.join(folder, "postgres"),
  port,
  database: randomBytes(4).toString("hex").replace(/^/, "m"),
});
const database = openDatabase({ url: postgres.url, poolSize: 2, name: "bench", statementTimeoutMs: 600_000 });
try {
  await migrateDatabase(postgres.url);
  for (let round = 1; round <= Number(values.rounds); round += 1)
    for (const layout of layouts.filter(({ name }) => values.only?.some((start) => name.startsWith(start)) !== false)) {
      await database.query(
        "drop table if exists peer, peer_creatives; truncate rtb.performance_metrics, rtb.creative_thumbnails, rtb.creatives, rtb.creative_performance, rtb.client_performance, rtb.spend_tiers, ops.files, ops.file_days",
      );
      if (layout.prepare !== "") await database.query(layout.prepare);
      await database.query("checkpoint").catch(() => undefined);
      const load = await measure(database, layout, "load", 1);
      const reload = await measure(database, layout, "reload", 2);
      console.log(`${layout.name}: load ${load}, reload with half changed ${reload}`);
    }
} finally {
  await database.end();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);

async function measure(pool: Database, layout: Layout, file: keyof typeof files, fileId: number): Promise<string> {
  const started = performance.now();
  const processor = await inTransaction(pool, async (session) => {
    const { rows: found } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
    const pid = found[0]?.pid ?? 0;
    const before = await processorSeconds(pid);
    await session.query("set local work_mem = '192MB'");
    const watched = values.statements ? watch(session, pid) : session;
    const staging = await openStaging(session);
    for (const block of files[file]) await staging.write(block);
    await staging.name(
      Array.from({ length: creatives }, (_, number) => ({
        number,
        buyerId: null,
        creativeId: String(7_000_000_000 + number * 13),
      })),
    );
    await staging.end();
    if (values.statements) console.log(`  copy (${((await processorSeconds(pid)) - before).toFixed(2)})`);
    await layout.merge(watched, fileId);
    return (await processorSeconds(pid)) - before;
  });
  return `${((performance.now() - started) / 1_000).toFixed(1)} s (${processor.toFixed(1)})`;
}

/** The same session, saying what each statement took. */
function watch(session: Session, pid: number): Session {
  const query = async (...given: unknown[]) => {
    const before = await processorSeconds(pid);
    const started = performance.now();
    const result = (await (session.query as (...all: unknown[]) => Promise<unknown>)(...given)) as {
      rowCount?: number;
    };
    const seconds = (performance.now() - started) / 1_000;
    const text = String(given[0]).replace(/\s+/g, " ").trim().slice(0, 90);
    if (seconds > 0.02)
      console.log(
        `  ${seconds.toFixed(2)} s (${((await processorSeconds(pid)) - before).toFixed(2)}) ${result.rowCount ?? ""} ${text}`,
      );
    return result;
  };
  return new Proxy(session, {
    get: (target, name) => (name === "query" ? query : Reflect.get(target, name)) as unknown,
  });
}

/** Of one process: what others on this machine do does not count. */
async function processorSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}
