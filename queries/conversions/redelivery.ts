import type { Queryable } from "../../schema/database.ts";
import { changed, knownByAnotherFeed, mayGoTo, type Ledger, type Routing } from "./delivery-ledger.ts";

export interface RedeliveryRange {
  routing: Routing;
  from: Date;
  to: Date;
  includeDelivered: boolean;
  /** The destination's present: what is too old for it is counted from here. */
  now: Date;
  ageLimitMs: number | null;
  repeatMs: number | null;
}

export interface RedeliveryCounts {
  /** By what becomes of them: `send` again or for the first time, or why not. */
  what: "send" | "delivered" | "delivered_long_ago" | "under_way" | "too_old" | "other_feed";
  currency: string | null;
  conversions: number;
  value: string | null;
}

/** Which conversions of a range a redelivery sends, and which it leaves. */
const redeliverable = `
  select c.conversion_key, coalesce(c.value, d.value) as value, coalesce(c.currency, d.currency) as currency, d.conversion_key is not null as known,
         case when d.state in ('sending', 'pending') then 'under_way'
              when d.conversion_key is null and (c.is_twin and 'everflow.conversions' = any($9) or ${knownByAnotherFeed("c")}) then 'other_feed'
              when $5::double precision is not null and c.event_time < $8::timestamptz - $5 * interval '1 millisecond' then 'too_old'
              when d.state = 'delivered' and not $7::boolean then 'delivered'
              when d.delivered_at is not null and $6::double precision is not null and d.delivered_at < now() - $6 * interval '1 millisecond' then 'delivered_long_ago'
              else 'send' end as what
    from ops.deliverable_conversions c
    left join ops.deliveries d on d._client_id = c._client_id and d.destination = $2 and d.conversion_key = c.conversion_key
   where c._client_id = $1 and c.event_time >= $3 and c.event_time < $4
     and c.source = any($9) and c.type = any($10) and (c.standing = 'stands' or $11 and (c.standing = 'charged_back' or d.delivered_at is not null))
     and ${mayGoTo("$12", "c")}`;

const redeliveryValues = (ledger: Ledger, range: RedeliveryRange) => [
  ledger.client,
  ledger.destination,
  range.from,
  range.to,
  range.ageLimitMs,
  range.repeatMs,
  range.includeDelivered,
  range.now,
  range.routing.feeds,
  range.routing.types,
  range.routing.corrects,
  range.routing.origin,
];

export async function countRedelivery(
  database: Queryable,
  ledger: Ledger,
  range: RedeliveryRange,
): Promise<RedeliveryCounts[]> {
  const { rows } = await database.query<RedeliveryCounts>(
    `select what, currency, count(*)::int as conversions, round(sum(value), 2)::text as value from (${redeliverable}) r group by 1, 2 order by 1, 2`,
    redeliveryValues(ledger, range),
  );
  return rows;
}

/** Makes what is known and not under way pending again; what the ledger does not know is recorded like any new one. */
export async function reopenDeliveries(database: Queryable, ledger: Ledger, range: RedeliveryRange): Promise<number> {
  return changed(
    database,
    `update ops.deliveries d set state = 'pending', claim = null, claimed_at = null, held_until = null, updated_at = now()
       from (${redeliverable}) r
      where r.what = 'send' and r.known and d._client_id = $1 and d.destination = $2 and d.conversion_key = r.conversion_key and d.state not in ('sending', 'pending')`,
    redeliveryValues(ledger, range),
  );
}
