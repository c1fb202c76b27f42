import type { ReportKind } from "../../rules/files/file-kinds.ts";
import type { Session } from "../../schema/database.ts";

/** What is hardly so, and can be: Google counts an impression on its own day, and its counts of one hour may end in the next. */
const hardlyAbove = [
  ["bid_requests", "inventory_matches"],
  ["successful_responses", "bid_requests"],
  ["bids_in_auction", "bids"],
  ["impressions", "auctions_won"],
  ["measurable", "impressions"],
  ["invalid_impressions", "impressions"],
] as const;

/** Counts of a report's lines that are larger than what they are a part of, in words. */
export async function sayOddCounts(session: Session, { counts }: ReportKind): Promise<string | null> {
  const pairs = hardlyAbove.filter((pair) => pair.every((column) => counts.includes(column)));
  if (pairs.length === 0) return null;
  const { rows } = await session.query<Record<string, number>>(
    `select ${pairs.map(([part, whole], index) => `count(*) filter (where ${part} > ${whole})::int as "${index}"`).join(", ")} from pg_temp.lines`,
  );
  const said = pairs.flatMap(([part, whole], index) => {
    const lines = rows[0]?.[index] ?? 0;
    const named = (column: string) => column.replaceAll("_", " ");
    return lines === 0
      ? []
      : [`${lines} ${lines === 1 ? "line has" : "lines have"} more ${named(part)} than ${named(whole)}`];
  });
  return said.length === 0 ? null : `${said.join("; ")}: stored as it stands, ask whoever exports the report`;
}
