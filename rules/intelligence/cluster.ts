import { sha256 } from "../../core/crypto.ts";
import { runAtOnce, type Steps } from "../../core/steps.ts";
import { campaignName, genreOf, uniqueName } from "./campaign-name.ts";
import { toItem, type CreativeFacts, type Item } from "./creative-facts.ts";
import { groupingSteps, type Basis, type Group } from "./group.ts";
import { keepCampaigns, type Decisions, type KnownCampaign, type Member } from "./keep-campaigns.ts";

/** Raised when the same creatives would be grouped otherwise: it is part of the input's hash. */
const rulesVersion = 1;

/** What stands before this run: the campaigns of the last one, and what a person decided. */
export interface Standing {
  known: readonly KnownCampaign[];
  decisions: Decisions;
  /** What campaigns are called that are not looked at here. */
  otherNames?: readonly string[];
  /** Campaigns that stay though no group is in them: they have creatives that cannot be grouped. */
  holding?: ReadonlySet<string>;
}

/** What a model called a group, and how sure it said it is. */
export interface ModelName {
  name: string | null;
  confidence: number;
}

export interface Grouped {
  groups: Group[];
  /** Of all that grouping depends on: the same hash, the same groups. */
  inputHash: string;
}

/** Below a campaign: one language and one format. */
export interface Variant {
  language: string;
  format: string;
  members: string[];
}

export interface Campaign {
  /** Null for a new one. */
  id: string | null;
  anchor: string;
  name: string;
  namedBy: KnownCampaign["namedBy"];
  /** Which kind of product; null where nothing says. */
  genre: string | null;
  /** How firmly its creatives hang together, 0 to 1: a mean over what joined each. */
  confidence: number;
  /** What a model says of it: not calibrated, and decides nothing. */
  modelConfidence: number | null;
  members: { id: string; basis: Basis }[];
  variants: Variant[];
}

export interface Clusters {
  campaigns: Campaign[];
  /** Campaigns of the last run that no creative is in. */
  gone: string[];
}

/** How sure a creative's membership is, by what joined it. A text's is between, by how like it is. */
export const basisStrengths: Readonly<Record<Exclude<Basis, "text">, number>> = {
  app: 0.95,
  link: 0.9,
  brand: 0.85,
  domain: 0.85,
  page: 0.85,
  label: 0.8,
  name: 0.75,
  advertiser: 0.7,
  alone: 0.5,
};

function strengthOf({ basis, similarity }: Member): number {
  return basis === "text" ? 0.6 + 0.3 * (similarity ?? 0) : basisStrengths[basis];
}

/** By rules alone: the same creatives give the same groups. */
export const groupCreatives = (creatives: readonly CreativeFacts[]): Grouped =>
  runAtOnce(groupSteps(creatives.map(toItem)));

/** The same in steps, of creatives that were read already. */
export function* groupSteps(items: readonly Item[]): Steps<Grouped> {
  const groups = yield* groupingSteps(items);
  return { groups, inputHash: hashOf(items) };
}

/** What is left of groups without some of their creatives, such as those that a person has put into a campaign of their own. */
export const withoutCreatives = (groups: readonly Group[], taken: ReadonlySet<string>): Group[] =>
  groups
    .map((group) => ({ ...group, members: group.members.filter(({ item }) => !taken.has(item.id)) }))
    .filter(({ members }) => members.length > 0);

/** How firmly all creatives hang together with their campaigns; null without creatives. */
export function cohesionOf(campaigns: readonly Pick<Campaign, "confidence" | "members">[]): number | null {
  const creatives = campaigns.reduce((sum, { members }) => sum + members.length, 0);
  if (creatives === 0) return null;
  const sum = campaigns.reduce((total, { confidence, members }) => total + confidence * members.length, 0);
  return Math.round((sum / creatives) * 1e4) / 1e4;
}

/** Makes campaigns and variants of groups: of the rules' own, or of those that a model has named and merged. */
export function makeCampaigns(
  groups: readonly Group[],
  { known, decisions, otherNames = [], holding = new Set() }: Standing,
  names: ReadonlyMap<string, ModelName> = new Map(),
): Clusters {
  const kept = keepCampaigns(groups, known, decisions);
  const taken = new Set([...known.map(({ name }) => name), ...otherNames].map((name) => name.toLowerCase()));
  const campaigns = kept
    .sort((one, other) => (one.anchor < other.anchor ? -1 : one.anchor > other.anchor ? 1 : 0))
    .map(({ known: campaign, anchor, from, members }): Campaign => {
      const items = members.map(({ item }) => item);
      const said = from.map((one) => names.get(one)).find((one) => one !== undefined);
      const named = said?.name ?? null;
      // A name stays; only the rules' own gives way, once, to a model's.
      const keepsName = campaign !== null && (campaign.namedBy !== "rules" || named === null);
      if (!keepsName && campaign !== null) taken.delete(campaign.name.toLowerCase());
      return {
        id: campaign?.id ?? null,
        anchor,
        name: keepsName ? campaign.name : uniqueName(named ?? campaignName(items), taken),
        namedBy: keepsName ? campaign.namedBy : named === null ? "rules" : "model",
        genre: genreOf(items),
        confidence: cohesion(members),
        modelConfidence: said?.confidence ?? null,
        members: members.map(({ item, basis }) => ({ id: item.id, basis })).sort((a, b) => (a.id < b.id ? -1 : 1)),
        variants: variantsOf(items),
      };
    });
  const standing = new Set(campaigns.map(({ id }) => id));
  return { campaigns, gone: known.map(({ id }) => id).filter((id) => !standing.has(id) && !holding.has(id)) };
}

function cohesion(members: readonly Member[]): number {
  if (members.length === 0) return 0;
  const mean = members.reduce((sum, member) => sum + strengthOf(member), 0) / members.length;
  return Math.round(mean * 1e4) / 1e4;
}

function variantsOf(items: readonly Item[]): Variant[] {
  const found = new Map<string, Variant>();
  for (const { id, language, format } of items) {
    const key = `${language} ${format}`;
    const variant = found.get(key) ?? { language, format, members: [] };
    variant.members.push(id);
    found.set(key, variant);
  }
  return [...found]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, variant]) => ({ ...variant, members: variant.members.sort() }));
}

/** What is spent moves every day and decides a new campaign's name only: it is no reason to group again. */
function hashOf(items: readonly Item[]): string {
  const sorted = [...items].sort((one, other) => (one.id < other.id ? -1 : 1));
  return sha256(JSON.stringify([rulesVersion, sorted.map(({ spend: _, ...item }) => item)]));
}
