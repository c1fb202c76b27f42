import { setTimeout as wait } from "node:timers/promises";
import { isLosslessNumber, parse } from "lossless-json";
import { cents, subtractMoney, sumMoney } from "../../core/money.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import type { BooksDifference } from "../../queries/sync/stored.ts";
import type { RowDifference } from "../../queries/sync/shapes.ts";
import { exitCodes, inParallel, type ExitCode, type Report } from "./command-line.ts";
import { count, table, type Cell } from "./printing.ts";

/** Longer ranges list only the days that differ. */
const mostDaysListed = 60;
const retryWaitsMs = [1_000, 3_000, 10_000, 30_000];

interface DifferingRow {
  kind: RowDifference["kind"];
  key: Record<string, unknown>;
  stored: Record<string, unknown> | null;
  vendor: Record<string, unknown> | null;
}

export type KnownDifference = BooksDifference & { accepted: string | null };

export interface VerifiedDay {
  day: string;
  state: "same" | "differs" | "not compared";
  /** Sums to the cent; null when they were not compared. */
  stored: string | null;
  vendor: string | null;
  /** Do the vendor's rows add up to its own total? */
  reconciled: boolean;
  /** Rows of the vendor that cannot be stored, and so are not among those compared. */
  rejected: number;
  rows: DifferingRow[];
  reason: string | null;
}

/** One day as it is stored and as the vendor says now. */
export interface Compared {
  differences: RowDifference[];
  stored: string;
  vendor: string;
  reconciled: boolean;
  rejected: number;
}

/** Days under way at a time; the account's pace decides how fast they come. */
const atATime = 4;

/** Compares each day; with a key that is refused once, no further one is asked for. */
export function verifyDays(
  days: readonly string[],
  of: { compare: (day: string, attempt: number) => Promise<Compared>; onDone: (done: number) => void },
): Promise<VerifiedDay[]> {
  let done = 0;
  let isRefused = false;
  return inParallel(atATime, days, async (day) => {
    const verified = isRefused
      ? notCompared(day, "the key was refused")
      : await verifyDay(day, of.compare, () => (isRefused = true));
    done += 1;
    of.onDone(done);
    return verified;
  });
}

async function verifyDay(
  day: string,
  compare: (day: string, attempt: number) => Promise<Compared>,
  onRefused: () => void,
): Promise<VerifiedDay> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const { differences, ...compared } = await compare(day, attempt);
      const state = differences.length === 0 ? "same" : "differs";
      return { day, state, ...compared, rows: differences.map(readDifference), reason: null };
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      const waitMs = retryWaitsMs[attempt];
      const passing = error.kind === "unavailable" || error.kind === "rate_limited";
      if (!passing || waitMs === undefined) {
        if (error.kind === "unauthorized") onRefused();
        return notCompared(day, `${error.kind}: ${error.message}`);
      }
      await wait(Math.max(waitMs, error.retryAfterMs ?? 0));
    }
  }
}

function notCompared(day: string, reason: string): VerifiedDay {
  const nothing = { stored: null, vendor: null, reconciled: true, rejected: 0, rows: [] };
  return { day, state: "not compared", ...nothing, reason };
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

/** What was found, of days and of their receipts. */
export function reportDays(
  range: { source: string; client: string; from: string; to: string },
  days: readonly VerifiedDay[],
  books: readonly KnownDifference[],
): Report & { document: object; exitCode: ExitCode } {
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
    ...days
      .filter(({ rejected }) => rejected > 0)
      .map(
        ({ day, rejected }) => `${day}: ${count(rejected, "row")} of the vendor cannot be stored, and so not compared`,
      ),
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
