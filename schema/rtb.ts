import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  smallint,
  text,
  unique,
} from "drizzle-orm/pg-core";
import { clientColumn, instant, money, originCheck, originColumn } from "./columns.ts";

export const rtb = pgSchema("rtb");

/** The creative by our own number: rtb.creatives.id. The driver hands bigints out as JS numbers, so every query selects them as text. */
const creativeId = () => bigint("creative_id", { mode: "bigint" }).notNull();

/** Sums have room for any number of the greatest amounts and counts: numeric, and so text in TypeScript. */
const moneySum = (name: string) => numeric(name, { precision: 38, scale: 6 }).notNull().default("0");
const countSum = (name: string) => numeric(name, { precision: 38, scale: 0 }).notNull().default("0");
const ratio = (name: string) => numeric(name, { precision: 38, scale: 6 });

/** The buying accounts that creatives belong to. */
export const buyerSeats = rtb.table(
  "buyer_seats",
  {
    ...clientColumn,
    buyerId: text("buyer_id").notNull(),
    displayName: text("display_name"),
    bidderAccountId: text("bidder_account_id"),
    creativeCount: integer("creative_count"),
    lastSync: instant("last_sync"),
    ...originColumn,
    lastOutcome: text("last_outcome"),
    lastReason: text("last_reason"),
  },
  (table) => [
    originCheck("buyer_seats_origin_known", table.origin),
    primaryKey({ name: "buyer_seats_key", columns: [table.clientId, table.buyerId] }),
  ],
);

/**
 * An exchange's id is unique within a seat only, and is any text: rows of performance name a creative by a number of ours.
 * Of creatives that are older than these numbers it is the exchange's own, any from 1 to 2^63 - 1; ours are negative, so
 * that none is ever given twice. A stub is a creative of which nothing is known but that a file names it.
 */
export const creatives = rtb.table(
  "creatives",
  {
    ...clientColumn,
    id: bigint("id", { mode: "bigint" }).generatedByDefaultAsIdentity({
      minValue: -1_000_000_000_000,
      maxValue: -1,
      startWith: -1_000_000_000_000,
    }),
    buyerId: text("buyer_id"),
    format: text("format"),
    width: integer("width"),
    height: integer("height"),
    canonicalSize: text("canonical_size"),
    sizeCategory: text("size_category"),
    declaredClickUrls: jsonb("declared_click_urls").$type<string[]>(),
    destinationUrlsParsed: jsonb("destination_urls_parsed"),
    googleBuyersUrl: text("google_buyers_url"),
    htmlSnippet: text("html_snippet"),
    vastXml: text("vast_xml"),
    creativeAttributes: jsonb("creative_attributes"),
    isStub: boolean("is_stub").notNull().default(false),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    ...originColumn,
    creativeId: text("creative_id").notNull(),
    advertiserName: text("advertiser_name"),
    languages: jsonb("languages").$type<string[]>(),
    approvalStatus: text("approval_status"),
    lastSeenAt: instant("last_seen_at"),
    vanishedAt: instant("vanished_at"),
    lastSync: text("_last_sync"),
    previewUrl: text("preview_url"),
    // The function is made in the migration that adds the column, before it.
    appStore: text("app_store").generatedAlwaysAs(sql`rtb.app_store_of(declared_click_urls, destination_urls_parsed)`),
  },
  (table) => [
    originCheck("creatives_origin_known", table.origin),
    primaryKey({ name: "creatives_id", columns: [table.clientId, table.id] }),
    unique("creatives_key").on(table.clientId, table.creativeId, table.buyerId).nullsNotDistinct(),
    index("creatives_seat").on(table.clientId, table.buyerId),
  ],
);

/**
 * What is cached of a campaign's performance is what queries/rtb/rollups.ts computes; null where nothing was computed yet.
 * One with an anchor is kept up to date by clustering; one without is a person's, and clustering leaves it alone.
 */
export const campaigns = rtb.table(
  "campaigns",
  {
    ...clientColumn,
    campaignId: bigint("campaign_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    campaignName: text("campaign_name").notNull(),
    confidenceScore: doublePrecision("confidence_score"),
    aiProvider: text("ai_provider"),
    totalSpend7d: moneySum("total_spend_7d"),
    totalSpend30d: moneySum("total_spend_30d"),
    totalSpendAllTime: moneySum("total_spend_all_time"),
    avgCpc7d: ratio("avg_cpc_7d"),
    avgCpm7d: ratio("avg_cpm_7d"),
    topGeography: text("top_geography"),
    topDeviceType: text("top_device_type"),
    lastPerformanceUpdate: instant("last_performance_update"),
    createdAt: instant("created_at").notNull().defaultNow(),
    ...originColumn,
    anchor: text("anchor"),
    namedBy: text("named_by").notNull().default("person"),
    modelConfidence: doublePrecision("model_confidence"),
    genre: text("genre"),
    isGenrePersons: boolean("is_genre_persons").notNull().default(false),
  },
  (table) => [
    originCheck("campaigns_origin_known", table.origin),
    primaryKey({ name: "campaigns_key", columns: [table.clientId, table.campaignId] }),
    check("campaigns_confidence", sql`${table.confidenceScore} between 0 and 1`),
    check("campaigns_model_confidence", sql`${table.modelConfidence} between 0 and 1`),
    check("campaigns_named_by", sql`${table.namedBy} in ('rules', 'model', 'person')`),
  ],
);

export const campaignCreatives = rtb.table(
  "campaign_creatives",
  {
    ...clientColumn,
    campaignId: bigint("campaign_id", { mode: "number" }).notNull(),
    creativeId: creativeId(),
    basis: text("basis"),
    variantLanguage: text("variant_language"),
    variantFormat: text("variant_format"),
  },
  (table) => [
    primaryKey({ name: "campaign_creatives_key", columns: [table.clientId, table.campaignId, table.creativeId] }),
    index("campaign_creatives_creative").on(table.clientId, table.creativeId, table.campaignId),
    foreignKey({
      name: "campaign_creatives_campaign",
      columns: [table.clientId, table.campaignId],
      foreignColumns: [campaigns.clientId, campaigns.campaignId],
    }).onDelete("cascade"),
  ],
);

/**
 * Partitioned by month of `date` and texts compared byte by byte: the migration says so, and `rtb.ensure_months` makes the
 * months. A primary key holds no NULL, and the key that holds them is slower to merge by: no hour is -1, no geography, device or placement is ''.
 * People read `rtb.performance`, where these are NULL. There is no foreign key: its trigger costs as much as the rest
 * of an import; the merge checks each creative once instead of each row. CPM and CPC are computed on reading.
 */
export const performanceMetrics = rtb.table(
  "performance_metrics",
  {
    ...clientColumn,
    creativeId: creativeId(),
    impressions: bigint("impressions", { mode: "number" }).notNull(),
    clicks: bigint("clicks", { mode: "number" }).notNull(),
    date: date("date").notNull(),
    fileId: integer("_file_id").notNull(),
    hour: smallint("hour").notNull(),
    geography: text("geography").notNull(),
    deviceType: text("device_type").notNull(),
    placement: text("placement").notNull(),
    spend: money("spend").notNull(),
    // For rows stored before their lines were kept it is unknown whether a line is later.
    line: integer("_line").notNull().default(2_147_483_647),
  },
  (table) => [
    primaryKey({
      name: "performance_metrics_key",
      columns: [
        table.clientId,
        table.creativeId,
        table.date,
        table.hour,
        table.geography,
        table.deviceType,
        table.placement,
      ],
    }),
  ],
);

/** Sums per creative, one row for each that has performance; periods end with `client_performance.as_of`. */
export const creativePerformance = rtb.table(
  "creative_performance",
  {
    ...clientColumn,
    creativeId: creativeId(),
    spend1d: moneySum("spend_1d"),
    impressions1d: countSum("impressions_1d"),
    clicks1d: countSum("clicks_1d"),
    previousSpend1d: moneySum("previous_spend_1d"),
    spend7d: moneySum("spend_7d"),
    impressions7d: countSum("impressions_7d"),
    clicks7d: countSum("clicks_7d"),
    previousSpend7d: moneySum("previous_spend_7d"),
    spend30d: moneySum("spend_30d"),
    impressions30d: countSum("impressions_30d"),
    clicks30d: countSum("clicks_30d"),
    previousSpend30d: moneySum("previous_spend_30d"),
    spendAll: moneySum("spend_all"),
    impressionsAll: countSum("impressions_all"),
    clicksAll: countSum("clicks_all"),
    spendToday: moneySum("spend_today"),
  },
  (table) => [
    primaryKey({ name: "creative_performance_key", columns: [table.clientId, table.creativeId] }),
    index("creative_performance_1d").on(table.clientId, table.spend1d.desc().nullsFirst(), table.creativeId),
    index("creative_performance_7d").on(table.clientId, table.spend7d.desc().nullsFirst(), table.creativeId),
    index("creative_performance_30d").on(table.clientId, table.spend30d.desc().nullsFirst(), table.creativeId),
    index("creative_performance_all").on(table.clientId, table.spendAll.desc().nullsFirst(), table.creativeId),
  ],
);

/** Which day a client's periods end with. Older than the client's today: to be refreshed before it is read. */
export const clientPerformance = rtb.table(
  "client_performance",
  {
    ...clientColumn,
    asOf: date("as_of").notNull(),
    refreshedAt: instant("refreshed_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ name: "client_performance_key", columns: [table.clientId] })],
);

/** Where the tiers of a period begin: a creative's tier is a comparison, not a column that every import rewrites. */
export const spendTiers = rtb.table(
  "spend_tiers",
  {
    ...clientColumn,
    period: text("period").notNull(),
    spenders: integer("spenders").notNull(),
    highFrom: ratio("high_from"),
    lowTo: ratio("low_to"),
  },
  (table) => [
    primaryKey({ name: "spend_tiers_key", columns: [table.clientId, table.period] }),
    check("spend_tiers_period", sql`${table.period} in ('1d', '7d', '30d', 'all')`),
  ],
);
