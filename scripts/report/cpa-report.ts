import { addDays } from "../../core/days.ts";
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
  readAt: Date;
  affiliates: CpaAffiliate[];
  totals: CpaTotal[];
  days: DayTotal[];
  unmapped: UnmappedSource[];
  reliability: SourceDays[];
}

/** Everything the report shows, of one moment: totals and rows must not tell of two. */
export async function readCpaReport(database: Database, range: Range): Promise<CpaReport> {
  return inTransaction(database, async (session) => {
    await session.query("set transaction isolation level repeatable read, read only");
    return {
      ...range,
      readAt: await databaseNow(session),
      affiliates: await readCpaByAffiliate(session, range),
      totals: await readCpaTotals(session, range),
      days: await readCostPerDay(session, range),
      unmapped: await readUnmappedSpend(session, range),
      reliability: await readReliability(session, range),
    };
  });
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
export function caveats({ reliability }: Pick<CpaReport, "reliability">): string[] {
  return reliability.flatMap(({ source, missing, failed, provisional }) => [
    ...(missing.length > 0 ? [`${source}: never read for ${stretches(missing)}`] : []),
    ...(failed.length > 0 ? [`${source}: the last reading failed for ${stretches(failed)}`] : []),
    ...(provisional.length > 0 ? [`${source}: provisional for ${stretches(provisional)}`] : []),
  ]);
}
