// A file of ad performance into Postgres, beside the other ways people do it, in turn on one server: first load, reload
// with half of the rows changed, reload of the same file. Each way's table is summed up and compared with the file.
// npm run bench:ingest -- [--sizes 100k,1m,5m] [--rounds 3] [--ways temporal,direct,psql,lean,dlt,loop] [--steps 1: the first load alone, 2, 3]
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";
import type { IngestAnswer } from "../rules/files/ingest-answer.ts";
import { addDays, dayAt } from "../core/days.ts";
import { projectRoot } from "../settings/environment.ts";
import { mainQueue } from "../temporal.config.ts";
import { dltProgram, dropPeerTables, leanScript, makePeerTables, peerTable, psqlScript } from "./ingest-peers.ts";
import { writePerformanceFile, type PerformanceFile } from "./performance-files.ts";
import { startBenchStack } from "./stack.ts";
import { memoryMbOf } from "./process-memory.ts";

const ways = ["temporal", "direct", "psql", "lean", "dlt", "loop"] as const;
type Way = (typeof ways)[number];
const titles: Record<Way, string> = {
  temporal: "ours, through Temporal",
  direct: "ours, without Temporal",
  psql: "psql: \\copy, then a checked ON CONFLICT into the document's table",
  lean: "psql into a lean table: the floor of this server",
  dlt: "dlt: merge by upsert, Arrow",
  loop: "Node loop: csv-parse, 1,000 rows at a time with ON CONFLICT",
};
const allSteps = ["load", "half changed", "unchanged"] as const;
type Step = (typeof allSteps)[number];

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "100k,1m,5m" },
    rounds: { type: "string", default: "3" },
    ways: { type: "string", default: ways.join(",") },
    steps: { type: "string", default: String(allSteps.length) },
  },
});
const sizes = values.sizes.split(",").map(numberOf);
const rounds = Number(values.rounds);
/** Each builds on the one before, so that only the last can be left out. */
const steps = allSteps.slice(0, Number(values.steps));
if (steps.length === 0) throw new Error(`--steps ${values.steps}: say 1, 2 or 3`);
const wanted = values.ways.split(",").map((name) => {
  const way = ways.find((one) => one === name);
  if (way === undefined) throw new Error(`no way is called ${name}: there are ${ways.join(", ")}`);
  return way;
});
const client = "713";
/** Files as they usually arrive: their days count for the periods, which an import then has to sum up again. */
const yesterday = addDays(dayAt(new Date(), "America/New_York"), -1);

const stack = await startBenchStack({ settings: { LOG_LEVEL: "error", INGEST_SLOTS: "1" } });
const importDir = path.join(stack.folder, "import");
stack.env["IMPORT_DIR"] = importDir;
const url = stack.env["DATABASE_URL"] ?? "";
// Cut short, it leaves no servers behind.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void stack.stop().finally(() => process.exit(130)));
let failed = true;
try {
  await mkdir(importDir, { recursive: true });
  const chosen = await available(wanted);
  const worker = chosen.includes("temporal") ? await stack.startWorker() : null;
  for (const rows of sizes) await benchSize(rows, chosen, worker);
  failed = false;
} finally {
  await stack.stop();
}
process.exit(failed ? 1 : 0);

interface Measured {
  seconds: number;
  /** Of the process that loads, above what it had before. */
  peakMb: number;
}

async function benchSize(rows: number, chosen: readonly Way[], worker: ChildProcess | null): Promise<void> {
  const write = (name: string, changed: number) =>
    writePerformanceFile(path.join(importDir, name), { rows, changed, lastDay: yesterday }).then((file) => ({
      name,
      file,
    }));
  const first = await write(`first-${rows}.csv`, 0);
  const second = await write(`second-${rows}.csv`, 0.5);
  console.log(
    `\n${rows.toLocaleString("en")} rows, ${(first.file.bytes / 1e6).toFixed(1)} MB; ${rounds} round${rounds > 1 ? "s" : ""}, seconds by step: ${steps.join(" / ")}`,
  );
  const results = new Map<Way, Record<Step, Measured[]>>(
    chosen.map((way) => [way, { load: [], "half changed": [], unchanged: [] }]),
  );
  for (let round = 0; round < rounds; round += 1)
    // Each begins once: whoever comes after another finds the caches as that one left them.
    for (const way of [...chosen.slice(round % chosen.length), ...chosen.slice(0, round % chosen.length)]) {
      await emptied(way, first.file.creatives);
      const said: string[] = [];
      for (const step of steps) {
        const { name, file } = step === "load" ? first : second;
        const measured = await take(way, name, worker);
        await compare(way, file);
        results.get(way)?.[step].push(measured);
        said.push(measured.seconds.toFixed(2));
      }
      console.log(`  round ${round + 1}, ${way}: ${said.join(" / ")}`);
    }
  report(rows, results);
  for (const { name } of [first, second]) await rm(path.join(importDir, name));
}

function report(rows: number, results: Map<Way, Record<Step, Measured[]>>): void {
  const seconds = (way: Way, step: Step) => median((results.get(way)?.[step] ?? []).map((one) => one.seconds));
  console.log("\n  medians: rows a second by step; in brackets the share of psql's time; peak memory above idle");
  for (const [way, measured] of results) {
    const peak = Math.max(...steps.flatMap((step) => measured[step].map(({ peakMb }) => peakMb)));
    const cells = steps.map((step) => {
      const own = seconds(way, step);
      const share = results.has("psql") ? ` (${(own / seconds("psql", step)).toFixed(2)})` : "";
      return `${Math.round(rows / own).toLocaleString("en")}${share}`;
    });
    console.log(
      `  ${titles[way].padEnd(66)} ${cells.map((cell) => cell.padStart(18)).join("")}   ${peak.toFixed(0)} MB`,
    );
  }
  for (const other of ["lean", "dlt", "loop"] as const)
    if (results.has("temporal") && results.has(other))
      console.log(
        `  ours through Temporal against ${other}: ${steps.map((step) => `${step} ${(seconds(other, step) / seconds("temporal", step)).toFixed(1)} times as fast`).join(", ")}`,
      );
}

/** Takes a file one way and measures it. */
async function take(way: Way, name: string, worker: ChildProcess | null): Promise<Measured> {
  const file = path.join(importDir, name);
  if (way === "temporal") {
    const pid = worker?.pid ?? 0;
    const idle = await memoryMbOf(pid, "VmRSS");
    await resetPeak(pid);
    const started = performance.now();
    const answer = await stack.temporal.client.workflow.execute<
      (input: { client: string; path: string }) => Promise<IngestAnswer>
    >("ingestFile", {
      workflowId: `bench/${name}/${started}`,
      taskQueue: mainQueue,
      args: [{ client, path: name }],
    });
    const seconds = (performance.now() - started) / 1_000;
    if (!["ingested", "already_ingested"].includes(answer.status)) throw new Error(JSON.stringify(answer));
    return { seconds, peakMb: (await memoryMbOf(pid, "VmHWM")) - idle };
  }
  if (way === "direct")
    return measureChild(process.execPath, [path.join(projectRoot(), "dist/bench/ingest-direct.js"), file]);
  if (way === "loop")
    return measureChild(process.execPath, [path.join(projectRoot(), "dist/bench/ingest-loop.js"), file]);
  if (way === "dlt") return measureChild(python(), [path.join(stack.folder, "ingest_dlt.py"), file]);
  const script = path.join(stack.folder, "psql.sql");
  await writeFile(script, way === "lean" ? leanScript(file) : psqlScript(file));
  return measureChild("psql", ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", script, url]);
}

/** A process of its own that says "ready" when it has started and waits for a line before it begins; psql begins at once. */
async function measureChild(command: string, args: string[]): Promise<Measured> {
  const waits = command !== "psql";
  const began = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, DATABASE_URL: url, RUNTIME__DLTHUB_TELEMETRY: "false", RUNTIME__LOG_LEVEL: "ERROR" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const ready = new Promise<void>((resolve) =>
    child.stdout.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("ready\n")) resolve();
    }),
  );
  let peak = 0;
  let idle = 0;
  const over = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let started = began;
  if (waits) {
    await Promise.race([ready, over]);
    idle = await memoryMbOf(child.pid ?? 0, "VmRSS");
    started = performance.now();
  }
  child.stdin.on("error", () => undefined);
  child.stdin.end("go\n");
  const watch = setInterval(
    () => void memoryMbOf(child.pid ?? 0, "VmHWM").then((mb) => (peak = Math.max(peak, mb))),
    50,
  );
  const code = await over;
  const seconds = (performance.now() - started) / 1_000;
  clearInterval(watch);
  if (code !== 0)
    throw new Error(`${path.basename(command)} ${args.join(" ")} ended with ${code}:\n${errors.slice(-4_000)}`);
  return { seconds, peakMb: Math.max(0, peak - idle) };
}

/** From here on VmHWM is the peak of what comes, where the system lets us say so. */
async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5").catch(() => undefined);
}

async function emptied(way: Way, creatives: readonly string[]): Promise<void> {
  if (way !== "temporal" && way !== "direct") {
    await dropPeerTables(stack.database, way);
    // What dlt remembers of a destination that is gone.
    await rm(path.join(stack.folder, "dlt"), { recursive: true, force: true });
    return makePeerTables(stack.database, way, creatives);
  }
  const { rows } = await stack.database.query<{ name: string; isMonth: boolean }>(
    `select format('%I.%I', n.nspname, c.relname) as name, c.relispartition as "isMonth" from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and (n.nspname = 'rtb' or (n.nspname = 'ops' and (c.relname like 'file%' or c.relname = 'quarantine')))`,
  );
  // The other contestants' tables are created again, too.
  for (const { name } of rows.filter(({ isMonth }) => isMonth)) await stack.database.query(`drop table ${name}`);
  const tables = rows.filter(({ isMonth }) => !isMonth).map(({ name }) => name);
  await stack.database.query(`truncate ${tables.join(", ")} cascade`);
  await stack.database.query("insert into rtb.creatives (_client_id, creative_id) select $1, unnest($2::bigint[])", [
    client,
    creatives,
  ]);
}

/** What lies in the table against what the generator wrote down: a fast way that loses a row has not won. */
async function compare(way: Way, { rows, sum }: PerformanceFile): Promise<void> {
  const table = way === "temporal" || way === "direct" ? "rtb.performance_metrics" : peerTable(way);
  const { rows: found } = await stack.database.query<Record<string, string>>(
    `select count(*)::text as rows, sum(impressions)::text as impressions, sum(clicks)::text as clicks, sum(spend)::numeric(18, 2)::text as spend from ${table}`,
  );
  const wanted = { rows: String(rows), ...sum };
  if (Object.entries(wanted).some(([name, value]) => found[0]?.[name] !== value))
    throw new Error(`${way}: ${JSON.stringify(found[0])} in the table where the file has ${JSON.stringify(wanted)}`);
}

function venv(): string {
  return path.join(os.tmpdir(), "signal-room-bench-dlt", "venv");
}

function python(): string {
  return path.join(venv(), "bin", "python");
}

/** Leaves out, by name, what this machine does not have. */
async function available(asked: readonly Way[]): Promise<Way[]> {
  const run = promisify(execFile);
  const there = new Set<Way>(asked);
  const without = (way: Way, why: unknown) => {
    there.delete(way);
    console.log(`without ${way}: ${why instanceof Error ? why.message.split("\n")[0] : String(why)}`);
  };
  for (const way of ["psql", "lean"] as const)
    if (there.has(way))
      await run("psql", ["--version"]).then(
        ({ stdout }) => console.log(stdout.trim()),
        () => without(way, "there is no psql on this machine"),
      );
  if (there.has("dlt")) {
    try {
      if (!existsSync(python())) {
        await mkdir(path.dirname(venv()), { recursive: true });
        await run("python3", ["-m", "venv", venv()]);
      }
      const version = () =>
        run(python(), [
          "-c",
          "import dlt, pyarrow, psycopg2; print('dlt', dlt.__version__, 'pyarrow', pyarrow.__version__)",
        ]);
      const said = await version().catch(async () => {
        console.log("installing dlt into a virtual environment of its own");
        await run(python(), ["-m", "pip", "install", "--quiet", "dlt[postgres]", "pyarrow"], { maxBuffer: 1e8 });
        return version();
      });
      console.log(said.stdout.trim());
      await writeFile(path.join(stack.folder, "ingest_dlt.py"), dltProgram);
    } catch (error) {
      without("dlt", error);
    }
  }
  return asked.filter((way) => there.has(way));
}

function numberOf(text: string): number {
  const [, digits = "", unit = ""] = /^([\d.]+)(k|m)?$/i.exec(text.trim()) ?? [];
  if (digits === "") throw new Error(`${text} is no number of rows`);
  return Number(digits) * (unit.toLowerCase() === "m" ? 1_000_000 : unit.toLowerCase() === "k" ? 1_000 : 1);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
