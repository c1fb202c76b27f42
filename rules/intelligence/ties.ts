import type { Components, IdentityKind } from "./components.ts";

/** Of the items that share a key, this part must be of one identity for the key to count; the others are left out. */
const agreeing = 0.8;

/** A key that serves at least this many advertisers, none of them with most of it, is an agency's or a platform's. */
const manyOwners = 3;
const mostOwned = 0.6;

export interface Tie {
  /** Items that share the key. */
  items: readonly number[];
  /** Identities that must not differ. */
  conflicts: readonly IdentityKind[];
  /** Whose each item is, as far as known; left out for a key that is an owner itself. */
  ownerOf?: (item: number) => string | null;
}

/** Joins what shares a key, unless the key is shared by strangers: then nothing is joined, and the answer is false. */
export function tieUp(components: Components, { items, conflicts, ownerOf }: Tie): boolean {
  if (ownerOf !== undefined && hasManyOwners(items, ownerOf)) return false;
  let kept = [...items];
  for (const kind of conflicts) {
    const tally = new Map<string, number>();
    for (const item of kept) {
      const id = components.identityOf(kind, item);
      if (id !== null) tally.set(id, (tally.get(id) ?? 0) + 1);
    }
    if (tally.size < 2) continue;
    const counts = [...tally].sort(([one, first], [other, second]) => second - first || (one < other ? -1 : 1));
    const [most] = counts;
    const sum = counts.reduce((total, [, count]) => total + count, 0);
    if (most === undefined || most[1] / sum < agreeing) return false;
    kept = kept.filter((item) => [null, most[0]].includes(components.identityOf(kind, item)));
  }
  for (const item of kept) components.join(kept[0] ?? item, item);
  return true;
}

function hasManyOwners(items: readonly number[], ownerOf: (item: number) => string | null): boolean {
  const tally = new Map<string, number>();
  for (const item of items) {
    const owner = ownerOf(item);
    if (owner !== null) tally.set(owner, (tally.get(owner) ?? 0) + 1);
  }
  const counts = [...tally.values()];
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.length >= manyOwners && Math.max(...counts) / sum < mostOwned;
}

/** Items by their keys, the keys with most items first, so that the answer does not depend on the order of the items. */
export function byKey(count: number, keysOf: (item: number) => readonly string[]): [key: string, items: number[]][] {
  const found = new Map<string, number[]>();
  for (let item = 0; item < count; item += 1) {
    for (const key of new Set(keysOf(item))) {
      const items = found.get(key) ?? [];
      items.push(item);
      found.set(key, items);
    }
  }
  return [...found].sort(([one, first], [other, second]) => second.length - first.length || (one < other ? -1 : 1));
}
