export type Canonical =
  string | number | boolean | null | readonly Canonical[] | { readonly [name: string]: Canonical };

/** One text for one content, whoever writes it: keys in the order of their code units, no blanks, whole numbers alone. */
export function canonicalJson(value: Canonical): string {
  if (typeof value === "number" && !Number.isSafeInteger(value))
    throw new RangeError(`${value} has no one way to be written`);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isList(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const fields = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`);
  return `{${fields.join(",")}}`;
}

const isList = (value: object): value is readonly Canonical[] => Array.isArray(value);
