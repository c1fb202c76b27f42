import { copyBlock } from "../shared/copy.ts";
import type { Session } from "../../schema/database.ts";
import type { MergeColumn } from "../../schema/merge-key.ts";

/** Rows that were too many to hold, as COPY text of the table's data columns, each line led by the row's place. */
export interface StagedRows {
  length: number;
  /** Places of rows that a later one of the same key has replaced. */
  replaced: readonly number[];
  /** Each of whole lines. */
  blocks: () => AsyncIterable<Buffer>;
}

/** Copies rows into the temporary table `incoming`, which goes with the transaction. */
export async function stageRows(
  session: Session,
  columns: readonly MergeColumn[],
  key: readonly MergeColumn[],
  rows: StagedRows,
): Promise<void> {
  const definition = columns.map(({ name, type }) => `"${name}" ${type}`).join(", ");
  // Compiling an expression for each of so many columns takes longer than it saves.
  await session.query(
    `set local jit = off;
     set local statement_timeout = '30min';
     drop table if exists pg_temp.incoming;
     create temp table incoming ("#place" bigint, ${definition}) on commit drop`,
  );
  for await (const block of rows.blocks()) await copyBlock(session, "pg_temp.incoming", block);
  if (rows.replaced.length > 0)
    await session.query(`delete from pg_temp.incoming where "#place" = any($1::bigint[])`, [rows.replaced]);
  // Nothing else analyzes a temporary table; how many keys there are is all that the plan depends on.
  await session.query(`analyze pg_temp.incoming (${key.map(({ name }) => `"${name}"`).join(", ")})`);
}
