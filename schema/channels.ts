import { sql } from "drizzle-orm";
import { bigint, boolean, check, date, index, integer, text, unique } from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { ops } from "./ops.ts";

/** Where people are told of alerts. The address is a secret or a person's, and lies here sealed only. */
export const channels = ops.table(
  "channels",
  {
    channelId: bigint("channel_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    ...clientColumn,
    name: text("name").notNull(),
    kind: text("kind").notNull(),
    sealed: bytes("sealed"),
    hint: text("hint").notNull(),
    isSetting: boolean("is_setting").notNull().default(false),
    areas: text("areas").array(),
    leastSeverity: text("least_severity").notNull().default("info"),
    isGrouped: boolean("is_grouped").notNull().default(true),
    tellsResolved: boolean("tells_resolved").notNull().default(true),
    tellsMorning: boolean("tells_morning").notNull().default(false),
    quietFrom: text("quiet_from"),
    quietTo: text("quiet_to"),
    criticalPasses: boolean("critical_passes").notNull().default(true),
    snoozedUntil: instant("snoozed_until"),
    isActive: boolean("is_active").notNull().default(true),
    brokenAt: instant("broken_at"),
    brokenReason: text("broken_reason"),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    updatedBy: text("updated_by").notNull(),
  },
  (table) => [
    unique("channels_name").on(table.clientId, table.name),
    check("channels_kind", sql`${table.kind} in ('slack', 'email', 'webhook')`),
    check("channels_severity", sql`${table.leastSeverity} in ('info', 'warning', 'critical')`),
    check("channels_address", sql`(${table.sealed} is null) = ${table.isSetting}`),
    check("channels_quiet", sql`(${table.quietFrom} is null) = (${table.quietTo} is null)`),
  ],
);

/** What each channel is to be told, once each, and what became of it. */
export const channelDeliveries = ops.table(
  "channel_deliveries",
  {
    deliveryId: bigint("delivery_id", { mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    ...clientColumn,
    channelId: bigint("channel_id", { mode: "number" })
      .notNull()
      .references(() => channels.channelId, { onDelete: "cascade" }),
    what: text("what").notNull(),
    alertId: bigint("alert_id", { mode: "number" }),
    edition: integer("edition").notNull().default(0),
    day: date("day"),
    state: text("state").notNull().default("pending"),
    attempts: integer("attempts").notNull().default(0),
    heldUntil: instant("held_until"),
    note: text("note"),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    deliveredAt: instant("delivered_at"),
  },
  (table) => [
    unique("channel_deliveries_key")
      .on(table.channelId, table.what, table.alertId, table.edition, table.day)
      .nullsNotDistinct(),
    index("channel_deliveries_open")
      .on(table.channelId, table.deliveryId)
      .where(sql`${table.state} = 'pending'`),
    index("channel_deliveries_alert").on(table.alertId),
    index("channel_deliveries_by_time").on(table.channelId, table.createdAt, table.deliveryId),
    check("channel_deliveries_what", sql`${table.what} in ('opened', 'resolved', 'morning', 'test')`),
    check("channel_deliveries_state", sql`${table.state} in ('pending', 'delivered', 'failed', 'expired')`),
  ],
);

describeTable(channels, "Where alerts are sent: Slack, mail, webhooks.", {
  channelId: "Number of the channel.",
  name: "Its name, one per client.",
  kind: "slack, email or webhook.",
  sealed: "Its address, sealed; null for the webhook of the settings.",
  hint: "What may be shown of the address: the host of a webhook.",
  isSetting: "The webhook that the setting ALERT_WEBHOOK_URL names.",
  areas: "The areas whose alerts it gets; null is all.",
  leastSeverity: "It gets alerts from this severity on: info, warning, critical.",
  isGrouped: "Whether more than five alerts at once are one message.",
  tellsResolved: "Whether it is notified when an alert is closed.",
  tellsMorning: "Whether it gets the morning digest.",
  quietFrom: "Nothing is sent from this time of day, in the client's time zone.",
  quietTo: "Up to this time.",
  criticalPasses: "Whether critical alerts are sent all the same.",
  snoozedUntil: "Nothing is sent before this; what comes up meanwhile is sent afterwards.",
  isActive: "Whether it is in use.",
  brokenAt: "Since when it cannot be used until a person corrects it; null while it works.",
  brokenReason: "Why.",
  createdAt: "When it was made.",
  updatedAt: "When it was changed last.",
  updatedBy: "Who changed it.",
});

describeTable(channelDeliveries, "What was or is to be sent to each channel.", {
  deliveryId: "Number of the delivery.",
  channelId: "The channel.",
  what: "opened, resolved, morning (the digest) or test.",
  alertId: "The alert; null for the digest and for tests.",
  edition: "Which news of the alert; counts up when there is more to say.",
  day: "The day of a digest.",
  state:
    "pending, delivered, failed (a person must act), or expired (closed before it was sent, or not delivered within three days).",
  attempts: "How often it was refused or not answered.",
  heldUntil: "Not tried again before this.",
  note: "Why it was not delivered, when it was last tried.",
  createdAt: "When it became due.",
  updatedAt: "When its state changed last.",
  deliveredAt: "When it was delivered.",
});
