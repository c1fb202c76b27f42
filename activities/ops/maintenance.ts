import type { Config } from "../../settings/config.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { lastDue, type Expectation } from "../../rules/sync/expectation.ts";
import type { Redact } from "../../core/redact.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { deleteExpiredIdentities } from "../../queries/conversions/delivery-identities.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { prune, readLastFetch, readOverdueDays } from "../../queries/ops/retention.ts";
import type { Database } from "../../schema/database.ts";
import { sealStoredContent } from "../../queries/sync/quarantine.ts";
import { guardedBy } from "../shared/failures.ts";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { watchMapping } from "../cost/watch-affiliate-mapping.ts";
import { sendAlerts } from "./send-alerts.ts";
import { sources } from "../../connectors/registry.ts";
import { watchBooks } from "../sync/watch-books.ts";

export interface MaintenanceDependencies {
  database: Database;
  config: Config;
  redact: Redact;
  schedules: readonly Expectation[];
}

/** Regular maintenance: finds late sources, sends alerts, deletes what is older than its retention. */
export function createMaintenanceActivities({ database, config, redact, schedules }: MaintenanceDependencies) {
  const guarded = guardedBy(redact);

  return {
    /**
     * Opens an alert for each source that should have been read by now and was not, and closes it when it was; and for
     * what was read and leads to no affiliate.
     */
    async watchFreshness(): Promise<{ late: string[] }> {
      return guarded("freshness", async () => {
        const now = await databaseNow(database);
        const late: string[] = [];
        for (const schedule of schedules) {
          const due = lastDue(schedule, now);
          for (const client of config.clients) {
            if (config.accounts.get(`${schedule.source.split(".")[0]}/${client}`)?.secrets == null) continue;
            const subject = { client, area: "sync", subject: schedule.source };
            const lastFetch = await readLastFetch(database, { client, source: schedule.source });
            const overdue = await readOverdueDays(database, {
              client,
              source: schedule.source,
              before: addDays(dayAt(now, schedule.timezone), -1),
            });
            const isLate = due !== null && lastFetch !== null && lastFetch < due;
            if (!isLate && overdue.length === 0) {
              await settleAlerts(database, { ...subject, kinds: ["late_source"], notes: "read again" });
              continue;
            }
            late.push(`${schedule.source}/${client}`);
            await raiseAlert(database, {
              ...subject,
              kind: "late_source",
              severity: "warning",
              message: isLate
                ? `${schedule.source}: last read ${lastFetch?.toISOString()}, expected after ${due?.toISOString()}. Is a worker running? Is the schedule paused?`
                : `${schedule.source}: ${overdue.length} days are not final: ${overdue.slice(0, 10).join(", ")}`,
              details: { lastFetch, due, overdue: overdue.slice(0, 50) },
            });
          }
        }
        await watchBooks(database, sources, now);
        for (const client of config.clients) await watchMapping(database, { client, accounts: config.accounts });
        return { late };
      });
    },

    sendAlerts: () => guarded("alert webhook", () => sendAlerts({ database, config, redact })),

    /** Deletes what is older than its setting says; by default nothing but what was kept of persons for a delivery. */
    async applyRetention(): Promise<{ deleted: number }> {
      return guarded("retention", async () => {
        // What is known of persons goes in any case, also when nothing is delivered any more.
        const identities = await deleteExpiredIdentities(database);
        await sealStoredContent(database, quarantineSeal(config));
        return { deleted: identities + (await prune(database, config.retention)) };
      });
    },
  };
}
