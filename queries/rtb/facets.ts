import type { Queryable } from "../../schema/database.ts";
import { languagesSql } from "./creative-shapes.ts";

export interface Facet {
  value: string;
  creatives: number;
}

/** What a list of creatives can be narrowed to, the most frequent first. */
export interface Facets {
  advertisers: Facet[];
  approvals: Facet[];
  formats: Facet[];
  languages: Facet[];
  seats: (Facet & { name: string | null })[];
  campaigns: (Facet & { name: string })[];
}

/** More than a person looks through. */
const most = 200;

/** Spellings of one advertiser are one: the filter takes them for the same. */
const facetSql = (from: string, value: string) =>
  `(select coalesce(json_agg(json_build_object('value', value, 'creatives', creatives) order by creatives desc, value), '[]')
      from (select min(${value}) as value, count(*) as creatives from ${from}
             group by lower(${value}) order by 2 desc, 1 limit ${most}) one)`;

export async function readFacets(database: Queryable, { client }: { client: string }): Promise<Facets> {
  const ofClient = (and: string) => `rtb.creatives c where c._client_id = $1 and ${and}`;
  const { rows } = await database.query<Facets>(
    `select ${facetSql(ofClient("c.advertiser_name <> ''"), "c.advertiser_name")} as advertisers,
            ${facetSql(ofClient("c.approval_status <> ''"), "c.approval_status")} as approvals,
            ${facetSql(ofClient("c.format <> ''"), "c.format")} as formats,
            ${facetSql(`rtb.creatives c cross join lateral ${languagesSql("c")} l(tag) where c._client_id = $1 and l.tag <> ''`, "l.tag")} as languages,
            (select coalesce(json_agg(json_build_object('value', buyer_id, 'name', name, 'creatives', creatives) order by creatives desc, buyer_id), '[]')
               from (select c.buyer_id, max(s.display_name) as name, count(*) as creatives
                       from rtb.creatives c left join rtb.buyer_seats s on s._client_id = c._client_id and s.buyer_id = c.buyer_id
                      where c._client_id = $1 and c.buyer_id <> '' group by 1 order by 3 desc, 1 limit ${most}) one) as seats,
            (select coalesce(json_agg(json_build_object('value', campaign_id::text, 'name', name, 'creatives', creatives) order by name, campaign_id), '[]')
               from (select g.campaign_id, g.campaign_name as name, (select count(*) from rtb.campaign_creatives k
                               where k._client_id = g._client_id and k.campaign_id = g.campaign_id) as creatives
                       from rtb.campaigns g where g._client_id = $1 order by 3 desc, 1 limit ${most}) one) as campaigns`,
    [client],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("creatives give no choices");
  return row;
}

/** Whether there is such a seat, or a creative of it: files may have named one before any list did. */
export async function seatIsNamed(database: Queryable, of: { client: string; buyerId: string }): Promise<boolean> {
  const { rowCount } = await database.query(
    `select where exists (select from rtb.buyer_seats where _client_id = $1 and buyer_id = $2)
               or exists (select from rtb.creatives where _client_id = $1 and buyer_id = $2)`,
    [of.client, of.buyerId],
  );
  return rowCount !== 0;
}

/** What creatives of a client have there, in upper case. */
export async function listChoices(
  database: Queryable,
  { client, field }: { client: string; field: "approval" | "format" },
): Promise<string[]> {
  const column = field === "approval" ? "approval_status" : "format";
  const { rows } = await database.query<{ value: string }>(
    `select distinct upper(${column}) as value from rtb.creatives where _client_id = $1 and ${column} <> '' order by 1 limit ${most}`,
    [client],
  );
  return rows.map(({ value }) => value);
}
