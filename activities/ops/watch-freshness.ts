import { addDays, clockAt, dayAt } from "../../core/days.ts";
import { sources } from "../../connectors/registry.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { readLastFetch, readOverdueDays } from "../../queries/ops/retention.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { lastDue } from "../../rules/sync/expectation.ts";
import type { SyncSchedule } from "../../settings/config.ts";
import { watchMapping } from "../cost/watch-affiliate-mapping.ts";
import { watchPromo, watchPromoBooks } from "../promo/watch-promo.ts";
import { watchStreams } from "../streams/watch-streams.ts";
import { watchBooks } from "../sync/watch-books.ts";
import { zoneOf } from "./plan-alert-deliveries.ts";
import { watchSpend } from "./watch-spend.ts";
import type { MaintenanceContext } from "./context.ts";

/**
 * Opens an alert for each source that should have been read by now and was not, and closes it when it was; for
 * what was read and leads to no affiliate; for spend that is far from what is usual; and for promotional offers.
 */
export async function watchFreshness(context: MaintenanceContext): Promise<{ late: string[] }> {
  const { database, config, schedules } = context;
  const now = await databaseNow(database);
  const late: string[] = [];
  for (const schedule of schedules)
    for (const client of config.clients) {
      if (config.accounts.get(`${schedule.vendor}/${client}`)?.secrets == null) continue;
      if (await watchSource(context, schedule, { client, now })) late.push(`${schedule.source}/${client}`);
    }
  await watchBooks(database, sources, now);
  await watchPromoBooks(database);
  for (const client of config.clients) {
    await watchMapping(database, { client, accounts: config.accounts });
    await watchSpend(database, { client, zone: zoneOf(config, client), now });
    const declared = config.streams.clients.get(client)?.declared ?? [];
    await watchStreams(database, { client, declared, lagMinutes: config.streams.lagMinutes });
    await watchPromo(database, { client, now, ...promoOf(config, client) });
  }
  return { late };
}

function promoOf({ promo }: MaintenanceContext["config"], client: string) {
  const { timezone: zone = "UTC" } = promo.clients.get(client) ?? {};
  return { zone, checksLandingPages: promo.counting.checksLandingPages };
}

async function watchSource(
  { database }: MaintenanceContext,
  schedule: SyncSchedule,
  { client, now }: { client: string; now: Date },
): Promise<boolean> {
  const { source, timezone } = schedule;
  const due = lastDue(schedule, now);
  const subject = { client, area: "sync", subject: source };
  const lastFetch = await readLastFetch(database, { client, source });
  const overdue = await readOverdueDays(database, { client, source, before: addDays(dayAt(now, timezone), -1) });
  const isLate = due !== null && lastFetch !== null && lastFetch < due;
  if (!isLate && overdue.length === 0) {
    await settleAlerts(database, { ...subject, kinds: ["late_source"], notes: "read again" });
    return false;
  }
  await raiseAlert(database, {
    ...subject,
    kind: "late_source",
    severity: "warning",
    message: isLate
      ? `${source}: last read ${clockAt(lastFetch, timezone)}, expected after ${clockAt(due, timezone)} ${timezone.replaceAll("_", " ")}. Is a worker running? Is the schedule paused?`
      : `${source}: ${overdue.length} days are not final: ${overdue.slice(0, 10).join(", ")}`,
    details: { lastFetch, due, overdue: overdue.slice(0, 50) },
  });
  return true;
}
