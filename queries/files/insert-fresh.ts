import { type Session, sqlState } from "../../schema/database.ts";
import { openParts, partSums, recentDay } from "../rtb/rollups.ts";
import {
  keyColumns,
  linesOf,
  nothingMerged,
  type MergeTarget,
  type StagedLines,
  type Written,
} from "./merge-shapes.ts";

/**
 * Days of which nothing is stored need no comparison: the lines go in as they are, and into months that are new without
 * an index. By key, so that a creative's rows lie side by side, and the index is made of rows that are in order. Null when
 * a day is not fresh.
 */
export async function insertFresh(session: Session, target: MergeTarget, staged: StagedLines): Promise<Written | null> {
  const known = await session.query(
    "select from ops.file_days where _client_id = $1 and date = any($2::date[]) limit 1",
    [target.client, staged.dates],
  );
  if (known.rowCount !== 0) return null;
  await session.query("savepoint fresh");
  const { rows } = await session.query<{ made: string[] }>("select rtb.begin_months($1::date[])::text[] as made", [
    staged.dates,
  ]);
  const made = rows[0]?.made ?? [];
  const isNew = (date: string) => made.includes(`${date.slice(0, 7)}-01`);
  const insert = async (into: string, dates: readonly string[]) => {
    if (dates.length === 0) return;
    await session.query(
      `insert into ${into} (_client_id, ${keyColumns}, impressions, clicks, spend, _file_id, _line)
       select $1::text, ${keyColumns}, impressions, clicks, spend, $2::int, line
         from (select * from ${linesOf(staged.table)} where date = any($3::date[]) order by ${keyColumns}) in_order`,
      [target.client, target.fileId, dates],
    );
  };
  await insert("rtb.new_months", staged.dates.filter(isNew));
  await session.query("select rtb.attach_months($1::date[])", [made]);
  try {
    await insert(
      "rtb.performance_metrics",
      staged.dates.filter((date) => !isNew(date)),
    );
  } catch (error) {
    // Rows that no file of the ledger wrote.
    if (sqlState(error) !== "23505") throw error;
    await session.query("rollback to savepoint fresh");
    return null;
  }
  await openParts(session);
  const { whole, money } = partSums(staged.days);
  await session.query(
    `insert into pg_temp.parts
     select n.id, s.geography, s.date, s.rows, s.impressions, s.clicks, s.spend
       from (select creative, coalesce(geography, '') as geography, ${recentDay("date", "$1")} as date, count(*) as rows,
                    ${whole("impressions")} as impressions, ${whole("clicks")} as clicks, ${money("spend")} as spend
               from pg_temp.${staged.table} group by 1, 2, 3) s
       join pg_temp.named n on n.number = s.creative`,
    [target.today],
  );
  return {
    days: staged.days.map((day) => ({
      date: day.date,
      inserted: day.rows,
      updated: 0,
      confirmed: 0,
      before: nothingMerged.stored,
      after: day,
    })),
    superseded: nothingMerged.superseded,
    combined: 0,
  };
}
