import { date } from "drizzle-orm/pg-core";
import { bytes, instant } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { ops } from "./ops.ts";

/** One for each month. The next month's is made ahead of time; one of a month that is over is deleted. */
export const addressSecrets = ops.table("address_secrets", {
  month: date("month").primaryKey(),
  sealed: bytes("sealed").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
});

describeTable(addressSecrets, "What addresses are hashed with: a secret per month, deleted when the month is over.", {
  month: "First day of the month, UTC.",
  sealed: "The secret, sealed.",
  createdAt: "When it was made.",
});
