import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import type { readSizeCoverage, RatedGroup, Waste } from "../../queries/rtb/waste.ts";
import { adviceThresholds, type Funnel, type FunnelAdvice, type FunnelRates } from "../../rules/rtb/funnel.ts";
import { readSize } from "../../rules/rtb/sizes.ts";
import { spendReports, type SpendReport } from "../../settings/files.ts";
import { word } from "../server/lists.ts";
import { money, text } from "../server/shapes.ts";

export const wasteQuery = z.object({
  buyer_id: word.optional().describe("the seat; all seats together without it"),
  days: wholeNumber({ most: 365 }).default(7).describe("so many days up to `to`; 7 when left out"),
  to: z.iso.date().optional().describe("the last day; today by the reports' clock without it"),
});

export const allGroupsQuery = wasteQuery.extend({
  groups: wholeNumber({ most: 20_000 })
    .default(200)
    .describe("how many countries and publishers, those with most requests, 200 when left out; the others are counted"),
});

const count = z.number().nullable().describe("null where not every report of these days has it");
const percent = z
  .number()
  .nullable()
  .describe("percent, two places; null where a part is unknown or there is nothing to divide by");

const counts = {
  inventoryMatches: count,
  bidRequests: count,
  successfulResponses: count,
  reachedQueries: count,
  bids: count,
  bidsInAuction: count,
  auctionsWon: count,
  impressions: count,
};
const rates = z.object({
  calloutRate: percent.describe("bid requests / inventory matches"),
  responseRate: percent.describe("successful responses / bid requests"),
  bidRate: percent.describe("bids / bid requests"),
  winRate: percent.describe("auctions won / bids in auction"),
  wasteRatio: percent.describe("(bid requests - bids) / bid requests"),
  qps: z
    .number()
    .nullable()
    .describe("bid requests a second over the days that have data, of an hour over its hours; two places"),
});
const advice = z.object({
  kind: z.enum(["no_bids", "low_win_rate", "low_viewability", "invalid_traffic"]),
  value: z.number().describe("what was found: requests a day for no_bids, else percent"),
  threshold: z.number().describe("what it was held against, in the same unit"),
  text: z.string(),
});
const group = z.object({ ...counts, rates, advice: z.array(advice) });
const frame = {
  buyerId: text.describe("null: all seats together"),
  days: z.number(),
  from: z.string(),
  to: z.string(),
  timezone: z.string().describe("the zone that days and hours are in: RTB_REPORT_TIMEZONE"),
};

export const wasteAnswer = z.object({
  ...frame,
  funnel: z
    .object({ ...counts, rates, report: z.string(), daysWithData: z.number() })
    .nullable()
    .describe("null without a pipeline report"),
  countries: z.array(group.extend({ country: text.describe("null: the report does not say") })),
  publishers: z.array(group.extend({ publisherId: z.string(), publisherName: text })),
  hours: z.array(group.extend({ hour: z.number().nullable() })),
  leftOut: z
    .object({ countries: z.number(), publishers: z.number() })
    .describe("beyond the `groups` with most requests"),
  delivery: z
    .object({
      daysWithData: z.number(),
      bids: count,
      bidsInAuction: count,
      auctionsWon: count,
      reachedQueries: count,
      impressions: count,
      winRate: percent,
      deliveryLoss: percent.describe(
        "(reached queries - impressions) / reached queries: after bidding, and no waste of an endpoint",
      ),
    })
    .nullable()
    .describe('by the report "bids in auction"'),
  quality: z
    .array(
      z.object({
        size: text.describe("as the report writes it"),
        canonical: text.describe("what that size counts as, as in size coverage"),
        daysWithData: z.number(),
        impressions: count,
        viewable: count,
        measurable: count,
        viewability: percent,
        invalidShare: percent,
        advice: z.array(advice),
      }),
    )
    .describe('by the report "quality"'),
  invalid: z
    .array(
      z.object({
        by: z.enum(["publisher", "country"]),
        of: text.describe("null: the report does not say"),
        name: text,
        daysWithData: z.number(),
        impressions: count,
        invalid: z.number().describe("impressions credited as invalid traffic"),
        prefiltered: count.describe("filtered before they were counted"),
        billed: count,
        invalidShare: percent.describe("invalid / impressions"),
        viewability: percent,
        advice: z.array(advice),
      }),
    )
    .describe('by the report "invalid traffic", those with most of it first'),
  filtering: z.array(z.object({ reason: z.string(), bids: z.number(), share: percent })),
  spend: z
    .object({
      spend: money,
      currency: z.string(),
      report: z.enum(spendReports).describe("the authority: RTB_SPEND_REPORT"),
      reportDays: z.number().describe("days that it has"),
      performanceDays: z.number().describe("other days, by files of ad performance"),
      perThousandRequestsExact: text.describe(
        "spend by 1,000 bid requests: what a request costs the bidder no report says",
      ),
    })
    .nullable(),
  spendSources: z
    .array(
      z.object({
        source: z.enum([...spendReports, "ad_performance"]),
        days: z.number().describe("of these days, those that it has"),
        spend: money.describe("all that it says of them"),
        counted: money.describe("what of that counts as the spend of these days"),
        common: z
          .object({ days: z.number(), spend: money, authority: money.describe("what the authority says of the same") })
          .nullable()
          .describe("the days and seats that it and the authority both have; null for the authority"),
      }),
    )
    .describe(
      "what each report, and ad performance, says of the same days: never added. Creatives and campaigns are by ad_performance",
    ),
  advice: z.array(advice.extend({ by: z.enum(["country", "publisher", "hour", "size"]), of: z.string(), name: text })),
  thresholds: z.object({
    leastRequests: z.number().describe("below this nothing is said"),
    manyRequestsADay: z.number(),
    leastWinRate: z.number(),
    leastViewability: z.number(),
    mostInvalid: z.number(),
  }),
  missing: z.array(z.string()).describe("what no report of these days says"),
});

interface Frame {
  buyerId: string | null;
  days: number;
  timezone: string;
  currency: string;
  spendReport: SpendReport;
}

const inPercent = (share: number | null) => (share === null ? null : Math.round(share * 10_000) / 100);
const twoPlaces = (value: number | null) => (value === null ? null : Math.round(value * 100) / 100);

function toRates({ calloutRate, responseRate, bidRate, winRate, wasteRatio, qps }: FunnelRates) {
  return {
    calloutRate: inPercent(calloutRate),
    responseRate: inPercent(responseRate),
    bidRate: inPercent(bidRate),
    winRate: inPercent(winRate),
    wasteRatio: inPercent(wasteRatio),
    qps: twoPlaces(qps),
  };
}

/** Shares in percent, requests a day as they are. */
function toAdvice<Advice extends FunnelAdvice>(one: Advice): Advice {
  const { kind, value, threshold } = one;
  if (kind === "no_bids") return { ...one, value: Math.round(value * 100) / 100 };
  return { ...one, value: inPercent(value) ?? 0, threshold: inPercent(threshold) ?? 0 };
}

const toCounts = ({ viewable: _v, measurable: _m, invalid: _i, ...known }: Funnel) => known;
const toGroup = ({ funnel, rates: found, advice: said }: RatedGroup) => ({
  ...toCounts(funnel),
  rates: toRates(found),
  advice: said.map(toAdvice),
});

const toDelivery = ({ days, rates: found, ...known }: NonNullable<Waste["delivery"]>) => ({
  daysWithData: days,
  bids: known.bids,
  bidsInAuction: known.bidsInAuction,
  auctionsWon: known.auctionsWon,
  reachedQueries: known.reachedQueries,
  impressions: known.impressions,
  winRate: inPercent(found.winRate),
  deliveryLoss: inPercent(found.deliveryLoss),
});

const toInvalid = ({ by, value, name, days, rates: found, ...one }: Waste["invalid"][number]) => ({
  by,
  of: value === "" ? null : value,
  name,
  daysWithData: days,
  impressions: one.impressions,
  invalid: one.invalid,
  prefiltered: one.prefiltered,
  billed: one.billed,
  invalidShare: inPercent(found.invalidShare),
  viewability: inPercent(found.viewability),
  advice: one.advice.map(toAdvice),
});

const firstOfEach = (groups: Waste["invalid"], most: number) =>
  (["publisher", "country"] as const).flatMap((by) => groups.filter((one) => one.by === by).slice(0, most));

export function toWaste(
  waste: Waste,
  { spendReport, currency, ...asked }: Frame,
  mostGroups: number,
): z.input<typeof wasteAnswer> {
  const { funnel, delivery, quality, filtering, spend } = waste;
  const filtered = filtering.reduce((sum, { bids }) => sum + bids, 0);
  const { leastWinRate, leastViewability, mostInvalid, ...others } = adviceThresholds;
  return {
    ...asked,
    from: waste.from,
    to: waste.to,
    funnel:
      funnel === null
        ? null
        : {
            ...toCounts(funnel.funnel),
            rates: toRates(funnel.rates),
            report: funnel.report,
            daysWithData: funnel.days,
          },
    countries: waste.countries.slice(0, mostGroups).map((one) => ({ country: one.value, ...toGroup(one) })),
    publishers: waste.publishers
      .slice(0, mostGroups)
      .map((one) => ({ publisherId: one.value ?? "", publisherName: one.name, ...toGroup(one) })),
    hours: waste.hours
      .map((one) => ({ hour: one.value === null ? null : Number(one.value), ...toGroup(one) }))
      .sort((one, other) => (one.hour ?? 24) - (other.hour ?? 24)),
    leftOut: {
      countries: Math.max(0, waste.countries.length - mostGroups),
      publishers: Math.max(0, waste.publishers.length - mostGroups),
    },
    delivery: delivery === null ? null : toDelivery(delivery),
    quality: quality.map(({ size, days, impressions, viewable, measurable, rates: found, advice: said }) => ({
      size: size === "" ? null : size,
      canonical: size === "" ? null : (readSize(size, null)?.canonical ?? null),
      daysWithData: days,
      impressions,
      viewable,
      measurable,
      viewability: inPercent(found.viewability),
      invalidShare: inPercent(found.invalidShare),
      advice: said.map(toAdvice),
    })),
    invalid: firstOfEach(waste.invalid, mostGroups).map(toInvalid),
    filtering: filtering.map(({ reason, bids }) => ({
      reason,
      bids,
      share: filtered === 0 ? null : inPercent(bids / filtered),
    })),
    spend:
      spend === null
        ? null
        : {
            spend: spend.spend,
            currency,
            report: spendReport,
            reportDays: spend.authorityDays,
            performanceDays: spend.performanceDays,
            perThousandRequestsExact: waste.costPerThousand,
          },
    spendSources: waste.spendSources,
    advice: waste.advice.map(toAdvice),
    thresholds: {
      ...others,
      leastWinRate: leastWinRate * 100,
      leastViewability: leastViewability * 100,
      mostInvalid: mostInvalid * 100,
    },
    missing: waste.missing,
  };
}

export const coverageAnswer = z.object({
  ...frame,
  sizes: z.array(
    z.object({
      size: z.string(),
      creatives: z.number(),
      formats: z.record(z.string(), z.number()),
      requests: count,
      share: percent.describe("of all requests"),
      qps: z.number().nullable(),
      coverage: z.enum(["good", "low", "none", "excess", "unknown"]),
      advice: z
        .object({
          kind: z.enum(["block", "add_creative", "use_flexible", "monitor"]),
          requestsADay: z.number(),
          threshold: z.number().describe("requests a day from which the advice holds"),
          text: z.string(),
          monthlyCost: money
            .nullable()
            .describe("what these requests cost in 30 days by spend and requests: an estimate"),
        })
        .nullable(),
    }),
  ),
  requests: count,
  wasted: count.describe("requests of sizes without a creative"),
  wasteShare: percent,
  daysWithData: z.number(),
  secondsWithData: z
    .number()
    .describe(
      "so many seconds of these days the traffic is about: qps is over them, and requests a day are 86,400 times that",
    ),
  unreadable: z.number().describe("requests whose size could not be read"),
  creativesWithoutSize: z.number(),
  missing: text.describe("what cannot be said; null when nothing is missing"),
});

export function toCoverage(
  found: Awaited<ReturnType<typeof readSizeCoverage>>,
  { spendReport: _report, currency: _currency, ...asked }: Frame,
): z.input<typeof coverageAnswer> {
  const { sizes, wasteShare, unsized, ...others } = found;
  return {
    ...asked,
    ...others,
    creativesWithoutSize: unsized,
    wasteShare: inPercent(wasteShare),
    sizes: sizes.map(({ canonical, share, qps, advice: said, ...size }) => ({
      size: canonical,
      ...size,
      share: inPercent(share),
      qps: twoPlaces(qps),
      advice: said === null ? null : { ...said, requestsADay: Math.round(said.requestsADay * 100) / 100 },
    })),
  };
}
