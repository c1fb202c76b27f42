// Tracking under load: a real API on a real Postgres whose commits reach the disk, asked by a process of its own over 100
// connections; one variation, whose counter everybody wants, and many; beside the naive design, in one run.
// npm run bench:promo -- [seconds of each] [folder for a profile of the API's processor]
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { openSync } from "node:fs";
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
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

const seconds = Number(process.argv[2] ?? 10);
const profiles = process.argv[3];
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
let holds = true;
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
  const spent: Spent[] = [];
  for (const [name, where, bodies] of plans) {
    const before = await readCounted(database);
    const worked = await processorSeconds();
    const began = performance.now();
    const result = await load({ ...where, bodies, connections, warmUpMs: 2_000, measureMs: seconds * 1_000 });
    const after = await readCounted(database);
    results.push(result);
    const answered = Object.values(result.statuses).reduce((sum, count) => sum + count, 0);
    const used = usedSince(worked, await processorSeconds());
    const each = (time: number) => Math.round((time * 1_000_000) / Math.max(1, answered));
    spent.push({
      server: each(used.servers),
      postgres: each(used.postgres),
      load: each(result.processorSeconds),
      busy: used.servers / ((performance.now() - began) / 1_000),
    });
    const isWhole = after.counters - before.counters === (result.statuses["204"] ?? 0) && after.rows === after.counters;
    console.log(
      `${name}: ${JSON.stringify(result.statuses)}${isWhole ? "" : `; COUNTED ${after.counters - before.counters} OF ${answered}`}`,
    );
  }
  await database.end();
  const [naiveHot, , hot, cold, clicked] = results;
  const columns = [
    "over 100 connections",
    "a second",
    "median ms",
    "p99 ms",
    "µs each: server",
    "Postgres",
    "load",
    "server busy",
  ];
  const rows = plans.map(([name], place) => {
    const { perSecond = 0, p50Ms = 0, p99Ms = 0 } = results[place] ?? {};
    const { server, postgres: stored, load: sent, busy } = spent[place] as Spent;
    return [name, perSecond, p50Ms.toFixed(1), p99Ms.toFixed(1), server, stored, sent, `${(100 * busy).toFixed(0)} %`];
  });
  console.log(table(columns, rows).join("\n"));
  console.log(`load of the machine: ${os.loadavg()[0]?.toFixed(1)} on ${os.availableParallelism()} processors`);
  if (naiveHot === undefined || hot === undefined || cold === undefined || clicked === undefined)
    throw new Error("nothing was measured");
  for (const [name, of] of [
    ["impressions", hot],
    ["clicks", clicked],
  ] as const) {
    const times = of.perSecond / naiveHot.perSecond;
    holds &&= times >= aims.times && of.p99Ms < aims.p99Ms;
    console.log(
      `${name} on one counter: ${times.toFixed(1)} times the naive design (at least ${aims.times} wanted), p99 ${of.p99Ms.toFixed(1)} ms (under ${aims.p99Ms}), ${of.perSecond} a second (${aims.perSecond} wished for)`,
    );
  }
  console.log(`many to one: ${(cold.perSecond / hot.perSecond).toFixed(2)}`);
  if (profiles !== undefined) await endInOrder();
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
  const profiled =
    profiles === undefined || script !== "api/main.js"
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(profiles)}`];
  const child = spawn(process.execPath, [...profiled, path.join(projectRoot(), "dist", script)], {
    env: { ...process.env, DATABASE_URL: postgres.url, NODE_ENV: "production", ...env },
    stdio: ["ignore", log, log, "ipc"],
  });
  children.push(child);
  await once(child, "message");
}

/** A process that is killed writes no profile. */
async function endInOrder(): Promise<void> {
  const [api] = children;
  api?.kill("SIGTERM");
  if (api !== undefined && api.exitCode === null) await once(api, "exit");
}

/** What a request costs, in microseconds of a processor; and how much of one processor the server had. */
interface Spent {
  server: number;
  postgres: number;
  load: number;
  busy: number;
}

interface Used {
  of: "servers" | "postgres";
  seconds: number;
}

/** What each process of both servers and of Postgres has used of the processor, as Linux counts it. */
async function processorSeconds(): Promise<Map<string, Used>> {
  const ours = new Set(children.map(({ pid }) => String(pid)));
  const used = new Map<string, Used>();
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    const [, parent, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const seconds = (Number(rest[9]) + Number(rest[10])) / 100;
    if (ours.has(pid)) used.set(pid, { of: "servers", seconds });
    else if (Number(parent) === postgres.pid) used.set(pid, { of: "postgres", seconds });
  }
  return used;
}

/** A process that ended meanwhile is missing: Postgres ends those that clean up. */
function usedSince(before: Map<string, Used>, after: Map<string, Used>): Record<Used["of"], number> {
  const used = { servers: 0, postgres: 0 };
  for (const [pid, { of, seconds }] of after) used[of] += seconds - (before.get(pid)?.seconds ?? 0);
  return used;
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
