import { prepared, type Queryable } from "../../schema/database.ts";
import {
  campaignsOfPageSql,
  createValues,
  figureColumns,
  heavyColumns,
  languagesSql,
  lightColumns,
  tagSql,
  type CampaignOf,
  type CreativeRow,
  type CreativeSort,
  type HeavyFields,
  type PeriodFigures,
  type Put,
  type Tier,
} from "./creative-shapes.ts";
import { apartFromState, comparedDays, comparedSql, daysOf, ratioSql, stateSql, type SumsState } from "./metrics.ts";
import type { Period } from "./rollups.ts";

export type ListedCreative = CreativeRow &
  Partial<HeavyFields> &
  PeriodFigures & {
    campaigns: CampaignOf[];
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
  advertiser?: string | undefined;
  approval?: string | undefined;
  /** In lower case, with an underscore before the region: `pt` finds `pt_BR`, too. */
  language?: string | undefined;
  vanished?: boolean | undefined;
  slim: boolean;
  after?: { place: string | null; id: string } | null;
  limit: number;
  /** Who comes first in an order by CPC or CPM, where that is known: only their ratios are computed for the order. */
  first?: readonly string[] | undefined;
}

/** What a tier means for the spend in all countries, with its thresholds. */
const tierConditions: Record<Tier, (whole: string, highFrom: string, lowTo: string) => string> = {
  high: (whole, highFrom) => `${whole} > 0 and ${whole} >= ${highFrom}`,
  medium: (whole, highFrom, lowTo) => `${whole} > 0 and ${whole} < ${highFrom} and ${whole} > ${lowTo}`,
  low: (whole, highFrom, lowTo) => `${whole} > 0 and ${whole} < ${highFrom} and ${whole} <= ${lowTo}`,
  zero: (whole) => `coalesce(${whole}, 0) <= 0`,
};
/** Sums of a period as the roll-up has them. */
function rolledUp(period: Period, client: string): string {
  const { ended, previous } = comparedSql(period, "r");
  return `(select creative_id, spend_${period} as spend, impressions_${period} as impressions, clicks_${period} as clicks, ${ended} as ended, ${previous} as previous
             from rtb.creative_performance r where _client_id = ${client})`;
}

/** The same sums over one country, of those that have rows there in the period. Sums of its days are added up, and of all earlier days together. */
function ofGeography({ period, asOf, geography }: Matched, client: string, put: Put): string {
  const { from, to } = daysOf(period, asOf);
  const compared = comparedDays(period, asOf);
  const between = (days: { from: string; to: string }) =>
    `k.date between ${put(days.from)}::date and ${put(days.to)}::date`;
  const within = from === null || to === null ? "true" : between({ from, to });
  const ended = compared === null ? "false" : between(compared.over);
  const earlier = compared === null ? "false" : between(compared.before);
  return `(select u.creative_id, sum(u.spend) filter (where ${within}) as spend, sum(u.impressions) filter (where ${within}) as impressions,
                    sum(u.clicks) filter (where ${within}) as clicks, coalesce(sum(u.spend) filter (where ${ended}), 0) as ended,
                    coalesce(sum(u.spend) filter (where ${earlier}), 0) as previous
               from rtb.country_sums k cross join lateral unnest(k.creatives, k.rows, k.impressions, k.clicks, k.spend) u(creative_id, rows, impressions, clicks, spend)
              where k._client_id = ${client} and k.geography = ${put(geography)} and (${within} or ${earlier})
              group by 1 having sum(u.rows) filter (where ${within}) > 0)`;
}

/** What those that have it are sorted by, before all that have none: `has` and `lacks` are never true of the same one. */
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
 * a ratio last; equals are ordered by our number, so that pages join without a gap.
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
      `with ${page.tables}, grouped as (${campaignsOfPageSql(client)})
       select ${lightColumns}${filter.slim ? "" : `, ${heavyColumns}`}, ${figureColumns}, coalesce(g.campaigns, '[]') as campaigns,
              p.place::text as place, p.whole::text as whole, v.*
         from ${stateSql(client)} v
         left join (page p join rtb.creatives c on c._client_id = ${client} and c.id = p.creative_id
                    left join grouped g on g.creative_id = c.id
                    left join rtb.spend_tiers t on t._client_id = ${client} and t.period = '${filter.period}') on true
        order by ${page.order}`,
      values,
    ),
  );
  return apartFromState(rows, "id");
}

/** What a list of creatives and its totals are narrowed by. */
export type Matched = Omit<CreativeFilter, "sort" | "slim" | "after" | "limit" | "first">;

export interface CreativeTotals extends SumsState {
  creatives: number;
  spend: string;
  impressions: string;
  clicks: string;
  cpc: string | null;
  cpm: string | null;
}

/** All that the filters of the list leave: sums of a period, and their ratios. */
export async function countCreatives(database: Queryable, filter: Matched): Promise<CreativeTotals> {
  const { values, put } = createValues();
  const client = put(filter.client);
  const { figures, all, conditions } = matching(filter, client, put);
  const { rows } = await database.query<CreativeTotals>(
    `select v.*, t.creatives, round(t.spend, 2) as spend, t.impressions::text as impressions, t.clicks::text as clicks,
            ${ratioSql.cpc("t.spend", "t.clicks")} as cpc, ${ratioSql.cpm("t.spend", "t.impressions")} as cpm
       from ${stateSql(client)} v cross join (
         select count(*)::int as creatives, coalesce(sum(p.spend), 0) as spend, coalesce(sum(p.impressions), 0) as impressions, coalesce(sum(p.clicks), 0) as clicks
           from ${all(figures)} where ${conditions.join(" and ")}) t`,
    values,
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a sum has one row");
  return row;
}

/** Which creatives a list and its totals are of, as `c`, and their figures of the period, as `p`. */
function matching(filter: Matched, client: string, put: Put) {
  const { period } = filter;
  const figures = filter.geography === undefined ? rolledUp(period, client) : ofGeography(filter, client, put);
  // Looked up for those on the page, and for no others that were put in order.
  const whole =
    filter.geography === undefined
      ? "p.spend"
      : `(select spend_${period} from rtb.creative_performance o where o._client_id = ${client} and o.creative_id = p.creative_id)`;
  const conditions = [`c._client_id = ${client}`];
  // Looked up beforehand: a threshold that the plan has in hand is a place in the index.
  const threshold = (column: string) =>
    `(select ${column} from rtb.spend_tiers where _client_id = ${client} and period = '${period}')`;
  if (filter.tier !== undefined)
    conditions.push(tierConditions[filter.tier](whole, threshold("high_from"), threshold("low_to")));
  conditions.push(...catalogueConditions(filter, put));
  if (filter.campaignId !== undefined)
    conditions.push(
      `exists (select from rtb.campaign_creatives k where k._client_id = ${client} and k.campaign_id = ${put(filter.campaignId)} and k.creative_id = c.id)`,
    );
  // In one country only those that have anything there are listed.
  const all = (of: string) =>
    `rtb.creatives c ${filter.geography === undefined ? "left join" : "join"} ${of} p on p.creative_id = c.id`;
  return { figures, all, whole, conditions };
}

/** Only which creatives are on the page, as the table `page`: their figures are computed for no others. */
function pageOf(filter: CreativeFilter, client: string, put: Put): { tables: string; order: string } {
  const { sort, after } = filter;
  const { figures, all: tables, whole, conditions } = matching(filter, client, put);
  const all = tables(figures);
  // Said in the text: the plan for any number of rows is not the one for a page.
  const limit = String(Math.trunc(filter.limit));
  const select = (from: string, place: string, more: string[], { order, most }: { order: string; most: string }) =>
    `select c.id as creative_id, p.spend, p.impressions, p.clicks, p.ended, p.previous, ${whole} as whole, ${place} as place
       from ${from} where ${[...conditions, ...more].join(" and ")} order by ${order} limit ${most}`;
  const afterId = after == null ? null : `${put(after.id)}::bigint`;
  const sinceId = afterId === null ? [] : [`c.id > ${afterId}`];
  if (sort === "id")
    return {
      tables: `page as materialized (${select(all, "null::numeric", sinceId, { order: "c.id", most: limit })})`,
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
  const ranked = `(select p.*, ${value} as place from ${figures} p where ${[has, ...among, ...since()].join(" and ")} order by ${order}) p join rtb.creatives c on c.id = p.creative_id`;
  const first = select(ranked, "p.place", [], { order: `p.place ${direction}, p.creative_id`, most: limit });
  const rest = select(all, otherwise, [lacks, ...(pastRanked ? sinceId : [])], {
    order: "c.id",
    most: `greatest(0, ${limit} - (select count(*) from ranked))`,
  });
  return {
    tables: `ranked as materialized (${first}), page as materialized (select * from ranked union all (${rest}))`,
    order: `p.place ${direction} nulls last, p.creative_id`,
  };
}

/** What the exchange says of a creative, and whose it is. */
function catalogueConditions(
  { format, buyerId, advertiser, approval, language, vanished }: Matched,
  put: Put,
): string[] {
  const conditions: string[] = [];
  if (format !== undefined) conditions.push(`upper(c.format) = upper(${put(format)})`);
  if (buyerId !== undefined) conditions.push(`c.buyer_id = ${put(buyerId)}`);
  if (advertiser !== undefined) conditions.push(`lower(c.advertiser_name) = lower(${put(advertiser)})`);
  if (approval !== undefined) conditions.push(`upper(c.approval_status) = upper(${put(approval)})`);
  if (vanished !== undefined) conditions.push(`c.vanished_at is ${vanished ? "not null" : "null"}`);
  if (language !== undefined)
    conditions.push(
      `exists (select from ${languagesSql("c")} l(tag) where ${tagSql("l.tag")} = ${put(language)} or split_part(${tagSql("l.tag")}, '_', 1) = ${put(language)})`,
    );
  return conditions;
}
