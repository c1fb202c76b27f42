import type { Queryable } from "../../schema/database.ts";
import { named } from "../shared/named.ts";

export const deliveryStates = ["pending", "sending", "delivered", "failed", "expired", "held"] as const;

export interface DeliveryRow {
  destination: string;
  conversionKey: string;
  eventName: string;
  eventTime: Date;
  value: string | null;
  currency: string | null;
  state: (typeof deliveryStates)[number];
  attempts: number;
  /** Why it failed or waits, in the destination's words without anything of a person. */
  lastAnswer: string | null;
  heldUntil: Date | null;
  deliveredAt: Date | null;
  updatedAt: Date;
}

export interface DeliveryFilter {
  destination?: string | undefined;
  state?: string | undefined;
  conversion?: string | undefined;
}

/** The latest conversion first. */
export async function listDeliveries(
  database: Queryable,
  of: {
    client: string;
    filter: DeliveryFilter;
    after: { at: string; key: string; destination: string } | null;
    limit: number;
  },
): Promise<DeliveryRow[]> {
  const { client, filter, after, limit } = of;
  const { text, values } = named(
    `select destination, conversion_key as "conversionKey", event_name as "eventName", event_time as "eventTime", round(value, 2) as value, currency,
            state, attempts, last_answer as "lastAnswer", held_until as "heldUntil", delivered_at as "deliveredAt", updated_at as "updatedAt"
       from ops.deliveries
      where _client_id = :client and (:destination::text is null or destination = :destination) and (:state::text is null or state = :state)
        and (:conversion::text is null or conversion_key = :conversion)
        and (:at::timestamptz is null or (event_time, conversion_key, destination) < (:at, :key, :afterDestination))
      order by event_time desc, conversion_key desc, destination desc limit :limit`,
    {
      client,
      destination: filter.destination ?? null,
      state: filter.state ?? null,
      conversion: filter.conversion ?? null,
      at: after?.at ?? null,
      key: after?.key ?? null,
      afterDestination: after?.destination ?? null,
      limit,
    },
  );
  const { rows } = await database.query<DeliveryRow>(text, values);
  return rows;
}

export interface DeliveryCount {
  destination: string;
  state: (typeof deliveryStates)[number];
  deliveries: number;
}

export async function countDeliveries(database: Queryable, { client }: { client: string }): Promise<DeliveryCount[]> {
  const { rows } = await database.query<DeliveryCount>(
    `select destination, state, count(*) as deliveries from ops.deliveries where _client_id = $1 group by 1, 2 order by 1, 2`,
    [client],
  );
  return rows;
}

/** Queues one again that was refused or is held back. False when it is in no such state: it is under way, was taken, or is too old. */
export async function retryDelivery(
  database: Queryable,
  of: { client: string; destination: string; conversionKey: string },
): Promise<boolean> {
  const { rowCount } = await database.query(
    `update ops.deliveries set state = 'pending', claim = null, claimed_at = null, held_until = null, updated_at = now()
      where _client_id = $1 and destination = $2 and conversion_key = $3 and state in ('failed', 'held')`,
    [of.client, of.destination, of.conversionKey],
  );
  return rowCount === 1;
}
