import { sql } from "drizzle-orm";
import { bigint, check, date, index, integer, jsonb, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { clientColumn, instant } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { ops } from "./ops.ts";

const dayColumns = { feed: text("feed").notNull(), ...clientColumn, day: date("day").notNull() };

/** Written by triggers, in the transaction that changes a day. Rows are only added, so that nobody who writes waits for another. */
export const mirrorMarks = ops.table(
  "mirror_marks",
  {
    markId: bigint("mark_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    ...dayColumns,
    markedAt: instant("marked_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "mirror_marks_key", columns: [table.markId] }),
    index("mirror_marks_day").on(table.clientId, table.feed, table.day),
  ],
);

/** Which copies of a day the column store holds, or may hold. Each copy is recorded before its first row is sent. */
export const mirrorVersions = ops.table(
  "mirror_versions",
  {
    version: bigint("version", { mode: "number" }).generatedAlwaysAsIdentity(),
    ...dayColumns,
    state: text("state").notNull().default("copying"),
    rows: bigint("rows", { mode: "number" }).notNull().default(0),
    sums: jsonb("sums").$type<Record<string, string>>().notNull().default({}),
    begunAt: instant("begun_at").notNull().defaultNow(),
    stateAt: instant("state_at").notNull().defaultNow(),
    checkedAt: instant("checked_at"),
  },
  (table) => [
    primaryKey({ name: "mirror_versions_key", columns: [table.version] }),
    uniqueIndex("mirror_versions_current")
      .on(table.clientId, table.feed, table.day)
      .where(sql`${table.state} = 'current'`),
    index("mirror_versions_others")
      .on(table.clientId, table.feed, table.day)
      .where(sql`${table.state} <> 'current'`),
    check("mirror_versions_state", sql`${table.state} in ('copying', 'current', 'replaced', 'abandoned')`),
  ],
);

/** Which column store it is that the copies are in. One that knows nothing of this is filled from the beginning. */
export const mirrorStore = ops.table(
  "mirror_store",
  {
    one: integer("one").notNull().default(1),
    identity: text("identity").notNull(),
    shape: text("shape").notNull(),
    knownAt: instant("known_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ name: "mirror_store_key", columns: [table.one] }),
    check("mirror_store_one", sql`${table.one} = 1`),
  ],
);

const feed = "What is mirrored: performance, a report, a source, or sums of promo events.";
const day = "The day of it.";

describeTable(
  mirrorMarks,
  "Days that have changed and are still to be mirrored: written in the transaction that changed them.",
  {
    markId: "Number of the mark.",
    feed,
    day,
    markedAt: "When the transaction that changed it began.",
  },
);

describeTable(mirrorVersions, "Copies of days in the column store, and what each carries.", {
  version: "Number of the copy; its rows in the column store carry it.",
  feed,
  day,
  state:
    "copying, current (what is read), replaced (by a later copy, its rows are being deleted), or abandoned (given up before it was whole, or it differed).",
  rows: "Its rows.",
  sums: "What its columns of numbers add up to: in Postgres when it was copied, and in the column store.",
  begunAt: "When it was begun.",
  stateAt: "Since when it is in this state.",
  checkedAt: "When the column store was last compared with this; NULL before the first time.",
});

describeTable(mirrorStore, "The column store that the copies are in.", {
  one: "Always 1: there is one.",
  identity:
    "The id that it was given when it was first met; another id is another store, which is filled from the beginning.",
  shape: "A hash of its tables, as they were made; with other tables it is filled from the beginning.",
  knownAt: "When it was given the id.",
});
