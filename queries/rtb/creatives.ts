import { type Database, inTransaction, prepared, type Queryable, type Session } from "../../schema/database.ts";
import {
  apartFromState,
  daysBefore,
  daysOf,
  percentSql,
  ratioSql,
  stateSql,
  type Figures,
  type SumsState,
} from "./metrics.ts";
import { periods, type Period } from "./rollups.ts";

export const creativeSorts = ["spend", "cpc", "cpm", "id"] as const;
export type CreativeSort = (typeof creativeSorts)[number];
export const tiers = ["high", "medium", "low", "zero"] as const;
export type Tier = (typeof tiers)[number];

/** What a creative did in a period; null ratios where there is nothing to divide by. */
export type PeriodFigures = Figures & {
  /** In percent against as many days before; null where nothing was spent then. */
  trend: number | null;
  tier: Tier;
};

export type CreativeFigures = PeriodFigures & {
  /** Where most was spent, and its share of all spend in percent; null without spend in a known country. */
  topGeography: string | null;
  topGeographyShare: number | null;
};

export interface CreativeRow {
  creativeId: string;
  buyerId: string | null;
  format: string | null;
  width: number | null;
  height: number | null;
  canonicalSize: string | null;
  sizeCategory: string | null;
  googleBuyersUrl: string | null;
  isStub: boolean;
  createdAt: Date;
  updatedAt: Date;
}

/** What makes an answer long, and a list of cards does not show. */
export interface HeavyFields {
  declaredClickUrls: unknown;
  destinationUrlsParsed: unknown;
  htmlSnippet: string | null;
  vastXml: string | null;
  creativeAttributes: unknown;
}

export type ListedCreative = CreativeRow &
  Partial<HeavyFields> &
  PeriodFigures & {
    /** All that it spent in the period, with every digit; null without performance. */
    whole: string | null;
    /** Where it stands in the order: exact text, null where it has no ratio to be sorted by. */
    place: string | null;
  };

export interface CreativeFilter {
  client: string;
  /** The day that periods end with. */
  asOf: string;
  sort: CreativeSort;
  period: Period;
  tier?: Tier | undefined;
  format?: string | undefined;
  geography?: string | undefined;
  buyerId?: string | undefined;
  campaignId?: number | undefined;
  slim: boolean;
  after?: { place: string | null; creativeId: string } | null;
  limit: number;
  /** Who comes first in an order by CPC or CPM, where that is known: then nobody's ratio is computed for the order but theirs. */
  first?: readonly string[] | undefined;
}

const lightColumns = `c.creative_id::text as "creativeId", c.buyer_id as "buyerId", c.format, c.width, c.height, c.canonical_size as "canonicalSize",
  c.size_category as "sizeCategory", c.google_buyers_url as "googleBuyersUrl", c.is_stub as "isStub", c.created_at as "createdAt", c.updated_at as "updatedAt"`;
const heavyColumns = `c.declared_click_urls as "declaredClickUrls", c.destination_urls_parsed as "destinationUrlsParsed", c.html_snippet as "htmlSnippet",
  c.vast_xml as "vastXml", c.creative_attributes as "creativeAttributes"`;

/** Values of a statement, each under its number. */
function createValues(): { values: unknown[]; put: (value: unknown) => string } {
  const values: unknown[] = [];
  return { values, put: (value) => `$${values.push(value)}` };
}

/** What a tier means for `p`, with its thresholds. */
const tierConditions: Record<Tier, (highFrom: string, lowTo: string) => string> = {
  high: (highFrom) => `p.whole > 0 and p.whole >= ${highFrom}`,
  medium: (highFrom, lowTo) => `p.whole > 0 and p.whole < ${highFrom} and p.whole > ${lowTo}`,
  low: (highFrom, lowTo) => `p.whole > 0 and p.whole < ${highFrom} and p.whole <= ${lowTo}`,
  zero: () => "coalesce(p.whole, 0) <= 0",
};
const tierOf = `case when coalesce(p.whole, 0) <= 0 then 'zero' when p.whole >= t.high_from then 'high' when p.whole <= t.low_to then 'low' else 'medium' end`;

/** Sums of a period as the roll-up has them; `whole` is the spend in all countries. */
function rolledUp(period: Period, client: string): string {
  const previous = period === "all" ? "null::numeric" : `previous_spend_${period}`;
  return `(select creative_id, spend_${period} as spend, impressions_${period} as impressions, clicks_${period} as clicks, ${previous} as previous, spend_${period} as whole
             from rtb.creative_performance where _client_id = ${client})`;
}

type Put = (value: unknown) => string;

/** The same sums over one country: no roll-up has them, so the rows of its days are added up. */
function ofGeography({ period, asOf, geography }: CreativeFilter, client: string, put: Put): string {
  const { from, to } = daysOf(period, asOf);
  const before = daysBefore(period, asOf);
  const within = from === null || to === null ? "true" : `date between ${put(from)}::date and ${put(to)}::date`;
  const earlier = before === null ? "false" : `date between ${put(before.from)}::date and ${put(before.to)}::date`;
  return `(select s.*, o.whole from (
             select creative_id, sum(spend) filter (where ${within}) as spend, sum(impressions) filter (where ${within}) as impressions,
                    sum(clicks) filter (where ${within}) as clicks, coalesce(sum(spend) filter (where ${earlier}), 0) as previous
               from rtb.performance_metrics
              where _client_id = ${client} and geography = ${put(geography)} and (${within} or ${earlier})
              group by 1 having count(*) filter (where ${within}) > 0) s
             left join ${rolledUp(period, client)} o using (creative_id))`;
}

/**
 * Where most was spent of a few creatives, as `creative_id, geography, spend`: their rows are added up. Given as one array,
 * so that each month is gone through once and not once per creative.
 */
function topGeographies(
  { period, asOf }: { period: Period; asOf: string },
  creatives: string,
  client: string,
  put: Put,
) {
  const { from, to } = daysOf(period, asOf);
  const days = from === null || to === null ? "" : `and m.date between ${put(from)}::date and ${put(to)}::date`;
  return `(select distinct on (creative_id) creative_id, geography, spend
             from (select m.creative_id, m.geography, sum(m.spend) as spend from rtb.performance_metrics m
                    where m._client_id = ${client} and m.creative_id = any(${creatives}) ${days} and m.geography <> '' group by 1, 2) s
            where spend > 0 order by creative_id, spend desc, geography)`;
}

const figureColumns = `round(coalesce(p.spend, 0), 2) as spend, coalesce(p.impressions, 0)::text as impressions, coalesce(p.clicks, 0)::text as clicks,
  ${ratioSql.cpc("p.spend", "p.clicks")} as cpc, ${ratioSql.cpm("p.spend", "p.impressions")} as cpm,
  ${percentSql("(p.spend - p.previous)", "p.previous")}::float8 as trend, ${tierOf} as tier`;

/** Where most was spent of each of these creatives; those without spend in a known country are left out. */
export async function readTopGeographies(
  database: Queryable,
  of: { client: string; period: Period; asOf: string; creativeIds: readonly string[] },
): Promise<{ version: string | null; top: Map<string, { geography: string; spend: string }> }> {
  const { values, put } = createValues();
  const client = put(of.client);
  const { rows } = await database.query<{
    creativeId: string | null;
    geography: string;
    spend: string;
    version: string;
  }>(
    `select g.creative_id::text as "creativeId", g.geography, g.spend, v.version
       from ${stateSql(client)} v left join ${topGeographies(of, `${put(of.creativeIds)}::bigint[]`, client, put)} g on true`,
    values,
  );
  return {
    version: rows[0]?.version ?? null,
    top: new Map(
      rows.flatMap(({ creativeId, geography, spend }) =>
        creativeId === null ? [] : [[creativeId, { geography, spend }]],
      ),
    ),
  };
}

/** What those that have it are sorted by, before all that have none: `has` and `lacks` are true of nobody at once. */
interface Rank {
  value: string;
  direction: "asc" | "desc";
  has: string;
  lacks: string;
  /** The place of those without. */
  otherwise: string;
}

const ratioRank = (value: string, below: string): Rank => ({
  value,
  direction: "asc",
  has: `${below} <> 0`,
  lacks: `coalesce(${below}, 0) = 0`,
  otherwise: "null::numeric",
});
const ranks: Record<Exclude<CreativeSort, "id">, Rank> = {
  spend: {
    value: "p.spend",
    direction: "desc",
    has: "p.spend > 0",
    lacks: "coalesce(p.spend, 0) <= 0",
    otherwise: "0::numeric",
  },
  cpc: ratioRank("p.spend / nullif(p.clicks, 0)", "p.clicks"),
  cpm: ratioRank("p.spend * 1000 / nullif(p.impressions, 0)", "p.impressions"),
};

/**
 * Creatives with what they did in a period. By spend the greatest come first, by CPC and CPM the cheapest, those without
 * a ratio last; equals are ordered by id, so that pages join without a gap.
 */
export async function listCreatives(
  database: Queryable,
  filter: CreativeFilter,
): Promise<SumsState & { rows: (ListedCreative & SumsState)[] }> {
  const { values, put } = createValues();
  const client = put(filter.client);
  const page = pageOf(filter, client, put);
  const { rows } = await database.query<ListedCreative & SumsState>(
    prepared(
      `with ${page.tables}
       select ${lightColumns}${filter.slim ? "" : `, ${heavyColumns}`}, ${figureColumns}, p.place::text as place, p.whole::text as whole, v.*
         from ${stateSql(client)} v
         left join (page p join rtb.creatives c on c._client_id = ${client} and c.creative_id = p.creative_id
                    left join rtb.spend_tiers t on t._client_id = ${client} and t.period = '${filter.period}') on true
        order by ${page.order}`,
      values,
    ),
  );
  return apartFromState(rows, "creativeId");
}

/** Only which creatives are on the page, as the table `page`: what is told of them is computed for no others. */
function pageOf(filter: CreativeFilter, client: string, put: Put): { tables: string; order: string } {
  const { period, sort, after } = filter;
  const figures = filter.geography === undefined ? rolledUp(period, client) : ofGeography(filter, client, put);
  const conditions = [`c._client_id = ${client}`];
  // Looked up beforehand: a threshold that the plan has in hand is a place in the index.
  const threshold = (column: string) =>
    `(select ${column} from rtb.spend_tiers where _client_id = ${client} and period = '${period}')`;
  if (filter.tier !== undefined)
    conditions.push(tierConditions[filter.tier](threshold("high_from"), threshold("low_to")));
  if (filter.format !== undefined) conditions.push(`upper(c.format) = upper(${put(filter.format)})`);
  if (filter.buyerId !== undefined) conditions.push(`c.buyer_id = ${put(filter.buyerId)}`);
  if (filter.campaignId !== undefined)
    conditions.push(
      `exists (select from rtb.campaign_creatives k where k._client_id = ${client} and k.campaign_id = ${put(filter.campaignId)} and k.creative_id = c.creative_id)`,
    );
  // Said in the text: the plan for any number of rows is not the one for a page.
  const limit = String(Math.trunc(filter.limit));
  const select = (from: string, place: string, more: string[], order: string, most: string) =>
    `select c.creative_id, p.spend, p.impressions, p.clicks, p.previous, p.whole, ${place} as place
       from ${from} where ${[...conditions, ...more].join(" and ")} order by ${order} limit ${most}`;
  // In one country only those that have anything there are listed.
  const all = `rtb.creatives c ${filter.geography === undefined ? "left join" : "join"} ${figures} p on p.creative_id = c.creative_id`;
  const afterId = after == null ? null : `${put(after.creativeId)}::bigint`;
  const sinceId = afterId === null ? [] : [`c.creative_id > ${afterId}`];
  if (sort === "id")
    return {
      tables: `page as materialized (${select(all, "null::numeric", sinceId, "c.creative_id", limit)})`,
      order: "p.creative_id",
    };

  const { value, direction, has, lacks, otherwise } = ranks[sort];
  const pastRanked = after != null && (after.place === null || (sort === "spend" && Number(after.place) <= 0));
  const since = () => {
    if (after == null || afterId === null) return [];
    if (pastRanked) return ["false"];
    const place = `${put(after.place)}::numeric`;
    const [beyond, upTo] = direction === "desc" ? ["<", "<="] : [">", ">="];
    return [`${value} ${upTo} ${place}`, `(${value} ${beyond} ${place} or p.creative_id > ${afterId})`];
  };
  const among = filter.first === undefined ? [] : [`p.creative_id = any(${put(filter.first)}::bigint[])`];
  const order = `place ${direction}, creative_id`;
  // Put in order alone, by the index if there is one, and only then joined, one after the other until the page is full.
  const ranked = `(select p.*, ${value} as place from ${figures} p where ${[has, ...among, ...since()].join(" and ")} order by ${order}) p join rtb.creatives c on c.creative_id = p.creative_id`;
  const first = select(ranked, "p.place", [], `p.place ${direction}, p.creative_id`, limit);
  const rest = select(
    all,
    otherwise,
    [lacks, ...(pastRanked ? sinceId : [])],
    "c.creative_id",
    `greatest(0, ${limit} - (select count(*) from ranked))`,
  );
  return {
    tables: `ranked as materialized (${first}), page as materialized (select * from ranked union all (${rest}))`,
    order: `p.place ${direction} nulls last, p.creative_id`,
  };
}

export type FoundCreative = CreativeRow &
  HeavyFields & {
    /** The day that its periods end with; null when nothing was rolled up yet. */
    asOf: string | null;
    performance: (CreativeFigures & { period: Period })[];
    campaigns: { campaignId: number; campaignName: string }[];
  };

/** One creative with every period; null when the client has none of this id. */
export async function findCreative(
  database: Queryable,
  of: { client: string; creativeId: string; asOf: string },
): Promise<FoundCreative | null> {
  const { values, put } = createValues();
  const [client, creativeId] = [put(of.client), put(of.creativeId)];
  const sums = periods.map((period, place) => {
    const previous = period === "all" ? "null::numeric" : `o.previous_spend_${period}`;
    return `(${place}, '${period}', o.spend_${period}, o.impressions_${period}, o.clicks_${period}, ${previous}, o.spend_${period})`;
  });
  const days = periods.map((period) => {
    const { from, to } = daysOf(period, of.asOf);
    return `('${period}', ${from === null ? "'-infinity'" : put(from)}::date, ${to === null ? "'infinity'" : put(to)}::date)`;
  });
  const { rows } = await database.query<FoundCreative>(
    prepared(
      `with top as materialized (
         select distinct on (d.period) d.period, m.geography, sum(m.spend) as spend
           from rtb.performance_metrics m join (values ${days.join(", ")}) d(period, first, last) on m.date between d.first and d.last
          where m._client_id = ${client} and m.creative_id = ${creativeId} and m.geography <> ''
          group by 1, 2 having sum(m.spend) > 0 order by 1, 3 desc, 2
       ), figures as (
         select p.place, p.period, ${figureColumns}, g.geography as "topGeography", ${percentSql("g.spend", "p.whole")}::float8 as "topGeographyShare"
           from (select) one left join rtb.creative_performance o on o._client_id = ${client} and o.creative_id = ${creativeId}
          cross join lateral (values ${sums.join(", ")}) p(place, period, spend, impressions, clicks, previous, whole)
           left join rtb.spend_tiers t on t._client_id = ${client} and t.period = p.period
           left join top g on g.period = p.period and p.whole > 0
       )
       select ${lightColumns}, ${heavyColumns}, v."asOf",
              (select json_agg(json_build_object('period', period, 'spend', spend::text, 'impressions', impressions, 'clicks', clicks, 'cpc', cpc::text, 'cpm', cpm::text,
                         'trend', trend, 'tier', tier, 'topGeography', "topGeography", 'topGeographyShare', "topGeographyShare") order by place) from figures) as performance,
              (select coalesce(json_agg(json_build_object('campaignId', campaign_id, 'campaignName', campaign_name) order by campaign_id), '[]')
                 from rtb.campaign_creatives k join rtb.campaigns using (_client_id, campaign_id)
                where k._client_id = ${client} and k.creative_id = ${creativeId}) as campaigns
         from rtb.creatives c, ${stateSql(client)} v
        where c._client_id = ${client} and c.creative_id = ${creativeId}`,
      values,
    ),
  );
  return rows[0] ?? null;
}

export async function hasCreative(database: Queryable, of: { client: string; creativeId: string }): Promise<boolean> {
  const { rows } = await database.query<{ there: boolean }>(
    "select exists (select from rtb.creatives where _client_id = $1 and creative_id = $2) as there",
    [of.client, of.creativeId],
  );
  return rows[0]?.there === true;
}

/** What is said of a creative. What is left out stays as it is; null takes it away. */
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

export interface Merged {
  inserted: number;
  updated: number;
  unchanged: number;
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
  merge: { client: string; rows: readonly GivenCreative[] },
): Promise<Merged> {
  return inTransaction(database, (session) => mergeCreativesIn(session, merge));
}

export async function mergeCreativesIn(
  session: Session,
  { client, rows }: { client: string; rows: readonly GivenCreative[] },
): Promise<Merged> {
  // Waits for another merge and takes rows in one order, so that two cannot deadlock.
  await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
  const stored = (column: string) => `c.${column}`;
  const next = ({ name, column, value }: (typeof givenColumns)[number]) =>
    `case when g.item ? '${name}' then ${value} else ${stored(column)} end`;
  const given = `given as (select (item ->> 'creativeId')::bigint as creative_id, item from jsonb_array_elements($2::jsonb) as item order by 1)`;
  const values = [client, JSON.stringify(rows)];
  const before = await session.query<{ buyerId: string | null }>(
    `with ${given} select distinct c.buyer_id as "buyerId" from given g join rtb.creatives c on c._client_id = $1 and c.creative_id = g.creative_id`,
    values,
  );
  // Inserted first: a stub that a file is just bringing is waited for, and then updated.
  const inserted = await session.query(
    `with ${given}
     insert into rtb.creatives (_client_id, creative_id, ${givenColumns.map(({ column }) => column).join(", ")})
     select $1, g.creative_id, ${givenColumns.map(({ value }) => value).join(", ")} from given g order by 2
         on conflict (_client_id, creative_id) do nothing`,
    values,
  );
  const updated = await session.query(
    `with ${given}
     update rtb.creatives c
        set ${givenColumns.map((column) => `${column.column} = ${next(column)}`).join(", ")}, is_stub = false, updated_at = now()
       from given g
      where c._client_id = $1 and c.creative_id = g.creative_id
        and (c.is_stub or (${givenColumns.map(({ column }) => stored(column)).join(", ")}) is distinct from (${givenColumns.map(next).join(", ")}))`,
    values,
  );
  await countCreatives(session, client, [
    ...before.rows.map(({ buyerId }) => buyerId),
    ...rows.map(({ buyerId }) => buyerId ?? null),
  ]);
  const counts = { inserted: inserted.rowCount ?? 0, updated: updated.rowCount ?? 0 };
  return { ...counts, unchanged: rows.length - counts.inserted - counts.updated };
}

/** Keeps the count that a seat shows. */
async function countCreatives(session: Session, client: string, buyers: readonly (string | null)[]): Promise<void> {
  const named = [...new Set(buyers)].filter((buyer) => buyer !== null);
  if (named.length === 0) return;
  await session.query(
    `update rtb.buyer_seats s set creative_count = n.creatives
       from (select b.buyer_id, count(c.creative_id)::int as creatives
               from unnest($2::text[]) as b(buyer_id) left join rtb.creatives c on c._client_id = $1 and c.buyer_id = b.buyer_id group by 1) n
      where s._client_id = $1 and s.buyer_id = n.buyer_id and s.creative_count is distinct from n.creatives`,
    [client, named],
  );
}

export interface Seat {
  buyerId: string;
  displayName: string | null;
  bidderAccountId: string | null;
  creativeCount: number;
  lastSync: Date | null;
}

/** By id, each with the creatives that are here of it. */
export async function listSeats(
  database: Queryable,
  filter: { client: string; after: string | null; limit: number },
): Promise<Seat[]> {
  const { rows } = await database.query<Seat>(
    `select s.buyer_id as "buyerId", s.display_name as "displayName", s.bidder_account_id as "bidderAccountId",
            coalesce(s.creative_count, 0) as "creativeCount", s.last_sync as "lastSync"
       from rtb.buyer_seats s where s._client_id = $1 and ($2::text is null or s.buyer_id > $2) order by s.buyer_id limit $3`,
    [filter.client, filter.after, filter.limit],
  );
  return rows;
}

export interface GivenSeat {
  buyerId: string;
  displayName?: string | null | undefined;
  bidderAccountId?: string | null | undefined;
}

/** Merges seats by id, as creatives are. */
export async function mergeSeats(
  database: Database,
  merge: { client: string; rows: readonly GivenSeat[] },
): Promise<Merged> {
  return inTransaction(database, (session) => mergeSeatsIn(session, merge));
}

export async function mergeSeatsIn(
  session: Session,
  { client, rows }: { client: string; rows: readonly GivenSeat[] },
): Promise<Merged> {
  await session.query("select pg_advisory_xact_lock(hashtextextended('rtb creatives ' || $1, 0))", [client]);
  const given = `given as (select item ->> 'buyerId' as buyer_id, item from jsonb_array_elements($2::jsonb) as item order by 1)`;
  const next = (name: string, column: string) =>
    `case when g.item ? '${name}' then g.item ->> '${name}' else s.${column} end`;
  const values = [client, JSON.stringify(rows)];
  const inserted = await session.query(
    `with ${given}
     insert into rtb.buyer_seats (_client_id, buyer_id, display_name, bidder_account_id)
     select $1, g.buyer_id, g.item ->> 'displayName', g.item ->> 'bidderAccountId' from given g order by 2
         on conflict (_client_id, buyer_id) do nothing`,
    values,
  );
  const updated = await session.query(
    `with ${given}
     update rtb.buyer_seats s set display_name = ${next("displayName", "display_name")}, bidder_account_id = ${next("bidderAccountId", "bidder_account_id")}
       from given g where s._client_id = $1 and s.buyer_id = g.buyer_id
        and (s.display_name, s.bidder_account_id) is distinct from (${next("displayName", "display_name")}, ${next("bidderAccountId", "bidder_account_id")})`,
    values,
  );
  await countCreatives(
    session,
    client,
    rows.map(({ buyerId }) => buyerId),
  );
  const counts = { inserted: inserted.rowCount ?? 0, updated: updated.rowCount ?? 0 };
  return { ...counts, unchanged: rows.length - counts.inserted - counts.updated };
}

export interface Size {
  canonicalSize: string | null;
  sizeCategory: string | null;
  format: string | null;
  creatives: number;
  /** Of all days, in cents. */
  spend: string;
}

/** Which sizes there are, the most frequent first. */
export async function listSizes(database: Queryable, of: { client: string }): Promise<Size[]> {
  const { rows } = await database.query<Size>(
    `select c.canonical_size as "canonicalSize", c.size_category as "sizeCategory", c.format, count(*) as creatives,
            round(coalesce(sum(p.spend_all), 0), 2) as spend
       from rtb.creatives c left join rtb.creative_performance p using (_client_id, creative_id)
      where c._client_id = $1 group by 1, 2, 3 order by 4 desc, 1, 2, 3 limit 1000`,
    [of.client],
  );
  return rows;
}

export interface RtbStats {
  creatives: number;
  stubs: number;
  withPerformance: number;
  seats: number;
  campaigns: number;
  rows: number;
  firstDay: string | null;
  lastDay: string | null;
  spend: string;
  impressions: string;
  clicks: string;
  cpc: string | null;
  cpm: string | null;
}

/** From roll-ups and the ledger of files: counting the rows themselves would take as long as there are rows. */
export async function readRtbStats(database: Queryable, of: { client: string }): Promise<RtbStats> {
  const { rows } = await database.query<RtbStats>(
    `select c.creatives, c.stubs, p.creatives as "withPerformance",
            (select count(*) from rtb.buyer_seats where _client_id = $1) as seats,
            (select count(*) from rtb.campaigns where _client_id = $1) as campaigns,
            d.rows, d.first_day as "firstDay", d.last_day as "lastDay", round(p.spend, 2) as spend, p.impressions::text, p.clicks::text,
            ${ratioSql.cpc("p.spend", "p.clicks")} as cpc, ${ratioSql.cpm("p.spend", "p.impressions")} as cpm
       from (select count(*) as creatives, count(*) filter (where is_stub) as stubs from rtb.creatives where _client_id = $1) c,
            (select count(*) as creatives, coalesce(sum(spend_all), 0) as spend, coalesce(sum(impressions_all), 0) as impressions,
                    coalesce(sum(clicks_all), 0) as clicks from rtb.creative_performance where _client_id = $1) p,
            (select coalesce(sum(inserted), 0)::bigint as rows, min(date) as first_day, max(date) as last_day
               from ops.file_days where _client_id = $1) d`,
    [of.client],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("rtb gives no statistics");
  return row;
}
