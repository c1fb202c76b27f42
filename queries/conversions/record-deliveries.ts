import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import {
  changed,
  knownByAnotherFeed,
  mayGoTo,
  type Deliverable,
  type Ledger,
  type Routing,
} from "./delivery-ledger.ts";

/** Conversions of a range that the ledger does not know yet, in their order of time. */
export async function readNewConversions(
  database: Queryable,
  ledger: Ledger,
  range: { from: Date; to: Date | null; limit: number; routing: Routing },
): Promise<Deliverable[]> {
  const { rows } = await database.query<Deliverable>(
    `select c.conversion_key as "conversionKey", c.order_key as "orderKey", c.event_name as "eventName", c.event_time as "eventTime", c.value, c.currency
       from ops.deliverable_conversions c
      where c._client_id = $1 and c.event_time >= $3 and ($4::timestamptz is null or c.event_time < $4)
        and c.source = any($6) and c.type = any($7) and not (c.is_twin and 'everflow.conversions' = any($6))
        and (c.standing = 'stands' or $8 and c.standing = 'charged_back')
        and not exists (select from ops.deliveries d where d._client_id = c._client_id and d.destination = $2 and d.conversion_key = c.conversion_key)
        and not ${knownByAnotherFeed("c")} and ${mayGoTo("$9", "c")}
      order by c.event_time, c.conversion_key
      limit $5`,
    [
      ledger.client,
      ledger.destination,
      range.from,
      range.to,
      range.limit,
      range.routing.feeds,
      range.routing.types,
      range.routing.corrects,
      range.routing.origin,
    ],
  );
  return rows;
}

/**
 * Takes conversions into the ledger under the names they will be sent by. One that is known stays as it is. One at a time
 * per destination: of two feeds with one order, the second must see what the first has written.
 */
export async function recordConversions(
  database: Database,
  ledger: Ledger,
  named: readonly Deliverable[],
): Promise<number> {
  return inTransaction(database, async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended('deliveries ' || $1 || '/' || $2, 0))", [
      ledger.client,
      ledger.destination,
    ]);
    return changed(
      session,
      `insert into ops.deliveries (_client_id, destination, conversion_key, order_key, event_id, event_name, event_time, value, currency)
       select $1, $2, n.conversion_key, n.order_key, n.conversion_key, n.name, n.at, n.value, n.currency
         from unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::numeric[], $8::text[]) n(conversion_key, order_key, name, at, value, currency)
        where not ${knownByAnotherFeed("n")}
        order by n.conversion_key
       on conflict do nothing`,
      [
        ledger.client,
        ledger.destination,
        named.map((one) => one.conversionKey),
        named.map((one) => one.orderKey),
        named.map((one) => one.eventName),
        named.map((one) => one.eventTime),
        named.map((one) => one.value),
        named.map((one) => one.currency),
      ],
    );
  });
}

/**
 * Queues again what was delivered and has changed since: charged back, withdrawn by its feed, of another amount.
 * Whatever the settings say now: what we wrote, we put right.
 */
export async function reopenChanged(database: Queryable, ledger: Ledger, since: Date): Promise<number> {
  return changed(
    database,
    // Read once, before the ledger: while Postgres takes the ledger for nearly empty, it reads the view again for each row of it.
    `with recent as materialized (
       select conversion_key, value + charged_back as worth, standing from ops.deliverable_conversions where _client_id = $1 and changed_at >= $3)
     update ops.deliveries d set state = 'pending', claim = null, claimed_at = null, updated_at = now()
       from recent c
      where d._client_id = $1 and d.destination = $2 and d.state = 'delivered' and c.conversion_key = d.conversion_key
        and (c.worth, c.standing) is distinct from (d.sent_value, d.sent_standing)`,
    [ledger.client, ledger.destination, since],
  );
}
