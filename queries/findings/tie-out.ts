import { sumMoney } from "../../core/money.ts";
import type { TieOutDifference } from "../../rules/findings/tie-out.ts";
import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

type MadeBy = "real" | "sandbox";

interface Range {
  client: string;
  from: string;
  to: string;
  affiliate: string | null;
}

const within =
  "_client_id = :client and date between :from and :to and (:affiliate::text is null or affiliate_id = :affiliate)";

/** What three vendors count; null where one of them cannot know, or the day is not final. */
export interface TieOutCounts {
  redtrack: number | null;
  everflow: number | null;
  anytrack: number | null;
  inAll: number | null;
  inTwo: number;
  inOne: number;
  missingInRedtrack: number | null;
  moreInRedtrack: number | null;
  missingInAnytrack: number | null;
  missingInEverflow: number | null;
  amountDiffers: number | null;
  refusedByEverflow: number | null;
}

export interface TieOutDay extends TieOutCounts {
  date: string;
  affiliateId: string | null;
  affiliate: string | null;
  /** A source of Redtrack that no affiliate has. */
  sourceId: string | null;
  redtrackSources: string | null;
  differences: number;
  isFinal: boolean;
  redtrackIsFinal: boolean;
  origin: MadeBy;
}

const figures: Readonly<Record<keyof TieOutCounts, string>> = {
  redtrack: "redtrack",
  everflow: "everflow",
  anytrack: "anytrack",
  inAll: "in_all",
  inTwo: "in_two",
  inOne: "in_one",
  missingInRedtrack: "missing_in_redtrack",
  moreInRedtrack: "more_in_redtrack",
  missingInAnytrack: "missing_in_anytrack",
  missingInEverflow: "missing_in_everflow",
  amountDiffers: "amount_differs",
  refusedByEverflow: "refused_by_everflow",
};

const listOf = (sql: (column: string) => string) =>
  Object.entries(figures)
    .map(([name, column]) => `${sql(column)} as "${name}"`)
    .join(", ");

const dayColumns = `date, affiliate_id as "affiliateId", affiliate, source_id as "sourceId", ${listOf((column) => column)},
  differences, is_final as "isFinal", redtrack_is_final as "redtrackIsFinal", origin`;

/** What differs most first, or the days in order. */
export const tieOutDayOrders = {
  by: {
    differences: [
      { sql: "differences", type: "whole" },
      { sql: "date", type: "day" },
    ],
    date: [{ sql: "date", type: "day" }],
    affiliate: [{ sql: "lower(coalesce(affiliate, ''))", type: "text" }],
    redtrack: [{ sql: "coalesce(redtrack, -1)", type: "whole" }],
    everflow: [{ sql: "coalesce(everflow, -1)", type: "whole" }],
    anytrack: [{ sql: "coalesce(anytrack, -1)", type: "whole" }],
  },
  then: [
    { sql: "date", type: "day" },
    { sql: "coalesce(affiliate_id, '')", type: "text" },
    { sql: "coalesce(source_id, '')", type: "text" },
    { sql: "origin", type: "text" },
  ],
  usual: "-differences",
} satisfies Orders;

export async function listTieOutDays(
  database: Queryable,
  range: Range,
  { order, limit }: { order?: Order; limit: number },
): Promise<Placed<TieOutDay>[]> {
  const rows = await readOrdered<Omit<TieOutDay, "redtrackSources">>(database, {
    ...{ columns: dayColumns, from: "findings.tie_out_daily", where: within, values: { ...range } },
    ...{ orders: tieOutDayOrders, order, limit },
  });
  const names = await nameSources(database, range, rows);
  return rows.map((row) => ({ ...row, redtrackSources: names.get(placeOf(row)) ?? null }));
}

type Place = Pick<TieOutDay, "date" | "affiliateId" | "sourceId">;
const placeOf = ({ date, affiliateId, sourceId }: Place) => JSON.stringify([date, affiliateId, sourceId]);

/** For the rows that are shown alone: to gather the names of all takes longer than to add up their numbers. */
async function nameSources(
  database: Queryable,
  { client }: Range,
  shown: readonly Place[],
): Promise<Map<string, string>> {
  const { rows } = await database.query<Place & { names: string }>(
    `with mapped as materialized (
       select m.redtrack_source_id, m.affiliate_id from public.affiliate_matches m where m._client_id = $1 and m.affiliate_id is not null and m.redtrack_source_id is not null
     )
     select r.date, m.affiliate_id as "affiliateId", case when m.affiliate_id is null then r.source_id end as "sourceId",
            string_agg(distinct coalesce(r.source_name, r.source_id), ', ' order by coalesce(r.source_name, r.source_id)) as names
       from redtrack.daily_spend r left join mapped m on m.redtrack_source_id = r.source_id
      where r._client_id = $1 and (r.date, coalesce(m.affiliate_id, r.source_id)) in (select * from unnest($2::date[], $3::text[]))
      group by 1, 2, 3`,
    [client, shown.map(({ date }) => date), shown.map(({ affiliateId, sourceId }) => affiliateId ?? sourceId)],
  );
  return new Map(rows.map((row) => [placeOf(row), row.names]));
}

export interface TieOutSums extends TieOutCounts {
  origin: MadeBy;
  /** Days that are not final: what is missing on them is not counted. */
  openDays: number;
}

/** What the days come to; what the sandbox made up on a row of its own. */
export async function sumTieOutDays(database: Queryable, range: Range): Promise<TieOutSums[]> {
  const [{ rows }, { rows: open }] = await Promise.all([
    database.query<Omit<TieOutSums, "openDays">>(
      named(
        `select origin, ${listOf((column) => `sum(${column})::int`)}
           from findings.tie_out_daily where ${within} group by origin order by origin`,
        { ...range },
      ),
    ),
    database.query<{ origin: MadeBy; days: number }>(
      named(
        `select case when d.is_sandbox then 'sandbox' else 'real' end as origin, count(distinct d.date)::int as days from findings.tie_out_days d
          where ${within} and not exists (select from ops.slices s where s._client_id = d._client_id and s.source = 'everflow.conversions' and s.slice = d.date::text and s.is_final)
          group by 1`,
        { ...range },
      ),
    ),
  ]);
  const openOf = new Map(open.map(({ origin, days }) => [origin, days]));
  return rows.map((row) => ({ ...row, openDays: openOf.get(row.origin) ?? 0 }));
}

export interface TieOutItem {
  item: string;
  date: string;
  difference: TieOutDifference;
  matchedBy: "order" | "click" | null;
  affiliateId: string | null;
  affiliate: string | null;
  orderId: string | null;
  clickId: string | null;
  everflowId: string | null;
  everflowStatus: string | null;
  everflowConversions: number | null;
  everflowCurrency: string | null;
  everflowRevenue: string | null;
  everflowSaleAmount: string | null;
  everflowPayout: string | null;
  anytrackKey: string | null;
  anytrackDate: string | null;
  anytrackType: string | null;
  anytrackSource: string | null;
  anytrackCurrency: string | null;
  anytrackRevenue: string | null;
  atStake: string | null;
  currency: string | null;
  origin: MadeBy;
  /** Of what AnyTrack misses: how far sending it is. */
  sending: "sending" | "sent" | "refused" | null;
  sentAt: Date | null;
}

const itemColumns = `i.item, i.date, i.difference, i.matched_by as "matchedBy", i.affiliate_id as "affiliateId", i.affiliate, i.order_id as "orderId", i.click_id as "clickId",
  i.everflow_id as "everflowId", i.everflow_status as "everflowStatus", i.everflow_conversions as "everflowConversions", i.everflow_currency as "everflowCurrency", i.everflow_revenue as "everflowRevenue",
  i.everflow_sale_amount as "everflowSaleAmount", i.everflow_payout as "everflowPayout", i.anytrack_key as "anytrackKey", i.anytrack_date as "anytrackDate", i.anytrack_type as "anytrackType",
  i.anytrack_source as "anytrackSource", i.anytrack_currency as "anytrackCurrency", i.anytrack_revenue as "anytrackRevenue", i.at_stake as "atStake", i.currency, i.origin, t.state as sending, t.sent_at as "sentAt"`;
// As it is sent: without an order number under Everflow's id.
const sentAs = "coalesce(i.order_id, i.everflow_id)";
const itemsFrom = `findings.tie_out_differences i
  left join anytrack.tracked t on t._client_id = i._client_id and t.tracking_key = ${sentAs} and i.difference = 'missing_in_anytrack'`;

export interface TieOutFilter extends Range {
  difference: TieOutDifference | null;
}

const filtered = `i._client_id = :client and i.date between :from and :to and (:affiliate::text is null or i.affiliate_id = :affiliate)
  and (:difference::text is null or i.difference = :difference)`;

/** The newest first, or the most at stake. */
export const tieOutOrders = {
  by: {
    date: [{ sql: "i.date", type: "day" }],
    atStake: [{ sql: "i.at_stake", type: "number", canBeMissing: true }],
  },
  then: [{ sql: "i.item", type: "text" }],
  usual: "-date",
} satisfies Orders;

export function listTieOut(
  database: Queryable,
  filter: TieOutFilter,
  { order, limit }: { order?: Order; limit: number },
): Promise<Placed<TieOutItem>[]> {
  return readOrdered<TieOutItem>(database, {
    ...{ columns: itemColumns, from: itemsFrom, where: filtered, values: { ...filter } },
    ...{ orders: tieOutOrders, order, limit },
  });
}

export interface TieOutTotals {
  differences: number;
  missingInAnytrack: number;
  missingInEverflow: number;
  amountDiffers: number;
  refusedByEverflow: number;
  amounts: { currency: string; origin: MadeBy; atStake: string; count: number }[];
}

/** How many there are of each, and what is at stake in each currency. */
export async function countTieOut(database: Queryable, filter: TieOutFilter): Promise<TieOutTotals> {
  const { rows } = await database.query<{
    difference: TieOutDifference;
    currency: string | null;
    origin: MadeBy;
    atStake: string | null;
    count: number;
  }>(
    named(
      `select i.difference, i.currency, i.origin, sum(i.at_stake) as "atStake", count(*)::int as count
         from findings.tie_out_differences i where ${filtered} group by 1, 2, 3 order by sum(i.at_stake) desc nulls last, i.currency`,
      { ...filter },
    ),
  );
  const of = (difference: TieOutDifference) =>
    rows.reduce((sum, row) => sum + (row.difference === difference ? row.count : 0), 0);
  return {
    differences: rows.reduce((sum, { count }) => sum + count, 0),
    missingInAnytrack: of("missing_in_anytrack"),
    missingInEverflow: of("missing_in_everflow"),
    amountDiffers: of("amount_differs"),
    refusedByEverflow: of("refused_by_everflow"),
    amounts: amountsOf(rows),
  };
}

function amountsOf(
  rows: readonly { currency: string | null; origin: MadeBy; atStake: string | null; count: number }[],
) {
  const amounts = new Map<string, TieOutTotals["amounts"][number]>();
  for (const { currency, origin, atStake, count } of rows) {
    if (currency === null || atStake === null) continue;
    const key = `${origin} ${currency}`;
    const before = amounts.get(key);
    amounts.set(key, {
      currency,
      origin,
      atStake: sumMoney([before?.atStake ?? "0", atStake]),
      count: (before?.count ?? 0) + count,
    });
  }
  return [...amounts.values()].sort((one, other) => other.count - one.count);
}

/** What AnyTrack would be sent of an order: all conversions of it that AnyTrack misses, as one. */
export interface Sendable extends TieOutItem {
  trackingKey: string;
  everflowIds: string[];
  revenue: string;
  isOneCurrency: boolean;
  eventTime: Date;
}

/** Those of these conversions that AnyTrack misses, by the order that they would be sent as. */
export async function readSendable(
  database: Queryable,
  { client, everflowIds }: { client: string; everflowIds: readonly string[] },
): Promise<Sendable[]> {
  const { rows } = await database.query<Sendable>(
    named(
      `with asked as (
         select ${sentAs} as key from findings.tie_out_differences i
          where i._client_id = :client and i.item = any(:items::text[]) and i.difference = 'missing_in_anytrack' group by 1
       ), missing as (
         select i.item, ${sentAs} as key from findings.tie_out_differences i
          where i._client_id = :client and i.difference = 'missing_in_anytrack' and i.item = any(:items::text[])
          union
         select i.item, a.key from asked a join findings.tie_out_items i on i._client_id = :client and i.order_id = a.key and i.difference = 'missing_in_anytrack'
       ), summed as (
         select m.key, min(m.item) as item, array_agg(i.everflow_id) as everflow_ids, sum(i.everflow_revenue) as revenue, min(i.everflow_currency) = max(i.everflow_currency) as one_currency, min(i.everflow_at) as at, max(i.click_id) as click_id
           from missing m join findings.tie_out_items i on i._client_id = :client and i.item = m.item group by m.key
       )
       select ${itemColumns.replace('i.click_id as "clickId"', 's.click_id as "clickId"')}, s.key as "trackingKey", s.everflow_ids as "everflowIds", s.revenue, s.one_currency as "isOneCurrency", s.at as "eventTime"
         from summed s join ${itemsFrom} on i.item = s.item where i._client_id = :client order by s.at, s.key`,
      { client, items: everflowIds.map((id) => `everflow:${id}`) },
    ),
  );
  return rows;
}
