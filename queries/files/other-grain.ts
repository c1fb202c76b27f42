import { cents } from "../../core/money.ts";
import type { Session } from "../../schema/database.ts";
import { raiseAlert } from "../ops/alerts.ts";
import { keyOf, linesOf, type StagedLines } from "./merge-shapes.ts";

const dimensions = { hour: "hour", geography: "country", device_type: "device", placement: "placement" } as const;
type Dimension = keyof typeof dimensions;
const columns = Object.keys(dimensions) as Dimension[];

const filled = (column: Dimension) => (column === "hour" ? "t.hour <> -1" : `t.${column} <> ''`);

interface Overlap {
  creativeDays: number;
  from: string | null;
  to: string | null;
  spend: string;
  otherSpend: string;
  files: number[];
  by: Dimension[];
}

/**
 * Whether others have a row, on days of creatives to which this file adds, that lacks a column that it has, or says one that
 * it lacks. Mostly there is none, and this is much less work than adding both sides up.
 */
async function areOthersSplitOtherwise(
  session: Session,
  { client, fileId, has }: { client: string; fileId: number; has: readonly string[] },
  { from, to }: StagedLines,
): Promise<boolean> {
  const differs = columns.map((column) => (has.includes(column) ? `not (${filled(column)})` : filled(column)));
  const { rows } = await session.query<{ found: number }>(
    `select count(*)::int as found
       from rtb.performance_metrics t join (select distinct creative_id, date from pg_temp.changes where fate = 'i') days using (creative_id, date)
      where t._client_id = $1 and t._file_id <> $2 and t.date between $3 and $4 and (${differs.join(" or ")})`,
    [client, fileId, from, to],
  );
  return (rows[0]?.found ?? 0) > 0;
}

/**
 * A creative's day that this file splits by other columns than the rows that others have stored of it: both are counted.
 * What the file has no column for and other rows say, or the other way round. No row is taken away: a file of one sender
 * may well have a part of a day that another's has not, and nobody but they can tell. Warns, in words.
 */
export async function warnOfOtherGrain(
  session: Session,
  { client, fileId, grain }: { client: string; fileId: number; grain: string },
  staged: StagedLines,
): Promise<string | null> {
  const has = grain.split(",");
  if (!(await areOthersSplitOtherwise(session, { client, fileId, has }, staged))) return null;
  const differs = (column: Dimension) =>
    has.includes(column) ? `own_${column} and not other_${column}` : `other_${column}`;
  // In one pass, without a join of two sides: whatever the planner expects of new rows, it cannot choose to compare each with each.
  const { rows } = await session.query<Overlap>(
    `with days as (
       select distinct creative_id, date from pg_temp.changes where fate = 'i'
     ), sides as (
       select t.date, sum(t.spend) filter (where t._file_id = $2) as spend, sum(t.spend) filter (where t._file_id <> $2) as other_spend,
              array_agg(distinct t._file_id) filter (where t._file_id <> $2) as files,
              ${columns
                .map(
                  (column) =>
                    `bool_or(${filled(column)}) filter (where t._file_id = $2) as own_${column}, bool_or(${filled(column)}) filter (where t._file_id <> $2) as other_${column}`,
                )
                .join(", ")}
         from rtb.performance_metrics t join days using (creative_id, date)
        where t._client_id = $1 and t.date between $3 and $4
          and (t._file_id = $2 or (${keyOf("t")}) not in (select ${keyOf("lines")} from ${linesOf(staged.table)} where lines.creative_id is not null))
        group by t.creative_id, t.date having bool_or(t._file_id = $2) and bool_or(t._file_id <> $2)
     ), twice as (
       select date, spend, other_spend, files, ${columns.map((column) => `${differs(column)} as ${column}`).join(", ")}
         from sides where ${columns.map((column) => `(${differs(column)})`).join(" or ")}
     )
     select count(*)::int as "creativeDays", min(date)::text as "from", max(date)::text as "to", coalesce(sum(spend), 0)::text as spend,
            coalesce(sum(other_spend), 0)::text as "otherSpend",
            array(select distinct unnest(files) from twice order by 1 limit 5) as files,
            array_remove(array[${columns.map((column) => `case when bool_or(${column}) then '${column}' end`).join(", ")}], null) as by
       from twice`,
    [client, fileId, staged.from, staged.to],
  );
  const [found] = rows;
  if (found === undefined || found.creativeDays === 0) return null;
  const { creativeDays, from, to, spend, otherSpend, files, by } = found;
  const what = creativeDays === 1 ? "a creative's day" : `${creativeDays} days of creatives`;
  const message = `${what} (${from === to ? from : `${from} to ${to}`}) is split by other columns (${by.map((column) => dimensions[column]).join(", ")}) than in file ${files.join(", ")}, and both are counted: spend ${cents(spend)} of this file and ${cents(otherSpend)} of the other. If they are the same delivery, import the rows of one of them again with amounts of 0`;
  await raiseAlert(session, {
    client,
    area: "ingest",
    kind: "counted_twice",
    subject: `file/${fileId}`,
    severity: "warning",
    message: `file ${fileId}: ${message}`,
    details: { fileId, files, from, to, by },
  });
  return message;
}
