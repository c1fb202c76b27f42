import type { Queryable } from "../../schema/database.ts";
import type { OfStream } from "./shapes.ts";

export interface StoredStream {
  combine: "replace" | "add";
  eventField: string | null;
  /** Null until the broker has said which stream of this name it is. */
  identity: string | null;
}

/** What was declared of the topic when it was read first; now, when this is the first time. */
export async function declareStream(
  database: Queryable,
  of: OfStream & Pick<StoredStream, "combine" | "eventField">,
): Promise<StoredStream> {
  const { rows } = await database.query<StoredStream>(
    `insert into ops.streams as s (_client_id, stream, combine, event_field) values ($1, $2, $3, $4)
     on conflict on constraint streams_key do update set combine = s.combine
     returning combine, event_field as "eventField", identity`,
    [of.client, of.stream, of.combine, of.eventField],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a stream that is declared has a row");
  return row;
}

/** A person's decision that messages mean something else from now on. */
export async function redeclareStream(
  database: Queryable,
  of: OfStream & Pick<StoredStream, "combine" | "eventField">,
): Promise<void> {
  await database.query(
    "update ops.streams set combine = $3, event_field = $4, declared_at = now() where _client_id = $1 and stream = $2",
    [of.client, of.stream, of.combine, of.eventField],
  );
}

export async function findStream(database: Queryable, of: OfStream): Promise<StoredStream | null> {
  const { rows } = await database.query<StoredStream>(
    `select combine, event_field as "eventField", identity from ops.streams where _client_id = $1 and stream = $2`,
    [of.client, of.stream],
  );
  return rows[0] ?? null;
}

/** Which stream of its name it is; null forgets it. */
export async function identifyStream(database: Queryable, of: OfStream & { identity: string | null }): Promise<void> {
  await database.query("update ops.streams set identity = $3 where _client_id = $1 and stream = $2", [
    of.client,
    of.stream,
    of.identity,
  ]);
}

/** One that has not been seen for so long has ended. */
export const consumerGoneSeconds = 45;

/** Says that a consumer reads the topic, how many do and whether they agree; and which of those that began before it are set otherwise. */
export async function registerConsumer(
  database: Queryable,
  of: OfStream & { consumer: string; settingsHash: string },
): Promise<{ consumers: number; otherwise: string[]; isAgreed: boolean }> {
  await database.query(
    `insert into ops.stream_consumers as c (_client_id, stream, consumer, settings_hash) values ($1, $2, $3, $4)
     on conflict on constraint stream_consumers_key do update set settings_hash = excluded.settings_hash, seen_at = now()`,
    [of.client, of.stream, of.consumer, of.settingsHash],
  );
  const { rows } = await database.query<{ consumers: number; otherwise: string[]; isAgreed: boolean }>(
    `with live as (
       select * from ops.stream_consumers where _client_id = $1 and stream = $2 and (consumer = $3 or seen_at > now() - $4 * interval '1 second')
     )
     select count(*)::int as consumers, count(distinct settings_hash) = 1 as "isAgreed",
            array(select l.consumer from live l join live own on own.consumer = $3
                   where l.settings_hash <> own.settings_hash and (l.started_at, l.consumer) < (own.started_at, own.consumer) order by 1) as otherwise
       from live`,
    [of.client, of.stream, of.consumer, consumerGoneSeconds],
  );
  return rows[0] ?? { consumers: 1, otherwise: [], isAgreed: true };
}

export async function forgetConsumer(database: Queryable, consumer: string): Promise<void> {
  await database.query("delete from ops.stream_consumers where consumer = $1", [consumer]);
}
