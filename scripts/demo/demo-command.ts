import type { Command } from "commander";
import { z } from "zod";
import { clientOption, wholeNumber, work } from "../shared/command-line.ts";
import { createBoard } from "./board.ts";
import { fillDemo, type DemoPlan } from "./fill.ts";
import { filledReport } from "./filled-report.ts";
import { hasOwnHook } from "./stack.ts";

/** Fills what a plan names, everything where none is given, over so many days. */
export function fillsDemo(command: Command, of: { days: number; again: string; plan?: DemoPlan }): Command {
  return command
    .option(...clientOption)
    .option("--days <number>", "how many days, today included", String(of.days))
    .action(
      work(
        z.object({ client: z.string().optional(), days: wholeNumber({ most: 110 }) }),
        async (context, { client: named, days }) => {
          const client = context.client(named);
          const started = performance.now();
          const board = createBoard(process.stderr);
          const demo = { client, days, now: new Date(), board, hasOwnHook: await hasOwnHook() };
          return filledReport(await fillDemo(context, demo, of.plan), { client, days, started, again: of.again });
        },
      ),
    );
}
