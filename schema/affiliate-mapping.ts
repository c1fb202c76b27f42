import { sql } from "drizzle-orm";
import { boolean, check, index, pgTable, primaryKey, text, unique, uniqueIndex } from "drizzle-orm/pg-core";
import { clientColumn, instant } from "./columns.ts";

/**
 * Which Everflow affiliate a Redtrack source spends for. A source is named once per client, so its spend is counted
 * once; an affiliate may be named by many sources, or by a single row without one: internal, but with no spend that
 * Redtrack knows of. Without an Everflow id the label is what finds the affiliate.
 */
export const affiliateMapping = pgTable(
  "affiliate_mapping",
  {
    ...clientColumn,
    redtrackSourceId: text("redtrack_source_id"),
    redtrackSourceName: text("redtrack_source_name"),
    everflowAffiliateId: text("everflow_affiliate_id"),
    everflowAffiliateLabel: text("everflow_affiliate_label").notNull(),
    isInternal: boolean("is_internal").notNull(),
    loadedAt: instant("_loaded_at").notNull().defaultNow(),
    loadedBy: text("_loaded_by").notNull(),
    /** When the label led to the id; null where the id was given, or is not known. */
    matchedAt: instant("_matched_at"),
  },
  (table) => [
    unique("affiliate_mapping_key")
      .on(table.clientId, table.redtrackSourceId, table.everflowAffiliateLabel)
      .nullsNotDistinct(),
    // The key lets an affiliate stand without a source; this keeps a source's spend from counting twice.
    uniqueIndex("affiliate_mapping_source")
      .on(table.clientId, table.redtrackSourceId)
      .where(sql`${table.redtrackSourceId} is not null`),
    index("affiliate_mapping_label").on(table.clientId, table.everflowAffiliateLabel),
    check(
      "affiliate_mapping_filled",
      sql`${table.redtrackSourceId} <> '' and ${table.everflowAffiliateId} <> '' and ${table.everflowAffiliateLabel} <> ''`,
    ),
  ],
);

/** What a vendor that reports amounts without a currency reports them in: a setting, kept where SQL can see it. */
export const accountCurrency = pgTable(
  "account_currency",
  {
    ...clientColumn,
    vendor: text("vendor").notNull(),
    currency: text("currency").notNull(),
    loadedAt: instant("_loaded_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "account_currency_key", columns: [table.clientId, table.vendor] }),
    check("account_currency_code", sql`${table.currency} ~ '^[A-Z]{3}$'`),
  ],
);
