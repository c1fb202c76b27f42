import { randomUUID } from "node:crypto";
import { z } from "zod";
import { zoneOfFeed } from "../../settings/windows.ts";
import { dayAt, daysFromTo } from "../../core/days.ts";
import { createRateGate } from "../../activities/shared/rate-gate.ts";
import { compareSlice } from "../../activities/sync/compare-slice.ts";
import { targetOf } from "../../activities/sync/read-day.ts";
import { booksAlert } from "../../activities/sync/slice-alerts.ts";
import { compareDay } from "../../activities/warehouses/compare-day.ts";
import type { AnySource, DailyFeed } from "../../connectors/source.ts";
import { warehouses } from "../../connectors/warehouses/registry.ts";
import type { Warehouse } from "../../connectors/warehouses/warehouse.ts";
import { readAccepted } from "../../queries/ops/accepted-alerts.ts";
import { performanceSource } from "../../queries/files/files.ts";
import type { Queryable } from "../../schema/database.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { compareBooks, type BooksDifference } from "../../queries/sync/stored.ts";
import {
  checkRange,
  checkOptions,
  civilDay,
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  sourceNamed,
  sourceOption,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { count } from "../shared/printing.ts";
import { acceptAlert } from "../shared/accept-difference.ts";
import { reportDays, verifyDays, type KnownDifference } from "../shared/verify-days.ts";
import { compareFiles, verifyFiles, verifyReport } from "../shared/verify-files.ts";
import { kindOfSource } from "../../rules/files/file-kinds.ts";

const command = defineCommand(
  "verify",
  "Fetches days again without writing and compares them with the stored rows, to the cent. A day of a warehouse costs its query, held to the cap of a pull. Also compares stored rows, and imported files, with their receipts. Exits 1 on a difference.",
  [
    "npm run verify -- --source redtrack.daily_spend --from 2025-12-01 --to 2025-12-18",
    "npm run verify -- --source bigquery.performance --from 2025-12-18 --to 2025-12-18",
    "npm run verify -- --source rtb.performance --from 2025-12-01 --to 2025-12-18",
    "npm run verify -- --source rtb.report_bids --from 2025-12-01 --to 2025-12-18",
    'npm run verify -- --accept 17 --note "12.00 were booked by hand, see the invoice"',
  ],
)
  .option(...sourceOption)
  .option("--from <day>", "the first day, YYYY-MM-DD")
  .option("--to <day>", "the last day, YYYY-MM-DD")
  .option("--accept <alert>", "accepts the difference of the alert with this number as it is; audited")
  .option("--note <text>", "with --accept: why it is right")
  .option(...clientOption);

const day = civilDay.optional();
const compared = z.object({ source: z.string(), from: civilDay, to: civilDay });
const options = z.object({
  source: z.string().optional(),
  client: z.string().optional(),
  from: day,
  to: day,
  accept: wholeNumber().optional(),
  note: z.string().trim().min(1, "must say why").max(500, "must have 500 characters at most").optional(),
});

command.action(
  work(options, async (context, { accept, note, ...typed }): Promise<Report> => {
    if (accept !== undefined) {
      if (note === undefined) throw new CommandError(exitCodes.usage, "--accept takes a --note that says why");
      return acceptAlert(await context.database(), { client: context.client(typed.client), alertId: accept, note });
    }
    if (note !== undefined) throw new CommandError(exitCodes.usage, "--note goes with --accept");
    return compare(context, { ...checkOptions(compared, typed), client: context.client(typed.client) });
  }),
);

type Range = z.output<typeof compared> & { client: string };

/** Days of one client against the vendor, or against the files they came in, and against their receipts. */
async function compare(context: CommandContext, range: Range): Promise<Report> {
  const { client, from, to } = range;
  checkRange(from, to);
  if (range.source === performanceSource) return verifyFiles(await context.database(), { client, from, to });
  const kind = kindOfSource(range.source);
  if (kind !== "performance") return verifyReport(await context.database(), { client, name: kind, from, to });
  const warehouse = warehouses.find(({ name }) => name === range.source);
  return warehouse === undefined
    ? compareSource(context, range, sourceNamed(range.source))
    : compareWarehouse(context, range, warehouse);
}

async function compareSource(context: CommandContext, range: Range, source: AnySource): Promise<Report> {
  const { account, database, gate, days, onDone } = await openFeed(context, range, source);
  const { client, from, to } = range;
  const found = await verifyDays(days, {
    compare: (day) => compareSlice({ database, gate, redact: context.redact }, { source, account, day }),
    onDone,
  });
  const { differences } = await compareBooks(database, targetOf(source, client, from), { client, from, to });
  const books = await Promise.all(differences.map((books) => withNote(database, books)));
  return reportDays({ source: source.name, client, from, to }, found, books);
}

/** The rows are stored as those of files are, and so are their receipts. */
async function compareWarehouse(context: CommandContext, range: Range, warehouse: Warehouse): Promise<Report> {
  const { account, database, gate, zone, days, onDone } = await openFeed(context, range, warehouse);
  const { config, redact } = context;
  const { client, from, to } = range;
  const name = randomUUID();
  const { signal } = new AbortController();
  const found = await verifyDays(days, {
    compare: async (day, attempt) => ({
      ...(await compareDay(
        { database, config, gate, redact },
        { warehouse, account, day, zone, signal, attempt: { name, isAgain: attempt > 0 } },
      )),
      // A warehouse has no total of its own.
      reconciled: true,
    }),
    onDone,
  });
  const report = reportDays({ source: warehouse.name, client, from, to }, found, []);
  const { exitCode, differences: books, lines } = await compareFiles(database, { client, from, to });
  return {
    exitCode: report.exitCode === exitCodes.fine ? exitCode : report.exitCode,
    document: { ...report.document, books },
    lines: [...report.lines, ...(books.length === 0 ? [] : ["", ...lines])],
  };
}

/** Where the days of a feed are asked for, and which. */
async function openFeed(context: CommandContext, { client, from, to }: Range, feed: DailyFeed) {
  const { config } = context;
  const account = config.accounts.get(`${feed.vendor.name}/${client}`);
  if (!account?.secrets)
    throw new CommandError(
      exitCodes.usage,
      `client ${client} has no key for ${feed.vendor.name}: set ${account?.missing.join(", ") ?? ""}`,
    );
  const database = await context.database();
  const zone = zoneOfFeed(config, feed);
  const today = dayAt(await databaseNow(database), zone);
  if (to > today) throw new CommandError(exitCodes.usage, `--to ${to} is in the future: today is ${today} in ${zone}`);
  const days = daysFromTo(from, to);
  const onDone = (done: number) =>
    context.progress.show(`${feed.name}: ${done} of ${count(days.length, "day")} compared`);
  return { account, database, gate: createRateGate(database), zone, days, onDone };
}

/** Null where nobody has accepted the difference as it is. */
async function withNote(database: Queryable, books: BooksDifference): Promise<KnownDifference> {
  const { client, source, slice } = books;
  return { ...books, accepted: await readAccepted(database, booksAlert({ client, source, day: slice, books })) };
}

await runCommand(command);
