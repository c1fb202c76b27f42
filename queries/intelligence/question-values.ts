import type { Condition, Dimension, Question } from "../../rules/intelligence/question.ts";
import type { Queryable } from "../../schema/database.ts";
import { spelledGenres } from "../rtb/genres.ts";

/** Conditions and slices of a question. */
export function conditionsOf({ where, compare }: Question): Condition[] {
  const slices =
    compare?.with === "slice" ? [compare.slice, ...(compare.against === null ? [] : [compare.against])] : [];
  return [...where, ...slices];
}

/** Which of the texts $2 something is called by; of dimensions whose values stand in small tables. */
const called: Partial<Record<Dimension, string>> = {
  campaign: `select v from unnest($2::text[]) v where exists (select from rtb.campaigns k where k._client_id = $1 and (k.campaign_id::text = v or lower(k.campaign_name) = lower(v)))`,
  genre: `select v from unnest($2::text[]) v where exists (select from rtb.campaigns k where k._client_id = $1 and lower(k.genre) = lower(v))`,
  creative: `select v from unnest($2::text[]) v where exists (select from rtb.creatives c where c._client_id = $1 and (c.creative_id = v or 'buyers/' || c.buyer_id || '/creatives/' || c.creative_id = v))`,
  format: `select v from unnest($2::text[]) v where exists (select from rtb.creatives c where c._client_id = $1 and upper(c.format) = v)`,
  size: `select v from unnest($2::text[]) v where exists (select from rtb.creatives c where c._client_id = $1 and (c.canonical_size = v or split_part(c.canonical_size, ' (', 1) = v))`,
  seat: `select v from unnest($2::text[]) v where exists (select from rtb.creatives c where c._client_id = $1 and c.buyer_id = v)`,
  advertiser: `select v from unnest($2::text[]) v where exists (select from rtb.creatives c where c._client_id = $1 and lower(c.advertiser_name) = lower(v))`,
};

/** Values that nothing of this client is called by: a misspelt one would else look like an empty answer. */
export async function unknownValues(
  database: Queryable,
  { client, question }: { client: string; question: Question },
): Promise<string[]> {
  const unknown: string[] = [];
  for (const { dimension, values } of conditionsOf(question)) {
    const statement = called[dimension];
    if (statement === undefined) continue;
    const { rows } = await database.query<{ v: string }>(statement, [client, values]);
    const found = new Set(rows.map(({ v }) => v));
    unknown.push(...values.filter((value) => !found.has(value)).map((value) => `${dimension} ${value}`));
  }
  return [...new Set(unknown)];
}

/** What a form offers to choose from: the values there are, of dimensions with few. */
export async function knownValues(
  database: Queryable,
  { client }: { client: string },
): Promise<Partial<Record<Dimension, string[]>>> {
  const { rows } = await database.query<{ dimension: Dimension; values: string[] }>(
    `select 'genre' as dimension, array(select spelling from ${spelledGenres("$1")} order by 1 limit 100) as values
     union all
     select 'format', array(select distinct upper(format) from rtb.creatives where _client_id = $1 and format is not null order by 1 limit 100)
     union all
     select 'size', array(select distinct canonical_size from rtb.creatives where _client_id = $1 and canonical_size is not null order by 1 limit 100)`,
    [client],
  );
  return Object.fromEntries(rows.map(({ dimension, values }) => [dimension, values]));
}
