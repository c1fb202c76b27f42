import { chance } from "./chance.ts";
import { microsFromCents } from "./decimal.ts";
import { MAJORS, trafficSources, type TrafficSource } from "./redtrack-sources.ts";

/** One source on one day, exact. */
export interface SpendRow {
  date: string;
  sourceId: string;
  sourceName: string;
  sourceAlias: string;
  clicks: number;
  conversions: number;
  totalConversions: number;
  costMicros: bigint;
  revenueMicros: bigint;
  totalRevenueMicros: bigint;
  /** Where campaigns are asked for. */
  campaign?: { id: string; name: string };
}

/** The same spend by campaign: two of each source, which share each figure without a rest. */
export function byCampaign(row: SpendRow): SpendRow[] {
  const first = (whole: number) => Math.floor(whole * 0.6);
  const cents = (micros: bigint) => (micros * 6n) / 10n;
  const named = (name: string) => ({
    id: `c${name.length}${row.sourceId === "" ? "0" : row.sourceId}`,
    name: `${row.sourceName === "" ? "Direct" : row.sourceName} ${name}`,
  });
  const one = {
    ...row,
    campaign: named("Prospecting"),
    clicks: first(row.clicks),
    conversions: first(row.conversions),
    totalConversions: first(row.totalConversions),
    costMicros: cents(row.costMicros),
    revenueMicros: cents(row.revenueMicros),
    totalRevenueMicros: cents(row.totalRevenueMicros),
  };
  const other = {
    ...row,
    campaign: named("Retargeting"),
    clicks: row.clicks - one.clicks,
    conversions: row.conversions - one.conversions,
    totalConversions: row.totalConversions - one.totalConversions,
    costMicros: row.costMicros - one.costMicros,
    revenueMicros: row.revenueMicros - one.revenueMicros,
    totalRevenueMicros: row.totalRevenueMicros - one.totalRevenueMicros,
  };
  return [one, other];
}

/** What is known of a day when `share` of it is over: never less than before, and all of it at 1. */
export function dayUntil(rows: readonly SpendRow[], share: number): readonly SpendRow[] {
  if (share >= 1) return rows;
  // Slow at night, fast in the middle of the day.
  const curve = 0.4 * share + 0.6 * share * share * (3 - 2 * share);
  const millionths = BigInt(Math.floor(curve * 1_000_000));
  const count = (whole: number) => Math.floor(whole * curve);
  const cents = (micros: bigint) => ((micros * millionths) / 10_000_000_000n) * 10_000n;
  return rows
    .map((row) => ({
      ...row,
      clicks: count(row.clicks),
      conversions: count(row.conversions),
      totalConversions: count(row.totalConversions),
      costMicros: cents(row.costMicros),
      revenueMicros: cents(row.revenueMicros),
      totalRevenueMicros: cents(row.totalRevenueMicros),
    }))
    .filter((row) => row.clicks > 0);
}

/** The majors and a changing choice of the small sources, `count` in all. */
export function activeSources(client: string, day: string, count: number): TrafficSource[] {
  const sources = trafficSources(client);
  const small = sources
    .slice(MAJORS)
    .map((source) => ({ source, draw: chance("redtrack", client, day, "active", source.id) }))
    .sort((a, b) => a.draw - b.draw)
    .slice(0, count - MAJORS)
    .map(({ source }) => source);
  return [...sources.slice(0, MAJORS), ...small];
}

/** Completes a row: what its conversions earned follows from the source and the day. */
export function spendRow(
  client: string,
  day: string,
  source: Omit<TrafficSource, "weight">,
  figures: { costMicros: bigint; clicks: number; conversions: number },
): SpendRow {
  const payoutCents = 4_500 + Math.floor(chance("redtrack", client, source.id, "payout") * 5_000);
  const upsells = Math.floor(figures.conversions * 0.6 * chance("redtrack", client, day, source.id, "upsells"));
  return {
    date: day,
    sourceId: source.id,
    sourceName: source.name,
    sourceAlias: source.alias,
    ...figures,
    totalConversions: figures.conversions + upsells,
    revenueMicros: microsFromCents(figures.conversions * payoutCents),
    totalRevenueMicros: microsFromCents(figures.conversions * payoutCents + upsells * 1_995),
  };
}
