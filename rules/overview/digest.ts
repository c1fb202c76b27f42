import { cents, sumMoney } from "../../core/money.ts";
import type { PartName } from "../cost/why.ts";
import { mostlyOf } from "../cost/why-words.ts";
import { plain, type Message } from "../ops/message.ts";

interface Figures {
  currency: string;
  origin: string;
  /** Of affiliates, and of none: together what the account spent. */
  rtSpend: string | null;
  unmappedSpend: string;
  finalCost: string | null;
  cpa: string | null;
  revenue: string | null;
  margin: string | null;
}

interface Ends {
  day: string;
  currency: string;
  origin: string;
  known: string | null;
  low: string | null;
  high: string | null;
  hits: number;
  tried: number;
  finalInDays: number | null;
}

interface WeekChange {
  currency: string;
  origin: string;
  after: string | null;
  change: string | null;
  parts: readonly { part: PartName; amount: string }[];
}

type Totals = Figures & { before: Figures | null };

/** What a morning is told: of the day before, and what wants a look. */
export interface Digest {
  client: string;
  /** The morning it is for, and the day it tells of. */
  day: string;
  of: string;
  isFinal: boolean;
  totals: readonly Totals[];
  /** The CPA of the last seven whole days against the seven before, and why it changed. */
  week: readonly WeekChange[];
  /** Yesterday's CPA as it is known, and where such days end. */
  outlook: readonly Ends[];
  restated: readonly { source: string; day: string; before: string; after: string; change: string }[];
  late: readonly { source: string; late: string | null; touches: string; days: readonly string[] }[];
  /** Double and missing money, by currency: how many findings are open, and what those of the night put at stake. */
  findings: readonly { currency: string; open: number; fresh: number; atStake: string }[];
  /** What vendors are missing of each other's conversions in the last seven whole days; null where no day is final. */
  tieOut: readonly {
    origin: string;
    missingInRedtrack: number | null;
    missingInAnytrack: number | null;
    missingInEverflow: number | null;
    amountDiffers: number | null;
  }[];
  alerts: readonly { alertId: number; severity: string; message: string }[];
}

const mostListed = 8;
const mostDays = 5;

/** The digest as a message: the same words in Slack, in a mail and in the terminal. */
export function digestMessage(digest: Digest): Message {
  const { client, day, of, isFinal, totals, week, outlook, restated, late, findings, tieOut, alerts } = digest;
  const label = isFinal ? of : `${of} (not final)`;
  return {
    key: `digest-${client}-${day}`,
    title: `Signal Room, ${day}: ${headline(totals)}`,
    lines: [
      ...(totals.length === 0
        ? [`${of}: no spend and no conversions are known.`]
        : totals.map((row) => figures(label, row))),
      ...week.flatMap(weekLine),
      ...outlook.flatMap(endsLine),
      ...listed(
        "Restated in the last 24 hours",
        restated,
        (row) => `${row.source} ${row.day}: ${row.before} → ${row.after} (${row.change})`,
      ),
      ...listed("Late or not final", late, openFeed),
      ...findings.map(found),
      ...tieOut.flatMap(tiedOut),
      ...listed(
        "To look at",
        alerts,
        ({ alertId, severity, message }) => `[${severity}] ${plain(message, 300)} (alert ${alertId})`,
      ),
    ],
    data: { what: "morning", ...digest },
  };
}

function headline([first]: readonly Totals[]): string {
  if (first === undefined) return "nothing of yesterday yet";
  return `spend ${amount(spendOf(first), first.currency)}, CPA ${amount(first.cpa, first.currency)}`;
}

const amount = (value: string | null, currency: string) => (value === null ? "not known" : `${value} ${currency}`);

/** Null in a currency that only affiliates are paid in. */
function spendOf({ rtSpend, unmappedSpend }: Figures): string | null {
  return rtSpend === null && Number(unmappedSpend) === 0 ? null : cents(sumMoney([rtSpend ?? "0", unmappedSpend]));
}

function figures(label: string, row: Totals): string {
  const { currency, origin, finalCost, cpa, revenue, margin, before } = row;
  const beside = (value: string | null | undefined) => (value == null ? "" : ` (the day before ${value})`);
  const mark = origin === "sandbox" ? ", made up by the sandbox" : "";
  const spend = spendOf(row);
  const spent = spend === null ? [] : [`spend ${amount(spend, currency)}${beside(before && spendOf(before))}`];
  const told = [
    ...spent,
    `cost ${amount(finalCost, currency)}${beside(before?.finalCost)}`,
    `CPA ${amount(cpa, currency)}${beside(before?.cpa)}`,
    `revenue ${amount(revenue, currency)}`,
    `margin ${amount(margin, currency)}`,
  ];
  return `${label}${mark}: ${told.join(", ")}`;
}

/** "CPA of 7 days 41.20 USD, 3.10 more than the week before: mostly price." */
function weekLine({ after, change, currency, origin, parts }: WeekChange): string[] {
  if (after === null || change === null) return [];
  const mark = origin === "sandbox" ? ", made up by the sandbox" : "";
  const mostly = mostlyOf({ metric: "cpa", currency, change, parts });
  const than =
    Number(change) === 0
      ? "as in the week before"
      : `${change.replace("-", "")} ${change.startsWith("-") ? "less" : "more"} than the week before`;
  return [`CPA of the last 7 days${mark} ${after} ${currency}, ${than}${mostly === null ? "" : `: mostly ${mostly}`}.`];
}

/** "CPA of 2026-11-28 41.00 USD so far; such days end at 44.00 to 47.00 (held on 18 of 22 past days), final in 2 days." */
function endsLine({ day, currency, origin, known, low, high, hits, tried, finalInDays }: Ends): string[] {
  if (known === null || low === null || high === null || finalInDays === 0) return [];
  const mark = origin === "sandbox" ? ", made up by the sandbox," : "";
  const held = tried === 0 ? "" : ` (held on ${hits} of ${tried} past days)`;
  const final = finalInDays === null ? "" : `, final in ${finalInDays} ${finalInDays === 1 ? "day" : "days"}`;
  return [`CPA of ${day}${mark} ${known} ${currency} so far; such days end at ${low} to ${high}${held}${final}.`];
}

function openFeed({ source, late, touches, days }: Digest["late"][number]): string {
  const more = days.length > mostDays ? ` and ${days.length - mostDays} more` : "";
  const open = days.length === 0 ? [] : [`not final: ${days.slice(-mostDays).join(", ")}${more}`];
  return plain(`${source}: ${[...(late === null ? [] : [late]), ...open].join("; ")} (touches ${touches})`);
}

function found({ currency, open, fresh, atStake }: Digest["findings"][number]): string {
  const news = fresh === 0 ? "none new" : `${fresh} new in the last 24 hours, ${atStake} ${currency} at stake`;
  return `Findings in ${currency}: ${open} open, ${news}`;
}

/** "Tie-out of the last 7 days: missing 3 in Redtrack, 5 in AnyTrack, 1 in Everflow; 2 amounts differ." */
function tiedOut({ origin, ...counts }: Digest["tieOut"][number]): string[] {
  const { missingInRedtrack, missingInAnytrack, missingInEverflow, amountDiffers } = counts;
  if (missingInAnytrack === null) return [];
  const mark = origin === "sandbox" ? ", made up by the sandbox" : "";
  const missing = [
    ...(missingInRedtrack === null ? [] : [`${missingInRedtrack} in Redtrack`]),
    `${missingInAnytrack} in AnyTrack`,
    `${missingInEverflow ?? 0} in Everflow`,
  ];
  const differ = amountDiffers === 1 ? "1 amount differs" : `${amountDiffers ?? 0} amounts differ`;
  return [`Tie-out of the last 7 days${mark}: missing ${missing.join(", ")}; ${differ}.`];
}

function listed<Row>(title: string, rows: readonly Row[], line: (row: Row) => string): string[] {
  if (rows.length === 0) return [`${title}: nothing.`];
  const more = rows.length > mostListed ? [`… and ${rows.length - mostListed} more`] : [];
  return [`${title}:`, ...rows.slice(0, mostListed).map((row) => `• ${line(row)}`), ...more];
}
