import { sql } from "drizzle-orm";
import { check, index, integer, numeric, primaryKey, text } from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { ops } from "./ops.ts";

/** One row per conversion and destination: what was sent, what came back, what is still to be done. */
export const deliveries = ops.table(
  "deliveries",
  {
    ...clientColumn,
    destination: text("destination").notNull(),
    conversionKey: text("conversion_key").notNull(),
    eventId: text("event_id").notNull(),
    eventName: text("event_name").notNull(),
    eventTime: instant("event_time").notNull(),
    value: numeric("value", { precision: 18, scale: 6 }),
    currency: text("currency"),
    state: text("state").notNull().default("pending"),
    attempts: integer("attempts").notNull().default(0),
    lastAnswer: text("last_answer"),
    claim: text("claim"),
    claimedAt: instant("claimed_at"),
    uncertainSince: instant("uncertain_since"),
    heldUntil: instant("held_until"),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    deliveredAt: instant("delivered_at"),
    orderKey: text("order_key"),
    /** What was sent to a destination last, to see when it has changed. */
    sentValue: numeric("sent_value", { precision: 18, scale: 6 }),
    sentStanding: text("sent_standing"),
    /** Who was sent it, or is to be. */
    ...originColumn,
  },
  (table) => [
    originCheck("deliveries_origin_known", table.origin),
    primaryKey({ name: "deliveries_key", columns: [table.clientId, table.destination, table.conversionKey] }),
    // What is to be done is little beside what was done.
    index("deliveries_open")
      .on(table.clientId, table.destination, table.state, table.eventTime)
      .where(sql`${table.state} in ('pending', 'sending', 'held')`),
    index("deliveries_time").on(table.clientId, table.destination, table.eventTime),
    index("deliveries_not_sent")
      .on(table.clientId, table.state, table.eventTime)
      .where(sql`${table.state} in ('failed', 'expired')`),
    index("deliveries_by_time").on(table.clientId, table.eventTime, table.conversionKey, table.destination),
    index("deliveries_by_value").on(table.clientId, table.value, table.conversionKey, table.destination),
    index("deliveries_order")
      .on(table.clientId, table.destination, table.orderKey)
      .where(sql`${table.orderKey} is not null`),
    check("deliveries_state", sql`${table.state} in ('pending', 'sending', 'delivered', 'failed', 'expired', 'held')`),
  ],
);

/** What a delivery needs to know of a person, encrypted; gone with the delivery, or after seven days. */
export const deliveryIdentity = ops.table(
  "delivery_identity",
  {
    ...clientColumn,
    conversionKey: text("conversion_key").notNull(),
    sealed: bytes("sealed").notNull(),
    expiresAt: instant("expires_at").notNull(),
    orderKey: text("order_key"),
  },
  (table) => [
    primaryKey({ name: "delivery_identity_key", columns: [table.clientId, table.conversionKey] }),
    index("delivery_identity_order")
      .on(table.clientId, table.orderKey)
      .where(sql`${table.orderKey} is not null`),
    index("delivery_identity_expiry").on(table.expiresAt),
  ],
);
