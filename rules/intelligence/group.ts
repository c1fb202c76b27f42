import { runAtOnce, type Steps } from "../../core/steps.ts";
import { brandName } from "../rtb/brand-name.ts";
import { Components, identityKinds, type IdentityKind } from "./components.ts";
import type { Item } from "./creative-facts.ts";
import { createSimilarity, runsOf, shinglesOf, wordsOf } from "./similarity.ts";
import { byKey, tieUp } from "./ties.ts";

/** What put a creative into its group, the strongest first. */
export type Basis = "app" | "link" | "brand" | "domain" | "page" | "label" | "name" | "advertiser" | "text" | "alone";

export interface Group {
  /** What the group is about, as a key that stays the same while its creatives come and go. */
  anchor: string;
  /** What most of its members are, of each kind that one of them has. */
  identities: Partial<Record<IdentityKind, string>>;
  members: { item: Item; basis: Basis; similarity: number | null }[];
}

/** Texts that share less have nothing to do with each other; those of two products can be as near as this. */
const leastSimilar = 0.3;
const clearlyNearer = 0.05;

/** Shorter names are parts of too many words. */
const shortestName = 5;

/**
 * Groups creatives by what they advertise: the same app, then link, brand, site and advertiser, then whose name the
 * text has, then texts that are alike. A key that strangers share, such as an agency's click server, joins nothing.
 */
export const groupItems = (items: readonly Item[]): Group[] => runAtOnce(groupingSteps(items));

/** The same in steps, each a small part of the whole. */
export function* groupingSteps(unordered: readonly Item[]): Steps<Group[]> {
  const items = [...unordered].sort((one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0));
  const work = new Grouping(items);
  yield* work.readTexts();
  yield* work.tieByKeys();
  yield* work.tieByNames();
  yield* work.tieByTexts();
  return yield* work.groups();
}

/** After so many items others may have their turn. */
const stepItems = 64;
const isStep = (index: number) => index % stepItems === 0;

class Grouping {
  private readonly components: Components;
  private readonly keys: Map<Basis, string[]>[] = [];
  private readonly texts: string[][] = [];
  /** Keys that strangers share. */
  private readonly ambiguous = new Set<string>();
  /** By what an item without a usable key was joined. */
  private readonly joinedBy = new Map<number, { basis: Basis; similarity: number | null }>();

  constructor(private readonly items: readonly Item[]) {
    this.components = new Components(items.length);
  }

  *readTexts(): Steps<void> {
    for (const [index, item] of this.items.entries()) {
      if (isStep(index)) yield;
      this.keys.push(keysOf(item));
      this.texts.push(wordsOf(item.text));
    }
  }

  *tieByKeys(): Steps<void> {
    const apps: IdentityKind[] = ["android", "ios"];
    for (const [index, keys] of this.keys.entries()) {
      for (const key of keys.get("app") ?? [])
        this.components.identify(key.startsWith("ios:") ? "ios" : "android", index, key);
    }
    yield;
    yield* this.tie("app", []);
    yield* this.tie("link", apps);
    yield* this.tie("brand", apps);
    this.identify("brand");
    yield* this.tie("domain", [...apps, "brand"]);
    this.identify("domain");
    // Where one site has several products, each has pages of its own.
    yield* this.tie("page", [...apps, "brand"]);
    yield* this.tie("label", [...apps, "brand"]);
    yield* this.tie("advertiser", [...apps, "brand", "domain"]);
    this.identify("advertiser");
  }

  private keysFor(basis: Basis, index: number): string[] {
    if (basis === "label") return this.labelsOf(index);
    const keys = this.keys[index]?.get(basis) ?? [];
    if (basis !== "page") return keys;
    return keys.filter((page) =>
      [...this.ambiguous].some((key) => page.startsWith(`page:${key.slice("domain:".length)}/`)),
    );
  }

  /** What its app, link, site and brand are called, without what tells a shop or a country apart. */
  private labelsOf(index: number): string[] {
    const item = this.items[index];
    const names =
      item === undefined
        ? []
        : [brandOf(item, this.ambiguous), ...item.landings.map((one) => usableName(one, this.ambiguous))];
    return names.flatMap((name) => {
      const label = wordsOf(name ?? "")
        .filter((word) => !affixes.has(word))
        .join("");
      return label.length < shortestName ? [] : [`label:${label}`];
    });
  }

  private *tie(basis: Basis, conflicts: readonly IdentityKind[]): Steps<void> {
    yield;
    const ownerOf = (index: number) => this.items[index]?.advertiser ?? null;
    const owned = basis !== "app" && basis !== "advertiser";
    for (const [key, items] of byKey(this.items.length, (index) => this.keysFor(basis, index))) {
      const tied = tieUp(this.components, { items, conflicts, ...(owned ? { ownerOf } : {}) });
      if (!tied) this.ambiguous.add(key);
    }
  }

  private identify(kind: "brand" | "domain" | "advertiser"): void {
    for (const [index, keys] of this.keys.entries())
      for (const key of keys.get(kind) ?? []) if (!this.ambiguous.has(key)) this.components.identify(kind, index, key);
  }

  /** What its text names: the longest name that mostly its own creatives have. */
  *tieByNames(): Steps<void> {
    const owners = yield* this.ownersOfNames();
    const votes = new Map<number, Map<number, number>>();
    for (const [index, words] of this.texts.entries()) {
      if (isStep(index)) yield;
      const named = [...runsOf(words)]
        .filter((name) => owners.has(name))
        .sort((one, other) => other.length - one.length)[0];
      const owner = named === undefined ? undefined : owners.get(named);
      if (owner === undefined) continue;
      const root = this.components.rootOf(index);
      const tally = votes.get(root) ?? new Map<number, number>();
      tally.set(owner, (tally.get(owner) ?? 0) + 1);
      votes.set(root, tally);
    }
    const kinds: IdentityKind[] = ["android", "ios", "brand"];
    for (const [root, tally] of [...votes].sort(([one], [other]) => one - other)) {
      const [most] = [...tally].sort(([one, first], [other, second]) => second - first || one - other);
      if (most === undefined || most[1] * 2 < this.components.sizeOf(root)) continue;
      const [owner] = most;
      if (this.components.rootOf(owner) === this.components.rootOf(root)) continue;
      if (this.components.conflict(owner, root, kinds)) continue;
      this.joinedBy.set(root, { basis: "name", similarity: null });
      this.components.join(owner, root);
    }
  }

  /** Names of what has an app, a brand or a site. A name that many others' texts have, too, is a plain word. */
  private *ownersOfNames(): Steps<Map<string, number>> {
    const named = new Map<string, Map<number, number>>();
    for (const [index, item] of this.items.entries()) {
      if (isStep(index)) yield;
      if (!this.components.hasIdentity(index)) continue;
      const root = this.components.rootOf(index);
      const names = [
        brandOf(item, this.ambiguous),
        ...item.landings.map((landing) => usableName(landing, this.ambiguous)),
      ];
      for (const name of names) {
        const written = name === null ? "" : wordsOf(name).join("");
        if (written.length < shortestName) continue;
        const tally = named.get(written) ?? new Map<number, number>();
        tally.set(root, (tally.get(root) ?? 0) + 1);
        named.set(written, tally);
      }
    }
    const mentions = new Map<string, Map<number, number>>();
    for (const [index, words] of this.texts.entries()) {
      if (isStep(index)) yield;
      if (!this.components.hasIdentity(index)) continue;
      const root = this.components.rootOf(index);
      for (const run of runsOf(words)) {
        if (!named.has(run)) continue;
        const tally = mentions.get(run) ?? new Map<number, number>();
        tally.set(root, (tally.get(root) ?? 0) + 1);
        mentions.set(run, tally);
      }
    }
    const owners = new Map<string, number>();
    for (const [name, tally] of named) {
      const [most] = [...tally].sort(([one, first], [other, second]) => second - first || one - other);
      if (most === undefined) continue;
      const said = mentions.get(name) ?? new Map<number, number>();
      const all = [...said.values()].reduce((sum, count) => sum + count, 0);
      // Of components that all have the name, it is one product's on two stores; of others it is a word.
      const own = [...said].reduce((sum, [root, count]) => sum + (tally.has(root) ? count : 0), 0);
      if (all === 0 || own / all >= 0.6) owners.set(name, most[0]);
    }
    return owners;
  }

  /** What has no identity goes to the text most like its own, when that is clearly one product's. */
  *tieByTexts(): Steps<void> {
    this.tieSameTexts();
    yield;
    const similarTo = createSimilarity(this.texts.map(shinglesOf));
    for (const index of this.items.keys()) {
      if (isStep(index)) yield;
      if (this.components.hasIdentity(index)) continue;
      const near = similarTo(index).filter(({ similarity }) => similarity >= leastSimilar);
      const possible = near.filter(({ item }) => this.mayBeOne(index, item));
      const [best] = possible;
      if (best === undefined) continue;
      const root = this.components.rootOf(best.item);
      const owner = this.components.identityOf("advertiser", index);
      // A text that others use, too, says nothing unless the advertiser is the same.
      const rivals = owner !== null && this.components.identityOf("advertiser", root) === owner ? possible : near;
      const rival = rivals.find(({ item }) => this.components.rootOf(item) !== root);
      if (rival !== undefined && best.similarity - rival.similarity < clearlyNearer) continue;
      this.joinedBy.set(index, { basis: "text", similarity: best.similarity });
      this.components.join(best.item, index);
    }
  }

  /** Of what has no identity, the same text is one product's, unless several advertisers use it. */
  private tieSameTexts(): void {
    const wording = (index: number) => {
      const words = this.texts[index] ?? [];
      return words.length < 3 || this.components.hasIdentity(index) ? [] : [words.join(" ")];
    };
    for (const [, items] of byKey(this.items.length, wording)) {
      const owners = new Set(
        items.map((index) => this.components.identityOf("advertiser", index)).filter((owner) => owner !== null),
      );
      if (items.length < 2 || owners.size > 1) continue;
      for (const item of items) {
        this.joinedBy.set(item, { basis: "text", similarity: 1 });
        this.components.join(items[0] ?? item, item);
      }
    }
  }

  private mayBeOne(one: number, other: number): boolean {
    return !this.components.conflict(one, other, ["android", "ios", "brand", "advertiser"]);
  }

  *groups(): Steps<Group[]> {
    const members = new Map<number, number[]>();
    for (const index of this.items.keys()) {
      const root = this.components.rootOf(index);
      const own = members.get(root);
      if (own === undefined) members.set(root, [index]);
      else own.push(index);
    }
    const found: Group[] = [];
    for (const indexes of members.values()) {
      yield;
      found.push(this.groupOf(indexes));
    }
    return found;
  }

  private groupOf(indexes: readonly number[]): Group {
    const counts = new Map<string, number>();
    for (const index of indexes)
      for (const key of this.usableKeys(index)) counts.set(key.key, (counts.get(key.key) ?? 0) + 1);
    const members = indexes.flatMap((index) => {
      const item = this.items[index];
      if (item === undefined) return [];
      const key = this.usableKeys(index).find((one) => one.basis === "app" || (counts.get(one.key) ?? 0) > 1);
      const joined = this.joinedBy.get(index) ?? { basis: "alone" as const, similarity: null };
      return [{ item, ...(key === undefined ? joined : { basis: key.basis, similarity: null }) }];
    });
    const [first = 0] = indexes;
    const identities = identityKinds.flatMap((kind) => {
      const id = this.components.identityOf(kind, first);
      return id === null ? [] : [[kind, id] as const];
    });
    const ids = indexes.map((index) => this.items[index]?.id ?? "");
    return { anchor: anchorOf(counts, ids), identities: Object.fromEntries(identities), members };
  }

  private usableKeys(index: number): { basis: Basis; key: string }[] {
    return keyOrder.flatMap((basis) =>
      this.keysFor(basis, index).flatMap((key) => (this.ambiguous.has(key) ? [] : [{ basis, key }])),
    );
  }
}

/** What companies put around their name in domains. */
const affixes = new Set(
  "app apps official online promo store shop get try go my apply join the and es br mx de us uk fr it pt id jp in".split(
    " ",
  ),
);

const keyOrder = ["app", "link", "brand", "domain", "page", "label", "advertiser"] as const satisfies readonly Basis[];
const anchorOrder = ["android:", "ios:", "link:", "scheme:", "brand:", "domain:", "page:", "label:", "advertiser:"];

/** The strongest kind of key, and of that kind the one most members have. */
function anchorOf(counts: ReadonlyMap<string, number>, ids: readonly string[]): string {
  const rank = (key: string) => anchorOrder.findIndex((prefix) => key.startsWith(prefix));
  const [most] = [...counts].sort(
    ([one, first], [other, second]) => rank(one) - rank(other) || second - first || (one < other ? -1 : 1),
  );
  return most?.[0] ?? `creative:${[...ids].sort()[0] ?? ""}`;
}

const brandOf = ({ brandId, brandName: name }: Item, ambiguous: ReadonlySet<string>) =>
  brandId === null || ambiguous.has(`brand:${brandId}`) ? null : name;

const usableName = (landing: Item["landings"][number], ambiguous: ReadonlySet<string>) =>
  landing.domain !== null && ambiguous.has(`domain:${landing.domain}`) ? null : brandName(landing);

/** By which keys a creative can be joined with others. Of each store one app: a creative for several is of none of them alone. */
function keysOf({ landings, brandId, advertiser }: Item): Map<Basis, string[]> {
  const app = (store: "android" | "ios") => {
    const found = landings.find((landing) => landing.app?.store === store)?.app;
    return found === undefined || found === null ? [] : [`${store}:${found.id}`];
  };
  const sites = landings.filter(({ kind, domain }) => kind === "site" && domain !== null);
  return new Map<Basis, string[]>([
    ["app", [...app("android"), ...app("ios")]],
    [
      "link",
      landings.flatMap(({ linkName, scheme }) => [
        ...(linkName === null ? [] : [`link:${linkName}`]),
        ...(scheme === null || scheme.length < shortestName ? [] : [`scheme:${scheme}`]),
      ]),
    ],
    ["brand", brandId === null ? [] : [`brand:${brandId}`]],
    ["domain", sites.map(({ domain }) => `domain:${domain}`)],
    [
      "page",
      sites.flatMap(({ domain, url }) => {
        const path = (url ?? "")
          .replace(/^https:\/\/[^/]*/, "")
          .split("/")
          .slice(1, 3)
          .join("/");
        return path === "" ? [] : [`page:${domain}/${path}`];
      }),
    ],
    ["advertiser", advertiser === null ? [] : [`advertiser:${advertiser}`]],
  ]);
}
