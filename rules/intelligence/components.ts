/** What can say that two creatives advertise different things. */
export const identityKinds = ["android", "ios", "brand", "domain", "advertiser"] as const;
export type IdentityKind = (typeof identityKinds)[number];

type Tally = Map<string, number>;

/** Items that were found to belong together, with how often each identity is among them. */
export class Components {
  private readonly parents: number[];
  private readonly sizes: number[];
  private readonly tallies = new Map<IdentityKind, Map<number, Tally>>();

  constructor(count: number) {
    this.parents = Array.from({ length: count }, (_, index) => index);
    this.sizes = this.parents.map(() => 1);
    for (const kind of identityKinds) this.tallies.set(kind, new Map());
  }

  rootOf(index: number): number {
    let root = index;
    while (this.parents[root] !== root) root = this.parents[root] ?? root;
    for (let at = index; at !== root;) {
      const next = this.parents[at] ?? root;
      this.parents[at] = root;
      at = next;
    }
    return root;
  }

  sizeOf(index: number): number {
    return this.sizes[this.rootOf(index)] ?? 1;
  }

  /** Gives an item an identity. */
  identify(kind: IdentityKind, index: number, id: string): void {
    const root = this.rootOf(index);
    const tally = this.talliesOf(kind).get(root) ?? new Map<string, number>();
    tally.set(id, (tally.get(id) ?? 0) + 1);
    this.talliesOf(kind).set(root, tally);
  }

  /** The identity most items of its component have; null where none has one. */
  identityOf(kind: IdentityKind, index: number): string | null {
    let most: [id: string, count: number] | null = null;
    for (const [id, count] of this.talliesOf(kind).get(this.rootOf(index)) ?? [])
      if (most === null || count > most[1] || (count === most[1] && id < most[0])) most = [id, count];
    return most?.[0] ?? null;
  }

  /** One advertiser has several products: its name says whose a creative is, not which of them it advertises. */
  hasIdentity(index: number): boolean {
    return identityKinds.some((kind) => kind !== "advertiser" && this.identityOf(kind, index) !== null);
  }

  /** Both have an identity of the same kind, and not the same one. */
  conflict(one: number, other: number, kinds: readonly IdentityKind[]): boolean {
    return kinds.some((kind) => {
      const [first, second] = [this.identityOf(kind, one), this.identityOf(kind, other)];
      return first !== null && second !== null && first !== second;
    });
  }

  join(one: number, other: number): void {
    const [first, second] = [this.rootOf(one), this.rootOf(other)];
    if (first === second) return;
    const [kept, gone] = this.sizeOf(first) >= this.sizeOf(second) ? [first, second] : [second, first];
    this.parents[gone] = kept;
    this.sizes[kept] = this.sizeOf(kept) + (this.sizes[gone] ?? 1);
    for (const kind of identityKinds) {
      const all = this.talliesOf(kind);
      const added = all.get(gone);
      if (added === undefined) continue;
      const tally = all.get(kept) ?? new Map<string, number>();
      for (const [id, count] of added) tally.set(id, (tally.get(id) ?? 0) + count);
      all.set(kept, tally);
      all.delete(gone);
    }
  }

  private talliesOf(kind: IdentityKind): Map<number, Tally> {
    const found = this.tallies.get(kind);
    if (found === undefined) throw new RangeError(`no identities of ${kind}`);
    return found;
  }
}
