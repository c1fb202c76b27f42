// Tracking under load: a real API on a real Postgres whose commits reach the disk, asked by a process of its own over 100
// connections; one variation, whose counter everybody wants, and many; beside the naive design, in one run.
// npm run bench:promo -- [seconds of each]
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "../settings/environment.ts";
import { openDatabase, type Database } from "../schema/database.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { startPostgres } from "../scripts/embedded/postgres.ts";
import { freePorts } from "../scripts/embedded/process.ts";
import { table } from "../scripts/shared/printing.ts";
import type { LoadPlan, LoadResult } from "./promo-load.ts";

const [seconds = 10] = process.argv.slice(2).map(Number);
const connections = 100;
const variations = 200;
const offers = 20;
const aims = { times: 3, p99Ms: 25, perSecond: 12_000 };
const run = promisify(execFile);

const folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-promo-"));
// As root, Postgres runs as another user, which needs access.
await chmod(folder, 0o755);
const [postgresPort = 0, apiPort = 0, naivePort = 0] = await freePorts(3);
const postgres = await startPostgres({
  dataDir: path.join(folder, "postgres"),
  port: postgresPort,
  database: "signal_room",
});
const children: ChildProcess[] = [];
let holds = false;
try {
  await migrateDatabase(postgres.url);
  const database = openDatabase({ url: postgres.superuserUrl, poolSize: 1, name: "bench" });
  await fill(database);
  const random = () => randomBytes(32).toString("base64");
  await start("api/main.js", {
    API_PORT: String(apiPort),
    API_JWT_SECRET: random(),
    IDENTITY_ENCRYPTION_KEY: random(),
    TEMPORAL_ADDRESS: "127.0.0.1:1",
    LOG_LEVEL: "error",
    PROMO_SPOOL_DIR: path.join(folder, "spool"),
    PROMO_IMPRESSIONS_PER_MINUTE: "100000000",
    PROMO_CLICKS_PER_MINUTE: "100000000",
  });
  await start("bench/promo-naive.js", { API_PORT: String(naivePort) });

  const one = [impression(1)];
  const many = Array.from({ length: variations }, (_, place) => impression(place + 1));
  const agents = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x64)",
  ];
  const clicks = Array.from({ length: 5_000 }, (_, place) => click(1, agents[place % 2] ?? "", place));
  const scattered = Array.from({ length: 5_000 }, (_, place) =>
    click(1 + (place % variations), agents[0] ?? "", place),
  );
  const ours = { port: apiPort, path: "/api/v1/promo/track-impression" };
  const naive = { port: naivePort, path: "/track-impression" };
  const click1 = { port: apiPort, path: "/api/v1/promo/track-click" };
  const plans: [string, Pick<LoadPlan, "port" | "path">, string[]][] = [
    ["naive, one variation", naive, one],
    ["naive, many", naive, many],
    ["impressions, one variation", ours, one],
    ["impressions, many", ours, many],
    ["clicks, one variation", click1, clicks],
    ["clicks, many", click1, scattered],
  ];
  const results: LoadResult[] = [];
  const spent: number[] = [];
  for (const [name, where, bodies] of plans) {
    const before = await readCounted(database);
    const worked = await processorSeconds();
    const result = await load({ ...where, bodies, connections, warmUpMs: 2_000, measureMs: seconds * 1_000 });
    const after = await readCounted(database);
    results.push(result);
    const used = (await processorSeconds()) - worked;
    const answered = Object.values(result.statuses).reduce((sum, count) => sum + count, 0);
    spent.push((used * 1_000_000) / Math.max(1, answered));
    const isWhole = after.counters - before.counters === (result.statuses["204"] ?? 0) && after.rows === after.counters;
    console.log(
      `${name}: ${JSON.stringify(result.statuses)}${isWhole ? "" : `; COUNTED ${after.counters - before.counters} OF ${answered}`}`,
    );
  }
  await database.end();
  const [naiveHot, , hot, cold] = results;
  console.log(
    table(
      ["over 100 connections", "a second", "median ms", "p99 ms", "µs of the server's processor each"],
      plans.map(([name], place) => {
        const { perSecond = 0, p50Ms = 0, p99Ms = 0 } = results[place] ?? {};
        return [name, perSecond, p50Ms.toFixed(1), p99Ms.toFixed(1), Math.round(spent[place] ?? 0)];
      }),
    ).join("\n"),
  );
  if (naiveHot === undefined || hot === undefined || cold === undefined) throw new Error("nothing was measured");
  const times = hot.perSecond / naiveHot.perSecond;
  holds = times >= aims.times && hot.p99Ms < aims.p99Ms;
  console.log(
    `one counter: ${times.toFixed(1)} times the naive design (at least ${aims.times} wanted), p99 ${hot.p99Ms.toFixed(1)} ms (under ${aims.p99Ms}), ${hot.perSecond} a second (${aims.perSecond} wished for); many to one: ${(cold.perSecond / hot.perSecond).toFixed(2)}`,
  );
} finally {
  for (const child of children) child.kill("SIGKILL");
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}
process.exit(holds ? 0 : 1);

async function fill(database: Database): Promise<void> {
  await database.query(
    `insert into promo.promo_offers (_client_id, id, name, slug, destination_url)
     select '713', n, 'offer ' || n, 'offer-' || n, 'https://shop.example' from generate_series(1, $1::int) n`,
    [offers],
  );
  await database.query(
    `insert into promo.promo_text_variations (_client_id, id, offer_id, text_content)
     select '713', n, 1 + (n - 1) % $2::int, 'text ' || n from generate_series(1, $1::int) n`,
    [variations, offers],
  );
}

async function start(script: string, env: Record<string, string>): Promise<void> {
  const log = openSync(path.join(folder, "children.log"), "a");
  const child = spawn(process.execPath, [path.join(projectRoot(), "dist", script)], {
    env: { ...process.env, DATABASE_URL: postgres.url, NODE_ENV: "production", ...env },
    stdio: ["ignore", log, log, "ipc"],
  });
  children.push(child);
  await once(child, "message");
}

/** What both servers have used of the processor, as Linux counts it. */
async function processorSeconds(): Promise<number> {
  const used = await Promise.all(
    children.map(async ({ pid }) => {
      const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
      const [user = 0, system = 0] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13)
        .map(Number);
      return (user + system) / 100;
    }),
  );
  return used.reduce((sum, seconds) => sum + seconds, 0);
}

async function load(plan: LoadPlan): Promise<LoadResult> {
  const file = path.join(folder, "plan.json");
  await writeFile(file, JSON.stringify(plan));
  const { stdout } = await run(process.execPath, [path.join(projectRoot(), "dist/bench/promo-load.js"), file]);
  return JSON.parse(stdout) as LoadResult;
}

function impression(variation: number): string {
  return JSON.stringify({ offer_id: 1 + ((variation - 1) % offers), variation_id: variation });
}

function click(variation: number, agent: string, visitor: number): string {
  const address = `198.51.${Math.floor(visitor / 250)}.${visitor % 250}`;
  return JSON.stringify({ variation_id: variation, referrer: "gmail_app", user_agent: agent, ip_address: address });
}

async function readCounted(database: Database): Promise<{ rows: number; counters: number }> {
  const { rows } = await database.query<{ rows: number; counters: number }>(
    `select (select count(*) from promo.promo_impression_tracking) + (select count(*) from promo.promo_click_tracking) as rows,
            (select sum(total_impressions + total_raw_clicks)::bigint from promo.promo_offers) as counters`,
  );
  return rows[0] ?? { rows: 0, counters: 0 };
}
