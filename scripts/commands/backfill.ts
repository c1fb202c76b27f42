import type { Command } from "commander";
import { z } from "zod";
import { zoneOfFeed } from "../../settings/windows.ts";
import { daysFromTo } from "../../core/days.ts";
import { cents, sumMoney } from "../../core/money.ts";
import type { BackfillInput, DayPreview } from "../../activities/sync/shapes.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { readRunDays, type RunDay } from "../../queries/sync/status.ts";
import { backfillWorkflowId } from "../../rules/sync/workflow-ids.ts";
import type { RunSummary } from "../../workflows/sync/tally.ts";
import { commandLineActor } from "../shared/audit.ts";
import {
  checkRange,
  civilDay,
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  sourceName,
  feedNamed,
  sourceOption,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import {
  followWorkflow,
  howToFollow,
  startWorkflow,
  type StartedWorkflow,
  type WorkflowEnd,
} from "../shared/follow-workflow.ts";
import { count, table } from "../shared/printing.ts";
import {
  describeDoubts,
  describeFailure,
  describeSummary,
  doubtfulDays,
  isSummary,
  runDayDocument,
  runDayTable,
} from "../shared/run-days.ts";

/** Longer ranges are summed up. */
const mostDaysListed = 60;
const updateTimeoutMs = 20_000;

const options = z.object({
  source: sourceName,
  client: z.string().optional(),
  from: civilDay,
  to: civilDay,
  dryRun: z.boolean().default(false),
  parallel: wholeNumber({ most: 50 }).optional(),
  acceptEmpty: z.boolean().default(false),
  detach: z.boolean().default(false),
});

const command = defineCommand(
  "backfill",
  "Fetches a range of days again. It is safe to repeat: unchanged days write nothing. Exits 1 when a day failed or does not add up.",
  [
    "npm run backfill -- --source redtrack.daily_spend --from 2025-12-01 --to 2025-12-18 --dry-run",
    "npm run backfill -- --source redtrack.daily_spend --from 2025-12-01 --to 2025-12-18 --client 713",
    "npm run backfill -- pause backfill/redtrack.daily_spend/713/2025-12-01..2025-12-18",
  ],
)
  .option(...sourceOption)
  .option("--from <day>", "the first day, YYYY-MM-DD")
  .option("--to <day>", "the last day, YYYY-MM-DD")
  .option(...clientOption)
  .option("--dry-run", "only show what would change, in rows and in money")
  .option("--parallel <days>", "how many days are fetched at a time")
  .option("--accept-empty", "accept an empty answer also where rows are stored: those rows are deleted")
  .option("--detach", "start it and do not wait for the end")
  .action(work(options, backfill));

for (const [name, description] of [
  ["pause", "Finishes the days under way, then waits."],
  ["resume", "Goes on after a pause."],
  ["cancel", "Stops a backfill. Days that are merged stay merged."],
] as const) {
  command.addCommand(updateCommand(name, description));
}

async function backfill(context: CommandContext, typed: z.output<typeof options>): Promise<Report> {
  const { source, from, to, dryRun } = typed;
  checkRange(from, to, zoneOfFeed(context.config, feedNamed(source)));
  const client = context.client(typed.client);
  const workflowId = backfillWorkflowId({ source, client, from, to, dryRun });
  const input: BackfillInput = {
    source,
    client,
    from,
    to,
    dryRun,
    acceptEmpty: typed.acceptEmpty,
    ...(typed.parallel === undefined ? {} : { parallel: typed.parallel }),
  };
  if (typed.acceptEmpty && !dryRun)
    await recordAudit(await context.database(), {
      ...commandLineActor(),
      client,
      action: "empty_answer_approved",
      subject: `${source}/${from}..${to}`,
    });
  const started = await startWorkflow(context, {
    workflowType: "backfill",
    workflowId,
    input,
    summary: `${dryRun ? "dry run of " : ""}${source} ${from} to ${to}, client ${client}`,
    searchAttributes: { ClientId: client, Source: source },
  });
  const { runId } = started;
  const again = `npm run backfill -- --source ${source} --from ${from} --to ${to} --client ${client}${dryRun ? " --dry-run" : ""}`;
  const leave = (exitCode: Report["exitCode"]): Report => ({
    ...(exitCode === undefined ? {} : { exitCode }),
    document: { workflowId, runId, state: "running" },
    lines: [
      ...howToFollow(workflowId, again),
      ...(["pause", "resume", "cancel"] as const).map(
        (name) => `  ${`${name} it:`.padEnd(11)} npm run backfill -- ${name} ${workflowId}`,
      ),
    ],
  });
  context.note(
    started.wasRunning ? `${workflowId} is running already: following it, as it was started` : `started ${workflowId}`,
  );
  if (typed.detach) return leave(undefined);

  const end = await followWorkflow<RunSummary>(context, started, { progress: () => describeProgress(started) });
  if (end.state === "left") return leave(exitCodes.interrupted);
  if (end.state === "failed" && end.type === "InvalidInput") throw new CommandError(exitCodes.usage, end.reason);
  const summary =
    end.state === "completed" ? end.result : end.state === "failed" && isSummary(end.details) ? end.details : null;
  return dryRun
    ? reportDryRun({ workflowId, runId, client, source, end, summary })
    : await reportRun(context, { workflowId, runId, client, source, from, to, end, summary });
}

async function describeProgress({ handle }: StartedWorkflow): Promise<string> {
  const { days, done, failed, inserted, updated, unchanged, withdrawn, paused } = await handle.query<
    RunSummary & { paused: boolean }
  >("progress");
  if (days === 0) return "planning";
  const share = Math.floor((100 * (done + failed)) / days);
  const state = paused ? ", paused" : "";
  return `${share} %${state}: ${done} of ${days} days, ${failed} failed; ${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${withdrawn} withdrawn`;
}

interface EndedBackfill {
  workflowId: string;
  runId: string;
  client: string;
  source: string;
  end: Exclude<WorkflowEnd<RunSummary>, { state: "left" }>;
  summary: RunSummary | null;
}

function reportDryRun({ end, summary, ...run }: EndedBackfill): Report {
  const days = [...(summary?.preview ?? [])].sort((one, other) => one.day.localeCompare(other.day));
  const sum = (field: "inserted" | "updated" | "withdrawn") => days.reduce((total, day) => total + day[field], 0);
  const money = (field: "before" | "after" | "change") => cents(sumMoney(days.map((day) => day[field])));
  const totals = {
    before: money("before"),
    after: money("after"),
    change: money("change"),
    inserted: sum("inserted"),
    updated: sum("updated"),
    withdrawn: sum("withdrawn"),
  };
  const document = {
    ...run,
    dryRun: true,
    state: end.state,
    reason: reasonOf(end),
    summary: withoutPreview(summary),
    days,
    totals,
  };
  const lines =
    days.length === 0
      ? []
      : table(
          ["day", "before", "after", "change", "+rows", "~rows", "-rows", ""],
          [
            ...days.map(previewRow),
            [
              "total",
              totals.before,
              totals.after,
              signed(totals.change),
              totals.inserted,
              totals.updated,
              totals.withdrawn,
              "",
            ],
          ],
        );
  if (summary !== null && end.state === "completed") {
    const changing = days.filter((day) => day.change !== "0.00" || day.inserted + day.updated + day.withdrawn > 0);
    const same = summary.done - changing.length;
    lines.push(
      ...(days.length === 0 ? [] : [""]),
      changing.length === 0
        ? `nothing would change: ${count(same, "day")} read`
        : `${count(changing.length, "day")} would change, ${same} would not. Nothing was written.`,
    );
  }
  if (end.state !== "completed" && summary !== null) lines.push(describeSummary(summary));
  const report = finish(document, lines, end, []);
  // A day whose rows do not add up is a finding in a dry run, too.
  return days.every((day) => day.reconciled) ? report : { ...report, exitCode: exitCodes.found };
}

const previewRow = (day: DayPreview) => [
  day.day,
  day.before,
  day.after,
  signed(day.change),
  day.inserted,
  day.updated,
  day.withdrawn,
  day.reconciled ? "" : "not the vendor's total",
];

async function reportRun(
  context: CommandContext,
  { end, summary, from, to, ...run }: EndedBackfill & { from: string; to: string },
): Promise<Report> {
  const days = await readRunDays(await context.database(), run.runId);
  const total = cents(sumMoney(days.map((day) => day.total)));
  const listed = daysFromTo(from, to).length <= mostDaysListed;
  const document = {
    ...run,
    dryRun: false,
    state: end.state,
    reason: reasonOf(end),
    summary,
    total,
    ...(listed ? { days: runDayDocument(days) } : { failedDays: days.filter((day) => day.failure !== null) }),
  };
  const unread = summary === null ? 0 : summary.done - days.filter((day) => day.failure === null).length;
  const lines = [
    ...(listed && days.length > 0 ? [...runDayTable(days), ""] : []),
    ...(summary === null ? [] : [`${describeSummary(summary)}; sum read ${total}`]),
    ...(unread > 0 ? [`${count(unread, "day")} left as stored: a later fetch was stored already`] : []),
    ...describeDoubts(days),
  ];
  return finish(document, lines, end, days);
}

function finish(document: unknown, lines: string[], end: EndedBackfill["end"], days: readonly RunDay[]): Report {
  if (end.state === "completed")
    return { exitCode: doubtfulDays(days).length > 0 ? exitCodes.found : exitCodes.fine, document, lines };
  return { exitCode: exitCodes.found, document, lines: [...lines, ...describeFailure(end, days)] };
}

const reasonOf = (end: EndedBackfill["end"]) => (end.state === "completed" ? null : end.reason);

function withoutPreview(summary: RunSummary | null): Omit<RunSummary, "preview"> | null {
  if (summary === null) return null;
  const { preview: _, ...rest } = summary;
  return rest;
}

function signed(change: string): string {
  return change.startsWith("-") || change === "0.00" ? change : `+${change}`;
}

function updateCommand(name: "pause" | "resume" | "cancel", description: string): Command {
  return defineCommand(name, description, [
    `npm run backfill -- ${name} backfill/redtrack.daily_spend/713/2025-12-01..2025-12-18`,
  ])
    .argument("<workflowId>", "the backfill's workflow id")
    .action(
      work(z.object({}), async (context, _, [workflowId = ""]) => {
        const { client, connection } = await context.temporal();
        // An update gets no answer while no worker runs.
        const said = await connection.withDeadline(Date.now() + updateTimeoutMs, () =>
          client.workflow.getHandle(workflowId).executeUpdate<string, []>(name),
        );
        return { document: { workflowId, update: name, answer: said }, lines: [`${workflowId}: ${said}`] };
      }),
    );
}

await runCommand(command);
