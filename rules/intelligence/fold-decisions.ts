import type { Group } from "./group.ts";
import type { Decisions } from "./keep-campaigns.ts";

/** What a person decided about campaigns, as far as later groups follow it. */
export interface Decision {
  kind: "renamed" | "merged" | "split" | "moved" | "replaced";
  /** Where creatives went. */
  campaignId: string;
  /** Where they came from; null for a new name. */
  fromCampaignId: string | null;
  /** What the merged campaign was about. */
  anchors: readonly string[];
  creatives: readonly string[];
}

/** All decisions in their order as one: later ones win, and what was put into a campaign follows it when that is merged. */
export function foldDecisions(decisions: readonly Decision[]): Decisions {
  const pins = new Map<string, string>();
  const anchors = new Map<string, string>();
  const mergedInto = new Map<string, string>();
  for (const { kind, campaignId, fromCampaignId, anchors: about, creatives } of decisions) {
    if (kind === "renamed") continue;
    if (kind === "replaced") {
      // Its creatives were named whole: nothing that was decided before puts others into it.
      for (const places of [pins, anchors])
        for (const [what, campaign] of places)
          if (followedFrom(mergedInto, campaign) === campaignId) places.delete(what);
    }
    for (const creative of creatives) pins.set(creative, campaignId);
    if (kind !== "merged" || fromCampaignId === null) continue;
    for (const anchor of about) anchors.set(anchor, campaignId);
    mergedInto.set(fromCampaignId, campaignId);
  }
  const followed = (places: ReadonlyMap<string, string>) =>
    new Map([...places].map(([what, campaign]) => [what, followedFrom(mergedInto, campaign)] as const));
  const arranged = decisions
    .filter(({ kind }) => kind !== "renamed")
    .flatMap(({ campaignId, fromCampaignId }) => [campaignId, ...(fromCampaignId === null ? [] : [fromCampaignId])]);
  return { pins: followed(pins), anchors: followed(anchors), arranged: new Set(arranged) };
}

/** Numbers of campaigns are never given twice, so there is no circle. */
function followedFrom(mergedInto: ReadonlyMap<string, string>, campaign: string): string {
  let at = campaign;
  for (let next = mergedInto.get(at); next !== undefined; next = mergedInto.get(at)) at = next;
  return at;
}

/** Groups that a person has put where they belong, for the most part, and the others: nobody is asked about the first. */
export function settledGroups(
  groups: readonly Group[],
  { pins }: Pick<Decisions, "pins">,
): { settled: Group[]; open: Group[] } {
  const settled: Group[] = [];
  const open: Group[] = [];
  for (const group of groups) {
    const pinned = group.members.filter(({ item }) => pins.has(item.id)).length;
    (pinned * 2 >= group.members.length ? settled : open).push(group);
  }
  return { settled, open };
}
