import type { AnySource, Vendor } from "./source.ts";
import { anytrackPulledConversions } from "./sources/anytrack.ts";
import { redtrackDailySpend } from "./sources/redtrack.ts";

/** Every feed we pull. A new one is its file, its table and a line here. */
export const sources: readonly AnySource[] = [redtrackDailySpend, anytrackPulledConversions];

export const vendors: readonly Vendor[] = [...new Set(sources.map((source) => source.vendor as Vendor))];

export function findSource(name: string): AnySource | undefined {
  return sources.find((source) => source.name === name);
}
