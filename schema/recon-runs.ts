import { sql } from "drizzle-orm";
import { boolean, check, foreignKey, index, integer, primaryKey, text } from "drizzle-orm/pg-core";
import { clientColumn, instant } from "./columns.ts";
import { long, recon } from "./recon.ts";
import { affiliateReports } from "./recon-reports.ts";

/** A manual run over a report, a post, an affiliate or a campaign. */
export const runs = recon.table(
  "runs",
  {
    ...clientColumn,
    runId: text("run_id").notNull(),
    scope: text("scope").notNull(),
    scopeId: text("scope_id").notNull(),
    requestedBy: text("requested_by").notNull(),
    startedAt: instant("started_at").notNull().defaultNow(),
    finishedAt: instant("finished_at"),
    planned: integer("planned").notNull(),
    outcome: text("outcome").notNull().default("running"),
    reason: text("reason"),
    /** Only each post's latest report; null for runs of before this was kept. */
    latestOnly: boolean("latest_only"),
  },
  (table) => [
    primaryKey({ name: "runs_key", columns: [table.clientId, table.runId] }),
    index("runs_recent").on(table.clientId, table.startedAt),
    check("runs_scope", sql`${table.scope} in ('report', 'post', 'affiliate', 'campaign')`),
    check("runs_outcome", sql`${table.outcome} in ('running', 'completed', 'failed', 'cancelled')`),
  ],
);

/** The reports of a manual run, and the attempt each was given. */
export const runReports = recon.table(
  "run_reports",
  {
    ...clientColumn,
    runId: text("run_id").notNull(),
    reportId: long("report_id").notNull(),
    attempt: integer("attempt").notNull(),
    failure: text("failure"),
  },
  (table) => [
    primaryKey({ name: "run_reports_key", columns: [table.clientId, table.runId, table.reportId] }),
    foreignKey({
      name: "run_reports_run",
      columns: [table.clientId, table.runId],
      foreignColumns: [runs.clientId, runs.runId],
    }),
    foreignKey({
      name: "run_reports_report",
      columns: [table.clientId, table.reportId],
      foreignColumns: [affiliateReports.clientId, affiliateReports.reportId],
    }),
  ],
);
