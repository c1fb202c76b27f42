import { sql } from "drizzle-orm";
import { type AnyPgColumn, bigint, check, numeric, pgSchema } from "drizzle-orm/pg-core";

export const recon = pgSchema("recon");

/** Leaves Postgres as text: the driver makes numbers of bigint columns, so statements cast ids and counts. */
export const long = (name: string) => bigint(name, { mode: "bigint" });
export const identity = (name: string) => long(name).notNull().generatedAlwaysAsIdentity();
/** A share of something: 3.27 is 3.27 %. A claim may be above the platform's number by any factor. */
export const percentage = (name: string) => numeric(name, { precision: 26, scale: 2 });

export const claimed = () => ({
  claimedViews: long("claimed_views").notNull(),
  claimedClicks: long("claimed_clicks").notNull(),
  claimedConversions: long("claimed_conversions").notNull(),
});
/** Null is "cannot be known", never zero. */
export const verified = () => ({
  verifiedViews: long("verified_views"),
  verifiedClicks: long("verified_clicks"),
  verifiedConversions: long("verified_conversions"),
});
export const notNegative = (name: string, columns: AnyPgColumn[]) =>
  check(
    name,
    sql.join(
      columns.map((column) => sql`${column} >= 0`),
      sql` and `,
    ),
  );

export const verdicts = sql`('MATCHED', 'DISCREPANCY', 'UNVERIFIABLE', 'POST_DELETED', 'POST_UNKNOWN')`;
export const levels = sql`('LOW', 'MEDIUM', 'HIGH')`;
