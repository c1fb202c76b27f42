import { type Database, inTransaction, type Queryable, type Session } from "../schema/database.ts";
import { daysBefore, daysOf, percentSql, ratioSql, type Figures } from "./rtb-metrics.ts";
import { periods, type Period } from "./rtb-rollups.ts";

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
    /** Changes with every change of the client's records: what was computed of one version is true of it only. */
    version: string | null;
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

const tierConditions: Record<Tier, string> = {
  high: "o.spend > 0 and o.spend >= t.high_from",
  medium: "o.spend > 0 and o.spend < t.high_from and o.spend > t.low_to",
  low: "o.spend > 0 and o.spend < t.high_from and o.spend <= t.low_to",
  zero: "coalesce(o.spend, 0) <= 0",
};
const tierOf = `case when coalesce(o.spend, 0) <= 0 then 'zero' when o.spend >= t.high_from then 'high' when o.spend <= t.low_to then 'low' else 'medium' end`;

/** Sums of a period as the roll-up has them. */
function rolledUp(period: Period, client: string): string {
  const previous = period === "all" ? "null::numeric" : `previous_spend_${period}`;
  return `(select creative_id, spend_${period} as spend, impressions_${period} as impressions, clicks_${period} as clicks, ${previous} as previous
             from rtb.creative_performance where _client_id = ${client})`;
}

type Put = (value: unknown) => string;

/** The same sums over one country: no roll-up has them, so the rows of its days are added up. */
function ofGeography({ period, asOf, geography }: CreativeFilter, client: string, put: Put): string {
  const { from, to } = daysOf(period, asOf);
  const before = daysBefore(period, asOf);
  const within = from === null || to === null ? "true" : `date between ${put(from)}::date and ${put(to)}::date`;
  const earlier = before === null ? "false" : `date between ${put(before.from)}::date and ${put(before.to)}::date`;
  return `(select creative_id, sum(spend) filter (where ${within}) as spend, sum(impressions) filter (where ${within}) as impressions,
                  sum(clicks) filter (where ${within}) as clicks, coalesce(sum(spend) filter (where ${earlier}), 0) as previous
             from rtb.performance_metrics
            where _client_id = ${client} and geography = ${put(geography)} and (${within} or ${earlier})
            group by 1 having count(*) filter (where ${within}) > 0)`;
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
  ${percentSql("(p.spend - p.previous)", "p.previous")}::float8 as trend, p.tier`;
const geographyColumns = `g.geography as "topGeography", ${percentSql("g.spend", "p.whole")}::float8 as "topGeographyShare"`;
/** Written by whatever changes the records or moves the periods, in the same transaction. */
const versionOf = (client: string) =>
  `(select refreshed_at::text from rtb.client_performance where _client_id = ${client})`;

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
       from (select ${versionOf(client)} as version) v left join ${topGeographies(of, `${put(of.creativeIds)}::bigint[]`, client, put)} g on true`,
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

/**
 * Creatives with what they did in a period. By spend the greatest come first, by CPC and CPM the cheapest, those without
 * a ratio last; equals are ordered by id, so that pages join without a gap.
 */
export async function listCreatives(database: Queryable, filter: CreativeFilter): Promise<ListedCreative[]> {
  const { period, sort, after } = filter;
  const { values, put } = createValues();
  const client = put(filter.client);
  const restricted = filter.geography !== undefined;
  const overall = rolledUp(period, client);
  const figures = restricted ? ofGeography(filter, client, put) : overall;
  const conditions = [`c._client_id = ${client}`];
  if (filter.tier !== undefined) conditions.push(tierConditions[filter.tier]);
  if (filter.format !== undefined) conditions.push(`upper(c.format) = upper(${put(filter.format)})`);
  if (filter.buyerId !== undefined) conditions.push(`c.buyer_id = ${put(filter.buyerId)}`);
  if (filter.campaignId !== undefined)
    conditions.push(
      `exists (select from rtb.campaign_creatives k where k._client_id = ${client} and k.campaign_id = ${put(filter.campaignId)} and k.creative_id = c.creative_id)`,
    );
  const limit = put(filter.limit);
  const afterId = after == null ? null : `${put(after.creativeId)}::bigint`;
  const pastSpenders = sort === "spend" && after != null && Number(after.place) <= 0;
  // A value that no condition uses would be one of no type.
  const afterPlace = after?.place == null || pastSpenders ? null : `${put(after.place)}::numeric`;
  /** `o` is the creative's whole performance, `p` that which is shown. */
  const select = (from: string, place: string, more: string[], order: string, most: string) =>
    `select c.creative_id, p.spend, p.impressions, p.clicks, p.previous, o.spend as whole, ${tierOf} as tier, ${place} as place
       from ${from} left join rtb.spend_tiers t on t._client_id = ${client} and t.period = ${put(period)}
      where ${[...conditions, ...more].join(" and ")} order by ${order} limit ${most}`;
  const creatives = "rtb.creatives c";
  const withWhole = restricted ? `left join ${overall} o on o.creative_id = c.creative_id` : "";
  const shown = restricted
    ? `${creatives} join ${figures} p on p.creative_id = c.creative_id ${withWhole}`
    : `${creatives} left join ${figures} p on p.creative_id = c.creative_id left join lateral (select p.spend) o on true`;

  let page: string;
  let order: string;
  if (sort === "spend") {
    // Those that spent come from the index in its order; only when they are used up do the others follow, by id.
    const spenders = restricted
      ? shown
      : `${figures} p join ${creatives} on c.creative_id = p.creative_id cross join lateral (select p.spend) o`;
    const sinceSpender =
      afterId === null || pastSpenders
        ? []
        : [`p.spend <= ${afterPlace}`, `(p.spend < ${afterPlace} or c.creative_id > ${afterId})`];
    const first = select(
      spenders,
      "p.spend",
      ["p.spend > 0", ...(pastSpenders ? ["false"] : sinceSpender)],
      "p.spend desc, p.creative_id",
      limit,
    );
    const rest = select(
      shown,
      "0::numeric",
      ["coalesce(p.spend, 0) <= 0", ...(pastSpenders ? [`c.creative_id > ${afterId}`] : [])],
      "c.creative_id",
      `greatest(0, ${limit} - (select count(*) from spenders))`,
    );
    page = `spenders as materialized (${first}), page as materialized (select * from spenders union all (${rest}))`;
    order = "p.place desc, p.creative_id";
  } else if (sort === "id") {
    page = `page as materialized (${select(shown, "null::numeric", afterId === null ? [] : [`c.creative_id > ${afterId}`], "c.creative_id", limit)})`;
    order = "p.creative_id";
  } else {
    const ratio = sort === "cpc" ? "p.spend / nullif(p.clicks, 0)" : "p.spend * 1000 / nullif(p.impressions, 0)";
    const since =
      afterId === null
        ? []
        : afterPlace === null
          ? [`${ratio} is null and c.creative_id > ${afterId}`]
          : [
              `(${ratio} is null or ${ratio} > ${afterPlace} or (${ratio} = ${afterPlace} and c.creative_id > ${afterId}))`,
            ];
    page = `page as materialized (${select(shown, ratio, since, `${ratio} nulls last, c.creative_id`, limit)})`;
    order = "p.place nulls last, p.creative_id";
  }
  const { rows } = await database.query<ListedCreative>(
    `with ${page}
     select ${lightColumns}${filter.slim ? "" : `, ${heavyColumns}`}, ${figureColumns}, p.place::text as place, p.whole::text as whole,
            ${versionOf(client)} as version
       from page p join rtb.creatives c on c._client_id = ${client} and c.creative_id = p.creative_id
      order by ${order}`,
    values,
  );
  return rows;
}

export type FoundCreative = CreativeRow &
  HeavyFields & {
    performance: (CreativeFigures & { period: Period })[];
    campaigns: { campaignId: number; campaignName: string }[];
  };

/** One creative with every period; null when the client has none of this id. */
export async function findCreative(
  database: Queryable,
  of: { client: string; creativeId: string; asOf: string },
): Promise<FoundCreative | null> {
  const { values, put } = createValues();
  const client = put(of.client);
  const creativeId = put(of.creativeId);
  const parts = periods.map(
    (period, place) =>
      `select ${place} as place, ${put(period)} as period, ${figureColumns}, ${geographyColumns}
         from (select o.*, o.spend as whole, ${tierOf} as tier
                 from (select) one left join ${rolledUp(period, client)} o on o.creative_id = ${creativeId}
                 left join rtb.spend_tiers t on t._client_id = ${client} and t.period = ${put(period)}) p
         left join ${topGeographies({ period, asOf: of.asOf }, `array[${creativeId}::bigint]`, client, put)} g on p.whole > 0`,
  );
  const [found, figures, campaigns] = await Promise.all([
    database.query<CreativeRow & HeavyFields>(
      `select ${lightColumns}, ${heavyColumns} from rtb.creatives c where c._client_id = $1 and c.creative_id = $2`,
      [of.client, of.creativeId],
    ),
    database.query<CreativeFigures & { period: Period; place: number }>(
      `${parts.join("\n union all ")} order by place`,
      values,
    ),
    database.query<{ campaignId: number; campaignName: string }>(
      `select campaign_id as "campaignId", campaign_name as "campaignName"
         from rtb.campaign_creatives k join rtb.campaigns c using (_client_id, campaign_id)
        where k._client_id = $1 and k.creative_id = $2 order by 1`,
      [of.client, of.creativeId],
    ),
  ]);
  const [creative] = found.rows;
  if (creative === undefined) return null;
  return {
    ...creative,
    performance: figures.rows.map(({ place: _place, ...row }) => row),
    campaigns: campaigns.rows,
  };
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
