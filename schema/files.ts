import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  check,
  date,
  index,
  integer,
  numeric,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import { clientColumn, instant, originCheck } from "./columns.ts";
import { ops } from "./ops.ts";

const count = (name: string) => bigint(name, { mode: "number" }).notNull().default(0);
const moneySum = (name: string) => numeric(name, { precision: 38, scale: 6 }).notNull().default("0");
const countSum = (name: string) => numeric(name, { precision: 38, scale: 0 }).notNull().default("0");

/**
 * One row per file that was ingested or refused, written in the transaction that stored its rows. Every data line of a
 * file that was taken is accounted for, which a check says again.
 */
export const files = ops.table(
  "files",
  {
    // Every stored row carries it, so it is four bytes long.
    fileId: integer("file_id").primaryKey().generatedByDefaultAsIdentity(),
    ...clientColumn,
    source: text("source").notNull(),
    name: text("name").notNull(),
    place: text("place").notNull(),
    path: text("path").notNull(),
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    sha256: text("sha256").notNull(),
    mapping: text("mapping").notNull(),
    mappingVersion: text("mapping_version").notNull(),
    optionsHash: text("options_hash").notNull(),
    isRepeat: boolean("is_repeat").notNull().default(false),
    outcome: text("outcome").notNull(),
    reason: text("reason"),
    lines: count("lines"),
    preamble: count("preamble"),
    totals: count("totals"),
    inserted: count("inserted"),
    updated: count("updated"),
    unchanged: count("unchanged"),
    combined: count("combined"),
    superseded: count("superseded"),
    supersededImpressions: countSum("superseded_impressions"),
    supersededClicks: countSum("superseded_clicks"),
    supersededSpend: moneySum("superseded_spend"),
    rejected: count("rejected"),
    impressions: countSum("impressions"),
    clicks: countSum("clicks"),
    spend: moneySum("spend"),
    dayFrom: date("day_from"),
    dayTo: date("day_to"),
    replaced: count("replaced"),
    runId: text("run_id").notNull(),
    workflowId: text("workflow_id").notNull(),
    startedAt: instant("started_at").notNull(),
    committedAt: instant("committed_at").notNull().defaultNow(),
    /** `sandbox`: it is about nothing but made-up creatives, those of the demo or of the example. */
    origin: text("origin").notNull().default("real"),
    removed: count("removed"),
    warning: text("warning"),
  },
  (table) => [
    originCheck("files_origin_known", table.origin),
    // The same content once. A forced repeat is a row of its own that says so.
    uniqueIndex("files_content")
      .on(table.clientId, table.sha256, table.mapping, table.mappingVersion)
      .where(sql`${table.outcome} = 'ingested' and not ${table.isRepeat}`),
    // A run leaves one row, however often it is tried.
    uniqueIndex("files_run").on(table.runId),
    index("files_recent").on(table.clientId, table.committedAt),
    check("files_place", sql`${table.place} in ('upload', 'import', 's3', 'warehouse', 'stream')`),
    check("files_outcome", sql`${table.outcome} in ('ingested', 'refused')`),
    check(
      "files_lines",
      sql`${table.outcome} <> 'ingested' or ${table.lines} = ${table.inserted} + ${table.updated} + ${table.unchanged} + ${table.combined} + ${table.superseded} + ${table.rejected}`,
    ),
  ],
);

/**
 * What a file changed, per day instead of per row: the rows it wrote, and what those carried before and after. Confirmed
 * rows had these amounts already and carry the file's number now; rows that a later file carries on are taken over. So
 * what the table holds under a file's number is what it wrote or confirmed, less what was taken over.
 */
export const fileDays = ops.table(
  "file_days",
  {
    ...clientColumn,
    date: date("date").notNull(),
    fileId: integer("file_id").notNull(),
    inserted: count("inserted"),
    updated: count("updated"),
    impressionsBefore: countSum("impressions_before"),
    impressionsAfter: countSum("impressions_after"),
    clicksBefore: countSum("clicks_before"),
    clicksAfter: countSum("clicks_after"),
    spendBefore: moneySum("spend_before"),
    spendAfter: moneySum("spend_after"),
    confirmed: count("confirmed"),
    takenOver: count("taken_over"),
    impressionsTakenOver: countSum("impressions_taken_over"),
    clicksTakenOver: countSum("clicks_taken_over"),
    spendTakenOver: moneySum("spend_taken_over"),
  },
  (table) => [
    primaryKey({ name: "file_days_key", columns: [table.clientId, table.date, table.fileId] }),
    index("file_days_file").on(table.fileId),
  ],
);
