import { sql } from "drizzle-orm";
import {
  boolean,
  check,
  foreignKey,
  integer,
  numeric,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { identity, long, recon } from "./recon.ts";

export const affiliates = recon.table(
  "affiliates",
  {
    ...clientColumn,
    affiliateId: identity("affiliate_id"),
    name: text("name").notNull(),
    emailHash: text("email_hash"),
    emailSealed: bytes("email_sealed"),
    discordUserHash: text("discord_user_hash"),
    apiKeyHash: text("api_key_hash"),
    apiKeyPrefix: text("api_key_prefix"),
    apiKeyIssuedAt: instant("api_key_issued_at"),
    trustScore: numeric("trust_score", { precision: 3, scale: 2 }).notNull().default("1.00"),
    totalSubmissions: integer("total_submissions").notNull().default(0),
    accurateSubmissions: integer("accurate_submissions").notNull().default(0),
    isActive: boolean("is_active").notNull().default(true),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    /** Whether the affiliate exists. */
    ...originColumn,
  },
  (table) => [
    originCheck("affiliates_origin_known", table.origin),
    primaryKey({ name: "affiliates_key", columns: [table.clientId, table.affiliateId] }),
    unique("affiliates_name").on(table.clientId, table.name),
    uniqueIndex("affiliates_email")
      .on(table.clientId, table.emailHash)
      .where(sql`${table.emailHash} is not null`),
    uniqueIndex("affiliates_discord")
      .on(table.clientId, table.discordUserHash)
      .where(sql`${table.discordUserHash} is not null`),
    // Whoever shows a key has not said yet whose client it is.
    uniqueIndex("affiliates_api_key")
      .on(table.apiKeyHash)
      .where(sql`${table.apiKeyHash} is not null`),
    check("affiliates_trust", sql`${table.trustScore} between 0 and 1`),
    check("affiliates_counts", sql`${table.accurateSubmissions} between 0 and ${table.totalSubmissions}`),
  ],
);

/** What an affiliate lets us see at a platform, sealed: the token in use, and one that was given and is still being tried. */
export const affiliateTokens = recon.table(
  "affiliate_tokens",
  {
    ...clientColumn,
    affiliateId: long("affiliate_id").notNull(),
    platform: text("platform").notNull(),
    sealed: bytes("sealed"),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    offeredSealed: bytes("offered_sealed"),
    offerId: uuid("offer_id"),
    worksSince: instant("works_since"),
    failingSince: instant("failing_since"),
    checkedAt: instant("checked_at"),
    lastError: text("last_error"),
  },
  (table) => [
    primaryKey({ name: "affiliate_tokens_key", columns: [table.clientId, table.affiliateId, table.platform] }),
    foreignKey({
      name: "affiliate_tokens_affiliate",
      columns: [table.clientId, table.affiliateId],
      foreignColumns: [affiliates.clientId, affiliates.affiliateId],
    }),
    check("affiliate_tokens_sealed", sql`${table.sealed} is not null or ${table.offeredSealed} is not null`),
    check("affiliate_tokens_offer", sql`(${table.offeredSealed} is null) = (${table.offerId} is null)`),
  ],
);
