import { setTimeout as wait } from "node:timers/promises";
import { isLosslessNumber, parse } from "lossless-json";
import { z } from "zod";
import type { Account } from "../../settings/config.ts";
import { dayAt, daysFromTo } from "../../core/days.ts";
import { cents, subtractMoney, sumMoney } from "../../core/money.ts";
import { createRateGate } from "../../activities/shared/rate-gate.ts";
import { compareSlice } from "../../activities/sync/compare-slice.ts";
import { targetOf } from "../../activities/sync/read-day.ts";
import { booksAlert } from "../../activities/sync/slice-alerts.ts";
import type { SyncContext } from "../../activities/sync/context.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { findFeed, findSource, sources } from "../../connectors/registry.ts";
import type { AnySource } from "../../connectors/source.ts";
import { readAccepted } from "../../queries/ops/accepted-alerts.ts";
import { performanceSource } from "../../queries/files/files.ts";
import type { Queryable } from "../../schema/database.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { compareBooks, type BooksDifference } from "../../queries/sync/stored.ts";
import type { RowDifference } from "../../queries/sync/shapes.ts";
import {
  checkRange,
  checkOptions,
  civilDay,
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  inParallel,
  runCommand,
  sourceNamed,
  sourceOption,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { count, table, type Cell } from "../shared/printing.ts";
import { acceptAlert } from "../shared/accept-difference.ts";
import { verifyFiles, verifyReport } from "../shared/verify-files.ts";
import { kindOfSource } from "../../rules/files/file-kinds.ts";

/** Days under way at a time; the account's pace decides how fast they come. */
const atATime = 4;
/** Longer ranges list only the days that differ. */
const mostDaysListed = 60;
const retryWaitsMs = [1_000, 3_000, 10_000, 30_000];

interface DifferingRow {
  kind: RowDifference["kind"];
  key: Record<string, unknown>;
  stored: Record<string, unknown> | null;
  vendor: Record<string, unknown> | null;
}

type KnownDifference = BooksDifference & { accepted: string | null };

interface VerifiedDay {
  day: string;
  state: "same" | "differs" | "not compared";
  /** Sums to the cent; null when they were not compared. */
  stored: string | null;
  vendor: string | null;
  /** Do the vendor's rows add up to its own total? */
  reconciled: boolean;
  rows: DifferingRow[];
  reason: string | null;
}

const command = defineCommand(
  "verify",
  "Fetches days again without writing and compares them with the stored rows, to the cent. Also compares stored rows, and imported files, with their receipts. Exits 1 on a difference.",
  [
    "npm run verify -- --source redtrack.daily_spend --from 2025-12-01 --to 2025-12-18",
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

/** Days of one client against the vendor, or against the files they came in, and against their receipts. */
async function compare(
  context: CommandContext,
  range: z.output<typeof compared> & { client: string },
): Promise<Report> {
  const { client, from, to } = range;
  checkRange(from, to);
  if (range.source === performanceSource) return verifyFiles(await context.database(), { client, from, to });
  const kind = kindOfSource(range.source);
  if (kind !== "performance") return verifyReport(await context.database(), { client, name: kind, from, to });
  if (findSource(range.source) === undefined && findFeed(range.source) !== undefined)
    throw new CommandError(
      exitCodes.usage,
      `rows of ${range.source} are stored as those of files: compare these with --source ${performanceSource}, and see what the warehouse says now with npm run backfill -- --source ${range.source} --from ${from} --to ${to} --dry-run`,
    );
  const source = sourceNamed(range.source);
  const account = context.config.accounts.get(`${source.vendor.name}/${client}`);
  if (!account?.secrets)
    throw new CommandError(
      exitCodes.usage,
      `client ${client} has no key for ${source.vendor.name}: set ${account?.missing.join(", ") ?? ""}`,
    );
  const database = await context.database();
  const today = dayAt(await databaseNow(database), source.slices.timezone);
  if (to > today)
    throw new CommandError(
      exitCodes.usage,
      `--to ${to} is in the future: today is ${today} in ${source.slices.timezone}`,
    );

  const dependencies: SyncContext = {
    database,
    config: context.config,
    sources,
    gate: createRateGate(database),
    redact: context.redact,
  };
  const asked = daysFromTo(from, to);
  let done = 0;
  let rejected = false;
  const days = await inParallel(atATime, asked, async (day) => {
    const verified = rejected
      ? notCompared(day, "the key was refused")
      : await verifyDay(dependencies, { source, account, day }, () => (rejected = true));
    done += 1;
    context.progress.show(`${source.name}: ${done} of ${count(asked.length, "day")} compared`);
    return verified;
  });
  const { differences } = await compareBooks(database, targetOf(source, client, from), { client, from, to });
  const books = await Promise.all(differences.map((books) => withNote(database, books)));
  return report({ source: source.name, client, from, to }, days, books);
}

/** Null where nobody has accepted the difference as it is. */
async function withNote(database: Queryable, books: BooksDifference): Promise<KnownDifference> {
  const { client, source, slice } = books;
  return { ...books, accepted: await readAccepted(database, booksAlert({ client, source, day: slice, books })) };
}

async function verifyDay(
  dependencies: SyncContext,
  pull: { source: AnySource; account: Account; day: string },
  onRejected: () => void,
): Promise<VerifiedDay> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { differences, stored, vendor, reconciled } = await compareSlice(dependencies, pull);
      return {
        day: pull.day,
        state: differences.length === 0 ? "same" : "differs",
        stored,
        vendor,
        reconciled,
        rows: differences.map(readDifference),
        reason: null,
      };
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      const waitMs = retryWaitsMs[attempt];
      const passing = error.kind === "unavailable" || error.kind === "rate_limited";
      if (!passing || waitMs === undefined) {
        if (error.kind === "unauthorized") onRejected();
        return notCompared(pull.day, `${error.kind}: ${error.message}`);
      }
      await wait(Math.max(waitMs, error.retryAfterMs ?? 0));
    }
  }
}

function notCompared(day: string, reason: string): VerifiedDay {
  return { day, state: "not compared", stored: null, vendor: null, reconciled: true, rows: [], reason };
}

function readDifference({ kind, key, stored, vendor }: RowDifference): DifferingRow {
  return { kind, key: readRow(key) ?? {}, stored: readRow(stored), vendor: readRow(vendor) };
}

/** Numbers as the text they are: a float would compare no cents. */
function readRow(json: string | null): Record<string, unknown> | null {
  if (json === null) return null;
  const row = parse(json) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, isLosslessNumber(value) ? value.value : value]),
  );
}

function report(
  range: { source: string; client: string; from: string; to: string },
  days: readonly VerifiedDay[],
  books: readonly KnownDifference[],
): Report {
  const compared = days.filter((day) => day.state !== "not compared");
  const differing = days.filter((day) => day.state === "differs");
  const failed = days.filter((day) => day.state === "not compared");
  const unreconciled = compared.filter((day) => !day.reconciled);
  const sums = {
    stored: sumMoney(compared.map((day) => day.stored ?? "0")),
    vendor: sumMoney(compared.map((day) => day.vendor ?? "0")),
  };
  const unknown = books.filter(({ accepted }) => accepted === null);
  const rows = differing.reduce((sum, day) => sum + day.rows.length, 0);
  const listed = days.length <= mostDaysListed ? days : days.filter((day) => day.state !== "same");
  const lines = [
    ...differing.flatMap((day) => [`${day.day}:`, ...day.rows.map((row) => `  ${describeRow(row)}`), ""]),
    ...table(
      ["day", "state", "rows that differ", "stored", "vendor", "difference"],
      [...listed.map((day) => dayRow(day.day, day.state, day.rows.length, day)), dayRow("total", "", rows, sums)],
    ),
    "",
    ...failed.map((day) => `${day.day} was not compared: ${day.reason ?? ""}`),
    ...unreconciled.map((day) => `${day.day}: the vendor's rows do not add up to its own total`),
    ...books.map(
      ({ slice, expected, held, accepted }) =>
        `${slice}: the table holds ${held.rows} rows that sum to ${held.total}, its receipts say ${expected.rows} rows and ${expected.total}${accepted === null ? "" : `; known and accepted: ${accepted}`}`,
    ),
    differing.length + failed.length === 0
      ? `${count(days.length, "day")} the same, row by row and to the cent`
      : `of ${count(days.length, "day")}, ${differing.length} with differences, ${failed.length} not compared${differing.length > 0 ? "; bring them up to date with: npm run backfill" : ""}`,
  ];
  return {
    exitCode:
      differing.length + failed.length + unreconciled.length + unknown.length > 0 ? exitCodes.found : exitCodes.fine,
    document: {
      ...range,
      same: differing.length + failed.length === 0,
      rows,
      stored: cents(sums.stored),
      vendor: cents(sums.vendor),
      days,
      books,
    },
    lines,
  };
}

function dayRow(
  day: string,
  state: string,
  rows: number,
  sums: { stored: string | null; vendor: string | null },
): Cell[] {
  const { stored, vendor } = sums;
  if (stored === null || vendor === null) return [day, state, null, null, null, null];
  return [day, state, rows, cents(stored), cents(vendor), cents(subtractMoney(vendor, stored))];
}

/** The key, and each field that differs: stored, then the vendor's. */
function describeRow({ kind, key, stored, vendor }: DifferingRow): string {
  const name = pairs(key);
  if (stored === null) return `${name}  only at the vendor: ${pairs(vendor ?? {})}`;
  if (vendor === null) return `${name}  only stored: ${pairs(stored)}`;
  const fields = Object.keys(vendor).filter((field) => JSON.stringify(stored[field]) !== JSON.stringify(vendor[field]));
  // What the ledger does not keep of a row can differ too.
  if (fields.length === 0) return `${name}  ${kind}: fields beside the known ones`;
  return `${name}  ${fields.map((field) => `${field} ${show(stored[field])} -> ${show(vendor[field])}`).join(", ")}`;
}

function pairs(row: Record<string, unknown>): string {
  return Object.entries(row)
    .filter(([, value]) => value !== null)
    .map(([field, value]) => `${field} ${show(value)}`)
    .join(", ");
}

function show(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

await runCommand(command);
