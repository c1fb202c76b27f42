import type { Origin } from "../../core/origin.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { countCreatives } from "./seats.ts";
import { isMadeUp, mayReplace, type Merged } from "./merged.ts";

export interface GivenCreative {
  creativeId: string;
  buyerId?: string | null | undefined;
  format?: string | null | undefined;
  width?: number | null | undefined;
  height?: number | null | undefined;
  canonicalSize?: string | null | undefined;
  sizeCategory?: string | null | undefined;
  googleBuyersUrl?: string | null | undefined;
  declaredClickUrls?: readonly string[] | null | undefined;
  destinationUrlsParsed?: unknown;
  htmlSnippet?: string | null | undefined;
  vastXml?: string | null | undefined;
  creativeAttributes?: unknown;
}

const texts = {
  buyerId: "buyer_id",
  format: "format",
  canonicalSize: "canonical_size",
  sizeCategory: "size_category",
  googleBuyersUrl: "google_buyers_url",
  htmlSnippet: "html_snippet",
  vastXml: "vast_xml",
} as const;
const numbers = { width: "width", height: "height" } as const;
const documents = {
  declaredClickUrls: "declared_click_urls",
  destinationUrlsParsed: "destination_urls_parsed",
  creativeAttributes: "creative_attributes",
} as const;

/** Each column with what a given item says of it, if it says something. */
const givenColumns = [
  ...Object.entries(texts).map(([name, column]) => ({ name, column, value: `g.item ->> '${name}'` })),
  ...Object.entries(numbers).map(([name, column]) => ({ name, column, value: `(g.item ->> '${name}')::int` })),
  // A JSON null is no document: the column is empty then.
  ...Object.entries(documents).map(([name, column]) => ({
    name,
    column,
    value: `nullif(g.item -> '${name}', 'null'::jsonb)`,
  })),
];

/**
 * Merges creatives by id: the same again changes nothing. What a file of performance had only named is a stub no longer.
 * Ids are unique within one call.
 */
export async function mergeCreatives(
  database: Database,
  merge: { client: string; origin: Origin; rows: readonly GivenCreative[] },
): Promise<Merged> {
  return inTransaction(database, (session) => mergeCreativesIn(session, merge));
}

export async function mergeCreativesIn(
  session: Session,
  { client, origin, rows }: { client: string; origin: Origin; rows: readonly GivenCreative[] },
): Promise<Merged> {
  // Waits for another merge and takes rows in one order, so that two cannot deadlock.
  await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
  const stored = (column: string) => `c.${column}`;
  const next = ({ name, column, value }: (typeof givenColumns)[number]) =>
    `case when g.item ? '${name}' then ${value} else ${stored(column)} end`;
  const given = `given as (select (item ->> 'creativeId')::bigint as creative_id, item from jsonb_array_elements($2::jsonb) as item order by 1)`;
  const values = [client, JSON.stringify(rows)];
  const written = [...values, origin];
  const before = await session.query<{ buyerId: string | null }>(
    `with ${given} select distinct c.buyer_id as "buyerId" from given g join rtb.creatives c on c._client_id = $1 and c.creative_id = g.creative_id`,
    values,
  );
  // Inserted first: a stub that a file is just bringing is waited for, and then updated.
  const inserted = await session.query(
    `with ${given}
     insert into rtb.creatives (_client_id, creative_id, origin, ${givenColumns.map(({ column }) => column).join(", ")})
     select $1, g.creative_id, $3, ${givenColumns.map(({ value }) => value).join(", ")} from given g order by 2
         on conflict (_client_id, creative_id) do nothing`,
    written,
  );
  const updated = await session.query(
    `with ${given}
     update rtb.creatives c
        set ${givenColumns.map((column) => `${column.column} = ${next(column)}`).join(", ")}, is_stub = false, origin = $3, updated_at = now()
       from given g
      where c._client_id = $1 and c.creative_id = g.creative_id
        and ${mayReplace("c")}
        and (c.is_stub or ${isMadeUp("c")} or (${givenColumns.map(({ column }) => stored(column)).join(", ")}) is distinct from (${givenColumns.map(next).join(", ")}))`,
    written,
  );
  await countCreatives(session, client, [
    ...before.rows.map(({ buyerId }) => buyerId),
    ...rows.map(({ buyerId }) => buyerId ?? null),
  ]);
  const counts = { inserted: inserted.rowCount ?? 0, updated: updated.rowCount ?? 0 };
  return { ...counts, unchanged: rows.length - counts.inserted - counts.updated };
}
