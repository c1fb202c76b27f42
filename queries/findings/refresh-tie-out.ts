import type { Queryable, Session } from "../../schema/database.ts";

/** One comparison of a client at a time: two would wait for each other's rows. */
export async function lockTieOut(session: Session, { client }: { client: string }): Promise<void> {
  await session.query("select pg_advisory_xact_lock(hashtextextended('tie out ' || $1, 0))", [client]);
}

/**
 * Takes the days that have changed since they were compared. In the transaction that compares them: whatever noted them is
 * read by what follows, and whatever is committed meanwhile is noted again.
 */
export async function takeChangedDays(session: Session, { client }: { client: string }): Promise<string[]> {
  const { rows } = await session.query<{ day: string }>(
    `with gone as (
       delete from findings.changed_days where _client_id = $1 returning date, click_id
     ), clicks as materialized (
       select distinct click_id from gone where click_id is not null
     )
     select g.date as day from gone g where g.click_id is null
      union
     select c.date from everflow.conversions c
      where c._client_id = $1 and c.transaction_id in (select click_id from clicks)
      union
     select c.date from clicks k join everflow.conversions c on c._client_id = $1
        and array_remove(array[c.sub1, c.sub2, c.sub3, c.sub4, c.sub5], null) @> array[k.click_id]
      order by 1`,
    [client],
  );
  return rows.map(({ day }) => day);
}

/** Days whose comparison may come out otherwise where these have changed, in order. */
export async function readTieOutReach(
  session: Session,
  { client, days }: { client: string; days: readonly string[] },
): Promise<string[]> {
  const { rows } = await session.query<{ day: string }>(
    "select day from findings.tie_out_reach($1, $2::date[]) order by 1",
    [client, days],
  );
  return rows.map(({ day }) => day);
}

export async function compareDays(
  session: Session,
  { client, from, to }: { client: string; from: string; to: string },
): Promise<void> {
  await session.query("select findings.refresh_tie_out($1, $2, $3)", [client, from, to]);
}

export interface TieOutRun {
  endedAt: Date;
  days: number;
  workflowId: string;
  runId: string;
}

export async function recordTieOut(
  session: Session,
  of: { client: string; days: number; workflowId: string; runId: string },
): Promise<void> {
  await session.query(
    `insert into findings.tie_out_runs as r (_client_id, ended_at, days, workflow_id, _run_id) values ($1, now(), $2, $3, $4)
     on conflict on constraint tie_out_runs_key do update set ended_at = excluded.ended_at, days = excluded.days, workflow_id = excluded.workflow_id, _run_id = excluded._run_id`,
    [of.client, of.days, of.workflowId, of.runId],
  );
}

export async function readLastTieOut(database: Queryable, { client }: { client: string }): Promise<TieOutRun | null> {
  const { rows } = await database.query<TieOutRun>(
    `select ended_at as "endedAt", days, workflow_id as "workflowId", _run_id as "runId" from findings.tie_out_runs where _client_id = $1`,
    [client],
  );
  return rows[0] ?? null;
}
