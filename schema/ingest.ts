import { index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import { clientColumn, instant } from "./columns.ts";
import { ops } from "./ops.ts";

/** What the watch of a folder, a prefix or the uploads has dealt with: a file that still lies there is not read again. */
export const watchedFiles = ops.table(
  "watched_files",
  {
    ...clientColumn,
    place: text("place").notNull(),
    path: text("path").notNull(),
    identity: text("identity").notNull(),
    outcome: text("outcome").notNull(),
    workflowId: text("workflow_id").notNull(),
    dealtWithAt: instant("dealt_with_at").notNull().defaultNow(),
  },
  (table) => [primaryKey({ name: "watched_files_key", columns: [table.clientId, table.place, table.path] })],
);

/** How the rejected lines of a file have to be read when they are tried again: kept for files that have some. */
export const fileHeaders = ops.table(
  "file_headers",
  {
    fileId: integer("file_id").primaryKey(),
    ...clientColumn,
    header: text("header").notNull(),
    delimiter: text("delimiter").notNull(),
    mapping: text("mapping").notNull(),
    mappingContent: jsonb("mapping_content"),
  },
  (table) => [index("file_headers_client").on(table.clientId, table.fileId)],
);
