/** What reports count on the way from a possible query to an impression. Null where a report has no such column. */
export interface Funnel {
  inventoryMatches: number | null;
  bidRequests: number | null;
  successfulResponses: number | null;
  bids: number | null;
  bidsInAuction: number | null;
  auctionsWon: number | null;
  impressions: number | null;
  /** Attributed after bidding: no measure of what an endpoint carries. */
  reachedQueries: number | null;
  viewable: number | null;
  measurable: number | null;
  /** Impressions that were filtered as invalid. */
  invalid: number | null;
}

/** Each a ratio of sums; null where a part is unknown or there is nothing to divide by. */
export interface FunnelRates {
  calloutRate: number | null;
  responseRate: number | null;
  bidRate: number | null;
  winRate: number | null;
  /** Requests without a bid, as a share of requests. */
  wasteRatio: number | null;
  /** Reached queries without an impression. Not waste of an endpoint, and never added to it. */
  deliveryLoss: number | null;
  viewability: number | null;
  invalidShare: number | null;
  /** Bid requests a second, over the days that have data. */
  qps: number | null;
}

export const emptyFunnel: Funnel = {
  inventoryMatches: null,
  bidRequests: null,
  successfulResponses: null,
  bids: null,
  bidsInAuction: null,
  auctionsWon: null,
  impressions: null,
  reachedQueries: null,
  viewable: null,
  measurable: null,
  invalid: null,
};

const secondsADay = 86_400;

/** A sum of what is known: unknown only where no part knows. */
export function sumFunnels(parts: readonly Funnel[]): Funnel {
  const sum = { ...emptyFunnel };
  for (const part of parts)
    for (const name of Object.keys(emptyFunnel) as (keyof Funnel)[]) {
      const count = part[name];
      if (count !== null) sum[name] = (sum[name] ?? 0) + count;
    }
  return sum;
}

export function ratesOf(funnel: Funnel, daysWithData: number): FunnelRates {
  const { bidRequests, bids, impressions, reachedQueries } = funnel;
  return {
    calloutRate: ratio(bidRequests, funnel.inventoryMatches),
    responseRate: ratio(funnel.successfulResponses, bidRequests),
    bidRate: ratio(bids, bidRequests),
    winRate: ratio(funnel.auctionsWon, funnel.bidsInAuction),
    wasteRatio: ratio(difference(bidRequests, bids), bidRequests),
    deliveryLoss: ratio(difference(reachedQueries, impressions), reachedQueries),
    viewability: ratio(funnel.viewable, funnel.measurable),
    invalidShare: ratio(funnel.invalid, impressions),
    qps: bidRequests === null || daysWithData <= 0 ? null : bidRequests / (daysWithData * secondsADay),
  };
}

function ratio(part: number | null, whole: number | null): number | null {
  return part === null || whole === null || whole === 0 ? null : part / whole;
}

/** A request can have several bids, and a query several impressions: then nothing is lost. */
const difference = (one: number | null, other: number | null) =>
  one === null || other === null ? null : Math.max(0, one - other);

export interface FunnelAdvice {
  kind: "no_bids" | "low_win_rate" | "low_viewability" | "invalid_traffic";
  /** What was found, and what it was held against. */
  value: number;
  threshold: number;
  text: string;
}

export interface AdviceThresholds {
  /** Below this nothing is said: chance decides. */
  leastRequests: number;
  /** Of requests a day, from which requests without a bid are worth leaving out. */
  manyRequestsADay: number;
  leastWinRate: number;
  leastViewability: number;
  mostInvalid: number;
}

/** As practitioners set them. */
export const adviceThresholds: AdviceThresholds = {
  leastRequests: 1_000,
  manyRequestsADay: 10_000,
  leastWinRate: 0.05,
  leastViewability: 0.5,
  mostInvalid: 0.05,
};

/** What advice is about; null where the report does not say which. */
export interface AdviseOf {
  by: "country" | "publisher" | "hour" | "size";
  value: string | null;
}

/** What to do about one country, publisher, hour or size; nothing where a report does not have what it takes to say so, or not which it is. */
export function adviseFunnel(
  funnel: Funnel,
  daysWithData: number,
  of: AdviseOf,
  thresholds: AdviceThresholds = adviceThresholds,
): FunnelAdvice[] {
  // Nothing can be left out that has no name.
  if (of.value === null || of.value === "") return [];
  const leaveOut = leavingOut({ by: of.by, value: of.value });
  const { bidRequests, bids, bidsInAuction, measurable, impressions } = funnel;
  const rates = ratesOf(funnel, daysWithData);
  const { leastRequests, manyRequestsADay, leastWinRate, leastViewability, mostInvalid } = thresholds;
  const advice: FunnelAdvice[] = [];
  const enough = (count: number | null): count is number => count !== null && count >= leastRequests;
  if (enough(bidRequests) && bids === 0 && daysWithData > 0 && bidRequests / daysWithData >= manyRequestsADay) {
    const value = bidRequests / daysWithData;
    advice.push({
      kind: "no_bids",
      value,
      threshold: manyRequestsADay,
      text: `${whole(value)} bid requests a day and no bid: ${leaveOut}`,
    });
  }
  if (enough(bidsInAuction) && rates.winRate !== null && rates.winRate < leastWinRate)
    advice.push({
      kind: "low_win_rate",
      value: rates.winRate,
      threshold: leastWinRate,
      text: `${percent(rates.winRate)} of auctions are won, under ${percent(leastWinRate)}: bid more here, or ${leaveOut}`,
    });
  if (enough(measurable) && rates.viewability !== null && rates.viewability < leastViewability)
    advice.push({
      kind: "low_viewability",
      value: rates.viewability,
      threshold: leastViewability,
      text: `${percent(rates.viewability)} of measurable impressions are viewable, under ${percent(leastViewability)}: raise the viewability that pretargeting asks for, or ${leaveOut}`,
    });
  if (enough(impressions) && rates.invalidShare !== null && rates.invalidShare > mostInvalid)
    advice.push({
      kind: "invalid_traffic",
      value: rates.invalidShare,
      threshold: mostInvalid,
      text: `${percent(rates.invalidShare)} of impressions are invalid traffic, over ${percent(mostInvalid)}: ${leaveOut}`,
    });
  return advice;
}

/** In words of what pretargeting has: it includes countries, sizes and formats, excludes publishers, and knows no hours. */
function leavingOut({ by, value }: { by: AdviseOf["by"]; value: string }): string {
  switch (by) {
    case "country":
      return "leave it out of the countries of pretargeting";
    case "publisher":
      return "exclude the publisher in pretargeting";
    case "hour":
      return "let the bidder take fewer requests then: pretargeting knows no hours";
    case "size":
      return leavingOutSize(value);
  }
}

/** A size is left out as the report writes it; what is a word there is no size to pretargeting. */
function leavingOutSize(size: string): string {
  if (/^[01]x[01]$/.test(size)) return "look at its publishers: it adapts, and pretargeting knows it by no size";
  if (/^\d+x\d+$/.test(size)) return `leave ${size} out of the sizes that pretargeting includes`;
  if (/interstitial/i.test(size)) return "ask in pretargeting for requests without interstitials only";
  const format = /video|overlay/i.test(size) ? "VAST" : /native/i.test(size) ? "NATIVE" : null;
  return format === null
    ? "leave it out of the sizes that pretargeting includes"
    : `leave ${format} out of the formats that pretargeting includes`;
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
export const whole = (count: number) => Math.round(count).toLocaleString("en-US");
