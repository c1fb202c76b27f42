import { readFile } from "node:fs/promises";
import { z } from "zod";
import { CreativesFileError, parseCreativesFile } from "../../connectors/files/creatives-file.ts";
import { dayAt } from "../../core/days.ts";
import { CampaignProblem } from "../../queries/rtb/campaigns.ts";
import { listCreatives } from "../../queries/rtb/list-creatives.ts";
import { loadCreatives } from "../../queries/rtb/load.ts";
import { readAsOf } from "../../queries/rtb/metrics.ts";
import { periods } from "../../queries/rtb/rollups.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  taskOf,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { refusedFile, requireFile } from "../shared/load-file.ts";
import { table } from "../shared/printing.ts";

const largestBytes = 50_000_000;
const tasks = ["load", "list"] as const;

const command = defineCommand(
  "creatives",
  "Manages the creatives that performance files refer to. load: imports a CSV of creatives, buyer seats and campaigns; list: shows creatives and their spend.",
  ["npm run creatives -- load examples/creatives.csv", "npm run creatives -- list --period 30d --limit 20"],
)
  .argument("<task>", tasks.join(", "))
  .argument("[file]", "for load: a CSV with the column creative_id; an empty cell leaves the stored value")
  .option(...clientOption)
  .option("--period <period>", `with list: ${periods.join(", ")}`, "7d")
  .option("--limit <number>", "with list: how many creatives at most", "50");

command.action(
  work(
    z.object({
      client: z.string().optional(),
      period: z.enum(periods, `must be one of ${periods.join(", ")}`),
      limit: wholeNumber({ most: 10_000 }),
    }),
    async (context, { client: named, period, limit }, operands): Promise<Report> => {
      const client = context.client(named);
      const [typed, file] = operands;
      if (taskOf(tasks, typed) === "load") return load(context, client, file);
      if (file !== undefined) throw new CommandError(exitCodes.usage, "a file can be given with load only");
      return list(context, { client, period, limit });
    },
  ),
);

async function load(context: CommandContext, client: string, file: string | undefined): Promise<Report> {
  if (file === undefined) throw new CommandError(exitCodes.usage, "name the file: npm run creatives -- load FILE");
  await requireFile(file, largestBytes);
  try {
    const given = parseCreativesFile(await readFile(file));
    const loaded = await loadCreatives(await context.database(), { client, origin: "real", ...given });
    const { creatives, seats, campaigns } = loaded;
    return {
      document: { client, file, ...loaded },
      lines: [
        `client ${client}, creatives: ${creatives.inserted} inserted, ${creatives.updated} updated, ${creatives.unchanged} unchanged`,
        `client ${client}, seats: ${seats.inserted} inserted, ${seats.updated} updated, ${seats.unchanged} unchanged`,
        `client ${client}, campaigns: ${campaigns.created} created, ${campaigns.updated} updated, ${campaigns.unchanged} unchanged`,
      ],
    };
  } catch (error) {
    if (!(error instanceof CreativesFileError) && !(error instanceof CampaignProblem)) throw error;
    const problems = error instanceof CreativesFileError ? error.problems : [error.message];
    throw refusedFile(file, problems);
  }
}

async function list(
  context: CommandContext,
  { client, period, limit }: { client: string; period: (typeof periods)[number]; limit: number },
): Promise<Report> {
  const database = await context.database();
  const today = dayAt(new Date(), context.config.ingest.clients.get(client)?.timezone ?? "UTC");
  const asOf = (await readAsOf(database, { client })) ?? today;
  const { rows: found } = await listCreatives(database, { client, asOf, period, sort: "spend", slim: true, limit });
  const rows = found.map(({ place: _place, whole: _whole, asOf: _asOf, version: _version, ...row }) => row);
  return {
    document: { client, period, asOf, rows },
    lines:
      rows.length === 0
        ? [`client ${client} has no creatives yet: npm run creatives -- load FILE`]
        : [
            `client ${client}, ${period} as of ${asOf}`,
            ...table(
              [
                "creative",
                "buyer",
                "format",
                "size",
                "spend",
                "impressions",
                "clicks",
                "cpc",
                "cpm",
                "trend %",
                "tier",
                "origin",
              ],
              rows.map((row) => [
                row.creativeId,
                row.buyerId,
                row.isStub ? "(stub)" : row.format,
                row.canonicalSize,
                row.spend,
                row.impressions,
                row.clicks,
                row.cpc,
                row.cpm,
                row.trend,
                row.tier,
                row.origin,
              ]),
            ),
          ],
  };
}

await runCommand(command);
