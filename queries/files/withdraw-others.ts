import type { Session } from "../../schema/database.ts";
import { recentDay } from "../rtb/rollups.ts";
import {
  carriedBy,
  keyOf,
  linesOf,
  nothingMerged,
  sameKey,
  type Carried,
  type DayChange,
  type MergeTarget,
  type StagedLines,
} from "./merge-shapes.ts";

export type Withdrawn = Carried & { rows: number };

const nothing: Withdrawn = { ...nothingMerged.stored, rows: 0 };

/**
 * Takes the rows of a day away that are not among the lines of the feed that owns it. The books of the files that brought
 * them say so, and the sums go with them.
 */
export async function withdrawOthers(
  session: Session,
  { client, wholeDay, today }: MergeTarget,
  staged: StagedLines,
): Promise<Withdrawn> {
  if (wholeDay === undefined) return nothing;
  await session.query(
    `create temp table gone on commit drop as
     select ${keyOf("t")}, t.impressions, t.clicks, t.spend, t._file_id as old_file_id from rtb.performance_metrics t
      where t._client_id = $1 and t.date = $2::date
        and not exists (select from ${linesOf(staged.table)} where ${sameKey("t", "lines")})`,
    [client, wholeDay.day],
  );
  const { rows } = await session.query<Withdrawn>(
    `select count(*)::int as rows, coalesce(sum(impressions), 0)::text as impressions, coalesce(sum(clicks), 0)::text as clicks,
            coalesce(sum(spend), 0)::text as spend from pg_temp.gone`,
  );
  const [withdrawn = nothing] = rows;
  if (withdrawn.rows === 0) return nothing;
  await session.query(
    `delete from rtb.performance_metrics t using pg_temp.gone g where t._client_id = $1 and t.date = $2::date and ${sameKey("t", "g")}`,
    [client, wholeDay.day],
  );
  await session.query(
    `with taken as (
       select old_file_id, date, count(*) as rows, sum(impressions) as impressions, sum(clicks) as clicks, sum(spend) as spend
         from pg_temp.gone group by 1, 2
     ), days as (
       update ops.file_days d
          set taken_over = d.taken_over + t.rows, impressions_taken_over = d.impressions_taken_over + t.impressions,
              clicks_taken_over = d.clicks_taken_over + t.clicks, spend_taken_over = d.spend_taken_over + t.spend
         from taken t where d._client_id = $1 and d.date = t.date and d.file_id = t.old_file_id
     )
     update ops.files f set replaced = f.replaced + t.rows from taken t where f._client_id = $1 and f.file_id = t.old_file_id`,
    [client],
  );
  await session.query(
    `insert into pg_temp.parts
     select creative_id, geography, ${recentDay("date", "$1")}, -count(*), -sum(impressions), -sum(clicks), -sum(spend) from pg_temp.gone group by 1, 2, 3`,
    [today],
  );
  return withdrawn;
}

/** What a day was before counts what has left it. */
export function withWithdrawn(
  days: readonly DayChange[],
  withdrawn: Withdrawn,
  { wholeDay }: MergeTarget,
): DayChange[] {
  const of = (date: string) => days.find((day) => day.date === date) ?? { ...empty, date };
  if (wholeDay === undefined || withdrawn.rows === 0) return [...days];
  const day = of(wholeDay.day);
  return [...days.filter(({ date }) => date !== wholeDay.day), { ...day, before: carriedBy([day.before, withdrawn]) }];
}

const empty = {
  ...{ inserted: 0, updated: 0, confirmed: 0 },
  before: nothingMerged.stored,
  after: nothingMerged.stored,
};
