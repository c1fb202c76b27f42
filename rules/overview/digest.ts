import { plain, type Message } from "../ops/message.ts";

interface Totals {
  currency: string;
  origin: string;
  finalCost: string | null;
  cpa: string | null;
  revenue: string | null;
  margin: string | null;
}

/** What a morning is told: of the day before, and what wants a look. */
export interface Digest {
  client: string;
  /** The morning it is for, and the day it tells of. */
  day: string;
  of: string;
  totals: readonly Totals[];
  before: readonly Totals[];
  restated: readonly { source: string; day: string; before: string; after: string; change: string }[];
  late: readonly { source: string; days: readonly string[] }[];
  alerts: readonly { alertId: number; severity: string; message: string }[];
}

const mostListed = 8;

/** The digest as a message: the same words in Slack, in a mail and in the terminal. */
export function digestMessage(digest: Digest): Message {
  const { client, day, of, totals, before, restated, late, alerts } = digest;
  return {
    key: `digest-${client}-${day}`,
    title: `Signal Room, ${day}: ${headline(totals)}`,
    lines: [
      ...(totals.length === 0
        ? [`${of}: no spend and no conversions are known.`]
        : totals.map((row) => figures(of, row, before))),
      ...listed(
        "Restated since yesterday morning",
        restated,
        (row) => `${row.source} ${row.day}: ${row.before} → ${row.after} (${row.change})`,
      ),
      ...listed(
        "Late or not final",
        late,
        ({ source, days }) =>
          `${source}: ${days.slice(0, 5).join(", ")}${days.length > 5 ? ` and ${days.length - 5} more` : ""}`,
      ),
      ...listed(
        "To look at",
        alerts,
        ({ alertId, severity, message }) => `[${severity}] ${plain(message, 300)} (alert ${alertId})`,
      ),
    ],
    data: { what: "morning", ...digest },
  };
}

function headline(totals: readonly Totals[]): string {
  const [first] = totals;
  return first === undefined
    ? "nothing of yesterday yet"
    : `spend ${amount(first.finalCost, first.currency)}, CPA ${amount(first.cpa, first.currency)}`;
}

const amount = (value: string | null, currency: string) => (value === null ? "not known" : `${value} ${currency}`);

function figures(of: string, row: Totals, before: readonly Totals[]): string {
  const { currency, origin, finalCost, cpa, revenue, margin } = row;
  const earlier = before.find((one) => one.currency === currency && one.origin === origin);
  const beside = (value: string | null | undefined) => (value == null ? "" : ` (the day before ${value})`);
  const mark = origin === "sandbox" ? ", made up by the sandbox" : "";
  return `${of}${mark}: spend ${amount(finalCost, currency)}${beside(earlier?.finalCost)}, CPA ${amount(cpa, currency)}${beside(earlier?.cpa)}, revenue ${amount(revenue, currency)}, margin ${amount(margin, currency)}`;
}

function listed<Row>(title: string, rows: readonly Row[], line: (row: Row) => string): string[] {
  if (rows.length === 0) return [`${title}: nothing.`];
  const more = rows.length > mostListed ? [`… and ${rows.length - mostListed} more`] : [];
  return [`${title}:`, ...rows.slice(0, mostListed).map((row) => `• ${line(row)}`), ...more];
}
