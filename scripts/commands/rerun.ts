import { z } from "zod";
import { readFailedSlices } from "../../queries/sync/ledger.ts";
import {
  anyClientOption,
  defineCommand,
  exitCodes,
  runCommand,
  sourceName,
  sourceOption,
  work,
  type Report,
} from "../shared/command-line.ts";
import { table } from "../shared/printing.ts";
import { rerunSlices } from "../shared/rerun-slices.ts";
import { doubtfulOutcomes } from "../shared/run-days.ts";

const command = defineCommand(
  "rerun",
  "Fetches failed slices (one day of one source) again. A run is recovered when all its failed slices are loaded. Exits 1 when some failed again.",
  ["npm run rerun -- --failed", "npm run rerun -- --failed --source redtrack.daily_spend --client 713"],
)
  .requiredOption("--failed", "all slices that are failed now")
  .option(...sourceOption)
  .option(...anyClientOption);

command.action(
  work(
    z.object({ source: sourceName.optional(), client: z.string().optional() }),
    async (context, { source, client }): Promise<Report> => {
      const filter = { source, client: client === undefined ? undefined : context.client(client) };
      const failed = await readFailedSlices(await context.database(), filter);
      if (failed.length === 0)
        return { document: { slices: [], recovered: 0, remaining: 0 }, lines: ["no slice is failed"] };

      const reruns = await rerunSlices(
        context,
        failed.map(({ client: ofClient, source: ofSource, day }) => ({ client: ofClient, source: ofSource, day })),
      );
      const remaining = await readFailedSlices(await context.database(), filter);
      const open = new Set(remaining.map((slice) => `${slice.source}/${slice.client}/${slice.day}`));
      const slices = reruns.map((rerun) => ({ ...rerun, recovered: !open.has(rerun.workflowId) }));
      const recovered = slices.filter((slice) => slice.recovered).length;
      return {
        exitCode: reruns.some((rerun) => rerun.state === "left")
          ? exitCodes.interrupted
          : recovered < slices.length || slices.some((slice) => isDoubtful(slice.outcome))
            ? exitCodes.found
            : exitCodes.fine,
        document: { slices, recovered, remaining: remaining.length },
        lines: [
          ...table(
            ["slice", "now", "reason"],
            slices.map((slice) => [
              slice.workflowId,
              slice.recovered ? `recovered, ${slice.outcome ?? "fetched"}` : slice.state === "left" ? "left" : "failed",
              slice.reason ?? "",
            ]),
          ),
          "",
          `${recovered} of ${slices.length} recovered; ${remaining.length} failed in the ledger now`,
        ],
      };
    },
  ),
);

/** Read, and still not as it should be. */
const isDoubtful = (outcome: string | null) => outcome !== null && doubtfulOutcomes.includes(outcome);

await runCommand(command);
