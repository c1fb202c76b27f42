import type { Queryable, Session } from "../../schema/database.ts";
import { nothingMerged, type AddedEvents, type MergedFile } from "./merge-shapes.ts";

/**
 * Remembers the events of staged lines, and takes away the lines whose event was added before, or stands in an earlier
 * line. The client's lock is held, so nobody else adds one meanwhile. Returns how many went, and what they carried.
 */
export async function dropRepeated(
  session: Session,
  client: string,
  { stream, lines, hashes }: AddedEvents,
): Promise<MergedFile["superseded"]> {
  const { rows } = await session.query<MergedFile["superseded"]>(
    `with events as (
       select distinct on (event) event, line from unnest($3::bigint[], $4::bytea[]) as e(line, event)
         join pg_temp.staged using (line) order by event, line
     ), fresh as (
       insert into ops.stream_events (_client_id, stream, event) select $1, $2, event from events order by event
       on conflict on constraint stream_events_key do nothing returning event
     ), gone as (
       delete from pg_temp.staged s where not exists (select from events join fresh using (event) where events.line = s.line)
       returning s.impressions, s.clicks, s.spend
     )
     select count(*) as lines, coalesce(sum(impressions), 0)::text as impressions, coalesce(sum(clicks), 0)::text as clicks,
            coalesce(sum(spend), 0)::text as spend from gone`,
    [client, stream, lines, hashes],
  );
  return rows[0] ?? nothingMerged.superseded;
}

/** How the messages of a topic are told apart, where they are added; null where the last of a key wins. */
export async function readStreamOf(
  database: Queryable,
  fileId: number,
): Promise<{ stream: string; eventField: string | null } | null> {
  const { rows } = await database.query<{ stream: string; eventField: string | null }>(
    `select s.stream, s.event_field as "eventField" from ops.stream_batches b
       join ops.streams s on s._client_id = b._client_id and s.stream = b.stream where b.file_id = $1`,
    [fileId],
  );
  return rows[0] ?? null;
}
