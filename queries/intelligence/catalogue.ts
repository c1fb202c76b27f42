import type { StoredOrigin } from "../../core/origin.ts";
import type { StoredCreative } from "../../rules/intelligence/catalogue-facts.ts";
import type { CreativeFacts } from "../../rules/intelligence/creative-facts.ts";
import type { Queryable } from "../../schema/database.ts";

export type CatalogueRow = StoredCreative & { origin: StoredOrigin };

/** Snippets are at most some tens of kilobytes; nothing that a person reads comes later. */
const longestMarkup = 200_000;
const spendDays = 30;

/** Something is known of the creative `c` by which it can be grouped. A file of performance knows its id only. */
export const isDescribed = `not c.is_stub and (c.html_snippet is not null or c.vast_xml is not null or c.advertiser_name is not null
  or jsonb_array_length(case when jsonb_typeof(c.declared_click_urls) = 'array' then c.declared_click_urls else '[]' end) > 0
  or jsonb_typeof(c.creative_attributes) = 'object' or jsonb_typeof(c.destination_urls_parsed) = 'array')`;

/** Creatives that can be grouped, some at a time: their markup is long. `after` is the last one's number. */
export async function readCatalogue(
  database: Queryable,
  { client, after, limit }: { client: string; after: string | null; limit: number },
): Promise<CatalogueRow[]> {
  const { rows } = await database.query<CatalogueRow>(
    `select c.id::text as id, c.format, c.declared_click_urls as "declaredClickUrls", c.destination_urls_parsed as "destinationUrlsParsed",
            left(c.html_snippet, ${longestMarkup}) as "htmlSnippet", left(c.vast_xml, ${longestMarkup}) as "vastXml",
            c.creative_attributes as "creativeAttributes", c.advertiser_name as "advertiserName", c.languages, c.origin
       from rtb.creatives c where c._client_id = $1 and ($2::bigint is null or c.id > $2) and ${isDescribed}
      order by c.id limit $3`,
    [client, after, limit],
  );
  return rows;
}

/** Where each creative's money went in the last thirty days: campaigns are named by it. */
export async function readSpendByCountry(
  database: Queryable,
  { client }: { client: string },
): Promise<Map<string, CreativeFacts["spend"][number][]>> {
  const { rows } = await database.query<{ id: string; country: string; amount: string }>(
    `select m.creative_id::text as id, m.geography as country, sum(m.spend)::text as amount
       from rtb.performance_metrics m
      where m._client_id = $1 and m.geography <> '' and m.spend > 0
        and m.date > (select max(as_of) from rtb.client_performance where _client_id = $1) - ${spendDays}
      group by 1, 2`,
    [client],
  );
  const spend = new Map<string, CreativeFacts["spend"][number][]>();
  for (const { id, country, amount } of rows) {
    const own = spend.get(id);
    if (own === undefined) spend.set(id, [{ country, amount }]);
    else own.push({ country, amount });
  }
  return spend;
}

/** Changes with every creative that is added, changed or deleted, and with every decision about campaigns. */
export async function catalogueState(database: Queryable, { client }: { client: string }): Promise<string> {
  const { rows } = await database.query<{ state: string }>(
    `select concat_ws(' ', count(*), max(updated_at),
              (select max(decision_id) from rtb.campaign_decisions where _client_id = $1),
              (select count(*) || '/' || max(campaign_id) from rtb.campaigns where _client_id = $1),
              (select count(*) from rtb.campaign_creatives where _client_id = $1)) as state
       from rtb.creatives where _client_id = $1`,
    [client],
  );
  return rows[0]?.state ?? "";
}
