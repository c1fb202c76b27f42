import type { ReportKind } from "../../rules/files/file-kinds.ts";
import type { Session } from "../../schema/database.ts";

interface SeatDay {
  buyerId: string;
  date: string;
  /** The day's main count before the file is written. */
  before: string;
  /** Rows that it takes away. */
  rows: number;
  files: number[];
}

/** A file that would leave less than half of a day that earlier files split by other columns. Nothing of it stays. */
export class DayLost extends Error {
  /** How many lines the file has. */
  counts: { lines?: number; preamble?: number; totals?: number } = {};

  constructor(day: SeatDay, more: { after: string; count: string; days: number }) {
    const others = more.days === 0 ? "" : ` (and likewise on ${more.days} more ${more.days === 1 ? "day" : "days"})`;
    super(
      `on ${day.date} it would take away ${day.rows} ${day.rows === 1 ? "row" : "rows"} of file ${day.files.join(", ")}, which split the day by other columns, and ${more.count} of seat ${day.buyerId} would fall from ${day.before} to ${more.after}${others}. Is a column missing from the export, or is it cut off? If the file is right, import it with force (--force)`,
    );
    this.name = "DayLost";
  }
}

const mainOf = ({ main }: ReportKind) => `coalesce(sum(t.${main}), 0)::text`;

/** Days whose rows of another split are in the way of the lines, as they stand before anything is written. */
export async function daysInTheWay(session: Session, kind: ReportKind, client: string): Promise<SeatDay[]> {
  const { rows } = await session.query<SeatDay>(
    `select d.buyer_id as "buyerId", d.date::text as date, d.rows, d.files, ${mainOf(kind)} as before
       from (select buyer_id, date, count(*)::int as rows, array_agg(distinct old_file_id order by old_file_id) as files
               from pg_temp.changes where fate = 'd' group by 1, 2) d
       join ${kind.table} t on t._client_id = $1 and t.buyer_id = d.buyer_id and t.date = d.date
      group by 1, 2, 3, 4 order by 2, 1`,
    [client],
  );
  return rows;
}

/** After the lines are written: the earlier files' days must have kept half of what they had. */
export async function checkLosses(
  session: Session,
  kind: ReportKind,
  { client, days }: { client: string; days: readonly SeatDay[] },
): Promise<void> {
  const lost: { day: SeatDay; after: string }[] = [];
  for (const day of days) {
    const { rows } = await session.query<{ after: string }>(
      `select ${mainOf(kind)} as after from ${kind.table} t where t._client_id = $1 and t.buyer_id = $2 and t.date = $3`,
      [client, day.buyerId, day.date],
    );
    const after = rows[0]?.after ?? "0";
    if (BigInt(after) * 2n < BigInt(day.before)) lost.push({ day, after });
  }
  const [first] = lost;
  if (first === undefined) return;
  throw new DayLost(first.day, {
    after: first.after,
    count: kind.main.replaceAll("_", " "),
    days: lost.length - 1,
  });
}
