import { addDays, endOfDay } from "../../core/days.ts";
import type { StoredOrigin } from "../../core/origin.ts";
import { alikeDays, rangeOf, type SettledDay } from "../../rules/sync/settling.ts";
import type { Queryable } from "../../schema/database.ts";
import { readSettling } from "../sync/settling.ts";
import { readCpaTotalsOf, type CpaTotal } from "./cpa.ts";

export const outlookMetrics = ["cpa", "cost", "conversions", "revenue"] as const;
export type OutlookMetric = (typeof outlookMetrics)[number];

/** A figure of a day that can still change, and where such days end. */
export interface Outlook {
  day: string;
  metric: OutlookMetric;
  currency: string;
  origin: StoredOrigin;
  /** As it is shown elsewhere: to the cent, or whole; null where it is not known. */
  known: string | null;
  low: string | null;
  high: string | null;
  /** Past days that the range rests on; of those that had enough days before them, how many it would have held. */
  days: number;
  hits: number;
  tried: number;
  /** After so many days 95 of 100 such days changed no more; null with too few to say. */
  finalInDays: number | null;
  /** Why there is no range. */
  note: string | null;
}

/** Six weeks that had a week to settle; four for a day that is running: each hour of it is in the ledger. */
const pastDays = { whole: 42, running: 28 };
const settledDays = 8;
const feeds = ["everflow.daily_stats", "redtrack.daily_spend"];
const hourMs = 3_600_000;

/** Today and yesterday: what is known of each, and the range in which such days ended, by past days of the same age. */
export async function readOutlook(
  database: Queryable,
  { client, today, days }: { client: string; today: string; days: readonly string[] },
): Promise<Outlook[]> {
  const [settling, ages, totals] = await Promise.all([
    readSettling(database, { client, today }),
    readAges(database, client, days),
    readCpaTotalsOf(
      database,
      client,
      days.map((day) => ({ from: day, to: day })),
    ),
  ]);
  const settleDays = settling.sources
    .filter(({ source }) => feeds.includes(source))
    .map(({ lookback }) => lookback.days);
  const lookback =
    settleDays.length < feeds.length || settleDays.includes(null) ? null : Math.max(...settleDays.map(Number));
  const answers = await Promise.all(
    days.map(async (day, place) => {
      const hours = ages.get(day) ?? null;
      const past = hours === null ? [] : await readPast(database, { client, today, hours });
      const finalInDays = lookback === null || hours === null ? null : Math.max(0, Math.ceil(lookback - hours / 24));
      return (totals[place] ?? []).flatMap((total) =>
        outlookMetrics.map((metric) => outlookOf(metric, { day, total, past, finalInDays, isRead: hours !== null })),
      );
    }),
  );
  return answers.flat();
}

interface Known {
  date: string;
  currency: string;
  origin: StoredOrigin;
  then: Figures;
  now: Figures;
}
interface Figures {
  cost: number;
  conversions: number;
  costed: number;
  revenue: number;
}

function outlookOf(
  metric: OutlookMetric,
  of: { day: string; total: CpaTotal; past: readonly Known[]; finalInDays: number | null; isRead: boolean },
): Outlook {
  const { day, total, finalInDays } = of;
  const { currency, origin } = total;
  const known = { cpa: total.cpa, cost: total.finalCost, conversions: total.efConversions, revenue: total.revenue }[
    metric
  ];
  const alike = of.past.filter(
    (one) => one.currency === currency && (one.origin === "sandbox") === (origin === "sandbox"),
  );
  const past = alike.flatMap(({ date, then, now }): SettledDay[] => {
    const [before, after] = [figureOf(metric, then), figureOf(metric, now)];
    return before === null || after === null ? [] : [{ day: date, known: before, final: after }];
  });
  const range = known === null ? null : rangeOf(Number(known), alikeDays(day, past));
  const text = (value: number) => (metric === "conversions" ? String(Math.round(value)) : value.toFixed(2));
  return {
    ...{ day, metric, currency, origin, finalInDays },
    known: known === null ? null : String(known),
    low: range === null ? null : text(range.low),
    high: range === null ? null : text(range.high),
    days: range?.days ?? past.length,
    hits: range?.hits ?? 0,
    tried: range?.tried ?? 0,
    note: range !== null ? null : noteOf(known, of.isRead, past.length),
  };
}

function noteOf(known: string | number | null, isRead: boolean, days: number): string {
  if (!isRead) return "a feed has not read the day yet";
  if (known === null || Number(known) <= 0) return "nothing is known of it yet";
  return `too little history: ${days} past days were read at this age`;
}

function figureOf(metric: OutlookMetric, { cost, conversions, costed, revenue }: Figures): number | null {
  if (metric === "cpa") return costed > 0 ? cost / costed : null;
  return { cost, conversions, revenue }[metric];
}

/** How many hours after its end a day was last read by both feeds; negative while it runs. */
async function readAges(database: Queryable, client: string, days: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await database.query<{ day: string; timezone: string; at: Date }>(
    `select day, max(timezone) as timezone, min(fetched_at) as at from ops.slices
      where _client_id = $1 and source = any($2) and day = any($3::date[]) and fetched_at is not null group by 1 having count(*) = 2`,
    [client, feeds, days],
  );
  return new Map(
    rows.map(({ day, timezone, at }) => [day, (at.getTime() - endOfDay(day, timezone).getTime()) / hourMs]),
  );
}

async function readPast(
  database: Queryable,
  { client, today, hours }: { client: string; today: string; hours: number },
): Promise<Known[]> {
  const side = (name: "then" | "now") =>
    `json_build_object('cost', cost_${name}, 'conversions', conversions_${name}, 'costed', costed_${name}, 'revenue', revenue_${name}) as "${name}"`;
  const { rows } = await database.query<Known>(
    `select date, currency, origin, ${side("then")}, ${side("now")} from public.known_figures($1, $2, $3, $4) order by date`,
    [
      client,
      addDays(today, 1 - settledDays - (hours < 0 ? pastDays.running : pastDays.whole)),
      addDays(today, -settledDays),
      hours.toFixed(4),
    ],
  );
  return rows;
}
