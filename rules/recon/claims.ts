import { metrics, type Claimed, type Metric } from "./compare.ts";

/** What a claim shows by itself, before the platform is asked. */
export interface ClaimSigns {
  /** More clicks than there were views. */
  impossible: boolean;
  /** The metric that grew too fast since the claim before. */
  jump: Metric | null;
}

/** A jump is many times the claim before, by more than chance and a good day explain, within a day. */
export const jump = {
  times: 10n,
  atLeast: { views: 1_000n, clicks: 100n, conversions: 20n },
  withinHours: 24,
} as const;

export function signsOf(claimed: Claimed, before: Claimed | null): ClaimSigns {
  return {
    impossible: claimed.clicks > claimed.views,
    jump:
      before === null
        ? null
        : (metrics.find(
            (metric) =>
              before[metric] > 0n &&
              claimed[metric] >= before[metric] * jump.times &&
              claimed[metric] - before[metric] >= jump.atLeast[metric],
          ) ?? null),
  };
}

/** A claimed post, and claimed posts that are part of it: what is counted of these is counted of it, too. */
export interface Overlap {
  /** The platform's id of the whole. */
  whole: string;
  claimedBy: Claimant[];
  parts: { id: string; claimedBy: Claimant[] }[];
}

export interface Claimant {
  id: string;
  name: string;
}
