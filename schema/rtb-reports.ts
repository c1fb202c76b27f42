import { sql } from "drizzle-orm";
import { bigint, check, date, index, integer, numeric, primaryKey, smallint, text } from "drizzle-orm/pg-core";
import { clientColumn, instant, money } from "./columns.ts";
import { ops } from "./ops.ts";
import { rtb } from "./rtb.ts";

/** Null: the report has no such column, which is not zero. */
const counted = (name: string) => bigint(name, { mode: "number" });

/** Whose report it is. In a key no hour is -1, and no country, creative or name is ''. */
const seatColumns = { ...clientColumn, buyerId: text("buyer_id").notNull() };
const dayColumns = { ...seatColumns, date: date("date").notNull() };
const hourColumns = { ...dayColumns, hour: smallint("hour").notNull(), geography: text("geography").notNull() };

/** The file that wrote the row, with its line, and which columns that file tells lines of a day apart by. */
const fileColumns = {
  fileId: integer("_file_id").notNull(),
  line: integer("_line").notNull(),
  grain: text("_grain").notNull(),
};

const funnelColumns = {
  inventoryMatches: counted("inventory_matches"),
  bidRequests: counted("bid_requests"),
  successfulResponses: counted("successful_responses"),
  reachedQueries: counted("reached_queries"),
  bids: counted("bids"),
  bidsInAuction: counted("bids_in_auction"),
  auctionsWon: counted("auctions_won"),
  impressions: counted("impressions"),
  clicks: counted("clicks"),
};

/** Reports of Authorized Buyers, each as it is exported: what one of them counts is never added to what another counts. */
export const reportCountries = rtb.table(
  "report_countries",
  { ...hourColumns, ...funnelColumns, ...fileColumns },
  (table) => [
    primaryKey({
      name: "report_countries_key",
      columns: [table.clientId, table.buyerId, table.date, table.hour, table.geography],
    }),
    index("report_countries_file").on(table.clientId, table.fileId),
  ],
);

export const reportPublishers = rtb.table(
  "report_publishers",
  {
    ...hourColumns,
    publisherId: text("publisher_id").notNull(),
    publisherName: text("publisher_name"),
    ...funnelColumns,
    ...fileColumns,
  },
  (table) => [
    primaryKey({
      name: "report_publishers_key",
      columns: [table.clientId, table.buyerId, table.date, table.hour, table.geography, table.publisherId],
    }),
    index("report_publishers_file").on(table.clientId, table.fileId),
  ],
);

/** A creative is named as the exchange does: a report may be about one that was never synced. */
export const reportBids = rtb.table(
  "report_bids",
  {
    ...hourColumns,
    creativeId: text("creative_id").notNull(),
    bidsInAuction: counted("bids_in_auction"),
    auctionsWon: counted("auctions_won"),
    bids: counted("bids"),
    reachedQueries: counted("reached_queries"),
    impressions: counted("impressions"),
    clicks: counted("clicks"),
    spend: money("spend"),
    ...fileColumns,
  },
  (table) => [
    primaryKey({
      name: "report_bids_key",
      columns: [table.clientId, table.buyerId, table.date, table.hour, table.geography, table.creativeId],
    }),
    index("report_bids_file").on(table.clientId, table.fileId),
  ],
);

export const reportQuality = rtb.table(
  "report_quality",
  {
    ...dayColumns,
    billingId: text("billing_id").notNull(),
    creativeId: text("creative_id").notNull(),
    creativeSize: text("creative_size").notNull(),
    creativeFormat: text("creative_format").notNull(),
    reachedQueries: counted("reached_queries"),
    impressions: counted("impressions"),
    clicks: counted("clicks"),
    viewable: counted("viewable"),
    measurable: counted("measurable"),
    invalidImpressions: counted("invalid_impressions"),
    spend: money("spend"),
    ...fileColumns,
  },
  (table) => [
    primaryKey({
      name: "report_quality_key",
      columns: [
        table.clientId,
        table.buyerId,
        table.date,
        table.billingId,
        table.creativeId,
        table.creativeSize,
        table.creativeFormat,
      ],
    }),
    index("report_quality_file").on(table.clientId, table.fileId),
  ],
);

/** Impressions that Google credits as invalid, of publishers and countries. */
export const reportInvalid = rtb.table(
  "report_invalid",
  {
    ...hourColumns,
    publisherId: text("publisher_id").notNull(),
    creativeId: text("creative_id").notNull(),
    publisherName: text("publisher_name"),
    impressions: counted("impressions"),
    invalidImpressions: counted("invalid_impressions"),
    prefilteredImpressions: counted("prefiltered_impressions"),
    billedImpressions: counted("billed_impressions"),
    viewable: counted("viewable"),
    measurable: counted("measurable"),
    ...fileColumns,
  },
  (table) => [
    primaryKey({
      name: "report_invalid_key",
      columns: [
        table.clientId,
        table.buyerId,
        table.date,
        table.hour,
        table.geography,
        table.publisherId,
        table.creativeId,
      ],
    }),
    index("report_invalid_file").on(table.clientId, table.fileId),
  ],
);

export const reportFiltering = rtb.table(
  "report_filtering",
  {
    ...hourColumns,
    creativeId: text("creative_id").notNull(),
    filteringReason: text("filtering_reason").notNull(),
    bids: counted("bids"),
    ...fileColumns,
  },
  (table) => [
    primaryKey({
      name: "report_filtering_key",
      columns: [
        table.clientId,
        table.buyerId,
        table.date,
        table.hour,
        table.geography,
        table.creativeId,
        table.filteringReason,
      ],
    }),
    index("report_filtering_file").on(table.clientId, table.fileId),
  ],
);

/** What the bidder itself was asked for: no report of Google's has requests by size. Day and hour are of the reports' zone. */
export const rtbTraffic = rtb.table(
  "rtb_traffic",
  {
    ...seatColumns,
    at: instant("at").notNull(),
    size: text("size").notNull(),
    format: text("format").notNull(),
    geography: text("geography").notNull(),
    deviceType: text("device_type").notNull(),
    date: date("date").notNull(),
    hour: smallint("hour").notNull(),
    seconds: integer("seconds").notNull(),
    requests: bigint("requests", { mode: "number" }).notNull(),
    ...fileColumns,
  },
  (table) => [
    primaryKey({
      name: "rtb_traffic_key",
      columns: [table.clientId, table.buyerId, table.at, table.size, table.format, table.geography, table.deviceType],
    }),
    index("rtb_traffic_file").on(table.clientId, table.fileId),
    index("rtb_traffic_day").on(table.clientId, table.buyerId, table.date),
  ],
);

/**
 * What a report's file wrote to each day: rows, and one sum over all that they carry. What its table holds under the
 * file's number is that, less what later files have taken over.
 */
export const reportDays = ops.table(
  "report_days",
  {
    ...clientColumn,
    fileId: integer("file_id").notNull(),
    date: date("date").notNull(),
    source: text("source").notNull(),
    written: bigint("written", { mode: "number" }).notNull().default(0),
    control: numeric("control", { precision: 38, scale: 6 }).notNull().default("0"),
    takenOver: bigint("taken_over", { mode: "number" }).notNull().default(0),
    controlTakenOver: numeric("control_taken_over", { precision: 38, scale: 6 }).notNull().default("0"),
  },
  (table) => [primaryKey({ name: "report_days_key", columns: [table.clientId, table.fileId, table.date] })],
);

/**
 * The two pipeline reports in sums per day: by country, publisher and hour, '' and -1 where the report does not say. Kept
 * with each file, since the reports themselves are too many rows to add up whenever somebody looks.
 */
export const funnelSums = rtb.table(
  "funnel_sums",
  {
    ...dayColumns,
    report: text("report").notNull(),
    by: text("by").notNull(),
    value: text("value").notNull(),
    name: text("name"),
    ...funnelColumns,
  },
  (table) => [
    primaryKey({
      name: "funnel_sums_key",
      columns: [table.clientId, table.by, table.date, table.buyerId, table.report, table.value],
    }),
    check("funnel_sums_report", sql`${table.report} in ('pipeline_by_country', 'pipeline_by_publisher')`),
    check("funnel_sums_by", sql`${table.by} in ('country', 'publisher', 'hour')`),
  ],
);
