import type { DaySums } from "../shared/statistics.ts";

export const opportunityTypes = ["undervalued_geo", "high_cpc_low_spend", "size_gap", "neglected_creative"] as const;
export type OpportunityType = (typeof opportunityTypes)[number];

/** By what a campaign's performance is told apart; `campaign` tells campaigns from all others. */
export type Breakdown = "geography" | "creative" | "size" | "campaign";

/** So many complete days are looked at; a week is a quarter of them. */
export const windowDays = 28;
export const windowWeeks = windowDays / 7;

export interface CellSums extends DaySums {
  /** The same amount with every digit. */
  spendText: string;
  impressions: number;
  /** Days of the last seven with anything on them. */
  recentDays: number;
}

/** One part of a campaign beside the rest of it, without that part. */
export interface Cell {
  campaignId: number;
  /** The geography, our number of the creative, the size; empty for the campaign itself. */
  subject: string;
  own: CellSums;
  rest: CellSums;
}

export interface CampaignTraits {
  genre: string | null;
  /** Where most of it was spent. */
  format: string | null;
  /** Sizes that it has a creative of, whether that was shown or not. */
  sizes: ReadonlySet<string>;
}

/** What a client's campaigns did in the window. */
export interface CampaignWindow {
  traits: ReadonlyMap<number, CampaignTraits>;
  cells: Readonly<Record<Breakdown, readonly Cell[]>>;
}

/** Below these, nothing is tested: it would be noise, or not worth anybody's hour. */
export const floors = { clicks: 100, creativeClicks: 30, spendUsd: 20, recentDays: 3 } as const;

export function isAboveFloors({ own, rest }: Cell, breakdown: Breakdown): boolean {
  const clicks = breakdown === "creative" ? floors.creativeClicks : floors.clicks;
  return (
    own.clicks >= clicks &&
    own.spend >= floors.spendUsd &&
    own.recentDays >= floors.recentDays &&
    rest.clicks > 0 &&
    rest.spend > 0
  );
}
