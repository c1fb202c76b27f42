import { sql } from "drizzle-orm";
import { type AnyPgColumn, check, customType, numeric, text, timestamp } from "drizzle-orm/pg-core";

/** A moment, in UTC. */
export const instant = (name: string) => timestamp(name, { withTimezone: true });

/** Six places, as vendors send them; decimal text in TypeScript, never a JS number. */
export const money = (name: string) => numeric(name, { precision: 18, scale: 6 });

export const bytes = customType<{ data: Buffer }>({ dataType: () => "bytea" });

/** The first part of every key. */
export const clientColumn = { clientId: text("_client_id").notNull() };

/** `real`: a vendor or a person sent it; `sandbox`: a mock server or a demo; `unknown`: stored before this was recorded. */
export const originColumn = { origin: text("origin").notNull().default("unknown") };

export const originCheck = (name: string, origin: AnyPgColumn) =>
  check(name, sql`${origin} in ('real', 'sandbox', 'unknown')`);

/** When a row came, and by which run. */
export const loadedColumns = {
  loadedAt: instant("_loaded_at").notNull().defaultNow(),
  runId: text("_run_id").notNull(),
};

/** What the merge of a slice fills in. */
export const sliceColumns = { slice: text("_slice").notNull(), ...loadedColumns };
