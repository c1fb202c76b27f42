import type { Session } from "../../schema/database.ts";
import { openParts, partSums, recentDay } from "../rtb/rollups.ts";
import { performanceSource } from "./files.ts";
import {
  carriedBy,
  keyColumns,
  keyOf,
  linesOf,
  nothingMerged,
  sameKey,
  without,
  type Carried,
  type DayChange,
  type MergeTarget,
  type StagedLines,
  type Written,
} from "./merge-shapes.ts";

/** From so many lines on, the stored rows are gone through in order rather than looked up one by one. */
export const manyLines = 100_000;

/** The staged lines beside the stored rows: writes those that are new or differ, and leaves the others alone. */
export async function writeChanges(session: Session, target: MergeTarget, staged: StagedLines): Promise<Written> {
  const { client, fileId } = target;
  const range = [client, staged.from, staged.to];
  await session.query("select rtb.ensure_months($1::date[])", [staged.dates]);
  await findChanges(session, target, staged);
  // Where much changes, no loop is allowed that the planner would have to be kept from.
  if (staged.rows <= manyLines) await session.query("analyze pg_temp.changes");
  const { rewritten, ...written } = await sumChanges(session);
  if (rewritten > 0)
    await session.query(
      `update rtb.performance_metrics t
          set impressions = c.impressions, clicks = c.clicks, spend = c.spend, _file_id = $4, _line = c.line
         from pg_temp.changes c
        where c.fate in ('u', 'c', 'a', 'r') and t._client_id = $1 and t.date between $2 and $3 and ${sameKey("t", "c")}`,
      [...range, fileId],
    );
  if (written.days.some(({ updated, confirmed }) => updated + confirmed > 0)) await takeOver(session, client);
  if (written.days.some(({ inserted }) => inserted > 0))
    await session.query(
      `insert into rtb.performance_metrics (_client_id, ${keyColumns}, impressions, clicks, spend, _file_id, _line)
       select $1, ${keyColumns}, impressions, clicks, spend, $2, line from pg_temp.changes where fate = 'i'`,
      [client, fileId],
    );
  await openParts(session);
  const { superseded } = written;
  // Once more for what lines of the file itself replaced, which is taken off what its days carry.
  const carried = [...written.days.flatMap(({ before, after }) => [before, after]), superseded, superseded];
  const { whole, money } = partSums(carried);
  const more = (measure: string) => `(${measure} - coalesce(old_${measure}, 0))`;
  await session.query(
    `insert into pg_temp.parts
     select creative_id, geography, ${recentDay("date", "$1")}, count(*) filter (where fate = 'i'), ${whole(more("impressions"))}, ${whole(more("clicks"))}, ${money(more("spend"))}
       from pg_temp.changes where fate <> 's' group by 1, 2, 3`,
    [target.today],
  );
  return written;
}

/**
 * What becomes of each line, by one rule: the file with the greater number came later, and within a file the later line.
 * i: there is no such row yet. u: an earlier file's row is updated. c: an earlier file's row has the same amounts and is
 * confirmed. s: a newer file, or a later line of this one, overwrites the line. a: the line is added to what its own file
 * has stored. r: the line replaces an earlier one of its own file.
 */
async function findChanges(session: Session, target: MergeTarget, staged: StagedLines): Promise<void> {
  await session.query(
    `create temp table changes (fate "char", line int, creative_id bigint, date date, hour smallint, geography text collate "C", device_type text collate "C",
       placement text collate "C", impressions bigint, clicks bigint, spend numeric(18,6), old_impressions bigint, old_clicks bigint,
       old_spend numeric(18,6), old_file_id int) on commit drop`,
  );
  const measures = (alias: string) => `(${alias}.impressions, ${alias}.clicks, ${alias}.spend)`;
  const own = target.combine === "later" ? "case when t._line > lines.line then 's' else 'r' end" : "'a'";
  const adds = target.combine === "add";
  const plus = (measure: string) =>
    `lines.${measure} + case when fate.is = 'a' or ($8 and fate.is = 'u') then t.${measure} else 0 end as ${measure}`;
  await session.query(
    `insert into pg_temp.changes
     select fate.is::"char", lines.line, ${keyOf("lines")}, ${["impressions", "clicks", "spend"].map(plus).join(", ")},
            t.impressions, t.clicks, t.spend, t._file_id
       from ${linesOf(staged.table)}
       left join rtb.performance_metrics t on t._client_id = $1 and ${sameKey("t", "lines")} and t.date between $2 and $3
      cross join lateral (select case when t._client_id is null then 'i'
                                      when $5 and not $8 and t._file_id > $4 then 's'
                                      when $5 and t._file_id = $4 then ${own}
                                      when ${measures("lines")} = case when $8 then (0::bigint, 0::bigint, 0::numeric) else ${measures("t")} end then 'c'
                                      else 'u' end as is) fate
      where $6 or fate.is <> 'c' or ($7::text is not null and not (t._file_id = any(array(
            select file_id from ops.files where _client_id = $1 and place = 'warehouse' and path = $7))))`,
    [
      target.client,
      staged.from,
      staged.to,
      target.fileId,
      target.redriven === true,
      await mustConfirm(session, target),
      // A row of anybody else's file that says the same becomes this feed's, so that the next change of it is the feed's own.
      target.wholeDay?.path ?? null,
      adds,
    ],
  );
}

/**
 * Whether rows that stay as they are have to carry this file's number: while a file up to this one has lines that may
 * still be redriven, the row has to record that a later file holds the same. Otherwise they are not written at all.
 */
async function mustConfirm(session: Session, target: MergeTarget): Promise<boolean> {
  if (target.redriven === true) return true;
  const { rowCount } = await session.query(
    "select from ops.quarantine where _client_id = $1 and source = $2 and resolved_at is null and whole limit 1",
    [target.client, performanceSource],
  );
  return rowCount !== 0;
}

/** Keeps in the books of the earlier files which of their rows this one carries on. */
async function takeOver(session: Session, client: string): Promise<void> {
  await session.query(
    `with taken as (
       select old_file_id, date, count(*) as rows, count(*) filter (where fate = 'u') as replaced,
              sum(old_impressions) as impressions, sum(old_clicks) as clicks, sum(old_spend) as spend
         from pg_temp.changes where fate in ('u', 'c') group by 1, 2
     ), days as (
       update ops.file_days d
          set taken_over = d.taken_over + t.rows, impressions_taken_over = d.impressions_taken_over + t.impressions,
              clicks_taken_over = d.clicks_taken_over + t.clicks, spend_taken_over = d.spend_taken_over + t.spend
         from taken t where d._client_id = $1 and d.date = t.date and d.file_id = t.old_file_id
     )
     update ops.files f set replaced = f.replaced + t.rows
       from (select old_file_id, sum(replaced) as rows from taken group by 1 having sum(replaced) > 0 order by 1) t
      where f._client_id = $1 and f.file_id = t.old_file_id`,
    [client],
  );
}

interface SummedChanges extends Record<`${"old" | "new"}_${keyof Carried}`, string> {
  date: string | null;
  fate: "i" | "u" | "c" | "a" | "r" | "s";
  rows: number;
}

async function sumChanges(session: Session): Promise<Written & { rewritten: number }> {
  const sums = (["impressions", "clicks", "spend"] as const).map(
    (measure) => `coalesce(sum(old_${measure}), 0)::text as old_${measure}, sum(${measure})::text as new_${measure}`,
  );
  const { rows } = await session.query<SummedChanges>(
    `select case when fate <> 's' then date end as date, fate, count(*) as rows, ${sums.join(", ")}
       from pg_temp.changes group by 1, 2 order by 1, 2`,
  );
  const days = new Map<string, DayChange>();
  const superseded = [];
  let combined = 0;
  for (const row of rows) {
    const before = { impressions: row.old_impressions, clicks: row.old_clicks, spend: row.old_spend };
    const after = { impressions: row.new_impressions, clicks: row.new_clicks, spend: row.new_spend };
    if (row.fate === "s") superseded.push({ lines: row.rows, ...after });
    if (row.fate === "r") superseded.push({ lines: row.rows, ...before });
    if (row.fate === "a") combined += row.rows;
    if (row.date === null) continue;
    const day = days.get(row.date) ?? nothingOf(row.date);
    if (row.fate === "i") day.inserted += row.rows;
    if (row.fate === "u") day.updated += row.rows;
    if (row.fate === "c") day.confirmed += row.rows;
    const isOwn = row.fate === "a" || row.fate === "r";
    day.before = isOwn ? day.before : carriedBy([day.before, before]);
    day.after = carriedBy([day.after, isOwn ? without(after, before) : after]);
    days.set(row.date, day);
  }
  return {
    days: [...days.values()],
    superseded: { lines: superseded.reduce((sum, { lines }) => sum + lines, 0), ...carriedBy(superseded) },
    combined,
    rewritten: rows.reduce((sum, { fate, rows: some }) => sum + (fate === "i" || fate === "s" ? 0 : some), 0),
  };
}

const nothingOf = (date: string): DayChange => ({
  date,
  inserted: 0,
  updated: 0,
  confirmed: 0,
  before: nothingMerged.stored,
  after: nothingMerged.stored,
});
