import { factsOfStored, type StoredCreative } from "./catalogue-facts.ts";
import { basisStrengths } from "./cluster.ts";
import { toItem } from "./creative-facts.ts";

/** What a creative shares with the others of its campaign, as people read it; null where no single word says it. */
export function memberKey(basis: string | null, stored: StoredCreative): string | null {
  const { landings, brandName, brandId } = toItem(factsOfStored(stored, []));
  switch (basis) {
    case "app":
      return landings.find(({ app }) => app !== null)?.app?.id ?? null;
    case "link":
      return landings.map(({ linkName, scheme }) => linkName ?? scheme).find((name) => name !== null) ?? null;
    case "brand":
      return brandName ?? brandId;
    case "domain":
    case "page":
      return landings.find(({ kind }) => kind === "site")?.domain ?? null;
    case "advertiser":
      return stored.advertiserName;
    default:
      return null;
  }
}

/** How firm that is; null for texts, whose likeness is not kept, and for what a person decided. */
export const memberConfidence = (basis: string | null): number | null =>
  basis === null ? null : ((basisStrengths as Partial<Record<string, number>>)[basis] ?? null);
