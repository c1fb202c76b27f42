import { addDays, daysFromTo } from "../../core/days.ts";
import {
  readCostPerDay,
  readCpaByAffiliate,
  readCpaTotals,
  readReliability,
  type CpaAffiliate,
  type CpaTotal,
  type DayTotal,
  type Range,
  type SourceDays,
} from "../../queries/cost/cpa.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { readUnmappedSpend, type UnmappedSource } from "../../queries/cost/affiliate-mapping.ts";
import { inTransaction, type Database } from "../../schema/database.ts";

export interface CpaReport extends Range {
  /** The days that the figures count: from the first to the last that every source has read. Null when there is none. */
  counted: { from: string; to: string } | null;
  readAt: Date;
  affiliates: CpaAffiliate[];
  totals: CpaTotal[];
  days: DayTotal[];
  unmapped: UnmappedSource[];
  reliability: SourceDays[];
}

/** Everything the report shows, read at one moment: totals and rows must match. */
export async function readCpaReport(database: Database, range: Range): Promise<CpaReport> {
  return inTransaction(database, async (session) => {
    await session.query("set transaction isolation level repeatable read, read only");
    const reliability = await readReliability(session, range);
    const counted = countedDays(range, reliability);
    // With no day that both have, what there is of one is still worth seeing, under its warning.
    const figures = { ...range, ...counted };
    return {
      ...range,
      counted,
      readAt: await databaseNow(session),
      affiliates: await readCpaByAffiliate(session, figures),
      totals: await readCpaTotals(session, figures),
      days: await readCostPerDay(session, range),
      unmapped: await readUnmappedSpend(session, figures),
      reliability,
    };
  });
}

/** Revenue of days without their cost would look like profit. */
export function countedDays(
  { from, to }: Pick<Range, "from" | "to">,
  reliability: readonly Pick<SourceDays, "missing">[],
): { from: string; to: string } | null {
  const missing = new Set(reliability.flatMap((source) => source.missing));
  const covered = daysFromTo(from, to).filter((day) => !missing.has(day));
  const [first] = covered;
  const last = covered.at(-1);
  return first === undefined || last === undefined ? null : { from: first, to: last };
}

/** Says which days count when they are not all that were asked for. */
export function countedNote({ from, to, counted }: Pick<CpaReport, "from" | "to" | "counted">): string | null {
  if (counted === null) return "no day was read by every source: cost and revenue are of different days";
  if (counted.from === from && counted.to === to) return null;
  const days = counted.from === counted.to ? counted.from : `${counted.from} to ${counted.to}`;
  return `the figures count ${days}, the days that every source has read`;
}

/** `2025-12-16 to 2025-12-18, 2025-12-20`: days next to each other are one stretch. */
export function stretches(days: readonly string[]): string {
  const found: { from: string; to: string }[] = [];
  for (const day of days) {
    const last = found.at(-1);
    if (last !== undefined && addDays(last.to, 1) === day) last.to = day;
    else found.push({ from: day, to: day });
  }
  return found.map(({ from, to }) => (from === to ? from : `${from} to ${to}`)).join(", ");
}

/** What a reader must know before believing the figures, most serious first. */
export function caveats(report: Pick<CpaReport, "from" | "to" | "counted" | "reliability">): string[] {
  const note = countedNote(report);
  const ofSources = report.reliability.flatMap(({ source, missing, failed, provisional }) => [
    ...(missing.length > 0 ? [`${source}: never read for ${stretches(missing)}`] : []),
    ...(failed.length > 0 ? [`${source}: the last fetch failed for ${stretches(failed)}`] : []),
    ...(provisional.length > 0 ? [`${source}: provisional for ${stretches(provisional)}`] : []),
  ]);
  const madeUp = report.reliability.flatMap(({ source, sandbox }) =>
    sandbox.length > 0 ? [`${source}: sandbox data, made up, for ${stretches(sandbox)}`] : [],
  );
  return [...madeUp, ...(note === null ? [] : [note]), ...ofSources];
}
