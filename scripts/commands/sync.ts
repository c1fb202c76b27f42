import { z } from "zod";
import { readRunDays, readRunProgress } from "../../queries/sync/status.ts";
import { syncByHandWorkflowId } from "../../rules/sync/workflow-ids.ts";
import type { RunSummary } from "../../workflows/sync/tally.ts";
import {
  clientOption,
  defineCommand,
  exitCodes,
  runCommand,
  sourceName,
  sourceOption,
  work,
  type Report,
} from "../shared/command-line.ts";
import { followWorkflow, howToFollow, startWorkflow } from "../shared/follow-workflow.ts";
import { describeDoubts, describeFailure, doubtfulDays, runDayDocument, runDayTable } from "../shared/run-days.ts";

const command = defineCommand(
  "sync",
  "Brings a source up to date now: today, and the earlier days that are due. Exits 1 when days failed.",
  [
    "npm run sync -- --source redtrack.daily_spend",
    "npm run sync -- --source redtrack.daily_spend --client 713 --json",
  ],
)
  .option(...sourceOption)
  .option(...clientOption);

command.action(
  work(z.object({ source: sourceName, client: z.string().optional() }), async (context, options): Promise<Report> => {
    const { source } = options;
    const client = context.client(options.client);
    const database = await context.database();
    const started = await startWorkflow(context, {
      workflowType: "syncSource",
      workflowId: syncByHandWorkflowId({ source, client }),
      input: { source, client },
      summary: `${source}, client ${client}, by hand`,
      searchAttributes: { ClientId: client, Source: source },
    });
    const { workflowId, runId } = started;
    context.note(started.wasRunning ? `${workflowId} is running already: following it` : `started ${workflowId}`);

    const end = await followWorkflow<RunSummary>(context, started, {
      progress: async () => {
        const progress = await readRunProgress(database, runId);
        return progress === null
          ? `${source}: planning`
          : `${source}: ${progress.done} of ${progress.planned} days, ${progress.failed} failed`;
      },
    });
    if (end.state === "left") {
      return {
        exitCode: exitCodes.interrupted,
        document: { workflowId, runId, state: "running" },
        lines: howToFollow(workflowId, `npm run sync -- --source ${source} --client ${client}`),
      };
    }
    const days = await readRunDays(database, runId);
    const document = {
      workflowId,
      runId,
      client,
      source,
      state: end.state,
      reason: end.state === "completed" ? null : end.reason,
      days: runDayDocument(days),
    };
    const lines = days.length === 0 ? [] : runDayTable(days);
    if (end.state === "completed")
      return {
        exitCode: doubtfulDays(days).length > 0 ? exitCodes.found : exitCodes.fine,
        document,
        lines: [...lines, ...describeDoubts(days)],
      };
    return { exitCode: exitCodes.found, document, lines: [...lines, "", ...describeFailure(end, days)] };
  }),
);

await runCommand(command);
