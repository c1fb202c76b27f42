import { sql } from "drizzle-orm";
import { check, date, foreignKey, numeric, primaryKey, text, unique } from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { ops } from "./ops.ts";
import { identity, long, recon } from "./recon.ts";

export const campaigns = recon.table(
  "campaigns",
  {
    ...clientColumn,
    campaignId: identity("campaign_id"),
    advertiserId: text("advertiser_id").notNull(),
    name: text("name").notNull(),
    startsOn: date("starts_on"),
    endsOn: date("ends_on"),
    status: text("status").notNull().default("active"),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    ...originColumn,
  },
  (table) => [
    originCheck("campaigns_origin_known", table.origin),
    primaryKey({ name: "campaigns_key", columns: [table.clientId, table.campaignId] }),
    unique("campaigns_name").on(table.clientId, table.advertiserId, table.name),
    check("campaigns_status", sql`${table.status} in ('active', 'paused', 'ended')`),
    check("campaigns_dates", sql`${table.endsOn} >= ${table.startsOn}`),
  ],
);

/** A platform has a row once a campaign of the client runs on it; what it can do is the connectors' to say. */
export const platforms = recon.table(
  "platforms",
  { ...clientColumn, platform: text("platform").notNull(), createdAt: instant("created_at").notNull().defaultNow() },
  (table) => [primaryKey({ name: "platforms_key", columns: [table.clientId, table.platform] })],
);

export const campaignPlatforms = recon.table(
  "campaign_platforms",
  {
    ...clientColumn,
    campaignId: long("campaign_id").notNull(),
    platform: text("platform").notNull(),
    assignedAt: instant("assigned_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "campaign_platforms_key", columns: [table.clientId, table.campaignId, table.platform] }),
    foreignKey({
      name: "campaign_platforms_campaign",
      columns: [table.clientId, table.campaignId],
      foreignColumns: [campaigns.clientId, campaigns.campaignId],
    }),
    foreignKey({
      name: "campaign_platforms_platform",
      columns: [table.clientId, table.platform],
      foreignColumns: [platforms.clientId, platforms.platform],
    }),
  ],
);

/** How a client reaches a platform, where a person set it; else the settings hold. Credentials are sealed. */
export const platformConfig = recon.table(
  "platform_config",
  {
    ...clientColumn,
    platform: text("platform").notNull(),
    mode: text("mode").notNull(),
    sealed: bytes("sealed"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    updatedBy: text("updated_by").notNull(),
  },
  (table) => [
    primaryKey({ name: "platform_config_key", columns: [table.clientId, table.platform] }),
    check("platform_config_mode", sql`${table.mode} in ('real', 'sandbox')`),
  ],
);

/** Whether a platform works with the client's own account, as activities saw it last. */
export const platformHealth = ops.table(
  "platform_health",
  {
    ...clientColumn,
    platform: text("platform").notNull(),
    worksSince: instant("works_since"),
    failingSince: instant("failing_since"),
    lastOkAt: instant("last_ok_at"),
    lastErrorAt: instant("last_error_at"),
    lastErrorKind: text("last_error_kind"),
    lastError: text("last_error"),
    quotaLeftPct: numeric("quota_left_pct", { precision: 5, scale: 2 }),
    quotaResetsAt: instant("quota_resets_at"),
    quotaSeenAt: instant("quota_seen_at"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ name: "platform_health_key", columns: [table.clientId, table.platform] })],
);
