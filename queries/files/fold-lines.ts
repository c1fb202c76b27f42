import type { Session } from "../../schema/database.ts";
import { withoutLoops } from "../rtb/rollups.ts";
import { keyColumns, linesOf, nothingMerged, sameKey, type MergedFile } from "./merge-shapes.ts";
import { stagedTable } from "./staging.ts";

/** What a key has besides its creative. */
const partColumns = "date, hour, geography, device_type, placement";

/** Lines of one key as one line: for files that are split finer than the key. */
export async function addUp(session: Session): Promise<{ table: string; combined: number }> {
  await session.query(`create temp table added ${stagedTable}`);
  const added = await session.query(
    `insert into pg_temp.added
     select max(line), min(creative), ${partColumns}, sum(impressions)::bigint, sum(clicks)::bigint, sum(spend)
       from pg_temp.staged s join pg_temp.named n on n.number = s.creative group by n.id, ${partColumns}`,
  );
  const { rows } = await session.query<{ lines: number }>("select count(*) as lines from pg_temp.staged");
  return { table: "added", combined: (rows[0]?.lines ?? 0) - (added.rowCount ?? 0) };
}

/** Of several lines of one key the last stays. Returns how many went, and what they carried. */
export async function dropOverwritten(
  session: Session,
  doubtful: readonly number[] | null,
): Promise<MergedFile["superseded"]> {
  if (doubtful?.length === 0) return nothingMerged.superseded;
  const all = linesOf("staged");
  let earlier = `select at from (select at, row_number() over (partition by ${keyColumns} order by line desc) as place from ${all}) numbered where place > 1`;
  if (doubtful !== null) {
    // Looked for beside the few that may overwrite one: to put all in order takes a second or two for a million.
    await session.query(`create temp table doubtful on commit drop as select line, ${keyColumns} from ${all} limit 0`);
    await session.query(
      // The last of each key alone: a million lines of one key would be compared each with each.
      `insert into pg_temp.doubtful select max(line), ${keyColumns} from ${all} where line = any($1::bigint[]) group by ${keyColumns}`,
      [doubtful],
    );
    await session.query("analyze pg_temp.doubtful");
    earlier = `select lines.at from ${all} join pg_temp.doubtful later on ${sameKey("lines", "later")} and lines.line < later.line`;
  }
  const { rows } = await withoutLoops(session, () =>
    session.query<MergedFile["superseded"]>(
      `with gone as (delete from pg_temp.staged s using (${earlier}) e where s.ctid = e.at returning s.impressions, s.clicks, s.spend)
       select count(*) as lines, coalesce(sum(impressions), 0)::text as impressions, coalesce(sum(clicks), 0)::text as clicks,
              coalesce(sum(spend), 0)::text as spend from gone`,
    ),
  );
  return rows[0] ?? nothingMerged.superseded;
}
