import type { Session } from "../../schema/database.ts";
import { addUpParts, lockPerformance, rollUp, withoutLoops } from "../rtb/rollups.ts";
import { checkMergedFile } from "./books.ts";
import { originOfTouched, resolveCreatives } from "./resolve-creatives.ts";
import { recordFileDays } from "./file-days.ts";
import { dropRepeated } from "./added-events.ts";
import { addUp, dropOverwritten } from "./fold-lines.ts";
import { insertFresh } from "./insert-fresh.ts";
import {
  carriedBy,
  nothingMerged,
  without,
  type DaySum,
  type MergedFile,
  type MergeTarget,
  type StagedLines,
} from "./merge-shapes.ts";
import { warnOfOtherGrain } from "./other-grain.ts";
import { withdrawOthers, withWithdrawn } from "./withdraw-others.ts";
import { manyLines, writeChanges } from "./write-changes.ts";

/**
 * Waits until no other file of the client is being merged, to the end of the transaction, and takes the file's number
 * then: of two files the one with the greater number was merged later, however long each was read before.
 */
export async function takeTurn(session: Session, client: string): Promise<number> {
  await lockPerformance(session, client);
  const { rows } = await session.query<{ id: number }>("select nextval('ops.files_file_id_seq')::int as id");
  const [row] = rows;
  if (row === undefined) throw new Error("ops.files gave no number");
  return row.id;
}

/**
 * Merges what is staged into rtb.performance_metrics, keeps ops.file_days, and brings the roll-ups up to date; all in the
 * caller's transaction, which holds the client's lock from here to its end at the latest.
 */
export async function mergeStaged(session: Session, target: MergeTarget): Promise<MergedFile> {
  await session.query("set local work_mem = '192MB'; set local maintenance_work_mem = '192MB'; set local jit = off");
  await lockPerformance(session, target.client);
  await resolveCreatives(session, target);
  const { events } = target;
  const repeated = events === undefined ? nothingMerged.superseded : await dropRepeated(session, target.client, events);
  const { table, combined } = target.combine === "later" ? { table: "staged", combined: 0 } : await addUp(session);
  const overwritten = target.combine === "later" ? await dropOverwritten(session, target.doubtful ?? null) : repeated;
  // As the reader has counted them, if all that it staged is there: the books compare them with the table in the end.
  const areAllThere = target.combine === "later" && overwritten.lines === 0;
  const days = areAllThere && target.days != null ? [...target.days] : await sumDays(session, table);
  // A day that its owner says is empty has a receipt like any other.
  if (days.length === 0 && target.wholeDay !== undefined) days.push({ ...nothingOf, date: target.wholeDay.day });
  const [first] = days;
  if (first === undefined) return { ...nothingMerged, combined, superseded: overwritten };
  const staged: StagedLines = {
    table,
    days,
    dates: days.map(({ date }) => date),
    rows: days.reduce((sum, { rows }) => sum + rows, 0),
    from: first.date,
    to: days.at(-1)?.date ?? first.date,
  };

  const fresh = target.redriven === true ? null : await insertFresh(session, target, staged);
  const isLarge = staged.rows > manyLines;
  const among = <Result>(act: () => Promise<Result>) => (isLarge ? withoutLoops(session, act) : act());
  const written = fresh ?? (await among(() => writeChanges(session, target, staged)));
  // Beside all that is staged: the planner knows nothing yet of either side, and would look through one for each row of the other.
  const withdrawn = await withoutLoops(session, () => withdrawOthers(session, target, staged));
  await addUpParts(session, target.client);
  await recordFileDays(session, target, withWithdrawn(written.days, withdrawn, target));
  const isSplitAnew = fresh === null && written.days.some(({ inserted }) => inserted > 0);
  const { client, fileId, grain } = target;
  const warning =
    isSplitAnew && grain !== undefined
      ? await among(() => warnOfOtherGrain(session, { client, fileId, grain }, staged))
      : null;
  const origin = await originOfTouched(session, target.client);
  await rollUp(session, { client: target.client, today: target.today, from: staged.from, to: staged.to });
  // A file that is redriven has rows of creatives that these lines do not touch.
  await checkMergedFile(session, {
    client: target.client,
    fileId: target.fileId,
    from: staged.from,
    to: staged.to,
    isWhole: target.redriven !== true,
    isLarge,
  });
  await session.query(
    "drop table if exists pg_temp.staged, pg_temp.named, pg_temp.doubtful, pg_temp.added, pg_temp.changes, pg_temp.parts, pg_temp.touched, pg_temp.gone",
  );

  const inserted = written.days.reduce((sum, day) => sum + day.inserted, 0);
  const updated = written.days.reduce((sum, day) => sum + day.updated, 0);
  return {
    inserted,
    updated,
    unchanged: staged.rows - inserted - updated - written.superseded.lines - written.combined,
    removed: withdrawn.rows,
    combined: combined + written.combined,
    superseded: {
      lines: overwritten.lines + written.superseded.lines,
      ...carriedBy([overwritten, written.superseded]),
    },
    stored: without(carriedBy(days), written.superseded),
    warning,
    days: written.days.filter((day) => day.inserted + day.updated > 0).length || Math.min(withdrawn.rows, 1),
    from: staged.from,
    to: staged.to,
    origin,
  };
}

const nothingOf = { ...nothingMerged.stored, rows: 0 };

async function sumDays(session: Session, table: string): Promise<DaySum[]> {
  const { rows } = await session.query<DaySum>(
    `select date, count(*) as rows, sum(impressions)::text as impressions, sum(clicks)::text as clicks, sum(spend)::text as spend
       from pg_temp.${table} group by date order by date`,
  );
  return rows;
}
