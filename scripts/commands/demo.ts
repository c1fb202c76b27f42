import { z } from "zod";
import { createBoard } from "../demo/board.ts";
import { fillDemo } from "../demo/fill.ts";
import { filledReport } from "../demo/filled-report.ts";
import { hasOwnHook } from "../demo/stack.ts";
import { clientOption, defineCommand, runCommand, wholeNumber, work } from "../shared/command-line.ts";

const command = defineCommand(
  "demo",
  "Fills a running local stack with three months of made-up data in every area, from the mock vendors and through the same paths as real data. Running it again changes nothing. `npm run purge -- --sandbox` deletes it. Needs `npm start`. What has a real key is left out.",
  ["npm run demo", "npm run demo -- --days 14"],
)
  .option(...clientOption)
  .option("--days <number>", "how many days, today included", "90");

command.action(
  work(
    z.object({ client: z.string().optional(), days: wholeNumber.max(110, "must be at most 110") }),
    async (context, { client: named, days }) => {
      const client = context.client(named);
      const started = performance.now();
      const areas = await fillDemo(context, {
        client,
        days,
        now: new Date(),
        board: createBoard(process.stderr),
        hasOwnHook: await hasOwnHook(),
      });
      return filledReport(areas, { client, days, started, again: "npm run demo" });
    },
  ),
);

await runCommand(command);
