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
  advertiserName?: string | null | undefined;
  languages?: readonly string[] | null | undefined;
  approvalStatus?: string | null | undefined;
  /** The picture that the exchange names. */
  previewUrl?: string | null | undefined;
}

const texts = {
  format: "format",
  canonicalSize: "canonical_size",
  sizeCategory: "size_category",
  googleBuyersUrl: "google_buyers_url",
  htmlSnippet: "html_snippet",
  vastXml: "vast_xml",
  advertiserName: "advertiser_name",
  approvalStatus: "approval_status",
  previewUrl: "preview_url",
} as const;
const numbers = { width: "width", height: "height" } as const;
const documents = {
  declaredClickUrls: "declared_click_urls",
  destinationUrlsParsed: "destination_urls_parsed",
  creativeAttributes: "creative_attributes",
  languages: "languages",
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

/** An item names no seat, and several have a creative of its id. */
export class SeveralSeats extends Error {
  constructor(creativeId: string) {
    super(`several seats have a creative ${creativeId}: say whose is meant by buyerId`);
    this.name = "SeveralSeats";
  }
}

/**
 * Merges creatives by seat and id: the same again changes nothing. What a file of performance had only named is a stub no
 * longer. An item without a seat is the one creative of its id; a creative without one becomes the first seat's that names it.
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
  // Waits for another merge, also of a file that brings stubs, and takes rows in one order, so that two cannot deadlock.
  await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
  const { fresh, known } = await toIds(session, client, rows);
  const names = givenColumns.map(({ column }) => column).join(", ");
  const inserted = await session.query(
    `insert into rtb.creatives (_client_id, buyer_id, creative_id, origin, ${names})
     select $1, g.item ->> 'buyerId', g.item ->> 'creativeId', $3, ${givenColumns.map(({ value }) => value).join(", ")}
       from jsonb_array_elements($2::jsonb) with ordinality g(item, place) order by place`,
    [client, JSON.stringify(fresh), origin],
  );
  const stored = (column: string) => `c.${column}`;
  const next = ({ name, column, value }: (typeof givenColumns)[number]) =>
    `case when g.item ? '${name}' then ${value} else ${stored(column)} end`;
  const seat = "coalesce(c.buyer_id, g.item ->> 'buyerId')";
  const updated = await session.query(
    `update rtb.creatives c
        set buyer_id = ${seat}, ${givenColumns.map((column) => `${column.column} = ${next(column)}`).join(", ")}, is_stub = false, origin = $3, updated_at = now()
       from (select (item ->> 'id')::bigint as id, item from jsonb_array_elements($2::jsonb) item order by 1) g
      where c._client_id = $1 and c.id = g.id and ${mayReplace("c")}
        and (c.is_stub or ${isMadeUp("c")} or (c.buyer_id, ${givenColumns.map(({ column }) => stored(column)).join(", ")}) is distinct from (${seat}, ${givenColumns.map(next).join(", ")}))`,
    [client, JSON.stringify(known), origin],
  );
  await countCreatives(
    session,
    client,
    rows.map(({ buyerId }) => buyerId ?? null),
  );
  const counts = { inserted: inserted.rowCount ?? 0, updated: updated.rowCount ?? 0 };
  return { ...counts, unchanged: rows.length - counts.inserted - counts.updated };
}

/** Which of the items are stored already, with our number of each. */
async function toIds(
  session: Session,
  client: string,
  rows: readonly GivenCreative[],
): Promise<{ fresh: GivenCreative[]; known: (GivenCreative & { id: string })[] }> {
  const { rows: found } = await session.query<{ own: string | null; unnamed: string | null; others: string[] }>(
    `select min(c.id) filter (where c.buyer_id = g.buyer_id)::text as own, min(c.id) filter (where c.buyer_id is null)::text as unnamed,
            coalesce(array_agg(c.id::text) filter (where c.buyer_id is not null), '{}') as others
       from unnest($2::text[], $3::text[]) with ordinality g(buyer_id, creative_id, place)
       left join rtb.creatives c on c._client_id = $1 and c.creative_id = g.creative_id
      group by g.place order by g.place`,
    [client, rows.map(({ buyerId }) => buyerId ?? null), rows.map(({ creativeId }) => creativeId)],
  );
  const taken = new Set<string>();
  const fresh: GivenCreative[] = [];
  const known: (GivenCreative & { id: string })[] = [];
  for (const [place, row] of rows.entries()) {
    const { own = null, unnamed = null, others = [] } = found[place] ?? {};
    const named = row.buyerId != null;
    const unnamedIsFree = unnamed !== null && !taken.has(unnamed);
    const id = own ?? (unnamedIsFree ? unnamed : named ? null : (others[0] ?? null));
    if (!named && (taken.has(id ?? "") || (unnamed === null && others.length > 1)))
      throw new SeveralSeats(row.creativeId);
    if (id === null) fresh.push(row);
    else {
      taken.add(id);
      known.push({ ...row, id });
    }
  }
  // Our numbers follow the order in which they come.
  fresh.sort(({ creativeId: one }, { creativeId: other }) => one.length - other.length || (one < other ? -1 : 1));
  return { fresh, known };
}
