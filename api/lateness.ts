import { Temporal } from "temporal-polyfill";
import type { SourceFreshness } from "../queries/freshness.ts";
import type { SyncSchedule } from "../temporal.config.ts";

/** A run gets this long before its absence counts; the same as for the alert. */
const graceMs = 60 * 60_000;

/**
 * The sources that should have been read by now and were not, or hold a day that should be final and is not. Worked
 * out here and not read from the alerts, because those are raised by a workflow: a dead Temporal raises none.
 */
export function lateSources(
  freshness: readonly SourceFreshness[],
  schedules: readonly SyncSchedule[],
  now: Date,
): { client: string; source: string; reason: string }[] {
  return freshness.flatMap(({ client, source, lastFetchedAt, oldestOpenDay, covered }) => {
    const schedule = schedules.find((candidate) => candidate.source === source);
    // What nobody asked the schedule to keep up to date, such as a single backfill, cannot be late.
    if (schedule === undefined || !covered) return [];
    const due = lastDue(schedule, now);
    if (due !== null && (lastFetchedAt === null || lastFetchedAt < due)) {
      return [
        {
          client,
          source,
          reason: `last read ${lastFetchedAt?.toISOString() ?? "never"}, expected after ${due.toISOString()}`,
        },
      ];
    }
    const dayBefore = Temporal.Instant.fromEpochMilliseconds(now.getTime())
      .toZonedDateTimeISO(schedule.timezone)
      .toPlainDate()
      .subtract({ days: 1 })
      .toString();
    if (oldestOpenDay !== null && oldestOpenDay < dayBefore)
      return [{ client, source, reason: `${oldestOpenDay} is not final` }];
    return [];
  });
}

/** The latest scheduled moment whose grace is over. */
export function lastDue(schedule: Pick<SyncSchedule, "hours" | "minute" | "timezone">, now: Date): Date | null {
  const deadline = Temporal.Instant.fromEpochMilliseconds(now.getTime() - graceMs).toZonedDateTimeISO(
    schedule.timezone,
  );
  for (const date of [deadline.toPlainDate(), deadline.toPlainDate().subtract({ days: 1 })]) {
    for (let hour = schedule.hours.to; hour >= schedule.hours.from; hour -= 1) {
      const moment = date.toZonedDateTime({
        timeZone: schedule.timezone,
        plainTime: { hour, minute: schedule.minute },
      });
      if (Temporal.ZonedDateTime.compare(moment, deadline) <= 0) return new Date(moment.epochMilliseconds);
    }
  }
  return null;
}
