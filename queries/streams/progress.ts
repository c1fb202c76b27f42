import type { Queryable } from "../../schema/database.ts";
import type { OfStream } from "./shapes.ts";

/** How far a partition is behind, as its consumer has just seen. */
export interface SeenLag {
  partition: string;
  /** Messages; null where the broker does not say. */
  lag: number | null;
  /** When the oldest message came that is not stored; null where none waits, or nobody knows. */
  waitingSince: Date | null;
}

/**
 * Notes how far behind partitions are, also those that nobody reads. One that has waited before waits since then, unless
 * it is known better.
 */
export async function noteLag(database: Queryable, of: OfStream & { partitions: readonly SeenLag[] }): Promise<void> {
  const { partitions } = of;
  await database.query(
    `insert into ops.stream_partitions as p (_client_id, stream, partition, lag, waiting_since)
     select $1, $2, * from unnest($3::text[], $4::bigint[], $5::timestamptz[]) order by 1
     on conflict on constraint stream_partitions_key do update
       set lag = excluded.lag, seen_at = clock_timestamp(),
           waiting_since = case when excluded.lag = 0 then null
                                else coalesce(excluded.waiting_since, greatest(p.waiting_since, p.stored_at), clock_timestamp()) end`,
    [
      of.client,
      of.stream,
      partitions.map(({ partition }) => partition),
      partitions.map(({ lag }) => lag),
      partitions.map(({ waitingSince }) => waitingSince),
    ],
  );
}

export interface PartitionState {
  client: string;
  stream: string;
  combine: string | null;
  partition: string;
  position: string | null;
  messages: number;
  lag: number | null;
  /** How long the oldest message waits that is not stored. */
  waitingSeconds: number;
  /** How long ago somebody looked. */
  seenSeconds: number;
  owner: string | null;
  held: string | null;
  isFinished: boolean;
}

/** Every partition, and how far it is behind. */
export async function readPartitions(
  database: Queryable,
  of: { client?: string | undefined; stream?: string | undefined },
): Promise<PartitionState[]> {
  const { rows } = await database.query<PartitionState>(
    `select p._client_id as client, p.stream, s.combine, p.partition, p.position, p.messages, p.lag,
            coalesce(extract(epoch from clock_timestamp() - p.waiting_since), 0)::float8 as "waitingSeconds",
            extract(epoch from clock_timestamp() - p.seen_at)::float8 as "seenSeconds",
            case when p.owner_seen_at > clock_timestamp() - interval '1 minute' then p.owner end as owner, p.held, p.finished_at is not null as "isFinished"
       from ops.stream_partitions p left join ops.streams s using (_client_id, stream)
      where ($1::text is null or p._client_id = $1) and ($2::text is null or p.stream = $2)
      order by 1, 2, length(p.partition), p.partition`,
    [of.client ?? null, of.stream ?? null],
  );
  return rows;
}

const atATime = 10_000;

/** Forgets events that were added so long ago, receipts' own notes after theirs, and consumers that have ended. */
export async function pruneStreams(
  database: Queryable,
  keep: { eventsDays: number; receiptsDays: number | null },
): Promise<void> {
  const deleteAll = async (statement: string, days: number) => {
    for (;;) {
      const { rowCount } = await database.query(statement, [atATime, days]);
      if ((rowCount ?? 0) < atATime) return;
    }
  };
  await deleteAll(
    `delete from ops.stream_events where ctid = any(array(
       select ctid from ops.stream_events where added_at < now() - $2 * interval '1 day' limit $1))`,
    keep.eventsDays,
  );
  if (keep.receiptsDays !== null)
    await deleteAll(
      `delete from ops.stream_batches where ctid = any(array(
         select b.ctid from ops.stream_batches b where b.committed_at < now() - $2 * interval '1 day'
            and not exists (select from ops.quarantine q where q._client_id = b._client_id and q.slice = 'file/' || b.file_id and q.resolved_at is null) limit $1))`,
      keep.receiptsDays,
    );
  await database.query("delete from ops.stream_consumers where seen_at < now() - interval '1 day'");
}
