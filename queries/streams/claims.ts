import type { Database, Queryable, Session } from "../../schema/database.ts";
import type { OfPartition, OfStream } from "./shapes.ts";

/** A partition as whoever begins to read it finds it. */
export interface Claim {
  claim: number;
  /** Null: nothing of it was stored. */
  position: string | null;
  mark: string | null;
  /** Why it must not be read. */
  held: string | null;
  isFinished: boolean;
}

const claimColumns = `claim, position, mark, held, finished_at is not null as "isFinished"`;

/**
 * Takes a partition: from now on nobody who took it before can store anything of it. Waits for a transaction that is
 * just storing some, and so sees what it stored.
 */
export async function claimPartition(database: Queryable, of: OfPartition & { consumer: string }): Promise<Claim> {
  const { rows } = await database.query<Claim>(
    `insert into ops.stream_partitions as p (_client_id, stream, partition, claim, owner, owner_seen_at) values ($1, $2, $3, 1, $4, clock_timestamp())
     on conflict on constraint stream_partitions_key do update set claim = p.claim + 1, owner = excluded.owner, owner_seen_at = excluded.owner_seen_at
     returning ${claimColumns}`,
    [of.client, of.stream, of.partition, of.consumer],
  );
  return taken(rows);
}

/** The same of a partition that nobody reads: null when somebody does, and has said so within these seconds. */
export async function claimFreePartition(
  database: Queryable,
  of: OfPartition & { consumer: string; freeAfterSeconds: number },
): Promise<Claim | null> {
  const { rows } = await database.query<Claim>(
    `insert into ops.stream_partitions as p (_client_id, stream, partition, claim, owner, owner_seen_at) values ($1, $2, $3, 1, $4, clock_timestamp())
     on conflict on constraint stream_partitions_key do update set claim = p.claim + 1, owner = excluded.owner, owner_seen_at = excluded.owner_seen_at
       where p.owner is null or p.owner_seen_at < clock_timestamp() - $5 * interval '1 second'
     returning ${claimColumns}`,
    [of.client, of.stream, of.partition, of.consumer, of.freeAfterSeconds],
  );
  return rows[0] ?? null;
}

function taken(rows: readonly Claim[]): Claim {
  const [row] = rows;
  if (row === undefined) throw new Error("a partition that is taken has a row");
  return row;
}

/** Says of partitions that they are still read; returns those of them that somebody else has taken. */
export async function keepClaims(
  database: Queryable,
  of: OfStream & { claims: readonly { partition: string; claim: number }[] },
): Promise<string[]> {
  if (of.claims.length === 0) return [];
  const { rows } = await database.query<{ partition: string }>(
    `with kept as (
       update ops.stream_partitions p set owner_seen_at = clock_timestamp() from unnest($3::text[], $4::int[]) as c(partition, claim)
        where p._client_id = $1 and p.stream = $2 and p.partition = c.partition and p.claim = c.claim returning p.partition
     ) select partition from unnest($3::text[]) as c(partition) where partition not in (select partition from kept)`,
    [of.client, of.stream, of.claims.map(({ partition }) => partition), of.claims.map(({ claim }) => claim)],
  );
  return rows.map(({ partition }) => partition);
}

/** Leaves a partition to others. */
export async function releasePartition(database: Queryable, of: OfPartition & { claim: number }): Promise<void> {
  await database.query(
    "update ops.stream_partitions set owner = null where _client_id = $1 and stream = $2 and partition = $3 and claim = $4",
    [of.client, of.stream, of.partition, of.claim],
  );
}

/** Somebody else has taken the partition since, or a person has moved it: what was read of it must not be stored. */
export class ClaimLost extends Error {
  constructor({ stream, partition }: OfPartition) {
    super(`${stream}, partition ${partition}: another consumer has taken it`);
    this.name = "ClaimLost";
  }
}

/**
 * Holds the partition to the end of the transaction. False when these messages are stored already, by an attempt of ours
 * whose commit went unanswered; throws ClaimLost when they are not ours to store.
 */
export async function holdClaim(
  session: Session,
  of: OfPartition & { claim: number; from: string | null; next: string },
): Promise<boolean> {
  const { rows } = await session.query<{ claim: number; position: string | null; held: string | null }>(
    "select claim, position, held from ops.stream_partitions where _client_id = $1 and stream = $2 and partition = $3 for update",
    [of.client, of.stream, of.partition],
  );
  const [row] = rows;
  if (row === undefined || row.claim !== of.claim || row.held !== null) throw new ClaimLost(of);
  if (row.position === of.from) return true;
  if (row.position === of.next) return false;
  throw new ClaimLost(of);
}

/** Where reading goes on, in the transaction that stores what was read. */
export async function advance(
  session: Session,
  of: OfPartition & { next: string; mark: string | null; messages: number },
): Promise<void> {
  await session.query(
    `update ops.stream_partitions set position = $4, mark = coalesce($5, mark), messages = messages + $6,
            stored_at = clock_timestamp(), owner_seen_at = clock_timestamp()
      where _client_id = $1 and stream = $2 and partition = $3`,
    [of.client, of.stream, of.partition, of.next, of.mark, of.messages],
  );
}

/** Says that nothing more comes: the shard was split or merged. */
export async function finishPartition(database: Queryable, of: OfPartition & { claim: number }): Promise<void> {
  await database.query(
    `update ops.stream_partitions set finished_at = clock_timestamp(), owner = null, lag = null, waiting_since = null
      where _client_id = $1 and stream = $2 and partition = $3 and claim = $4`,
    [of.client, of.stream, of.partition, of.claim],
  );
}

/** Messages went before they were read: goes on where there are some again. False when it is not ours any more. */
export async function skipGone(
  database: Queryable,
  of: OfPartition & { claim: number; from: string | null; next: string },
): Promise<boolean> {
  const { rowCount } = await database.query(
    `update ops.stream_partitions set position = $6, mark = null
      where _client_id = $1 and stream = $2 and partition = $3 and claim = $4 and position is not distinct from $5`,
    [of.client, of.stream, of.partition, of.claim, of.from, of.next],
  );
  return rowCount === 1;
}

/** Not read any further until a person has decided. */
export async function holdPartition(database: Queryable, of: OfPartition & { why: string }): Promise<void> {
  await database.query(
    "update ops.stream_partitions set held = $4, owner = null where _client_id = $1 and stream = $2 and partition = $3",
    [of.client, of.stream, of.partition, of.why],
  );
}

export interface Moved {
  partition: string;
  before: string | null;
  after: string | null;
}

/** A person's decision where reading goes on. Whoever reads the partition meanwhile can store no more of it, and takes it again. */
export async function movePartitions(
  database: Database | Session,
  of: OfStream & { partition: string | null; to: string | null },
): Promise<Moved[]> {
  const { rows } = await database.query<Moved>(
    `with before as (
       select partition, position from ops.stream_partitions where _client_id = $1 and stream = $2 and ($3::text is null or partition = $3) for update
     )
     update ops.stream_partitions p set position = $4, mark = null, held = null, finished_at = null, claim = p.claim + 1, owner = null
       from before where p._client_id = $1 and p.stream = $2 and p.partition = before.partition
     returning p.partition, before.position as before, p.position as after`,
    [of.client, of.stream, of.partition, of.to],
  );
  return rows;
}
