import type { z } from "zod";
import type { grouping, member } from "../../api/intelligence/campaign-grouping.ts";
import type { clustered, run, suggestion } from "../../api/intelligence/cluster.ts";
import type { campaign, campaignTotals, found as foundCampaign } from "../../api/rtb/campaigns.ts";
import type { creativeDays } from "../../api/rtb/creative-days.ts";
import type { found, listed } from "../../api/rtb/creative-shapes.ts";
import type { creativeTotals } from "../../api/rtb/creatives.ts";
import type { facets } from "../../api/rtb/statistics.ts";
import type { seat, seatTotals } from "../../api/rtb/seats.ts";
import type { thumbnailState } from "../../api/rtb/thumbnails.ts";
import type { coverageAnswer, wasteAnswer } from "../../api/rtb/waste-shapes.ts";
import type { record } from "../../api/rtb/records.ts";

/** What the JSON routes answer. */
export type Creative = z.infer<typeof listed>;
export type CreativeDays = z.infer<typeof creativeDays>;
export type CreativeTotals = z.infer<typeof creativeTotals>;
export type CreativeDetails = z.infer<typeof found>;
export type Facets = z.infer<typeof facets>;
export type SeatTotals = z.infer<typeof seatTotals>;
export type Seat = z.infer<typeof seat>;
export type ThumbnailState = z.infer<typeof thumbnailState>;
export type CreativeRecord = z.infer<typeof record>;
export type Campaign = z.infer<typeof campaign>;
export type CampaignTotals = z.infer<typeof campaignTotals>;
export type CampaignDetails = z.infer<typeof foundCampaign>;
export type Grouping = z.infer<typeof grouping>;
export type Decision = Grouping["decisions"][number];
export type Member = z.infer<typeof member>;
export type ClusterRun = z.infer<typeof run>;
export type Clustered = z.infer<typeof clustered>;
export type Suggestion = z.infer<typeof suggestion>;
export type Waste = z.output<typeof wasteAnswer>;
export type Coverage = z.output<typeof coverageAnswer>;

export const rtb = "/api/v1/rtb";

/** The page of a creative. Several seats may have one of the same id. */
export const creativeAddress = ({ creativeId, buyerId }: Pick<Creative, "creativeId" | "buyerId">) =>
  `/creatives/${encodeURIComponent(creativeId)}${buyerId === null ? "" : `?buyer_id=${encodeURIComponent(buyerId)}`}`;
