import type { Queryable } from "../../schema/database.ts";
import { named } from "./named.ts";

/** Rows are counted up to here, as many as an export has: of a table of millions nobody waits for the last one. */
export const mostCounted = 50_000;

export type Counted<Name extends string, Part extends string> = Record<Name, number> & {
  /** There are more than were counted. */
  isMore: boolean;
} & Record<Part, number | null>;

interface Count<Name extends string, Part extends string> {
  /** What is counted, as the answer calls it. */
  name: Name;
  /** What else is known of all of them, over the columns that are read: sums, or counts of some. */
  parts: Readonly<Record<Part, string>>;
  columns: string;
  from: string;
  where: string;
  values: Readonly<Record<string, unknown>>;
}

/** How many rows there are; where they are too many to count, that there are more, and no part of them. */
export async function countUpTo<Name extends string, Part extends string>(
  database: Queryable,
  { name, parts, columns, from, where, values }: Count<Name, Part>,
  most = mostCounted,
): Promise<Counted<Name, Part>> {
  const all = Object.entries<string>(parts).map(([part, sql]) => `, coalesce(${sql}, 0)::bigint as "${part}"`);
  const { rows } = await database.query<Record<string, number>>(
    named(
      `select count(*)::int as "${name}"${all.join("")} from (select ${columns} from ${from} where ${where} limit :most) t`,
      { ...values, most: most + 1 },
    ),
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a count has one row");
  const isMore = (row[name] ?? 0) > most;
  const unknown = Object.fromEntries(Object.keys(parts).map((part) => [part, null]));
  return { ...row, ...(isMore ? { [name]: most, ...unknown } : {}), isMore } as Counted<Name, Part>;
}
