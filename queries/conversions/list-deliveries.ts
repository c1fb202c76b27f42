import type { Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

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

const inList = `d._client_id = :client and (:destination::text is null or d.destination = :destination) and (:state::text is null or d.state = :state)
        and (:conversion::text is null or d.conversion_key = :conversion)`;

const valuesOf = (client: string, { destination, state, conversion }: DeliveryFilter) => ({
  client,
  destination: destination ?? null,
  state: state ?? null,
  conversion: conversion ?? null,
});

/** By the moment of the conversion, or by its value. */
export const deliveryOrders = {
  by: {
    eventTime: [{ sql: "d.event_time", type: "moment" }],
    value: [{ sql: "d.value", type: "number", canBeMissing: true }],
  },
  then: [
    { sql: "d.conversion_key", type: "text" },
    { sql: "d.destination", type: "text" },
  ],
  usual: "-eventTime",
} satisfies Orders;

export function listDeliveries(
  database: Queryable,
  { client, filter, order, limit }: { client: string; filter: DeliveryFilter; order?: Order; limit: number },
): Promise<Placed<DeliveryRow>[]> {
  return readOrdered<DeliveryRow>(database, {
    columns: `d.destination, d.conversion_key as "conversionKey", d.event_name as "eventName", d.event_time as "eventTime", round(d.value, 2) as value, d.currency,
            d.state, d.attempts, d.last_answer as "lastAnswer", d.held_until as "heldUntil", d.delivered_at as "deliveredAt", d.updated_at as "updatedAt"`,
    ...{ from: "ops.deliveries d", where: inList, values: valuesOf(client, filter) },
    ...{ orders: deliveryOrders, order, limit },
  });
}

/** All that the filters of the list leave. */
export const countListedDeliveries = (database: Queryable, of: { client: string; filter: DeliveryFilter }) =>
  countUpTo(database, {
    name: "deliveries",
    parts: {
      delivered: "count(*) filter (where state = 'delivered')",
      failed: "count(*) filter (where state = 'failed')",
      waiting: "count(*) filter (where state in ('pending', 'sending', 'held'))",
    },
    ...{ columns: "d.state", from: "ops.deliveries d", where: inList, values: valuesOf(of.client, of.filter) },
  });

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
