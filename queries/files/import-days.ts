import { addDays, dayAt, hourAt } from "../../core/days.ts";
import { importDays, whyLate, type HeldDay, type ImportDay, type RefusedFile } from "../../rules/files/import-days.ts";
import type { Queryable } from "../../schema/database.ts";
import { performanceSource } from "./files.ts";

/** One way of reading files of ad performance, which is one sender: whether its files are late. */
export interface ImportFeed {
  mapping: string;
  firstDay: string | null;
  lastDay: string | null;
  late: string | null;
}

export interface ImportGrid {
  feeds: ImportFeed[];
  items: (ImportDay & { mapping: string })[];
}

interface Asked {
  client: string;
  /** The client's. */
  timezone: string;
  now: Date;
  from: string;
  to: string;
}

/** So many days before the range say which days of it are expected. */
const lookBackDays = 100;

/** Every day of the range by mapping: what its files hold, what was refused, and what is missing. The newest day first. */
export async function readImportDays(database: Queryable, asked: Asked): Promise<ImportGrid> {
  const { now, timezone, from, to } = asked;
  const today = dayAt(now, timezone);
  const [held, refused] = await Promise.all([
    readHeldDays(database, { ...asked, from: addDays(from, -lookBackDays), to: to < today ? today : to }),
    readRefused(database, asked),
  ]);
  const mappings = [...new Set([...held, ...refused].map(({ mapping }) => mapping))].sort();
  const clock = { today, hour: hourAt(now, timezone) };
  const grid: ImportGrid = { feeds: [], items: [] };
  for (const mapping of mappings) {
    const own = new Map(held.filter((one) => one.mapping === mapping).map((one) => [one.day, one]));
    const days = [...own.keys()].sort();
    const late = whyLate(new Set(days), clock);
    grid.feeds.push({ mapping, firstDay: days[0] ?? null, lastDay: days.at(-1) ?? null, late });
    const known = { held: own, refused: refused.filter((one) => one.mapping === mapping), now: clock };
    grid.items.push(...importDays(known, { from, to }).map((item) => ({ mapping, ...item })));
  }
  return grid;
}

/**
 * A file counts for a day while the table holds rows of it; where later files have replaced all of them, those count. Where
 * none holds any, the newest that had the day does.
 */
async function readHeldDays(
  database: Queryable,
  { client, timezone, from, to }: Asked,
): Promise<(HeldDay & { mapping: string })[]> {
  const { rows } = await database.query<HeldDay & { mapping: string }>(
    `with days as (
       select f.mapping, d.date, d.file_id, f.committed_at, d.inserted + d.updated + d.confirmed - d.taken_over as rows,
              d.spend_after - d.spend_taken_over as spend, f.origin, max(d.file_id) over (partition by f.mapping, d.date) as newest,
              bool_or(d.inserted + d.updated + d.confirmed > d.taken_over) over (partition by f.mapping, d.date) as is_held
         from ops.file_days d join ops.files f on f._client_id = d._client_id and f.file_id = d.file_id
        where d._client_id = $1 and d.date between $2 and $3 and f.source = $5
     ), open as (
       select q.slice, count(*)::int as lines from ops.quarantine q
        where q._client_id = $1 and q.source = $5 and q.resolved_at is null group by 1
     )
     select t.mapping, t.date::text as day, array_agg(t.file_id order by t.file_id desc) as "fileIds", sum(t.rows)::int as rows,
            round(sum(t.spend), 2)::text as spend, coalesce(sum(o.lines), 0)::int as rejected, max(t.committed_at) as "readAt",
            max(t.committed_at) >= (t.date + 1)::timestamp at time zone $4 as "isAfterEnd",
            case when bool_or(t.origin = 'sandbox') then 'sandbox' when bool_or(t.origin = 'unknown') then 'unknown' else 'real' end as origin
       from days t left join open o on o.slice = 'file/' || t.file_id
      where t.rows > 0 or (not t.is_held and t.file_id = t.newest)
      group by 1, t.date`,
    [client, from, to, timezone, performanceSource],
  );
  return rows;
}

async function readRefused(
  database: Queryable,
  { client, timezone, from, to }: Asked,
): Promise<(RefusedFile & { mapping: string })[]> {
  const { rows } = await database.query<RefusedFile & { mapping: string }>(
    `select mapping, file_id as "fileId", name, (committed_at at time zone $4)::date::text as "cameOn"
       from ops.files
      where _client_id = $1 and source = $5 and outcome = 'refused'
        and committed_at >= $2::date::timestamp at time zone $4 and committed_at < ($3::date + 2)::timestamp at time zone $4
      order by file_id desc`,
    [client, from, to, timezone, performanceSource],
  );
  return rows;
}
