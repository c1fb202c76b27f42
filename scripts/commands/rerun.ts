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
  "Fetches the failed slices again. A run recovers when all its failed slices are loaded. Exits 1 when some failed again.",
  ["npm run rerun -- --failed", "npm run rerun -- --failed --source redtrack.daily_spend --client 713"],
)
  .requiredOption("--failed", "the slices that the ledger calls failed")
  .option(...sourceOption)
  .option(...anyClientOption);

command.action(
  work(
    z.object({ source: sourceName.optional(), client: z.string().optional() }),
    async (desk, { source, client }): Promise<Report> => {
      const filter = { source, client: client === undefined ? undefined : desk.client(client) };
      const failed = await readFailedSlices(await desk.database(), filter);
      if (failed.length === 0)
        return { document: { slices: [], healed: 0, remaining: 0 }, lines: ["no slice is failed"] };

      const reruns = await rerunSlices(
        desk,
        failed.map(({ client: ofClient, source: ofSource, day }) => ({ client: ofClient, source: ofSource, day })),
      );
      const remaining = await readFailedSlices(await desk.database(), filter);
      const open = new Set(remaining.map((slice) => `${slice.source}/${slice.client}/${slice.day}`));
      const slices = reruns.map((rerun) => ({ ...rerun, healed: !open.has(rerun.workflowId) }));
      const healed = slices.filter((slice) => slice.healed).length;
      return {
        exitCode: reruns.some((rerun) => rerun.state === "left")
          ? exitCodes.interrupted
          : healed < slices.length || slices.some((slice) => isDoubtful(slice.outcome))
            ? exitCodes.found
            : exitCodes.fine,
        document: { slices, healed, remaining: remaining.length },
        lines: [
          ...table(
            ["slice", "now", "reason"],
            slices.map((slice) => [
              slice.workflowId,
              slice.healed ? `recovered, ${slice.outcome ?? "fetched"}` : slice.state === "left" ? "left" : "failed",
              slice.reason ?? "",
            ]),
          ),
          "",
          `${healed} of ${slices.length} recovered; ${remaining.length} failed in the ledger now`,
        ],
      };
    },
  ),
);

/** Read, and still not as it should be. */
const isDoubtful = (outcome: string | null) => outcome !== null && doubtfulOutcomes.includes(outcome);

await runCommand(command);
