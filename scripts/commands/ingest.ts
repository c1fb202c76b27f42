import { existsSync } from "node:fs";
import path from "node:path";
import type { Payload } from "@temporalio/common";
import { z } from "zod";
import type { IngestProgress } from "../../activities/files/shapes.ts";
import type { IngestAnswer } from "../../rules/files/ingest-answer.ts";
import type { IngestInput } from "../../activities/files/input.ts";
import { dayAt } from "../../core/days.ts";
import { cents } from "../../core/money.ts";
import { shippedMappings } from "../../connectors/files/mapping.ts";
import { baseMapping } from "../../rules/files/base-mapping.ts";
import { parseConstants } from "../../rules/files/constants.ts";
import { fileFields } from "../../rules/files/header-meanings.ts";
import { besideReason } from "../../rules/files/refusal.ts";
import { ingestWorkflowId } from "../../rules/files/workflow-ids.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { withRecentDays } from "../shared/example-file.ts";
import { followWorkflow, howToFollow, startWorkflow, type StartedWorkflow } from "../shared/follow-workflow.ts";
import { placeFile, type PlacedFile } from "../shared/place-file.ts";
import { count } from "../shared/printing.ts";

const shownErrors = 20;

const command = defineCommand(
  "ingest",
  `Imports a file of ad performance: checks every line, stores it whole or not at all, and prints the result. A file outside the import folder is copied there. Its format is recognised by its header, unless a file mapping is named or lies beside it. File mappings that come with the code: ${shippedMappings.map(({ name }) => name).join(", ")}. Exits 1 when the file is refused, and with --dry-run also when lines would be rejected.`,
  [
    "npm run ingest -- performance.csv",
    "npm run ingest -- ~/Downloads/report.csv.gz --dry-run",
    'npm run ingest -- bidsinauction.csv --extends authorized-buyers --constant clicks=0 --ignore "Opportunity cost*"',
    "npm run ingest -- s3://reports/2025-12-18.jsonl.gz --client 713 --json",
  ],
)
  .argument("<file>", "a file of this machine, or s3://bucket/key")
  .option(...clientOption)
  .option("--mapping <name>", "the file mapping, which says how its columns are read: a name, or a file (.json)")
  .option(
    "--extends <name>",
    "instead of --mapping: the file mapping that --constant and --ignore extend for this file",
  )
  .option(
    "--constant <field=value>",
    `what a field is that the file has no column for, as clicks=0; as often as needed. Fields: ${fileFields.join(", ")}`,
    collect,
  )
  .option("--ignore <column>", 'a column to leave out, also "Cost of *"; can be repeated', collect)
  .option(
    "--force",
    "import it again although the same content was imported before, or although it takes away most of a day",
  )
  .option("--dry-run", "only read and check, store nothing");

function collect(one: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), one];
}

command.action(
  work(
    z.object({
      client: z.string().optional(),
      mapping: z.string().min(1).optional(),
      extends: z.string().min(1).optional(),
      constant: z.array(z.string()).default([]),
      ignore: z.array(z.string().min(1)).default([]),
      force: z.boolean().default(false),
      dryRun: z.boolean().default(false),
    }),
    async (context, options, operands): Promise<Report> => {
      const [file = ""] = operands;
      const client = context.client(options.client);
      const { force, dryRun, ignore } = options;
      const read = parseConstants(options.constant);
      if ("problem" in read) throw new CommandError(exitCodes.usage, `--constant: ${read.problem}`);
      const { constants } = read;
      const base = baseMapping(options);
      if ("problem" in base) throw new CommandError(exitCodes.usage, `--extends: ${base.problem}`);
      const isS3 = file.startsWith("s3://");
      const mappingFile =
        !isS3 && base.mapping?.endsWith(".json") === true && existsSync(base.mapping) ? base.mapping : null;
      const { importDir, maxBytes } = context.config.ingest;
      // Before anything is copied: without Temporal nothing would import it.
      await context.temporal();
      const placed = isS3
        ? null
        : await withRecentDays(file, todayOf(context, client), (source) =>
            placeFile({
              file: source,
              importDir,
              client,
              mappingFile,
              constants,
              ignore,
              force,
              dryRun,
              maxBytes,
              onProgress: (copied, of) => context.progress.show(describeProgress("copying", copied, of)),
            }),
          );
      const mapping = placed?.mapping ?? base.mapping;
      const input: IngestInput = {
        client,
        ...(placed === null ? { url: file } : { path: placed.path }),
        ...(mapping === null ? {} : { mapping }),
        ...(Object.keys(constants).length === 0 ? {} : { constants }),
        ...(ignore.length === 0 ? {} : { ignore }),
        ...(force ? { force } : {}),
        ...(dryRun ? { dryRun } : {}),
      };
      const said = inWordsOf([
        [placed?.mapping, mappingFile],
        [placed?.path, file],
      ]);
      return takeFile(context, { file, client, input, placed, dryRun, said });
    },
  ),
);

/** People see the file name that they typed, not where the copy is. */
function inWordsOf(names: [copy: string | null | undefined, typed: string | null][]): (text: string) => string {
  return (text) =>
    names.reduce((said, [copy, typed]) => (copy == null || typed === null ? said : said.replaceAll(copy, typed)), text);
}

async function takeFile(
  context: CommandContext,
  given: {
    file: string;
    client: string;
    input: IngestInput;
    placed: PlacedFile | null;
    dryRun: boolean;
    said: (text: string) => string;
  },
): Promise<Report> {
  const { file, client, input, placed, dryRun, said } = given;
  const short = placed?.importId ?? Date.now().toString(36);
  const started = await startWorkflow(context, {
    workflowType: "ingestFile",
    workflowId: context.config.queuePrefix + ingestWorkflowId(client, short),
    input,
    summary: `${path.basename(file)}, client ${client}${dryRun ? ", only checked" : ""}`,
    searchAttributes: { ClientId: client, Source: "rtb.performance" },
    isNew: placed !== null,
  });
  const end = await followWorkflow<IngestAnswer>(context, started, {
    everyMs: 400,
    progress: () => readProgress(context, started),
  });
  if (end.state === "left") {
    // The result of a check is not needed any more.
    if (dryRun) await started.handle.cancel();
    if (dryRun) await placed?.remove();
    return {
      exitCode: exitCodes.interrupted,
      document: { workflowId: started.workflowId, state: dryRun ? "cancelled" : "left" },
      lines: dryRun
        ? ["the check was cancelled"]
        : howToFollow(started.workflowId, `npm run ingest -- ${file} (the same content is not stored twice)`),
    };
  }
  await placed?.remove();
  if (end.state !== "completed")
    throw new CommandError(
      end.state === "failed" && end.type === "InvalidInput" ? exitCodes.usage : exitCodes.found,
      end.state === "cancelled" ? `${file}: cancelled, nothing was stored` : `${file}: ${said(end.reason)}`,
    );
  const answer = end.result;
  // Its sender's name for it, not the copy's.
  const named = {
    ...answer,
    name: placed === null ? answer.name : path.basename(file),
    reason: answer.reason === null ? null : said(answer.reason),
  };
  return {
    exitCode: isFine(answer) ? exitCodes.fine : exitCodes.found,
    document: { workflowId: started.workflowId, ...named },
    lines: describeAnswer(named),
  };
}

const todayOf = ({ config }: CommandContext, client: string) =>
  dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC");

function isFine({ status, rejected }: IngestAnswer): boolean {
  return status === "checked" ? rejected === 0 : status !== "refused";
}

/** What the attempt's last heartbeat reported. */
async function readProgress(context: CommandContext, started: StartedWorkflow): Promise<string> {
  const { client } = await context.temporal();
  const { raw } = await started.handle.describe();
  const [pending] = raw.pendingActivities ?? [];
  if (pending === undefined) return "waiting for a worker";
  const payloads = pending.heartbeatDetails?.payloads as Payload[] | undefined;
  const again = (pending.attempt ?? 1) > 1 ? `attempt ${pending.attempt}: ` : "";
  if (payloads === undefined || payloads.length === 0) return `${again}waiting for a worker`;
  const { decodeFromPayloadsAtIndex } = await import("@temporalio/common/lib/internal-non-workflow/index.js");
  const last = await decodeFromPayloadsAtIndex<IngestProgress>(client.options.loadedDataConverter, 0, payloads);
  if (last.phase === "merging") return `${again}storing ${last.lines.toLocaleString("en")} lines`;
  const lines = last.phase === "reading" ? `, ${last.lines.toLocaleString("en")} lines` : "";
  return `${again}${describeProgress(last.phase, last.bytes, last.ofBytes)}${lines}`;
}

function describeProgress(phase: string, done: number, of: number): string {
  const share = of === 0 ? 1 : Math.min(1, done / of);
  const bar = "█".repeat(Math.round(24 * share)).padEnd(24, "░");
  return `${phase.padEnd(8)} ${bar} ${String(Math.floor(100 * share)).padStart(3)} %`;
}

function describeAnswer(answer: IngestAnswer): string[] {
  const { status, superseded, sums, days, errors } = answer;
  const title = `${answer.name}, client ${answer.client}, mapping ${answer.mapping}`;
  const shown = besideReason(answer.reason, errors);
  const rejects = [
    ...shown
      .slice(0, shownErrors)
      .map(({ line, column, reason }) => `  line ${line}${column === null ? "" : `, ${column}`}: ${reason}`),
    ...(answer.rejected > Math.min(shown.length, shownErrors)
      ? [`  and ${answer.rejected - Math.min(shown.length, shownErrors)} more`]
      : []),
  ];
  const numbers = [
    `${count(answer.lines, "line")}: ${answer.imported} imported, ${answer.skipped} skipped`,
    `  ${answer.inserted} inserted, ${answer.updated} updated, ${answer.unchanged} unchanged${answer.combined === 0 ? "" : `, ${answer.combined} added to another line`}`,
    ...(answer.removed > 0
      ? [`  ${count(answer.removed, "row")} of earlier files taken away: they split these days by other columns`]
      : []),
    `  ${superseded.lines} overwritten by later lines${superseded.lines === 0 ? "" : ` (${superseded.impressions} impressions, ${superseded.clicks} clicks, ${cents(superseded.spend)} spend)`}, ${answer.rejected} rejected`,
    `  ${sums.impressions} impressions, ${sums.clicks} clicks, ${cents(sums.spend)} spend${days.from === null ? "" : `; ${days.from} to ${days.to}`}`,
    ...(answer.warning === null ? [] : [`  look: ${answer.warning}`]),
    ...(answer.summedOver.length === 0
      ? []
      : [`  lines that differ only in ${answer.summedOver.join(", ")} were added to each other`]),
  ];
  switch (status) {
    case "ingested":
      return [
        `${title}: ingested as file ${answer.fileId}`,
        ...numbers,
        ...rejects,
        ...(answer.rejected === 0
          ? []
          : [`Once that is fixed: npm run quarantine -- redrive --client ${answer.client} --file ${answer.fileId}`]),
      ];
    case "already_ingested":
      return [
        `${title}: already ingested, as file ${answer.fileId}`,
        ...numbers,
        ...rejects,
        answer.reason === null
          ? `  later files have replaced ${answer.replacedSince} of the rows it wrote; --force takes it again`
          : `  ${answer.reason}`,
      ];
    case "refused":
      return [`${title}: refused, nothing was stored`, `  ${answer.reason}`, ...rejects];
    case "checked":
      return [
        `${title}: checked, nothing was stored`,
        `${count(answer.lines, "line")}: ${answer.imported} good, ${answer.rejected} would be rejected; ${answer.preamble} before the header, ${count(answer.totals, "line")} of totals`,
        `  ${sums.impressions} impressions, ${sums.clicks} clicks, ${cents(sums.spend)} spend${days.from === null ? "" : `; ${days.from} to ${days.to}`}`,
        ...rejects,
      ];
  }
}

await runCommand(command);
