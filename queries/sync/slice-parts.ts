import { prepared, type Queryable } from "../../schema/database.ts";

/** One fetch of a slice, which all attempts of a pull share. */
export interface PartsOf {
  client: string;
  source: string;
  day: string;
  workflowRunId: string;
}

export interface KeptPart {
  answer: Buffer;
  fetchedAt: Date;
}

/** What an earlier attempt was answered; null where that is older than what is stored of the slice by now. */
export async function findPart(database: Queryable, of: PartsOf, part: string): Promise<KeptPart | null> {
  const { rows } = await database.query<KeptPart>(
    `select p.answer, p.fetched_at as "fetchedAt"
       from ops.slice_parts p left join ops.slices s using (_client_id, source, slice)
      where p._client_id = $1 and p.source = $2 and p.slice = $3 and p.workflow_run_id = $4 and p.part = $5
        and p.fetch_seq > coalesce(s.fetch_seq, 0)`,
    [...keyOf(of), part],
  );
  return rows[0] ?? null;
}

export async function keepPart(
  database: Queryable,
  of: PartsOf,
  { part, fetchSeq, fetchedAt, answer }: KeptPart & { part: string; fetchSeq: number },
): Promise<void> {
  await database.query(
    `insert into ops.slice_parts (_client_id, source, slice, workflow_run_id, part, fetch_seq, fetched_at, answer)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict on constraint slice_parts_key
     do update set fetch_seq = excluded.fetch_seq, fetched_at = excluded.fetched_at, answer = excluded.answer`,
    [...keyOf(of), part, fetchSeq, fetchedAt, answer],
  );
}

export async function dropParts(database: Queryable, of: PartsOf): Promise<void> {
  await database.query(
    prepared(
      "delete from ops.slice_parts where _client_id = $1 and source = $2 and slice = $3 and workflow_run_id = $4",
      keyOf(of),
    ),
  );
}

const keyOf = ({ client, source, day, workflowRunId }: PartsOf) => [client, source, day, workflowRunId];
