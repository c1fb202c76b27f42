import { cents, sumMoney } from "../core/money.ts";
import type { RunDay } from "../queries/status.ts";
import type { RunSummary } from "../workflows/tally.ts";
import { count, table } from "./printing.ts";

/** What a run did to each day, with the sums below. */
export function runDayTable(days: readonly RunDay[]): string[] {
  const sum = (field: "inserted" | "updated" | "unchanged" | "withdrawn") =>
    days.reduce((total, day) => total + day[field], 0);
  const rows = days.map((day) => [
    day.day,
    day.outcome + (day.failure !== null ? "" : day.final ? ", final" : ", provisional"),
    day.inserted,
    day.updated,
    day.unchanged,
    day.withdrawn,
    day.failure === null ? cents(day.total) : "",
  ]);
  const total = [
    "total",
    "",
    sum("inserted"),
    sum("updated"),
    sum("unchanged"),
    sum("withdrawn"),
    cents(sumMoney(days.map((day) => day.total))),
  ];
  return table(
    ["day", "outcome", "inserted", "updated", "unchanged", "withdrawn", "sum"],
    days.length > 1 ? [...rows, total] : rows,
  );
}

/** The same for `--json`: money to the cent. */
export function runDayDocument(days: readonly RunDay[]): RunDay[] {
  return days.map((day) => ({ ...day, total: cents(day.total) }));
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

export function describeFailedDays(days: readonly RunDay[]): string[] {
  return days.flatMap((day) => (day.failure === null ? [] : [`  ${day.day}  ${day.failure}`]));
}
