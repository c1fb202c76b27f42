import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { bundleWorkflowCode } from "@temporalio/worker";
import { projectRoot } from "../../settings/environment.ts";
import { killChild } from "../children.ts";
import { startBenchStack, type BenchStack } from "../stack.ts";
import { judgeDays, startBackfill, untilOver } from "./backfill-kills.ts";
import { finding, type Drill, type DrillSetup } from "./drill.ts";

const range = { from: "2025-11-01", to: "2025-12-10" };
/** The command that the next release adds before each day, guarded as such a change has to be. */
const oldLine = "    started += 1;\n";
const newLine = '    if (patched("drill")) await sleep(1);\n    started += 1;\n';
const oldImport = "  makeContinueAsNewFunc,\n";

export const deploy: Drill = {
  rows: [29],
  name: "deploy",
  done: "the worker replaced, in the middle of a backfill, by one whose workflow code has another order of commands under patched()",
  expected: "the backfill goes on in the new code without a failed task, every row as the vendor has it",
  run: async ({ say }) => {
    const stack = await startBenchStack({ settings: { REDTRACK_INTERVAL_MS: "200", WORKER_SHUTDOWN_GRACE_MS: "0" } });
    try {
      return await replaceWorker(stack, say);
    } finally {
      await stack.stop();
    }
  },
};

async function replaceWorker(stack: BenchStack, say: DrillSetup["say"]) {
  const dist = await buildNextRelease(path.join(stack.folder, "next"));
  say("the next release is built");
  const old = await stack.startWorker();
  await startBackfill(stack, "drill", range);
  for (let done = 0; done < 8;) {
    const { rows } = await stack.database.query<{ count: number }>("select count(*) from ops.slices");
    done = rows[0]?.count ?? 0;
    await wait(50);
  }
  await killChild(old);
  await stack.startWorker({ dist });
  say("the new worker is up");
  await untilOver(stack, "drill");
  const { events } = await stack.temporal.client.workflow.getHandle("drill").fetchHistory();
  const failed = events?.filter((event) => event.workflowTaskFailedEventAttributes != null).length ?? 0;
  const inNewCode =
    events?.filter((event) => event.markerRecordedEventAttributes?.markerName === "core_patch").length ?? 0;
  const found = await judgeDays(stack, range);
  return finding(
    found.state === "held" && failed === 0 && inNewCode === 1,
    `${inNewCode === 1 ? "ran on in the new code" : `${inNewCode} marks of the new code`}, ${failed} failed tasks; ${found.seen}`,
  );
}

/** The build as it is, with workflow code as a next release could have it. */
async function buildNextRelease(folder: string): Promise<string> {
  const root = projectRoot();
  const dist = path.join(folder, "dist");
  const sources = path.join(folder, "sources");
  await mkdir(sources, { recursive: true });
  await symlink(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  // The build looks for the package it belongs to.
  await cp(path.join(root, "package.json"), path.join(folder, "package.json"));
  await cp(path.join(root, "dist"), dist, { recursive: true });
  for (const room of ["core", "workflows", "rules", "activities", "connectors", "settings"])
    await cp(path.join(root, room), path.join(sources, room), { recursive: true });
  const file = path.join(sources, "workflows/sync/backfill.ts");
  const text = await readFile(file, "utf8");
  if (!text.includes(oldLine) || !text.includes(oldImport))
    throw new Error("the backfill no longer has the line that this drill changes");
  await writeFile(file, text.replace(oldImport, `${oldImport}  patched,\n  sleep,\n`).replace(oldLine, newLine));
  const { code } = await bundleWorkflowCode({
    workflowsPath: path.join(sources, "workflows/index.ts"),
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error: console.error, log() {} },
  });
  await writeFile(path.join(dist, "workflow-bundle.js"), code);
  return dist;
}
