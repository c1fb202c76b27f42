/**
 * What a pretargeting configuration lets through, flat: `geoTargeting.excludedIds` and so on. Lists have no order there and
 * are sorted; a member that is an object (a size) is its JSON. What is absent is unset, which mostly means "all".
 */
export type Leaf = string | readonly string[];
export type Leaves = Readonly<Record<string, Leaf>>;

/** Given by the exchange, or not part of what is targeted. The user targeting modes have had no effect for years. */
const notTargeting: ReadonlySet<string> = new Set([
  "name",
  "displayName",
  "billingId",
  "state",
  "invalidGeoIds",
  "allowedUserTargetingModes",
]);

export function flatten(config: Readonly<Record<string, unknown>>): Leaves {
  const leaves: Record<string, Leaf> = {};
  const add = (path: string, value: unknown): void => {
    if (Array.isArray(value)) {
      if (value.length > 0) leaves[path] = [...new Set(value.map(memberText))].sort(byText);
    } else if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) add(`${path}.${name}`, inner);
    } else if (value !== undefined && value !== null && value !== "") {
      leaves[path] = String(value as string | number | boolean);
    }
  };
  for (const [name, value] of Object.entries(config)) if (!notTargeting.has(name)) add(name, value);
  return leaves;
}

/** The same as the exchange takes it. Whole numbers may be text there. */
export function unflatten(leaves: Leaves): Record<string, unknown> {
  const config: Record<string, unknown> = {};
  for (const [path, leaf] of Object.entries(leaves)) {
    const names = path.split(".");
    const last = names.pop() ?? path;
    let at = config;
    for (const name of names) at = (at[name] ??= {}) as Record<string, unknown>;
    at[last] = typeof leaf === "string" ? leaf : leaf.map(memberOf);
  }
  return config;
}

function memberText(member: unknown): string {
  if (typeof member !== "object" || member === null) return String(member);
  const fields = Object.entries(member).map(([name, value]) => [name, String(value)] as const);
  return JSON.stringify(Object.fromEntries(fields.sort(([one], [other]) => byText(one, other))));
}

const memberOf = (text: string): unknown => (text.startsWith("{") ? JSON.parse(text) : text);
const byText = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

export const sizeMember = ({ width, height }: { width: number; height: number }) =>
  memberText({ width: String(width), height: String(height) });

export function sameLeaf(one: Leaf | undefined, other: Leaf | undefined): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** The same content with one part of it set, or unset. */
export function withLeaf(leaves: Leaves, path: string, leaf: Leaf | undefined): Leaves {
  const { [path]: _old, ...others } = leaves;
  return leaf === undefined || leaf.length === 0 ? others : { ...others, [path]: leaf };
}

/** What differs in one part; null is unset. */
export interface Difference {
  path: string;
  before: Leaf | null;
  after: Leaf | null;
}

export function differences(before: Leaves, after: Leaves): Difference[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .sort(byText)
    .filter((path) => !sameLeaf(before[path], after[path]))
    .map((path) => ({ path, before: before[path] ?? null, after: after[path] ?? null }));
}
