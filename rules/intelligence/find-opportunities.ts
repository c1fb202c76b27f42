import { Big } from "big.js";
import { groupBy } from "../../core/group-by.ts";
import { sumMoney } from "../../core/money.ts";
import { median, quantile } from "../../core/quantiles.ts";
import {
  isAboveFloors,
  type Breakdown,
  type CampaignWindow,
  type Cell,
  type CellSums,
  type OpportunityType,
} from "./opportunity-cells.ts";
import { moreOf, sizeGapSavings, weekly, type Savings } from "./opportunity-savings.ts";
import { pooledRatio, type PooledRatio } from "./pooled-ratio.ts";
import {
  budgetFactor,
  cheaper,
  discoveries,
  dispersionOf,
  ratioBound,
  shrunkCost,
  togetherness,
  type Comparison,
} from "../shared/statistics.ts";

/** How sure one has to be, and how much of all that is listed may be chance. */
export const leastConfidence = 0.9;
export const falseShare = 0.1;

/** What is tested over and over: the same campaign, the same part of it. */
export interface Identity {
  type: OpportunityType;
  campaignId: number;
  subject: string;
}

export const identityOf = ({ type, campaignId, subject }: Identity): string => `${type}/${campaignId}/${subject}`;

/** One part of one campaign, judged. */
interface Judged extends Identity {
  confidence: number;
  p: number;
  /** The part's price as a share of the rest's. */
  ratio: number;
  /** The document's own rule, beside what the statistics say. */
  meetsRule: boolean;
  /** Worked out for what is listed: it takes far longer than the judging. */
  worth: () => Worth;
}

interface Worth {
  savings: Savings;
  evidence: Evidence;
}

/** What is remembered of everything that was tested. */
export interface Tested extends Identity {
  confidence: number;
  p: number;
  ratio: number;
  /** How many nights it was tested, this one included. */
  looks: number;
}

export type Found = Tested & Worth;

/** All that the figures can be computed from again. */
export interface Evidence {
  /** Price per click of the part, or what it would be. */
  current: number;
  reference: number;
  /** The part's price as a share of the rest's. */
  ratio: number;
  /** With 90 % confidence the ratio is below. */
  ratioBound: number;
  own: { clicks: number; spend: string; impressions: number; days: number; dispersion: number };
  rest: { clicks: number; spend: string; impressions: number; days: number; dispersion: number };
  /** The price drawn towards the rest's by the prior; null for a size, which is pooled. */
  shrunk: number | null;
  /** The campaigns that a size's ratio is pooled of; null for others. */
  peers: number[] | null;
  pooled: PooledRatio | null;
}

export interface Search {
  tests: Tested[];
  /** Of these, what is listed. */
  found: Found[];
  /** How days hang together, by breakdown: what dispersions were multiplied by. */
  togetherness: Record<Breakdown, number>;
}

/**
 * Every part of every campaign above the floors, judged: listed are those that meet the document's rule, of which one can be
 * sure, and that stand among all that were tested.
 */
export function findOpportunities(window: CampaignWindow, looksBefore: (identity: Identity) => number): Search {
  const together = {
    geography: togetherness(window.cells.geography.map(({ own }) => own)),
    creative: togetherness(window.cells.creative.map(({ own }) => own)),
    size: togetherness(window.cells.size.map(({ own }) => own)),
    campaign: togetherness(window.cells.campaign.map(({ own }) => own)),
  };
  const judged = [
    ...undervaluedGeographies(window, together.geography),
    ...neglectedCreatives(window, together.creative),
    ...neglectedCampaigns(window, together.campaign),
    ...sizeGaps(window, together.size),
  ].map((one) => ({ ...one, looks: looksBefore(one) + 1 }));
  const stands = discoveries(
    judged.map(({ p, looks }) => Math.min(1, p * budgetFactor(looks))),
    falseShare,
  );
  const found = judged.flatMap(({ meetsRule, worth, ...tested }, i) => {
    if (!meetsRule || tested.confidence < leastConfidence || stands[i] !== true) return [];
    const { savings, evidence } = worth();
    return Number(savings.weekly) > 0 ? [{ ...tested, savings, evidence }] : [];
  });
  return {
    tests: judged.map(({ meetsRule: _rule, worth: _worth, ...tested }) => tested),
    found,
    togetherness: together,
  };
}

const priceOf = ({ clicks, spend }: { clicks: number; spend: number }) => spend / clicks;

const wholeOf = ({ own, rest }: Cell) => ({
  clicks: own.clicks + rest.clicks,
  spend: own.spend + rest.spend,
  spendText: new Big(own.spendText).plus(rest.spendText).toFixed(),
  impressions: own.impressions + rest.impressions,
});

interface Compared {
  confidence: number;
  p: number;
  ratio: number;
  shrunk: number;
  evidence: () => Evidence;
}

function compare({ own, rest }: Cell, together: number): Compared {
  const comparison: Comparison = {
    group: { ...own, dispersion: dispersionOf(own) * together },
    rest: { ...rest, dispersion: dispersionOf(rest) * together },
  };
  const ratio = priceOf(own) / priceOf(rest);
  const shrunk = shrunkCost(comparison);
  return {
    ...cheaper(comparison),
    ratio,
    shrunk: shrunk ?? Infinity,
    evidence: () => ({
      current: priceOf(own),
      reference: priceOf(rest),
      ratio,
      ratioBound: ratioBound(comparison),
      own: sumsSaid(own, comparison.group.dispersion),
      rest: sumsSaid(rest, comparison.rest.dispersion),
      shrunk,
      peers: null,
      pooled: null,
    }),
  };
}

const sumsSaid = ({ clicks, spendText, impressions, days }: CellSums, dispersion: number) => ({
  clicks,
  spend: spendText,
  impressions,
  days,
  dispersion,
});

/** A geography at under 80 % of the campaign's price with under 5 % of its spend. */
function undervaluedGeographies({ cells }: CampaignWindow, together: number): Judged[] {
  return cells.geography
    .filter((cell) => cell.subject !== "" && isAboveFloors(cell, "geography"))
    .map((cell) => {
      const whole = wholeOf(cell);
      const { evidence, shrunk: _shrunk, ...compared } = compare(cell, together);
      return {
        ...identity("undervalued_geo", cell),
        ...compared,
        meetsRule: priceOf(cell.own) < 0.8 * priceOf(whole) && cell.own.spend < 0.05 * whole.spend,
        worth: () => worthOf(cell, evidence(), { times: 5, atMost: weekly(whole.spendText).times(0.2) }),
      };
    });
}

/** A creative at under 80 % of the campaign's price, by the shrunk figure, with under 1 % of its impressions. */
function neglectedCreatives({ cells }: CampaignWindow, together: number): Judged[] {
  const medians = mediansOf(cells.creative);
  return cells.creative
    .filter((cell) => isAboveFloors(cell, "creative"))
    .map((cell) => {
      const whole = wholeOf(cell);
      const { evidence, shrunk, ...compared } = compare(cell, together);
      const usual = medians.get(cell.campaignId) ?? new Big(0);
      return {
        ...identity("neglected_creative", cell),
        ...compared,
        meetsRule: shrunk < 0.8 * priceOf(whole) && cell.own.impressions < 0.01 * whole.impressions,
        worth: () => worthOf(cell, evidence(), { times: Infinity, atMost: usual }),
      };
    });
}

/** By campaign, what a creative of it spends in a week. */
function mediansOf(cells: readonly Cell[]): Map<number, Big> {
  const spending = groupBy(
    cells.filter(({ own }) => own.spend > 0),
    ({ campaignId }) => campaignId,
  );
  return new Map([...spending].map(([campaignId, all]) => [campaignId, medianSpend(all)]));
}

/** The median of weeks, exact: money is not halved as a float. */
function medianSpend(cells: readonly Cell[]): Big {
  const spends = cells.map(({ own }) => new Big(own.spendText)).sort((one, other) => one.cmp(other));
  const below = spends[Math.ceil(spends.length / 2) - 1] ?? new Big(0);
  const above = spends[Math.floor(spends.length / 2)] ?? below;
  return weekly(below.plus(above).div(2).toFixed());
}

/** Among fewer campaigns a quartile says nothing. */
const campaignsForQuartiles = 8;

/** A campaign in the best quarter by price and the lowest by spend. */
function neglectedCampaigns({ cells }: CampaignWindow, together: number): Judged[] {
  const eligible = cells.campaign.filter((cell) => isAboveFloors(cell, "campaign"));
  if (eligible.length < campaignsForQuartiles) return [];
  const spends = eligible.map(({ own }) => own.spend);
  const cheap = quantile(
    eligible.map(({ own }) => priceOf(own)),
    0.25,
  );
  const small = quantile(spends, 0.25);
  const usual = medianSpend(eligible);
  return eligible.map((cell) => {
    const { evidence, shrunk: _shrunk, ...compared } = compare(cell, together);
    return {
      ...identity("high_cpc_low_spend", cell),
      ...compared,
      meetsRule: priceOf(cell.own) <= cheap && cell.own.spend <= small,
      worth: () => worthOf(cell, evidence(), { times: 10, atMost: usual }),
    };
  });
}

const leastPeers = 3;
const worthBelow = 0.9;

/** A size that at least three campaigns of the same genre and format have, clearly cheaper than their others, and this one has not. */
function sizeGaps({ cells, traits }: CampaignWindow, together: number): Judged[] {
  const wholes = new Map(cells.campaign.map((cell) => [cell.campaignId, cell.own]));
  const alike = groupBy(
    [...traits].filter(([, { genre, format }]) => genre !== null && format !== null),
    ([, { genre, format }]) => `${genre ?? ""}\u0000${format ?? ""}`,
  );
  const peersOf = groupBy(
    cells.size.filter((cell) => isAboveFloors(cell, "size")),
    ({ subject }) => subject,
  );
  return [...alike.values()].flatMap((campaigns) =>
    [...peersOf].flatMap(([size, all]) => {
      const members = new Set(campaigns.map(([campaignId]) => campaignId));
      const peers = all.filter(({ campaignId }) => members.has(campaignId));
      const pooled = peers.length < leastPeers ? null : poolOf(peers, together);
      if (pooled === null) return [];
      const share = median(peers.map((cell) => cell.own.spend / wholeOf(cell).spend));
      return campaigns
        .filter(([, { sizes }]) => !sizes.has(size))
        .flatMap(([campaignId]) => {
          const whole = wholes.get(campaignId);
          return whole === undefined || whole.clicks === 0 || whole.spend <= 0
            ? []
            : [sizeGap({ campaignId, size, whole, peers, pooled, share })];
        });
    }),
  );
}

const poolOf = (peers: readonly Cell[], together: number) =>
  pooledRatio(
    peers.map(({ own, rest }) => ({
      inside: { ...own, dispersion: dispersionOf(own) * together },
      outside: { ...rest, dispersion: dispersionOf(rest) * together },
    })),
  );

interface Gap {
  campaignId: number;
  size: string;
  whole: CellSums;
  peers: readonly Cell[];
  pooled: PooledRatio;
  share: number;
}

function sizeGap({ campaignId, size, whole, peers, pooled, share }: Gap): Judged {
  const reference = priceOf(whole);
  return {
    type: "size_gap",
    campaignId,
    subject: size,
    confidence: pooled.confidence,
    p: pooled.p,
    ratio: pooled.ratio,
    meetsRule: pooled.high < worthBelow,
    worth: () => ({
      savings: sizeGapSavings({ whole, share, ratio: pooled.ratio, ratioBound: pooled.bound }),
      evidence: {
        current: reference * pooled.ratio,
        reference,
        ratio: pooled.ratio,
        ratioBound: pooled.bound,
        own: sumsOfAll(peers.map(({ own }) => own)),
        rest: sumsOfAll(peers.map(({ rest }) => rest)),
        shrunk: null,
        peers: peers.map((cell) => cell.campaignId),
        pooled,
      },
    }),
  };
}

const sumsOfAll = (sums: readonly CellSums[]) => ({
  clicks: sums.reduce((total, one) => total + one.clicks, 0),
  spend: sumMoney(sums.map(({ spendText }) => spendText)),
  impressions: sums.reduce((total, one) => total + one.impressions, 0),
  days: Math.max(...sums.map(({ days }) => days)),
  dispersion: Math.max(...sums.map(dispersionOf)),
});

const worthOf = (cell: Cell, evidence: Evidence, raise: { times: number; atMost: Big }): Worth => ({
  evidence,
  savings: moreOf({ ...cell, ...raise, ratioBound: evidence.ratioBound }),
});

const identity = (type: OpportunityType, { campaignId, subject }: Cell): Identity => ({ type, campaignId, subject });
