/** Which figures of the morning page a feed is part of. */
const known: Record<string, string> = {
  "redtrack.daily_spend": "spend, and the cost, CPA and margin of internal affiliates",
  "redtrack.campaign_spend": "spend by campaign, and why a campaign changed",
  "everflow.daily_stats": "conversions, revenue, payouts, CPA and margin",
  "everflow.conversions": "the list of Everflow conversions and its check against the statistics",
  "rtb.performance": "creatives and campaigns: impressions, clicks, spend",
  "anytrack.pulled_conversions": "AnyTrack conversions and their attribution",
};

export const touchedBy = (source: string): string => known[source] ?? "figures of this source";
