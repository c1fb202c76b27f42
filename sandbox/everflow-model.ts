import { startOfDay } from "../core/days.ts";
import { eachDay } from "./civil-day.ts";
import { decimalFromMicros, microsFromDecimal } from "./decimal.ts";
import { completeDay, FIRST_DAY, lateConversion, type Conversion, type NetworkDay } from "./everflow-data.ts";
import type { Affiliate, Offer } from "./everflow-network.ts";
import type { DataFault } from "./fault-kinds.ts";
import type { DumpQuery, JsonObject, Surroundings } from "./vendor.ts";

/** Whose days the data is made in. */
export const NETWORK_ZONE = "America/New_York";

/** One affiliate on one offer on one day, exact. */
export interface Stats {
  day: string;
  affiliate: Affiliate;
  offer: Offer;
  clicks: number;
  conversions: number;
  events: number;
  payoutMicros: bigint;
  revenueMicros: bigint;
}

/** How many conversions came while a day was read, by the fault that brings them. */
const arrived = new WeakMap<DataFault, number>();

/** What is true of a client's days right now: the data, grown as far as the clock is, with the faults that change it. */
export function conversionsBetween(surroundings: Surroundings, range: Omit<DumpQuery, "zone">): readonly Conversion[] {
  const days = networkDays(surroundings, range);
  const [only] = days;
  // One day is what a reader asks for, page after page: as it is, uncopied.
  return days.length === 1 && only !== undefined
    ? only[1].conversions
    : days.flatMap(([, { conversions }]) => conversions);
}

export function statsBetween(surroundings: Surroundings, range: Omit<DumpQuery, "zone">): Stats[] {
  return networkDays(surroundings, range).flatMap(([day, network]) =>
    surroundings.dataFaults(range.client, day).reduce(adjusted, sumsOf(day, network)),
  );
}

/** After a page was read: what the faults of its days add before the next one. */
export function letConversionsArrive({ dataFaults }: Surroundings, client: string, days: readonly string[]): void {
  for (const fault of days.flatMap((day) => dataFaults(client, day))) {
    if (fault.kind === "insert_while_paging")
      arrived.set(fault, Math.min(fault.most, (arrived.get(fault) ?? 0) + fault.rows));
  }
}

function networkDays(
  surroundings: Surroundings,
  { client, from, to }: Omit<DumpQuery, "zone">,
): [string, NetworkDay][] {
  const lastDay = surroundings.clock.today(NETWORK_ZONE);
  return eachDay(from > FIRST_DAY ? from : FIRST_DAY, to < lastDay ? to : lastDay).map((day) => {
    const faults = surroundings.dataFaults(client, day);
    const soFar = faults.find((fault) => fault.kind === "so_far")?.share;
    const grown = dayUntil(completeDay(client, day), soFar ?? surroundings.clock.elapsedShare(day, NETWORK_ZONE));
    return [day, faults.reduce((known, fault) => changed(known, fault, client, day), grown)];
  });
}

function dayUntil(day: NetworkDay, share: number): NetworkDay {
  if (share >= 1) return day;
  const now = share * 86_400;
  return {
    conversions: day.conversions.filter(({ second }) => second <= now),
    clicks: day.clicks
      .map((row) => ({ ...row, clicks: Math.floor(row.clicks * share) }))
      .filter(({ clicks }) => clicks > 0),
  };
}

function changed(day: NetworkDay, fault: DataFault, client: string, name: string): NetworkDay {
  switch (fault.kind) {
    case "withdraw":
      return { conversions: [], clicks: [] };
    case "set_status": {
      const { conversionId, every = 1, status } = fault;
      const isMeant = (conversion: Conversion, index: number) =>
        conversionId === undefined ? index % every === 0 : conversion.id === conversionId;
      return {
        ...day,
        conversions: day.conversions.map((conversion, index) =>
          isMeant(conversion, index) ? { ...conversion, status } : conversion,
        ),
      };
    }
    case "insert_while_paging": {
      const late = Array.from({ length: arrived.get(fault) ?? 0 }, (_, index) => lateConversion(client, name, index));
      return { ...day, conversions: [...late.reverse(), ...day.conversions] };
    }
    default:
      return day;
  }
}

function adjusted(stats: readonly Stats[], fault: DataFault): readonly Stats[] {
  if (fault.kind !== "adjust_stats") return stats;
  const at = stats.findIndex((row) => row.affiliate.id === fault.affiliateId);
  return stats.map((row, index) =>
    index === at ? { ...row, payoutMicros: row.payoutMicros + microsFromDecimal(fault.payout) } : row,
  );
}

/** A day that is over is asked for affiliate by affiliate: it is summed once. */
const summed = new WeakMap<NetworkDay, readonly Stats[]>();

function sumsOf(day: string, network: NetworkDay): readonly Stats[] {
  const sums = summed.get(network) ?? sumUp(day, network);
  summed.set(network, sums);
  return sums;
}

/** The day's statistics are the sums of its approved conversions, and its clicks. */
function sumUp(day: string, { conversions, clicks }: NetworkDay): Stats[] {
  const rows = new Map<string, Stats>();
  const at = (affiliate: Affiliate, offer: Offer) => {
    const place = `${affiliate.id}/${offer.id}`;
    const row = rows.get(place) ?? {
      day,
      affiliate,
      offer,
      clicks: 0,
      conversions: 0,
      events: 0,
      payoutMicros: 0n,
      revenueMicros: 0n,
    };
    rows.set(place, row);
    return row;
  };
  for (const { affiliate, offer, clicks: count } of clicks) at(affiliate, offer).clicks += count;
  for (const { affiliate, offer, status, event, payoutMicros, revenueMicros } of conversions) {
    const row = at(affiliate, offer);
    if (status !== "approved") continue;
    row.conversions += event === "Base" ? 1 : 0;
    row.events += event === "Base" ? 0 : 1;
    row.payoutMicros += payoutMicros;
    row.revenueMicros += revenueMicros;
  }
  return [...rows.values()];
}

/** The moment of a conversion, in seconds since 1970. */
export function secondOf({ day, second }: Conversion): number {
  return dayStart(day) + second;
}

const dayStarts = new Map<string, number>();

function dayStart(day: string): number {
  const known = dayStarts.get(day) ?? startOfDay(day, NETWORK_ZONE).getTime() / 1_000;
  dayStarts.set(day, known);
  return known;
}

export function dumpStats(row: Stats): JsonObject {
  return {
    date: row.day,
    ...partiesOf(row),
    currency: row.offer.currency,
    clicks: row.clicks,
    conversions: row.conversions,
    payout: decimalFromMicros(row.payoutMicros),
    revenue: decimalFromMicros(row.revenueMicros),
    profit: decimalFromMicros(row.revenueMicros - row.payoutMicros),
    events: row.events,
  };
}

export function dumpConversion(conversion: Conversion): JsonObject {
  return {
    conversion_id: conversion.id,
    date: conversion.day,
    converted_at: new Date(secondOf(conversion) * 1_000).toISOString(),
    status: conversion.status,
    is_event: conversion.event !== "Base",
    event: conversion.event,
    ...partiesOf(conversion),
    currency: conversion.offer.currency,
    payout: decimalFromMicros(conversion.payoutMicros),
    revenue: decimalFromMicros(conversion.revenueMicros),
  };
}

function partiesOf({ affiliate, offer }: { affiliate: Affiliate; offer: Offer }): JsonObject {
  return {
    affiliate_id: affiliate.id,
    affiliate_name: affiliate.name,
    advertiser_id: offer.advertiser.id,
    advertiser_name: offer.advertiser.name,
    offer_id: offer.id,
    offer_name: offer.name,
  };
}
