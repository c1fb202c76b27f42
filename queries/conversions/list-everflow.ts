import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export interface EverflowConversion {
  conversionId: string;
  date: string;
  convertedAt: Date;
  clickedAt: Date | null;
  status: string;
  isEvent: boolean;
  event: string | null;
  affiliateId: string;
  affiliateName: string | null;
  advertiserId: string | null;
  advertiserName: string | null;
  offerId: string | null;
  offerName: string | null;
  currency: string;
  payout: string;
  revenue: string;
  saleAmount: string | null;
  orderId: string | null;
  transactionId: string | null;
  country: string | null;
  errorCode: string | null;
  slice: string;
  runId: string;
}

export interface EverflowFilter {
  from: string;
  to: string;
  affiliate?: string | undefined;
  offer?: string | undefined;
  status?: string | undefined;
}

const columns = `conversion_id as "conversionId", date, converted_at as "convertedAt", clicked_at as "clickedAt", status, is_event as "isEvent", event,
  affiliate_id as "affiliateId", affiliate_name as "affiliateName", advertiser_id as "advertiserId", advertiser_name as "advertiserName",
  offer_id as "offerId", offer_name as "offerName", currency, round(payout, 2) as payout, round(revenue, 2) as revenue, round(sale_amount, 2) as "saleAmount",
  order_id as "orderId", transaction_id as "transactionId", country, error_code as "errorCode", _slice as slice, _run_id as "runId"`;

/** Which conversions a list and its totals are of; its values are `valuesOf`. */
const filtered = `c._client_id = :client and date between :from and :to and (:affiliate::text is null or affiliate_id = :affiliate)
        and (:offer::text is null or offer_id = :offer) and (:status::text is null or status = :status)`;

const valuesOf = (client: string, { from, to, affiliate, offer, status }: EverflowFilter) => ({
  client,
  from,
  to,
  affiliate: affiliate ?? null,
  offer: offer ?? null,
  status: status ?? null,
});

export interface EverflowTotal {
  currency: string;
  origin: StoredOrigin;
  conversions: number;
  events: number;
  payout: string;
  revenue: string;
}

const ofSlices = `left join ops.slices s on s._client_id = c._client_id and s.source = 'everflow.conversions' and s.slice = c._slice`;
const summed = `select currency, coalesce(s.origin, 'unknown') as origin, sum(conversions)::int as conversions, sum(events)::int as events,
            round(sum(payout), 2) as payout, round(sum(revenue), 2) as revenue
       from (select _client_id, _slice, currency, sum(conversions) as conversions, sum(events) as events, sum(payout) as payout, sum(revenue) as revenue
               from everflow.conversion_days
              where _client_id = :client and date between :from and :to and (:status::text is null or status = :status)
              group by 1, 2, 3 having sum(conversions) > 0 or sum(events) > 0) c ${ofSlices}
      group by 1, 2 order by 3 desc, 1, 2`;
const counted = `select currency, coalesce(s.origin, 'unknown') as origin, count(*) filter (where not is_event)::int as conversions,
            count(*) filter (where is_event)::int as events, round(sum(payout), 2) as payout, round(sum(revenue), 2) as revenue
       from everflow.conversions c ${ofSlices}
      where ${filtered} group by 1, 2 order by 3 desc, 1, 2`;

/**
 * Of all that a list shows page by page: amounts of two currencies, or of the sandbox and a vendor, are never added. Sums
 * by day know the status; whoever asks for one affiliate or offer has the rows counted.
 */
export async function readEverflowTotals(
  database: Queryable,
  { client, filter }: { client: string; filter: EverflowFilter },
): Promise<EverflowTotal[]> {
  const isByDay = filter.affiliate === undefined && filter.offer === undefined;
  const { text, values } = named(isByDay ? summed : counted, valuesOf(client, filter));
  const { rows } = await database.query<EverflowTotal>(text, values);
  return rows;
}

/** By day and moment, or by what a conversion brought. */
export const everflowOrders = {
  by: {
    convertedAt: [
      { sql: "c.date", type: "day" },
      { sql: "c.converted_at", type: "moment" },
    ],
    payout: [{ sql: "c.payout", type: "number" }],
    revenue: [{ sql: "c.revenue", type: "number" }],
  },
  then: [{ sql: "c.conversion_id", type: "text" }],
  usual: "-convertedAt",
} satisfies Orders;

export function listEverflowConversions(
  database: Queryable,
  { client, filter, order, limit }: { client: string; filter: EverflowFilter; order?: Order; limit: number },
): Promise<Placed<EverflowConversion>[]> {
  return readOrdered<EverflowConversion>(database, {
    ...{ columns, from: "everflow.conversions c", where: filtered, values: valuesOf(client, filter) },
    ...{ orders: everflowOrders, order, limit },
  });
}

export async function findEverflowConversion(
  database: Queryable,
  { client, conversionId }: { client: string; conversionId: string },
): Promise<EverflowConversion | null> {
  const { rows } = await database.query<EverflowConversion>(
    `select ${columns} from everflow.conversions where _client_id = $1 and conversion_id = $2`,
    [client, conversionId],
  );
  return rows[0] ?? null;
}
