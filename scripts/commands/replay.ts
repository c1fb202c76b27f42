import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { History } from "@temporalio/common/lib/proto-utils.js";
import { z } from "zod";
import {
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { count } from "../shared/printing.ts";

const command = defineCommand(
  "replay",
  "Replays a workflow's history against today's code. Exits 1 where the code would now decide differently.",
  [
    "npm run replay -- redtrack.daily_spend/713/2025-12-18",
    "npm run replay -- backfill/redtrack.daily_spend/713/2025-12-01..2025-12-18 --save workflows/histories/backfill.json",
    "npm run replay -- --file workflows/histories/backfill.json",
  ],
)
  .argument("[workflowId]", "the workflow, unless --file has its history")
  .option("--run-id <id>", "a run of it; the latest when left out")
  .option("--file <file>", "a history saved as JSON")
  .option("--save <file>", "write the history as JSON, for workflows/histories");

// Loaded when there is a history to replay: `--help` need not wait for a worker's code.
const loadHistories = () => import("@temporalio/common/lib/proto-utils.js");

const options = z.object({ runId: z.string().optional(), file: z.string().optional(), save: z.string().optional() });

command.action(
  work(options, async (context, { runId, file, save }, [workflowId]): Promise<Report> => {
    if ((workflowId === undefined) === (file === undefined))
      throw new CommandError(exitCodes.usage, "name a workflow id or --file, one of them");
    const history = file === undefined ? await fetchHistory(context, workflowId ?? "", runId) : await readHistory(file);
    const started = history.events?.[0]?.workflowExecutionStartedEventAttributes;
    const name = workflowId ?? started?.workflowId ?? file ?? "";
    const type = started?.workflowType?.name ?? "unknown";
    const events = history.events?.length ?? 0;
    if (save !== undefined) {
      const { historyToJSON } = await loadHistories();
      await writeFile(save, `${historyToJSON(history)}\n`);
      context.note(`saved ${count(events, "event")} to ${save}`);
    }
    const divergence = await replay(context, history, name);
    const document = { workflowId: name, workflowType: type, events, ok: divergence === null, divergence };
    const what = `${name} (${type}, ${count(events, "event")})`;
    return divergence === null
      ? { document, lines: [`OK  ${what} replays on today's code`] }
      : { exitCode: exitCodes.found, document, lines: [`DIVERGES  ${what}`, `  ${divergence}`] };
  }),
);

async function fetchHistory(context: CommandContext, workflowId: string, runId: string | undefined): Promise<History> {
  const { client } = await context.temporal();
  return client.workflow.getHandle(workflowId, runId).fetchHistory();
}

async function readHistory(file: string): Promise<History> {
  const text = await readFile(file, "utf8").catch(() => {
    throw new CommandError(exitCodes.usage, `${file} cannot be read`);
  });
  const { historyFromJSON } = await loadHistories();
  try {
    return historyFromJSON(JSON.parse(text));
  } catch (error) {
    throw new CommandError(
      exitCodes.usage,
      `${file} is not a workflow history as JSON: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Null when it replays; else where and how it diverges. */
async function replay(context: CommandContext, history: History, workflowId: string): Promise<string | null> {
  const [
    { DefaultLogger, ReplayError, Runtime, Worker },
    { DeterminismViolationError },
    { dataConverter },
    { temporalAddress },
  ] = await Promise.all([
    import("@temporalio/worker"),
    import("@temporalio/workflow"),
    import("../../temporal/payload-codec.ts"),
    import("../../temporal/address.ts"),
  ]);
  // What it would log as an error is the answer here.
  Runtime.install({
    logger: new DefaultLogger("ERROR", () => undefined),
    telemetryOptions: { logging: { filter: "OFF", forward: {} } },
  });
  const converter = dataConverter(context.config.payloadKey, temporalAddress().namespace);
  const codePath = fileURLToPath(new URL("../../workflow-bundle.js", import.meta.url));
  try {
    await Worker.runReplayHistory(
      { workflowBundle: { codePath }, ...(converter === undefined ? {} : { dataConverter: converter }) },
      history,
      workflowId,
    );
    return null;
  } catch (error) {
    if (error instanceof DeterminismViolationError || error instanceof ReplayError) return innermost(error.message);
    throw error;
  } finally {
    await Runtime.instance().shutdown();
  }
}

/** The SDK wraps what happened in a dump of the whole failure; what a person needs is the message inside. */
function innermost(message: string): string {
  const inside = /message: ("(?:[^"\\]|\\.)*")/.exec(message)?.[1];
  return inside === undefined ? message : String(JSON.parse(inside));
}

await runCommand(command);
