import { authorizedBuyers } from "./exchanges/authorized-buyers.ts";
import { destinations } from "./destinations/registry.ts";
import { models } from "./models/registry.ts";
import { platforms } from "./platforms/registry.ts";
import type { AnySource, DailyFeed, Vendor } from "./source.ts";
import { anytrackPulledConversions } from "./sources/anytrack.ts";
import { everflowConversions, everflowDailyStats } from "./sources/everflow.ts";
import { redtrackCampaignSpend, redtrackDailySpend } from "./sources/redtrack.ts";
import { warehouses } from "./warehouses/registry.ts";

/** Every feed that has a table of its own. A new one is its file, its table and a line here. */
export const sources: readonly AnySource[] = [
  redtrackDailySpend,
  redtrackCampaignSpend,
  everflowDailyStats,
  everflowConversions,
  anytrackPulledConversions,
];

/** Every feed that is pulled by days. */
export const feeds: readonly DailyFeed[] = [...sources, ...warehouses];

/** Everybody we have an account with. */
export const vendors: readonly Vendor[] = [
  ...new Set(sources.map((source) => source.vendor as Vendor)),
  ...destinations,
  ...platforms.map((platform) => platform.vendor),
  authorizedBuyers as Vendor,
  ...models,
  ...warehouses.map(({ vendor }) => vendor as Vendor),
];

export function findSource(name: string): AnySource | undefined {
  return sources.find((source) => source.name === name);
}

export function findFeed(name: string): DailyFeed | undefined {
  return feeds.find((feed) => feed.name === name);
}
