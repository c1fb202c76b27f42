import type { ChildProcess } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { IngestAnswer } from "../rules/files/ingest-answer.ts";
import { projectRoot } from "../settings/environment.ts";
import { mainQueue } from "../temporal.config.ts";
import {
  dltProgram,
  dropPeerTables,
  leanScript,
  makePeerTables,
  peerTable,
  psqlScript,
  slingArguments,
} from "./ingest-peers.ts";
import { python, sling } from "./ingest-tools.ts";
import type { PerformanceFile } from "./performance-files.ts";
import { memoryMbOf } from "./process-memory.ts";
import { processorSecondsBelow, ProgramFailed, runMeasured, type Ran } from "./process-tree.ts";
import type { BenchStack } from "./stack.ts";

export const ways = ["command", "workflow", "direct", "psql", "lean", "dlt", "sling", "loop"] as const;
export type Way = (typeof ways)[number];
export const titles: Record<Way, string> = {
  command: "ours: npm run ingest, through Temporal",
  workflow: "ours: the workflow alone, without the command",
  direct: "ours, without Temporal",
  psql: "psql: \\copy, then a checked ON CONFLICT into the document's table",
  lean: "psql into a lean table: the floor of this server",
  dlt: "dlt: merge by upsert, Arrow",
  sling: "sling: incremental by key",
  loop: "Node loop: csv-parse, 1,000 rows at a time with ON CONFLICT",
};
export const isOurs = (way: Way): way is "command" | "workflow" | "direct" =>
  way === "command" || way === "workflow" || way === "direct";

export interface Measured {
  seconds: number;
  processorSeconds: number;
  /** Of the program that was started, at its largest. */
  peakMb: number;
  /** Of our worker, above what it held before. */
  workerMb?: number;
}

export interface Bench {
  stack: BenchStack;
  worker: ChildProcess | null;
  /** The import folder, where the files of a workflow lie; those of the others lie elsewhere. */
  importDir: string;
}

export const client = "713";

/** Takes a file one way, from the program's start to its end. */
export async function take(bench: Bench, way: Way, file: string, ofClient = client): Promise<Measured> {
  const { stack } = bench;
  const env = {
    ...stack.env,
    RUNTIME__DLTHUB_TELEMETRY: "false",
    RUNTIME__LOG_LEVEL: "ERROR",
    SLING_DISABLE_TELEMETRY: "TRUE",
  };
  const url = stack.env["DATABASE_URL"] ?? "";
  const dist = path.join(projectRoot(), "dist/bench");
  switch (way) {
    case "command":
      return besideWorker(bench, () => runCommand(bench, file, ofClient, ["ingested", "already_ingested"]));
    case "workflow":
      return besideWorker(bench, () => runWorkflow(bench, file));
    case "direct":
    case "loop":
      return runMeasured(process.execPath, [path.join(dist, `ingest-${way}.js`), file], env);
    case "dlt": {
      const program = path.join(stack.folder, "ingest_dlt.py");
      await writeFile(program, dltProgram);
      return runMeasured(python, [program, file], env);
    }
    case "sling":
      return runMeasured(sling, slingArguments(file), { ...env, TARGET: `${url}?sslmode=disable` });
    case "psql":
    case "lean": {
      const script = path.join(stack.folder, "psql.sql");
      await writeFile(script, way === "lean" ? leanScript(file) : psqlScript(file));
      return runMeasured("psql", ["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", script, url], env);
    }
  }
}

/** As a person would type it, for a file outside the import folder. */
export async function runCommand(
  { stack }: Bench,
  file: string,
  ofClient: string,
  wanted: readonly IngestAnswer["status"][],
): Promise<Ran> {
  const args = ["run", "--silent", "ingest", "--", file, "--client", ofClient, "--json"];
  const env = { ...stack.env, npm_config_update_notifier: "false" };
  const ran = await runMeasured("npm", ["--prefix", projectRoot(), ...args], env).catch((error: unknown) => {
    // A refused file ends with 1, and that may be what is measured.
    if (error instanceof ProgramFailed && wanted.includes("refused")) return error.ran;
    throw error;
  });
  const { status } = JSON.parse(ran.stdout) as IngestAnswer;
  if (!wanted.includes(status)) throw new Error(`${file} is ${status}: ${ran.stdout.slice(0, 2_000)}`);
  return ran;
}

async function runWorkflow({ stack, importDir }: Bench, file: string): Promise<Ran> {
  const before = await processorSecondsBelow();
  const started = performance.now();
  const answer = await stack.temporal.client.workflow.execute<
    (input: { client: string; path: string }) => Promise<IngestAnswer>
  >("ingestFile", {
    workflowId: `bench/${path.basename(file)}/${started}`,
    taskQueue: mainQueue,
    args: [{ client, path: path.relative(importDir, file) }],
  });
  if (!["ingested", "already_ingested"].includes(answer.status)) throw new Error(JSON.stringify(answer));
  const seconds = (performance.now() - started) / 1_000;
  return { seconds, processorSeconds: (await processorSecondsBelow()) - before, peakMb: 0, stdout: "" };
}

async function besideWorker({ worker }: Bench, run: () => Promise<Ran>): Promise<Measured> {
  const pid = worker?.pid ?? 0;
  const idle = await memoryMbOf(pid, "VmRSS");
  // From here on VmHWM is the peak of what comes, where the system lets us say so.
  await writeFile(`/proc/${pid}/clear_refs`, "5").catch(() => undefined);
  const { stdout: _said, ...ran } = await run();
  return { ...ran, workerMb: (await memoryMbOf(pid, "VmHWM")) - idle };
}

/** From nothing: of a way's tables none is left. */
export async function emptied({ stack }: Bench, way: Way, creatives: readonly string[]): Promise<void> {
  if (!isOurs(way)) {
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
  await knowCreatives(stack, client, creatives);
}

export async function knowCreatives(stack: BenchStack, ofClient: string, creatives: readonly string[]): Promise<void> {
  await stack.database.query("insert into rtb.creatives (_client_id, creative_id) select $1, unnest($2::bigint[])", [
    ofClient,
    creatives,
  ]);
}

/** What lies in the table against what the generator wrote down: a fast way that loses a row has not won. */
export async function compare({ stack }: Bench, way: Way, { rows, sum }: PerformanceFile): Promise<void> {
  const from = isOurs(way) ? `rtb.performance_metrics where _client_id = '${client}'` : peerTable(way);
  const { rows: found } = await stack.database.query<Record<string, string>>(
    `select count(*)::text as rows, sum(impressions)::text as impressions, sum(clicks)::text as clicks, sum(spend)::numeric(18, 2)::text as spend from ${from}`,
  );
  const wanted = { rows: String(rows), ...sum };
  if (Object.entries(wanted).some(([name, value]) => found[0]?.[name] !== value))
    throw new Error(`${way}: ${JSON.stringify(found[0])} in the table where the file has ${JSON.stringify(wanted)}`);
}
