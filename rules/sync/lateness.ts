import { addDays, clockAt, dayAt } from "../../core/days.ts";
import { lastDue, type Expectation } from "./expectation.ts";

/** What the ledger knows of a feed. */
interface Freshness {
  client: string;
  source: string;
  lastFetchedAt: Date | null;
  /** The oldest covered day that is over and not final. */
  oldestOpenDay: string | null;
  covered: boolean;
  schedule: Expectation | null;
}

/**
 * The sources that should have been read by now and were not, or hold a day that should be final and is not. Worked
 * out here and not read from the alerts, because those are raised by a workflow: a dead Temporal raises none.
 */
export function lateSources(
  freshness: readonly Freshness[],
  now: Date,
): { client: string; source: string; reason: string }[] {
  return freshness.flatMap(({ client, source, lastFetchedAt, oldestOpenDay, covered, schedule }) => {
    // What nobody asked the schedule to keep up to date, such as a single backfill, cannot be late.
    if (schedule === null || !covered) return [];
    const due = lastDue(schedule, now);
    if (due !== null && (lastFetchedAt === null || lastFetchedAt < due)) {
      return [
        {
          client,
          source,
          reason: `last read ${lastFetchedAt === null ? "never" : clockAt(lastFetchedAt, schedule.timezone)}, expected after ${clockAt(due, schedule.timezone)} ${schedule.timezone.replaceAll("_", " ")}`,
        },
      ];
    }
    const dayBefore = addDays(dayAt(now, schedule.timezone), -1);
    if (oldestOpenDay !== null && oldestOpenDay < dayBefore)
      return [{ client, source, reason: `${oldestOpenDay} is not final` }];
    return [];
  });
}
