import type { Queryable, Session } from "../../schema/database.ts";
import { feeds } from "../../schema/clickhouse/feeds.ts";

/** Days of one feed and client that are copied together. */
export interface MarkedDays {
  feed: string;
  client: string;
  days: string[];
}

/** Rows of a day are many in the one and few in the others. */
const mostDays = (feed: string) => (feed === "performance" ? 31 : 366);

/** The days that wait longest, those of the same feed and client with them; null when none waits. */
export async function nextMarked(database: Queryable): Promise<MarkedDays | null> {
  const { rows } = await database.query<{ feed: string; client: string }>(
    `select feed, _client_id as client from ops.mirror_marks where feed = any($1) order by mark_id limit 1`,
    [feeds.map(({ name }) => name)],
  );
  const [first] = rows;
  if (first === undefined) return null;
  const { rows: days } = await database.query<{ day: string }>(
    `select day from ops.mirror_marks where feed = $1 and _client_id = $2 group by day order by min(mark_id), day limit $3`,
    [first.feed, first.client, mostDays(first.feed)],
  );
  return { ...first, days: days.map(({ day }) => day).sort() };
}

/** The marks of these days that the session's snapshot shows: what they are about is in the snapshot, too. */
export async function marksSeen(session: Session, { feed, client, days }: MarkedDays): Promise<Map<string, number[]>> {
  const { rows } = await session.query<{ day: string; marks: string[] }>(
    `select day, array_agg(mark_id) as marks from ops.mirror_marks where feed = $1 and _client_id = $2 and day = any($3) group by day`,
    [feed, client, days],
  );
  return new Map(rows.map(({ day, marks }) => [day, marks.map(Number)]));
}

export async function markDays(database: Queryable, { feed, client, days }: MarkedDays): Promise<void> {
  await database.query(
    "insert into ops.mirror_marks (feed, _client_id, day) select $1, $2, day from unnest($3::date[]) day",
    [feed, client, days],
  );
}

/** Every day that there is anything of. Whatever changes meanwhile has a mark of its own. */
export async function markEverything(session: Session): Promise<void> {
  for (const { name, table, day } of feeds)
    await session.query(
      `insert into ops.mirror_marks (feed, _client_id, day) select distinct $1, _client_id, ${day}::date from ${table}`,
      [name],
    );
}

/** Of several marks of a day one is enough, the last: what the others are about was there when it was written. */
export async function foldMarks(database: Queryable): Promise<number> {
  const { rowCount } = await database.query(
    `delete from ops.mirror_marks m using (select feed, _client_id, day, max(mark_id) as last from ops.mirror_marks group by 1, 2, 3 having count(*) > 1) d
      where m.feed = d.feed and m._client_id = d._client_id and m.day = d.day and m.mark_id < d.last`,
  );
  return rowCount ?? 0;
}

export interface Waiting {
  client: string;
  days: number;
  since: Date;
}

/** How many days of each client wait to be mirrored, and since when. */
export async function readWaiting(database: Queryable): Promise<Waiting[]> {
  const { rows } = await database.query<Waiting>(
    `select _client_id as client, count(distinct (feed, day))::int as days, min(marked_at) as since from ops.mirror_marks group by 1 order by 1`,
  );
  return rows;
}
