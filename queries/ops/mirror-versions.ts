import { inTransaction, type Database, type Queryable, type Session } from "../../schema/database.ts";
import type { MarkedDays } from "./mirror-marks.ts";

/** A copy of a day, whole or not. */
export interface Copy {
  version: number;
  day: string;
}

/** Sums of a day's columns of numbers, decimal text, and how many rows there are. */
export interface DaySums {
  rows: number;
  sums: Record<string, string>;
}

/** Recorded before the first row is sent: whoever reads knows what not to read. */
export async function beginCopies(database: Queryable, { feed, client, days }: MarkedDays): Promise<Copy[]> {
  const { rows } = await database.query<Copy>(
    `insert into ops.mirror_versions (feed, _client_id, day) select $1, $2, day from unnest($3::date[]) day order by day returning version, day`,
    [feed, client, days],
  );
  return rows;
}

/** Which copy of each day is read, as the session's snapshot shows it. */
export async function currentCopies(
  session: Session,
  { feed, client, days }: MarkedDays,
): Promise<Map<string, number>> {
  const { rows } = await session.query<Copy>(
    `select version, day from ops.mirror_versions where feed = $1 and _client_id = $2 and day = any($3) and state = 'current'`,
    [feed, client, days],
  );
  return new Map(rows.map(({ day, version }) => [day, version]));
}

/** A day that was copied, and what was there before. */
export type Finished = Copy & DaySums & { before: number | null; marks: number[] };

/**
 * Makes a copy the one that is read, if the one that it was made to replace still is: of two that were made at a time the
 * second to come may be the older one, and the marks that it has not seen stay.
 */
export function makeCurrent(
  database: Database,
  { feed, client }: Pick<MarkedDays, "feed" | "client">,
  { version, day, before, rows, sums, marks }: Finished,
): Promise<boolean> {
  return inTransaction(database, async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`mirror ${feed} ${client} ${day}`]);
    const { rows: now } = await session.query<{ version: number }>(
      `select version from ops.mirror_versions where feed = $1 and _client_id = $2 and day = $3 and state = 'current'`,
      [feed, client, day],
    );
    if ((now[0]?.version ?? null) !== before) return false;
    await session.query(
      "update ops.mirror_versions set state = 'replaced', state_at = clock_timestamp() where version = $1",
      [before],
    );
    const { rowCount } = await session.query(
      `update ops.mirror_versions set state = 'current', rows = $2, sums = $3, state_at = clock_timestamp(), checked_at = clock_timestamp()
        where version = $1 and state = 'copying'`,
      [version, rows, JSON.stringify(sums)],
    );
    if (rowCount !== 1) throw new CopyGivenUp();
    await session.query("delete from ops.mirror_marks where mark_id = any($1)", [marks]);
    return true;
  }).catch((error: unknown) => {
    if (error instanceof CopyGivenUp) return false;
    throw error;
  });
}

/** Somebody has given it up for whoever made it, who took too long. */
class CopyGivenUp extends Error {}

export async function abandonCopies(database: Queryable, versions: readonly number[]): Promise<void> {
  await database.query(
    "update ops.mirror_versions set state = 'abandoned', state_at = clock_timestamp() where version = any($1) and state = 'copying'",
    [versions],
  );
}

/** Those of a run that was killed: it can no longer be at it. */
export async function abandonOldCopies(database: Queryable, { minutes }: { minutes: number }): Promise<void> {
  await database.query(
    "update ops.mirror_versions set state = 'abandoned', state_at = clock_timestamp() where state = 'copying' and begun_at < now() - $1 * interval '1 minute'",
    [minutes],
  );
}

export interface Leftover {
  feed: string;
  client: string;
  from: string;
  to: string;
  versions: number[];
  /** Those whose rows can no longer come: they may be forgotten when they are deleted. */
  settled: number[];
}

/** Copies that nobody reads any more, whose rows are to be deleted. */
export async function readLeftovers(database: Queryable): Promise<Leftover[]> {
  const { rows } = await database.query<
    Omit<Leftover, "versions" | "settled"> & { versions: string[]; settled: string[] | null }
  >(
    `select feed, _client_id as client, min(day) as "from", max(day) as "to", array_agg(version) as versions,
            array_agg(version) filter (where state = 'replaced' or state_at < now() - interval '1 hour') as settled
       from ops.mirror_versions where state in ('replaced', 'abandoned') group by 1, 2 order by 1, 2`,
  );
  return rows.map(({ versions, settled, ...of }) => ({
    ...of,
    versions: versions.map(Number),
    settled: (settled ?? []).map(Number),
  }));
}

export async function forgetCopies(database: Queryable, versions: readonly number[]): Promise<void> {
  await database.query(
    "delete from ops.mirror_versions where version = any($1) and state in ('replaced', 'abandoned')",
    [versions],
  );
}

/** Days whose copies were compared longest ago, more than a day: of one feed and client. */
export async function nextUnchecked(database: Queryable): Promise<MarkedDays | null> {
  const { rows } = await database.query<{ feed: string; client: string }>(
    `select feed, _client_id as client from ops.mirror_versions
      where state = 'current' and coalesce(checked_at, begun_at) < now() - interval '1 day' order by coalesce(checked_at, begun_at) limit 1`,
  );
  const [first] = rows;
  if (first === undefined) return null;
  const { rows: days } = await database.query<{ day: string }>(
    `select day from ops.mirror_versions where feed = $1 and _client_id = $2 and state = 'current'
        and coalesce(checked_at, begun_at) < now() - interval '1 day' order by day limit 31`,
    [first.feed, first.client],
  );
  return { ...first, days: days.map(({ day }) => day) };
}

export async function recordChecked(database: Queryable, versions: readonly number[]): Promise<void> {
  await database.query("update ops.mirror_versions set checked_at = clock_timestamp() where version = any($1)", [
    versions,
  ]);
}
