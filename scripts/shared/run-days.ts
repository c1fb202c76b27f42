import { cents, sumMoney } from "../../core/money.ts";
import type { RunDay } from "../../queries/sync/status.ts";
import type { RunSummary } from "../../workflows/sync/tally.ts";
import { count, table } from "./printing.ts";

/** What a run did to each day, with the sums below. */
export function runDayTable(days: readonly RunDay[]): string[] {
  const sum = (field: "inserted" | "updated" | "unchanged" | "withdrawn" | "rejected") =>
    days.reduce((total, day) => total + day[field], 0);
  const rows = days.map((day) => [
    day.day,
    outcomeText(day),
    day.inserted,
    day.updated,
    day.unchanged,
    day.withdrawn,
    day.rejected,
    day.failure === null ? cents(day.total) : "",
    cents(day.stands),
  ]);
  const total = [
    "total",
    "",
    sum("inserted"),
    sum("updated"),
    sum("unchanged"),
    sum("withdrawn"),
    sum("rejected"),
    cents(sumMoney(days.map((day) => day.total))),
    cents(sumMoney(days.map((day) => day.stands))),
  ];
  return table(
    ["day", "outcome", "inserted", "updated", "unchanged", "withdrawn", "rejected", "sum read", "sum stored"],
    days.length > 1 ? [...rows, total] : rows,
  );
}

/** A day is final also where rows of it were rejected: then it says so. */
function outcomeText({ outcome, failure, final, rejected }: RunDay): string {
  if (failure !== null) return outcome;
  return `${outcome}, ${final ? "final" : "provisional"}${rejected === 0 ? "" : `, ${count(rejected, "row")} rejected`}`;
}

/** The same for `--json`: money to the cent. */
export function runDayDocument(days: readonly RunDay[]): RunDay[] {
  return days.map((day) => ({ ...day, total: cents(day.total), stands: cents(day.stands) }));
}

/** One line for a run's totals. */
export function describeSummary(summary: RunSummary): string {
  const { days, done, failed, inserted, updated, unchanged, withdrawn } = summary;
  return `${done} of ${count(days, "day")} read${failed === 0 ? "" : `, ${failed} failed`}: ${inserted} inserted, ${updated} updated, ${unchanged} unchanged, ${withdrawn} withdrawn`;
}

/** A summary that travelled as a failure's details. */
export function isSummary(details: unknown): details is RunSummary {
  return typeof details === "object" && details !== null && "done" in details && "failedDays" in details;
}

/** Why a run did not complete, day by day where days are named, and what to do. */
export function describeFailure(
  end: { state: string; reason: string; details?: unknown },
  days: readonly RunDay[],
): string[] {
  const failures = days.flatMap((day) => (day.failure === null ? [] : [`  ${day.day}  ${day.failure}`]));
  if (end.state === "cancelled") return ["cancelled: days that are merged stay merged", ...failures];
  if (failures.length === 0) return [`${end.state}: ${end.reason}`];
  const unstarted = isSummary(end.details) ? end.details.days - end.details.done - end.details.failed : 0;
  const rest = unstarted > 0 ? [`  ${count(unstarted, "day")} not started: run this again`] : [];
  return ["failed:", ...failures, ...rest, "try them again with: npm run rerun -- --failed"];
}

/** What a day comes to that was fetched and is not as it should be. */
export const doubtfulOutcomes: readonly string[] = ["unreconciled", "emptied", "shrunk"];

/** Days that were fetched and still are not as they should be: a person has to look at them. */
export function doubtfulDays(days: readonly RunDay[]): RunDay[] {
  return days.filter((day) => day.failure === null && doubtfulOutcomes.includes(day.outcome));
}

export function describeDoubts(days: readonly RunDay[]): string[] {
  const doubtful = doubtfulDays(days);
  if (doubtful.length === 0) return [];
  return [
    "need a look:",
    ...doubtful.map(({ day, outcome }) => `  ${day}  ${outcome}`),
    "npm run status shows the alerts and what to do",
  ];
}
