import type { Leaf } from "./leaves.ts";

const names: Record<string, string> = {
  maximumQps: "maximum QPS",
  "geoTargeting.includedIds": "countries included",
  "geoTargeting.excludedIds": "countries excluded",
  includedCreativeDimensions: "sizes included",
  includedFormats: "formats included",
  "publisherTargeting.values": "publishers listed",
  "publisherTargeting.targetingMode": "publishers are",
  minimumViewabilityDecile: "minimum viewability, in tenths",
  state: "state",
  displayName: "name",
  "": "the configuration",
};

/** What people call a part of a configuration. */
export const partName = (path: string) => names[path] ?? path;

/** A leaf in one line; unset is null. */
export function leafText(leaf: Leaf | null): string | null {
  if (leaf === null) return null;
  return typeof leaf === "string" ? leaf : leaf.map(memberName).join(", ");
}

function memberName(member: string): string {
  const size = /^\{"height":"(\d+)","width":"(\d+)"\}$/.exec(member);
  return size === null ? member : `${size[2]}x${size[1]}`;
}
