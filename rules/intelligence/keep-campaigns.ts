import type { Group } from "./group.ts";

/** A campaign as the last run, or a person, left it. */
export interface KnownCampaign {
  id: string;
  anchor: string;
  name: string;
  namedBy: "rules" | "model" | "person";
  members: readonly string[];
}

/** What a person decided. A split or a move pins creatives; a merge pins them, and leads what comes later the same way. */
export interface Decisions {
  /** Creative to campaign. */
  pins: ReadonlyMap<string, string>;
  /** Anchor to campaign. */
  anchors: ReadonlyMap<string, string>;
  /** Campaigns that a person has taken creatives from or put some into: rules take none away. */
  arranged?: ReadonlySet<string>;
}

export type Member = Group["members"][number];

/** The members of one campaign: known by its id, or new with an anchor of its own. */
export interface Kept {
  known: KnownCampaign | null;
  anchor: string;
  /** Of the groups that its members came in. */
  from: string[];
  members: Member[];
}

/**
 * Gives this run's groups the campaigns of the last one. A person's decision wins over the rules; else a campaign goes
 * with most of its creatives, or with its anchor where none are left; what is in no earlier campaign is new.
 */
export function keepCampaigns(groups: readonly Group[], known: readonly KnownCampaign[], decisions: Decisions): Kept[] {
  const byId = new Map(known.map((campaign) => [campaign.id, campaign]));
  const homes = homesOf(known);
  const matched = matchGroups(groups, known, (creative) => {
    const home = pinOf(creative) === null ? homes.get(creative) : undefined;
    return home === undefined ? null : { home, isFree: decisions.arranged?.has(home) !== true };
  });
  const kept = new Map<string, Kept>();
  for (const campaign of known)
    kept.set(campaign.id, { known: campaign, anchor: campaign.anchor, from: [], members: [] });
  const created: Kept[] = [];

  function pinOf(creative: string): string | null {
    const pinned = decisions.pins.get(creative);
    return pinned !== undefined && byId.has(pinned) ? pinned : null;
  }

  for (const [at, group] of groups.entries()) {
    const named = namedWithin(group, homes, byId);
    const free: Member[] = [];
    const chosen = new Map<string, number>();
    for (const member of group.members) {
      const { id } = member.item;
      const home = homes.get(id) ?? "";
      // Rules do not merge what a person named apart.
      const stays = byId.has(home) && (decisions.arranged?.has(home) === true || (named.size > 1 && named.has(home)));
      const place = pinOf(id) ?? (stays ? home : null);
      if (place === null) free.push(member);
      else {
        kept.get(place)?.members.push(member);
        chosen.set(place, (chosen.get(place) ?? 0) + 1);
      }
    }
    if (free.length === 0) continue;
    const led = decisions.anchors.get(group.anchor);
    const target =
      led !== undefined && byId.has(led) ? led : (matched.get(at) ?? mostChosen(chosen, group.members.length));
    const place = target === null ? undefined : kept.get(target);
    if (place === undefined) created.push({ known: null, anchor: group.anchor, from: [group.anchor], members: free });
    else {
      place.from.push(group.anchor);
      place.members.push(...free);
    }
  }
  // What a person made stays, empty too: new creatives may come.
  const standing = [...kept.values()].filter(
    ({ known: one, members }) => members.length > 0 || one?.namedBy === "person",
  );
  return [...standing, ...created];
}

function homesOf(known: readonly KnownCampaign[]): Map<string, string> {
  return new Map(known.flatMap(({ id, members }) => members.map((creative) => [creative, id] as const)));
}

/** Campaigns that a person named and that are, for the most part, in this group. */
function namedWithin(
  group: Group,
  homes: ReadonlyMap<string, string>,
  byId: ReadonlyMap<string, KnownCampaign>,
): Set<string> {
  const counts = new Map<string, number>();
  for (const { item } of group.members) {
    const home = homes.get(item.id);
    if (home !== undefined) counts.set(home, (counts.get(home) ?? 0) + 1);
  }
  return new Set([...counts].filter(([id, count]) => isNamed(byId.get(id), count)).map(([id]) => id));
}

/** Renamed by a person, and more than half of it is here. */
const isNamed = (campaign: KnownCampaign | undefined, here: number) =>
  campaign?.namedBy === "person" && here > 0 && here * 2 >= campaign.members.length;

/** Most of a group's creatives were put there by a person: new ones of the group follow. */
function mostChosen(chosen: ReadonlyMap<string, number>, size: number): string | null {
  const [most] = [...chosen].sort(([one, first], [other, second]) => second - first || (one < other ? -1 : 1));
  return most !== undefined && most[1] * 2 >= size ? most[0] : null;
}

/**
 * Each campaign goes to one group and each group to one campaign: what a person named first, then the most creatives in
 * common. Those that stay where they are whatever is matched count after those that follow the group.
 */
function matchGroups(
  groups: readonly Group[],
  known: readonly KnownCampaign[],
  homeOf: (creative: string) => { home: string; isFree: boolean } | null,
): Map<number, string> {
  const pairs: { at: number; id: string; free: number; common: number; named: boolean }[] = [];
  for (const [at, { anchor, members }] of groups.entries()) {
    const shared = new Map<string, { free: number; common: number }>();
    for (const { item } of members) {
      const place = homeOf(item.id);
      if (place === null) continue;
      const { free, common } = shared.get(place.home) ?? { free: 0, common: 0 };
      shared.set(place.home, { free: free + Number(place.isFree), common: common + 1 });
    }
    for (const campaign of known) {
      const { free, common } = shared.get(campaign.id) ?? { free: 0, common: 0 };
      if (common > 0 || campaign.anchor === anchor)
        pairs.push({ at, id: campaign.id, free, common, named: free > 0 && isNamed(campaign, common) });
    }
  }
  pairs.sort(
    (one, other) =>
      Number(other.named) - Number(one.named) ||
      other.free - one.free ||
      other.common - one.common ||
      (one.id < other.id ? -1 : one.id > other.id ? 1 : one.at - other.at),
  );
  const matched = new Map<number, string>();
  const taken = new Set<string>();
  for (const { at, id } of pairs) {
    if (matched.has(at) || taken.has(id)) continue;
    matched.set(at, id);
    taken.add(id);
  }
  return matched;
}
