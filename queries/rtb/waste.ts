import { Big } from "big.js";
import { addDays } from "../../core/days.ts";
import {
  adviseFunnel,
  emptyFunnel,
  ratesOf,
  type AdviseOf,
  type FunnelAdvice,
  type FunnelRates,
} from "../../rules/rtb/funnel.ts";
import { coverSizes, type SizeCoverage } from "../../rules/rtb/size-coverage.ts";
import type { SpendReport } from "../../settings/files.ts";
import type { Queryable } from "../../schema/database.ts";
import {
  readDelivery,
  readFiltering,
  readFunnel,
  readQuality,
  readSeatSpend,
  readShownSizes,
  readSizeStock,
  readSizeTraffic,
  type Delivery,
  type FilteredBids,
  type FunnelGroup,
  type QualityGroup,
  type SeatDays,
  type SeatSpend,
} from "./funnel-figures.ts";
import { readInvalidTraffic, type InvalidGroup } from "./invalid-traffic.ts";
import { readSpendSources, type SpendSource } from "./spend-sources.ts";

const hoursADay = 24;

export interface WasteQuestion {
  client: string;
  buyerId: string | null;
  days: number;
  /** The last of them: today in the zone that reports are exported in, or an earlier one. */
  to: string;
  spendReport: SpendReport;
}

export type RatedGroup = FunnelGroup & { rates: FunnelRates; advice: FunnelAdvice[] };

export interface PlacedAdvice extends FunnelAdvice {
  by: AdviseOf["by"];
  value: number;
  /** Which country, publisher, hour or size it is about. */
  of: string;
  name: string | null;
}

export interface Waste {
  from: string;
  to: string;
  /** Null without a report that says it. */
  funnel: RatedGroup | null;
  countries: RatedGroup[];
  publishers: RatedGroup[];
  hours: RatedGroup[];
  delivery: (Delivery & { rates: FunnelRates }) | null;
  quality: (QualityGroup & { rates: FunnelRates; advice: FunnelAdvice[] })[];
  filtering: FilteredBids[];
  invalid: (InvalidGroup & { rates: FunnelRates; advice: FunnelAdvice[] })[];
  spend: SeatSpend | null;
  spendSources: SpendSource[];
  /** Spend by 1,000 bid requests, decimal text; null where one of them is unknown. What a request costs the bidder no report says. */
  costPerThousand: string | null;
  advice: PlacedAdvice[];
  /** What no report of these days says. */
  missing: string[];
}

export function daysAsked({ client, buyerId, days, to }: Omit<WasteQuestion, "spendReport">): SeatDays {
  return { client, buyerId, from: addDays(to, 1 - days), to };
}

/** Where bid requests are lost on their way to an impression, of the last days up to today. */
export async function readWaste(database: Queryable, question: WasteQuestion): Promise<Waste> {
  const of = daysAsked(question);
  const [[all], countries, publishers, hours] = [
    await readFunnel(database, of, "all"),
    await readFunnel(database, of, "country"),
    await readFunnel(database, of, "publisher"),
    await readFunnel(database, of, "hour"),
  ];
  const delivery = await readDelivery(database, of);
  const quality = await readQuality(database, of);
  const filtering = await readFiltering(database, of);
  const invalid = (await readInvalidTraffic(database, of)).map(ratedInvalid);
  const spend = await readSeatSpend(database, of, question.spendReport);
  const spendSources = await readSpendSources(database, of, question.spendReport);
  const funnel = all === undefined ? null : { ...all, rates: ratesOf(all.funnel, all.days), advice: [] };
  const costPerThousand = costOf(spend, funnel);
  const parts = {
    countries: countries.map((group) => rated(group, "country")),
    publishers: publishers.map((group) => rated(group, "publisher")),
    hours: hours.map(ratedHour),
    quality: quality.map(ratedQuality),
    invalid,
  };
  const found = {
    funnel,
    ...parts,
    delivery:
      delivery === null
        ? null
        : { ...delivery, rates: ratesOf({ ...emptyFunnel, ...countsOf(delivery) }, delivery.days) },
    filtering,
    spend,
    spendSources,
    costPerThousand,
  };
  return { from: of.from, to: of.to, ...found, advice: placed(parts), missing: whatIsMissing(found, question.days) };
}

function rated(group: FunnelGroup, by: AdviseOf["by"]): RatedGroup {
  const { funnel, days, value } = group;
  return { ...group, rates: ratesOf(funnel, days), advice: adviseFunnel(funnel, days, { by, value }) };
}

/** An hour has a 24th of a day's seconds; what is said of it is by the day, as of anything. */
function ratedHour(group: FunnelGroup): RatedGroup {
  const { funnel, days } = group;
  return { ...rated(group, "hour"), rates: ratesOf(funnel, days / hoursADay) };
}

const countsOf = ({ days: _days, ...counts }: Delivery) => counts;

function ratedQuality(group: QualityGroup) {
  const { size, impressions, viewable, measurable, invalid, days } = group;
  const funnel = { ...emptyFunnel, impressions, viewable, measurable, invalid };
  return { ...group, rates: ratesOf(funnel, days), advice: adviseFunnel(funnel, days, { by: "size", value: size }) };
}

function ratedInvalid(group: InvalidGroup) {
  const { by, value, impressions, viewable, measurable, invalid, days } = group;
  const funnel = { ...emptyFunnel, impressions, viewable, measurable, invalid };
  return { ...group, rates: ratesOf(funnel, days), advice: adviseFunnel(funnel, days, { by, value }) };
}

/** By what most requests are about: a country before an hour of it. */
function placed(parts: Pick<Waste, "countries" | "publishers" | "hours" | "quality" | "invalid">): PlacedAdvice[] {
  const said = (by: PlacedAdvice["by"], groups: readonly RatedGroup[]) =>
    groups.flatMap(({ value, name, advice }) => advice.map((one) => ({ ...one, by, of: value ?? "", name })));
  return [
    ...said("country", parts.countries),
    ...said("publisher", parts.publishers),
    ...said("hour", parts.hours),
    ...parts.quality.flatMap(({ size, advice }) =>
      advice.map((one) => ({ ...one, by: "size" as const, of: size, name: null })),
    ),
    ...parts.invalid.flatMap(({ by, value, name, advice }) => advice.map((one) => ({ ...one, by, of: value, name }))),
  ];
}

function costOf(spend: SeatSpend | null, funnel: FunnelGroup | null): string | null {
  const requests = funnel?.funnel.bidRequests ?? 0;
  return spend === null || requests === 0 ? null : new Big(spend.spend).times(1_000).div(requests).toFixed(6);
}

function whatIsMissing(
  found: Pick<
    Waste,
    "funnel" | "countries" | "publishers" | "hours" | "delivery" | "quality" | "filtering" | "invalid" | "spend"
  >,
  days: number,
): string[] {
  const { funnel, publishers, hours, countries, delivery, quality, filtering, invalid, spend } = found;
  const missing: string[] = [];
  const say = (isMissing: boolean, text: string) => void (isMissing && missing.push(text));
  const without = (groups: readonly FunnelGroup[]) => groups.every(({ value }) => value === null);
  say(
    funnel === null,
    'No report "pipeline by country" or "pipeline by publisher": bid requests and their waste are unknown',
  );
  if (funnel !== null) {
    const { inventoryMatches, successfulResponses, bids } = funnel.funnel;
    say(funnel.days < days, `Only ${funnel.days} of ${days} days have data`);
    say(inventoryMatches === null, "Not every report has Inventory matches: the callout rate is unknown");
    say(successfulResponses === null, "Not every report has Successful responses: the response rate is unknown");
    say(bids === null, "Not every report has Bids: bid rate and waste are unknown");
    say(without(countries), "The report has no column Country: waste by country is unknown");
    say(without(hours), "The report has no column Hour: waste by hour is unknown");
    say(publishers.length === 0, 'No report "pipeline by publisher": waste by publisher is unknown');
  }
  say(delivery === null, 'No report "bids in auction": delivery loss after bidding is unknown');
  say(quality.length === 0, 'No report "quality": viewability is unknown');
  say(
    invalid.length === 0 && quality.every((one) => one.invalid === null),
    'No report "invalid traffic", and no column IVT credited impressions in "quality": invalid traffic is unknown',
  );
  say(filtering.length === 0, 'No report "bid filtering": why bids did not take part is unknown');
  say(spend === null, "No spend of these days: what requests cost is unknown");
  return missing;
}

/** The sizes that are asked for beside those that there are creatives of. */
export async function readSizeCoverage(
  database: Queryable,
  question: WasteQuestion,
): Promise<SizeCoverage & { from: string; to: string; unsized: number }> {
  const of = daysAsked(question);
  const { traffic, days, seconds } = await readSizeTraffic(database, of);
  const { stock, unsized } = await readSizeStock(database, of);
  const [funnel = null] = await readFunnel(database, of, "all");
  const spend = await readSeatSpend(database, of, question.spendReport);
  const shown = await readShownSizes(database, of);
  const coverage = coverSizes({
    stock,
    traffic,
    shown,
    daysWithData: days,
    secondsWithData: seconds,
    costPerThousand: costOf(spend, funnel),
  });
  return { ...coverage, from: of.from, to: of.to, unsized };
}
