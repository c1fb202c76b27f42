import { durationText } from "../../core/duration.ts";
import { fromMicros, toMicros } from "../../core/money.ts";
import { whole } from "./funnel.ts";
import { canonicalSize, nearestSize } from "./sizes.ts";

/** Bid requests of one size, from the bidder's own traffic: no report of Google's has requests by size. */
export interface SizeTraffic {
  width: number | null;
  height: number | null;
  format: string | null;
  requests: number;
  /** What the size is called, where it was sent as a word such as Interstitial. */
  canonical?: string | null;
}

/** Active creatives of one size. */
export interface SizeStock {
  canonical: string;
  format: string;
  creatives: number;
}

export type Coverage = "good" | "low" | "none" | "excess" | "unknown";

export interface CoveredSize {
  canonical: string;
  creatives: number;
  formats: Record<string, number>;
  /** Null without any traffic data: then nothing is known of demand. */
  requests: number | null;
  /** Of all requests. */
  share: number | null;
  qps: number | null;
  coverage: Coverage;
  advice: SizeAdvice | null;
}

export interface SizeAdvice {
  kind: "block" | "add_creative" | "use_flexible" | "monitor";
  requestsADay: number;
  /** From which the advice holds. */
  threshold: number;
  text: string;
  /** What these requests cost in a month, as decimal text; an estimate, and null without a cost for 1,000 requests. */
  monthlyCost: string | null;
}

export interface SizeCoverage {
  sizes: CoveredSize[];
  requests: number | null;
  /** Requests for sizes without a creative, and their share of all. */
  wasted: number | null;
  wasteShare: number | null;
  daysWithData: number;
  /** So many seconds of them the traffic is about: rates are over these, and requests a day are what they come to in a day. */
  secondsWithData: number;
  /** Requests whose size could not be read. */
  unreadable: number;
  /** What cannot be said, in words; null when nothing is missing. */
  missing: string | null;
}

const blockFromADay = 10_000;
const addFromADay = 1_000;
/** Fewer creatives than this are few, where there are more requests than that. */
const fewCreatives = 3;
const lowFromRequests = 1_000;
const secondsADay = 86_400;
const daysAMonth = 30;

export interface CoverageQuestion {
  stock: readonly SizeStock[];
  /** Empty where the bidder sends no traffic of its own. */
  traffic: readonly SizeTraffic[];
  /** Sizes, as they are called, that a report has impressions of: whoever shows them is asked for them. */
  shown?: ReadonlySet<string>;
  daysWithData: number;
  secondsWithData: number;
  /** For 1,000 requests, decimal text. */
  costPerThousand: string | null;
}

interface Demand {
  requests: number;
  /** Of these, requests a few pixels off the standard size. */
  off: number;
}

/** Holds the sizes that are asked for against the sizes there are creatives of. */
export function coverSizes(question: CoverageQuestion): SizeCoverage {
  const { stock, traffic, shown, daysWithData, secondsWithData } = question;
  const known = traffic.length > 0 && secondsWithData > 0;
  const { demands, unreadable } = demandOf(traffic);
  const total = [...demands.values()].reduce((sum, { requests }) => sum + requests, 0);
  const stocks = stockOf(stock);
  // A request that names no size is for any creative of its category.
  for (const category of ["Interstitial", "Video"] as const)
    if (demands.has(unsized(category)))
      stocks.set(unsized(category), totalOf(stock.filter(({ canonical }) => categoryOf(canonical) === category)));
  const names = [...new Set([...demands.keys(), ...stocks.keys()])];
  const sizes = names.map((canonical): CoveredSize => {
    const { creatives, formats } = stocks.get(canonical) ?? { creatives: 0, formats: {} };
    const demand = demands.get(canonical) ?? { requests: 0, off: 0 };
    const isAsked = shown?.has(canonical) === true || demands.has(unsized(categoryOf(canonical)));
    const coverage = known ? coverageOf(creatives, demand.requests, isAsked) : "unknown";
    return {
      canonical,
      creatives,
      formats,
      requests: known ? demand.requests : null,
      share: known && total > 0 ? demand.requests / total : null,
      qps: known ? demand.requests / secondsWithData : null,
      coverage,
      advice: coverage === "none" ? adviseSize(canonical, demand, question) : null,
    };
  });
  sizes.sort(
    (one, other) =>
      (other.requests ?? 0) - (one.requests ?? 0) ||
      other.creatives - one.creatives ||
      (one.canonical < other.canonical ? -1 : 1),
  );
  const wasted = sizes.reduce((sum, one) => (one.coverage === "none" ? sum + (one.requests ?? 0) : sum), 0);
  return {
    sizes,
    requests: known ? total : null,
    wasted: known ? wasted : null,
    wasteShare: known && total > 0 ? wasted / total : null,
    daysWithData,
    secondsWithData,
    unreadable,
    missing: known
      ? null
      : "No traffic data of the bidder's own: Google's reports have no bid requests by size, so demand and waste by size are unknown",
  };
}

function demandOf(traffic: readonly SizeTraffic[]): { demands: Map<string, Demand>; unreadable: number } {
  const demands = new Map<string, Demand>();
  let unreadable = 0;
  for (const { width, height, format, requests, canonical } of traffic) {
    const size = canonical ?? canonicalSize({ width, height, format })?.canonical ?? null;
    if (size === null) {
      unreadable += requests;
      continue;
    }
    const demand = demands.get(size) ?? { requests: 0, off: 0 };
    demand.requests += requests;
    if (isOff(width, height)) demand.off += requests;
    demands.set(size, demand);
  }
  return { demands, unreadable };
}

/** Near a standard size, and not that size. */
function isOff(width: number | null, height: number | null): boolean {
  if (width === null || height === null) return false;
  const near = nearestSize({ width, height });
  return near !== null && (near.width !== width || near.height !== height);
}

function stockOf(stock: readonly SizeStock[]): Map<string, Stocked> {
  const found = new Map<string, Stocked>();
  for (const { canonical, format, creatives } of stock) {
    if (creatives <= 0) continue;
    const one = found.get(canonical) ?? { creatives: 0, formats: {} };
    addTo(one, format, creatives);
    found.set(canonical, one);
  }
  return found;
}

interface Stocked {
  creatives: number;
  formats: Record<string, number>;
}

function addTo(one: Stocked, format: string, creatives: number): void {
  one.creatives += creatives;
  one.formats[format] = (one.formats[format] ?? 0) + creatives;
}

function totalOf(stock: readonly SizeStock[]): Stocked {
  const total: Stocked = { creatives: 0, formats: {} };
  for (const { format, creatives } of stock) if (creatives > 0) addTo(total, format, creatives);
  return total;
}

/** Of a size as it is called. A native creative has no other size than that. */
function categoryOf(canonical: string): "Interstitial" | "Video" | null {
  if (canonical.startsWith("Video ")) return "Video";
  return canonical.includes("Interstitial") ? "Interstitial" : null;
}

const unsized = (category: "Interstitial" | "Video" | null) => `${category ?? ""} (size unknown)`;

/** Without a request of its own, a size that is asked for in other ways is no excess: how often nobody says. */
function coverageOf(creatives: number, requests: number, isAsked: boolean): Coverage {
  if (creatives === 0) return "none";
  if (requests === 0) return isAsked ? "unknown" : "excess";
  return creatives < fewCreatives && requests > lowFromRequests ? "low" : "good";
}

/** How long the traffic of days is about, in words; null where that is all of them. */
export function partOfDays({
  daysWithData,
  secondsWithData,
}: Pick<SizeCoverage, "daysWithData" | "secondsWithData">): string | null {
  return secondsWithData >= daysWithData * secondsADay ? null : durationText(secondsWithData);
}

/** There is no list of excluded sizes at Google: a size is blocked by leaving it out of the included ones. */
function adviseSize(canonical: string, { requests, off }: Demand, question: CoverageQuestion): SizeAdvice {
  const { secondsWithData, costPerThousand } = question;
  const requestsADay = (requests / secondsWithData) * secondsADay;
  const basis = partOfDays(question);
  const amount = `${basis === null ? "" : "about "}${whole(requestsADay)} requests a day${basis === null ? "" : ` (by ${basis} of data)`}`;
  const monthlyCost = costPerThousand === null ? null : costOf(requestsADay * daysAMonth, costPerThousand);
  const advice = (kind: SizeAdvice["kind"], threshold: number, text: string): SizeAdvice => ({
    kind,
    requestsADay,
    threshold,
    text,
    monthlyCost,
  });
  if (requestsADay < addFromADay) return advice("monitor", 0, `${amount} and no creative: watch whether it grows`);
  if (off * 2 > requests)
    return advice(
      "use_flexible",
      addFromADay,
      `${amount} a few pixels off: a flexible creative of ${canonical} fits them`,
    );
  if (requestsADay < blockFromADay || !isDimension(canonical))
    return advice("add_creative", addFromADay, `${amount} and no creative: add one of ${canonical}`);
  return advice(
    "block",
    blockFromADay,
    `${amount} and no creative: leave ${canonical} out of the sizes that pretargeting includes, or add a creative`,
  );
}

/** What pretargeting includes are widths and heights of banners: interstitials, videos and native ads it knows by format. */
const isDimension = (canonical: string) => /^(?:\d|Non-Standard)/.test(canonical) && categoryOf(canonical) === null;

/** Requests in whole thousands and parts, in millionths all the way: no float touches an amount. */
function costOf(requests: number, costPerThousand: string): string {
  return fromMicros((BigInt(Math.round(requests)) * toMicros(costPerThousand) + 500n) / 1_000n);
}
