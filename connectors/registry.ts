import { authorizedBuyers } from "./exchanges/authorized-buyers.ts";
import { destinations } from "./destinations/registry.ts";
import { models } from "./models/registry.ts";
import { platforms } from "./platforms/registry.ts";
import type { AnySource, Vendor } from "./source.ts";
import { anytrackPulledConversions } from "./sources/anytrack.ts";
import { everflowConversions, everflowDailyStats } from "./sources/everflow.ts";
import { redtrackDailySpend } from "./sources/redtrack.ts";

/** Every feed we pull. A new one is its file, its table and a line here. */
export const sources: readonly AnySource[] = [
  redtrackDailySpend,
  everflowDailyStats,
  everflowConversions,
  anytrackPulledConversions,
];

/** Everybody we have an account with. */
export const vendors: readonly Vendor[] = [
  ...new Set(sources.map((source) => source.vendor as Vendor)),
  ...destinations,
  ...platforms.map((platform) => platform.vendor),
  authorizedBuyers as Vendor,
  ...models,
];

export function findSource(name: string): AnySource | undefined {
  return sources.find((source) => source.name === name);
}
