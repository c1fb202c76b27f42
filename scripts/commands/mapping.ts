import { z } from "zod";
import { MappingFileError } from "../../connectors/files/affiliate-mapping.ts";
import { watchMapping } from "../../activities/cost/watch-affiliate-mapping.ts";
import {
  hasAffiliates,
  MappingConflict,
  readMapping,
  readUnmappedSpend,
  readUnmatchedMapping,
} from "../../queries/cost/affiliate-mapping.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  taskOf,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { refusedFile, requireFile } from "../shared/load-file.ts";
import { loadMapping, mappingFile } from "../shared/affiliate-mapping-file.ts";
import { count, table } from "../shared/printing.ts";

const largestBytes = 5_000_000;
const tasks = ["load", "list", "check"] as const;

const command = defineCommand(
  "mapping",
  "The affiliate mapping: which Redtrack source belongs to which Everflow affiliate. How the columns of a file are read is a file mapping: see `npm run ingest -- --help`. load: imports a list of affiliates; list: shows the affiliate mapping; check: finds spend and labels without an affiliate (exits 1 when it finds some).",
  ["npm run mapping -- load internal-affiliates.csv", "npm run mapping -- list", "npm run mapping -- check --json"],
)
  .argument("<task>", tasks.join(", "))
  .argument("[file]", "for load: the file; internal-affiliates.csv when left out")
  .option(...clientOption)
  .option("--replace", "with load: remove lines that the file does not have");

command.action(
  work(
    z.object({ client: z.string().optional(), replace: z.boolean().default(false) }),
    async (context, { client: named, replace }, operands): Promise<Report> => {
      const client = context.client(named);
      const [typed, file] = operands;
      const task = taskOf(tasks, typed);
      if (task !== "load" && (file !== undefined || replace))
        throw new CommandError(exitCodes.usage, "a file and --replace go with load only");
      if (task === "load") return load(context, { client, file: file ?? mappingFile(), replace });
      return task === "list" ? list(context, client) : check(context, client);
    },
  ),
);

async function load(
  context: CommandContext,
  given: { client: string; file: string; replace: boolean },
): Promise<Report> {
  const { client, file } = given;
  await requireFile(file, largestBytes);
  const database = await context.database();
  try {
    const loaded = await loadMapping(database, given);
    await watchMapping(database, { client, accounts: context.config.accounts });
    return {
      document: { client, file, ...loaded },
      lines: [
        ...loaded.superseded.map(
          ({ row, byLine }) =>
            `line ${row.line} (${row.redtrackSourceId ?? "no source"}, "${row.everflowAffiliateLabel}", ${row.isInternal ? "internal" : "external"}) was overwritten by line ${byLine}`,
        ),
        `client ${client}: ${loaded.inserted} inserted, ${loaded.updated} updated, ${loaded.unchanged} unchanged, ${loaded.removed} removed, ${loaded.superseded.length} overwritten by later lines`,
      ],
    };
  } catch (error) {
    if (!(error instanceof MappingFileError) && !(error instanceof MappingConflict)) throw error;
    throw refusedFile(file, error.problems);
  }
}

async function list(context: CommandContext, client: string): Promise<Report> {
  const rows = await readMapping(await context.database(), { client });
  return {
    document: { client, rows },
    lines:
      rows.length === 0
        ? [`client ${client} has no mapping yet: npm run mapping -- load`]
        : table(
            ["affiliate", "Everflow id", "cost", "source", "source name", "from"],
            rows.map((row) => [
              row.everflowAffiliateLabel,
              row.everflowAffiliateId,
              row.isInternal ? "spend" : "payout",
              row.redtrackSourceId,
              row.redtrackSourceName,
              row.loadedBy,
            ]),
          ),
  };
}

async function check(context: CommandContext, client: string): Promise<Report> {
  const database = await context.database();
  await watchMapping(database, { client, accounts: context.config.accounts });
  const unmapped = await readUnmappedSpend(database, { client });
  const compared = await hasAffiliates(database, { client });
  const unmatched = compared ? await readUnmatchedMapping(database, { client }) : [];
  const fine = unmapped.length + unmatched.length === 0;
  return {
    exitCode: fine ? exitCodes.fine : exitCodes.found,
    document: { client, unmapped, unmatched, compared },
    lines: [
      ...(unmapped.length === 0
        ? []
        : [
            `${count(unmapped.length, "source")} with spend and no affiliate:`,
            ...table(
              ["source", "name", "spend", "", "clicks", "first day", "last day"],
              unmapped.map((row) => [
                row.sourceId,
                row.sourceName,
                row.cost,
                row.currency,
                row.clicks,
                row.firstDay,
                row.lastDay,
              ]),
            ),
          ]),
      ...unmatched.map((row) =>
        row.matchedBy === "ambiguous"
          ? `"${row.label}" is the label of several Everflow affiliates: ${row.candidates.join(", ")}; name one by its id`
          : `"${row.label}" is the label of no Everflow affiliate`,
      ),
      ...(compared ? [] : ["labels were not compared: nothing of Everflow's is here yet"]),
      ...(fine ? ["every source with spend has its affiliate"] : []),
    ],
  };
}

await runCommand(command);
