import { z } from "zod";
import { cents, sumMoney } from "../../core/money.ts";
import { describeIssues } from "../../core/typed.ts";
import { findSource } from "../../connectors/registry.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { fileSources } from "../../rules/files/file-kinds.ts";
import { readFileRow } from "../../queries/files/files.ts";
import { inTransaction, type Database } from "../../schema/database.ts";
import { correctLine } from "../../queries/files/correct-line.ts";
import { contentDeleted, fileIdOf, quarantineSlice } from "../../queries/files/quarantined-lines.ts";
import {
  readEntry,
  type QuarantineEntry,
  readQuarantine,
  readQuarantinedSlices,
  type QuarantinedSlice,
} from "../../queries/sync/quarantine.ts";
import { redriveWorkflowId } from "../../rules/files/workflow-ids.ts";
import { countQuarantine } from "../../queries/sync/status.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { commandLineActor } from "../shared/audit.ts";
import {
  anyClientOption,
  civilDay,
  CommandError,
  defineCommand,
  exitCodes,
  inParallel,
  runCommand,
  sourceOption,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { followWorkflow, startWorkflow } from "../shared/follow-workflow.ts";
import { typedLine } from "../shared/typed-line.ts";
import { count, instant, table } from "../shared/printing.ts";
import { entriesOf, whatElse, whatRemains } from "../shared/quarantine-steps.ts";
import { rerunSlices } from "../shared/rerun-slices.ts";
import type { RedriveSummary } from "../../workflows/files/redrive-files.ts";

const shownContent = 100;
// Files have entries too, so a name that is no feed is not wrong here.
const filter = { source: z.string().optional(), client: z.string().optional() };

const list = defineCommand("list", "Shows rows that could not be stored, with their reason and amount.", [
  "npm run quarantine -- list",
  "npm run quarantine -- list --source redtrack.daily_spend --all --limit 200",
])
  .option(...sourceOption)
  .option(...anyClientOption)
  .option("--open", "only open entries (the default)")
  .option("--all", "also resolved entries")
  .option("--limit <entries>", "how many entries at most", "50");

list.action(
  work(
    z.object({ ...filter, open: z.boolean().default(false), all: z.boolean().default(false), limit: wholeNumber() }),
    async (context, options) => {
      if (options.open && options.all) throw new CommandError(exitCodes.usage, "--open and --all exclude each other");
      const database = await context.database();
      const of = {
        source: options.source,
        client: options.client === undefined ? undefined : context.client(options.client),
      };
      const entries = await readQuarantine(database, { ...of, openOnly: !options.all, limit: options.limit });
      const open = await countQuarantine(database, of);
      const totals = {
        entries: open.reduce((sum, row) => sum + row.entries, 0),
        amount: cents(sumMoney(open.map((row) => row.amount))),
      };
      const rows = entries.map((entry) => [
        entry.quarantineId,
        entry.client,
        entry.source,
        entry.position ?? entry.slice,
        entry.resolvedAt === null ? "open" : "resolved",
        instant(entry.lastSeenAt),
        entry.amount === null ? null : cents(entry.amount),
        entry.reason,
        entry.content.replaceAll(/\s+/g, " ").slice(0, shownContent),
      ]);
      return {
        document: { open: totals, entries },
        lines: [
          ...(rows.length === 0
            ? []
            : [
                ...table(
                  ["id", "client", "source", "slice", "state", "last seen", "amount", "reason", "content"],
                  rows,
                ),
                "",
              ]),
          `${count(totals.entries, "open entry", "open entries")}, ${totals.amount} in all`,
        ],
      };
    },
  ),
);

const show = defineCommand(
  "show",
  "Shows one entry. The row or line itself is encrypted; --clear shows it and is recorded in the audit log.",
  ["npm run quarantine -- show 17", "npm run quarantine -- show 17 --clear"],
)
  .argument("<entry>", "its id, as `list` shows it")
  .option("--clear", "show the row or line itself");

show.action(
  work(z.object({ clear: z.boolean().default(false) }), async (context, { clear }, [typed]): Promise<Report> => {
    const quarantineId = entryId(typed);
    const database = await context.database();
    const found = await readEntry(database, quarantineId);
    if (found === null) throw new CommandError(exitCodes.usage, `there is no entry ${quarantineId}`);
    const { stored, ...shownEntry } = found;
    const content = clear ? quarantineSeal(context.config).open(stored) : shownEntry.content;
    if (content === null)
      throw new CommandError(
        exitCodes.found,
        found.contentDeletedAt !== null
          ? contentDeleted(found.contentDeletedAt)
          : stored === ""
            ? "its content was not kept, because there was no key to encrypt it with: set CREDENTIALS_ENCRYPTION_KEY"
            : "its content was encrypted with another CREDENTIALS_ENCRYPTION_KEY",
      );
    if (clear) await viewed(database, found, content);
    const { client, source, slice, line, position, reason } = found;
    return {
      document: { ...shownEntry, content },
      lines: [
        `${client} ${source} ${slice}${line === null ? "" : ` line ${line}`}${position === null ? "" : ` (${position})`}: ${reason}`,
        "",
        content,
      ],
    };
  }),
);

function entryId(typed: unknown): number {
  const entry = wholeNumber().safeParse(typed);
  if (!entry.success) throw new CommandError(exitCodes.usage, `<entry> ${describeIssues(entry.error).join("; ")}`);
  return entry.data;
}

const redrive = defineCommand(
  "redrive",
  "Fetches days with open entries again, and re-processes the rejected lines of files. Entries that are fixed are resolved. Rows of newer files are not overwritten.",
  [
    "npm run quarantine -- redrive --file 17",
    "npm run quarantine -- redrive --source redtrack.daily_spend",
    "npm run quarantine -- redrive --source redtrack.daily_spend --client 713 --day 2025-12-18",
  ],
)
  .option(...sourceOption)
  .option(...anyClientOption)
  .option("--day <day>", "only this day, YYYY-MM-DD")
  .option("--file <number>", "only the rejected lines of this file: its number in ops.files");

redrive.action(
  work(
    z.object({ ...filter, day: civilDay.optional(), file: wholeNumber().optional() }),
    async (context, options): Promise<Report> => {
      const database = await context.database();
      const of = {
        source: options.source,
        client: options.client === undefined ? undefined : context.client(options.client),
        slice: options.file === undefined ? options.day : quarantineSlice(options.file),
      };
      if (options.file !== undefined) await fileThereIs(database, of.client ?? context.config.clients, options.file);
      const before = await readQuarantinedSlices(database, of);
      const feeds = before.filter((slice) => findSource(slice.source) !== undefined);
      const files = before.filter((slice) => fileSources.includes(slice.source));
      if (feeds.length + files.length === 0)
        return {
          document: { slices: [], resolved: 0, remaining: entriesOf(before) },
          lines: ["no day of a feed and no file has open entries", ...whatElse(before)],
        };

      for (const { client, source, slice, entries: open } of [...files, ...feeds])
        await recordAudit(database, {
          ...commandLineActor(),
          client,
          action: "redriven",
          subject: `${source}/${slice}`,
          details: { entries: open },
        });
      const redriven = await redriveFiles(context, files);
      const reruns = await rerunSlices(
        context,
        feeds.map(({ client, source, slice }) => ({ client, source, day: slice })),
      );
      const after = new Map((await readQuarantinedSlices(database, of)).map((slice) => [nameOf(slice), slice.entries]));
      const slices = [...files, ...feeds].map((slice, index) => {
        const remaining = after.get(nameOf(slice)) ?? 0;
        const ended = index < files.length ? redriven[index] : reruns[index - files.length];
        return {
          ...slice,
          state: ended?.state ?? "left",
          reason: ended?.reason ?? null,
          resolved: Math.max(0, slice.entries - remaining),
          remaining,
        };
      });
      const resolved = slices.reduce((sum, slice) => sum + slice.resolved, 0);
      const remaining = slices.reduce((sum, slice) => sum + slice.remaining, 0);
      return {
        exitCode: slices.some((slice) => slice.state === "left")
          ? exitCodes.interrupted
          : slices.some((slice) => slice.state === "failed" || slice.remaining > 0)
            ? exitCodes.found
            : exitCodes.fine,
        document: { slices, resolved, remaining },
        lines: [
          ...table(
            ["client", "source", "slice", "read", "resolved", "remaining", "reason"],
            slices.map((slice) => [
              slice.client,
              slice.source,
              slice.slice,
              slice.state,
              slice.resolved,
              slice.remaining,
              slice.reason ?? "",
            ]),
          ),
          "",
          `${resolved} resolved, ${remaining} remain`,
          ...whatRemains(slices.filter(({ state }) => state === "done" || state === "read")),
        ],
      };
    },
  ),
);

const correct = defineCommand(
  "correct",
  "Corrects a rejected line of a file, and re-processes the file's rejected lines. The original line is kept, encrypted. The audit log records the correction, without the content of the line.",
  [
    "npm run quarantine -- correct 17 --line '79783,2025-11-29,10000,250,125.50,BR,mobile'",
    "npm run quarantine -- correct 17 < line.csv",
    "EDITOR=nano npm run quarantine -- correct 17",
  ],
)
  .argument("<entry>", "its id, as `list` shows it")
  .option(
    "--line <text>",
    "the corrected line; without it, the line is read from standard input or, at a terminal, edited in $EDITOR",
  );

correct.action(
  work(z.object({ line: z.string().optional() }), async (context, { line }, [typed]): Promise<Report> => {
    const quarantineId = entryId(typed);
    const database = await context.database();
    const found = await readEntry(database, quarantineId);
    if (found === null) throw new CommandError(exitCodes.usage, `there is no entry ${quarantineId}`);
    // An editor would open on nothing.
    if (found.contentDeletedAt !== null)
      throw new CommandError(
        exitCodes.usage,
        `${contentDeleted(found.contentDeletedAt)}: import the corrected line in a file of its own`,
      );
    const seal = quarantineSeal(context.config);
    const corrected = line ?? (await typedLine(() => viewed(database, found, seal.open(found.stored) ?? "")));
    const correction = await inTransaction(database, async (session) => {
      const done = await correctLine(session, {
        client: found.client,
        quarantineId,
        line: corrected,
        seal,
        // What was kept when this began is replaced; what somebody else has said meanwhile is not.
        replaces: found.correctedAt,
      });
      if (done.outcome === "corrected")
        await recordAudit(session, {
          ...commandLineActor(),
          client: found.client,
          action: "line_corrected",
          subject: `quarantine/${quarantineId}`,
          details: { source: found.source, slice: found.slice, line: found.line },
        });
      return done;
    });
    if (correction.outcome !== "corrected")
      throw new CommandError(
        exitCodes.usage,
        correction.outcome === "refused" ? correction.reason : `there is no entry ${quarantineId}`,
      );
    const { client, source, slice } = found;
    const [redriven] = await redriveFiles(context, [{ client, source, slice, entries: 1 }]);
    const after = await readEntry(database, quarantineId);
    const isResolved = after !== null && after.resolvedAt !== null;
    const state = redriven?.state === "done" ? (isResolved ? "resolved" : "rejected") : (redriven?.state ?? "left");
    return {
      exitCode: isResolved ? exitCodes.fine : state === "left" ? exitCodes.interrupted : exitCodes.found,
      document: {
        quarantineId,
        client,
        source,
        slice,
        line: found.line,
        state,
        reason: isResolved ? null : (redriven?.reason ?? after?.reason ?? null),
      },
      lines: [
        isResolved
          ? `entry ${quarantineId}: the corrected line is stored`
          : `entry ${quarantineId}: the correction is kept, and the line is not stored: ${redriven?.reason ?? after?.reason ?? state}`,
      ],
    };
  }),
);

async function viewed(database: Database, entry: QuarantineEntry, line: string): Promise<string> {
  const { client, quarantineId, source, slice } = entry;
  await recordAudit(database, {
    ...commandLineActor(),
    client,
    action: "line_viewed",
    subject: `quarantine/${quarantineId}`,
    details: { source, slice, line: entry.line },
  });
  return line;
}

/** A number that no file has is a typing mistake, not a file with nothing to do. */
async function fileThereIs(database: Database, clients: string | string[], fileId: number): Promise<void> {
  const found = await Promise.all([clients].flat().map((client) => readFileRow(database, { client, fileId })));
  if (found.every((file) => file === null))
    throw new CommandError(
      exitCodes.usage,
      `there is no file ${fileId}: npm run status shows the last ones, the table ops.files all`,
    );
}

interface Ended {
  state: "done" | "failed" | "left";
  reason: string | null;
}

/** One workflow per file. Two commands at once join it instead of reading the lines twice. */
async function redriveFiles(context: CommandContext, files: readonly QuarantinedSlice[]): Promise<Ended[]> {
  return inParallel(2, files, async ({ client, source, slice }): Promise<Ended> => {
    const fileId = fileIdOf(slice);
    const started = await startWorkflow(context, {
      workflowType: "redriveFiles",
      workflowId: context.config.queuePrefix + redriveWorkflowId(client, fileId),
      input: { client, fileId },
      summary: `rejected lines of file ${fileId}, client ${client}`,
      searchAttributes: { ClientId: client, Source: source },
    });
    const end = await followWorkflow<RedriveSummary>(context, started, {
      progress: () => Promise.resolve(`reading the rejected lines of ${count(files.length, "file")} again`),
    });
    if (end.state === "left") return { state: "left", reason: null };
    if (end.state !== "completed") return { state: "failed", reason: end.reason };
    return { state: "done", reason: end.result.files[0]?.reason ?? null };
  });
}

const command = defineCommand("quarantine", "Rows that could not be stored: list them, show them, re-process them.", [
  "npm run quarantine -- list",
  "npm run quarantine -- correct 17",
  "npm run quarantine -- redrive",
]);

const nameOf = (slice: QuarantinedSlice) => `${slice.source}/${slice.client}/${slice.slice}`;

await runCommand(command.addCommand(list).addCommand(show).addCommand(correct).addCommand(redrive));
