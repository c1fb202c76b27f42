import type { Session } from "../../schema/database.ts";

/** A slice was loaded after all: runs that failed only because of it are recovered. */
export async function recoverSlice(session: Session, sliceId: string[]): Promise<void> {
  // Locked before anything is read, or two slices recovering at once would each see the other still failed.
  const { rows } = await session.query<{ runId: string }>(
    `select r.run_id as "runId" from ops.runs r
      where r.run_id in (select run_id from ops.run_failures where _client_id = $1 and source = $2 and slice = $3 and recovered_at is null)
      order by r.run_id for update`,
    sliceId,
  );
  await session.query(
    `update ops.run_failures set recovered_at = now() where _client_id = $1 and source = $2 and slice = $3 and recovered_at is null`,
    sliceId,
  );
  await session.query(
    `update ops.runs r set outcome = 'recovered'
      where outcome = 'failed' and slices_done + slices_failed >= slices_planned and run_id = any($1) and not exists (select from ops.run_failures f where f.run_id = r.run_id and f.recovered_at is null)`,
    [rows.map((row) => row.runId)],
  );
}
