import { rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { addDays, dayAt } from "../../core/days.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import {
  checkRange,
  civilDay,
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  work,
  type Report,
} from "../shared/command-line.ts";
import { reportLines } from "../report/lines.ts";
import { reportPage } from "../report/page.ts";
import { caveats, readCpaReport } from "../report/cpa-report.ts";

const timezone = "America/New_York";

const command = defineCommand(
  "report",
  "What a conversion costs, per affiliate: cost, conversions, revenue, margin, ROAS. The last 30 days when no range is given.",
  [
    "npm run report -- --from 2025-12-01 --to 2025-12-18",
    "npm run report -- --from 2025-12-01 --to 2025-12-18 --html december.html",
  ],
)
  .option("--from <day>", "the first day, YYYY-MM-DD")
  .option("--to <day>", "the last day, YYYY-MM-DD; today when left out")
  .option("--html <file>", "write a page with charts")
  .option(...clientOption);

command.action(
  work(
    z.object({
      client: z.string().optional(),
      from: civilDay.optional(),
      to: civilDay.optional(),
      html: z.string().min(1).optional(),
    }),
    async (context, { html, ...typed }): Promise<Report> => {
      const client = context.client(typed.client);
      const database = await context.database();
      const to = typed.to ?? dayAt(await databaseNow(database), timezone);
      const from = typed.from ?? addDays(to, -29);
      checkRange(from, to);
      const report = await readCpaReport(database, { client, from, to });
      if (html !== undefined) await writePage(html, reportPage(report));
      return {
        document: {
          ...report,
          timezone,
          caveats: caveats(report),
          ...(html === undefined ? {} : { html: path.resolve(html) }),
        },
        lines: [...reportLines(report), ...(html === undefined ? [] : ["", `written: ${html}`])],
      };
    },
  ),
);

/** Whole or not at all: a page that is open in a browser is never half written. */
async function writePage(file: string, page: string): Promise<void> {
  const next = `${file}.${process.pid}.next`;
  try {
    await writeFile(next, page);
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandError(exitCodes.usage, `${file} cannot be written (${reason})`);
  }
}

await runCommand(command);
