import { z } from "zod";
import { createBoard } from "../demo/board.ts";
import { creativesAlone, fillDemo } from "../demo/fill.ts";
import { filledReport } from "../demo/filled-report.ts";
import { clientOption, defineCommand, runCommand, wholeNumber, work } from "../shared/command-line.ts";

const command = defineCommand(
  "demo-creatives",
  "Shows creatives on a running local stack: the seats of the mock Google Authorized Buyers are discovered and synced, reports on their creatives are imported, and campaigns are found among them. It is the part of `npm run demo` that is about creatives; running it again changes nothing. Needs `npm start`.",
  ["npm run demo:creatives", "npm run demo:creatives -- --days 14"],
)
  .option(...clientOption)
  .option("--days <number>", "how many days, today included", "30");

command.action(
  work(
    z.object({ client: z.string().optional(), days: wholeNumber.max(110, "must be at most 110") }),
    async (context, { client: named, days }) => {
      const client = context.client(named);
      const started = performance.now();
      const of = { client, days, now: new Date(), board: createBoard(process.stderr), hasOwnHook: false };
      const areas = await fillDemo(context, of, creativesAlone);
      return filledReport(areas, { client, days, started, again: "npm run demo:creatives" });
    },
  ),
);

await runCommand(command);
