import { placeName } from "./geo-ids.ts";
import type { PlannedWrite } from "./judge.ts";
import type { Leaf } from "./leaves.ts";

const names: Record<string, string> = {
  maximumQps: "maximum QPS",
  "geoTargeting.includedIds": "countries included",
  "geoTargeting.excludedIds": "countries excluded",
  includedCreativeDimensions: "sizes included",
  includedFormats: "formats included",
  "publisherTargeting.values": "publishers listed",
  "publisherTargeting.targetingMode": "publishers are",
  minimumViewabilityDecile: "minimum viewability",
  state: "state",
  displayName: "name",
  "": "the configuration",
};

/** What people call a part of a configuration. */
export const partName = (path: string) => names[path] ?? path;

/** What a part is, in one line as people read it; unset is null. */
export function leafText(path: string, leaf: Leaf | null): string | null {
  if (leaf === null) return null;
  if (typeof leaf === "string") return valueText(path, leaf);
  return path.startsWith("geoTargeting.")
    ? leaf
        .map(placeName)
        .sort((one, other) => one.localeCompare(other, "en"))
        .join(", ")
    : leaf.map(memberName).join(", ");
}

function valueText(path: string, value: string): string {
  if (path === "maximumQps" && /^\d{1,15}$/.test(value)) return Number(value).toLocaleString("en-US");
  // In tenths there: 5 is 50 % at the least.
  return path === "minimumViewabilityDecile" && /^\d{1,2}$/.test(value) ? `${Number(value) * 10} %` : value;
}

function memberName(member: string): string {
  const size = /^\{"height":"(\d+)","width":"(\d+)"\}$/.exec(member);
  return size === null ? member : `${size[2]}x${size[1]}`;
}

/** A list may have thousands of members. */
const longest = 1_000;

/** What a write sets, in a line; null where it makes or deletes a whole configuration. */
export function writeText({ kind, changes }: Pick<PlannedWrite, "kind" | "changes">): string | null {
  if (kind === "create" || kind === "delete") return null;
  return changes
    .map(({ path, after }) => `${partName(path)}: ${leafText(path, after) ?? "unset"}`)
    .join("; ")
    .slice(0, longest);
}
