/** A statement whose values have names: `:client` stands for the value `client`. */
export function named(text: string, values: Readonly<Record<string, unknown>>): { text: string; values: unknown[] } {
  const places = new Map<string, number>();
  // A name begins in lower case after a single colon: neither `::text` nor a format such as `HH24:MI` is one.
  const numbered = text.replace(/(?<![:\w]):([a-z]\w*)/g, (_, name: string) => {
    if (!Object.hasOwn(values, name)) throw new RangeError(`the statement has no value for :${name}`);
    if (!places.has(name)) places.set(name, places.size + 1);
    return `$${places.get(name)}`;
  });
  return { text: numbered, values: [...places.keys()].map((name) => values[name]) };
}

/** One row for a table: its columns by their names. */
export function insertRow(
  table: string,
  row: Readonly<Record<string, unknown>>,
  returning: string,
): { text: string; values: unknown[] } {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${index + 1}`);
  return {
    text: `insert into ${table} (${columns.join(", ")}) values (${places.join(", ")}) returning ${returning}`,
    values: Object.values(row),
  };
}
