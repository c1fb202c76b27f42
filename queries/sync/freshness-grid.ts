import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";

/** `partial`: something of the day is not there: rows in quarantine, an answer that was not taken, a sum that does not add up. */
export type GridState = "final" | "provisional" | "partial" | "failed" | "missing";

export interface GridDay {
  source: string;
  day: string;
  /** Null where nothing is expected: before the days that scheduled runs answer for, or before today's first run. */
  state: GridState | null;
  reason: string | null;
  receiptId: number | null;
  loadedAt: Date | null;
  rows: number;
  total: string;
  quarantined: number;
  /** Null where nothing was read. */
  origin: StoredOrigin | null;
}

/** By day, or by how many of a day's feeds are not final: equals by day, the newest first. */
export const gridSorts = ["-day", "day", "-open", "open"] as const;
export type GridSort = (typeof gridSorts)[number];

/** Days in an order of the grid. */
export function sortDays(cells: readonly { day: string; state: GridState | null }[], sort: GridSort): string[] {
  const open = new Map<string, number>();
  for (const { day, state } of cells)
    open.set(day, (open.get(day) ?? 0) + (state === null || state === "final" ? 0 : 1));
  const newest = [...open.keys()].sort().reverse();
  if (sort === "-day") return newest;
  if (sort === "day") return newest.reverse();
  const direction = sort === "open" ? 1 : -1;
  return newest.sort((one, other) => direction * ((open.get(one) ?? 0) - (open.get(other) ?? 0)));
}

/** Cells day by day in that order; those of a day stay as they are. */
export function inOrderOfDays<Cell extends { day: string; state: GridState | null }>(
  cells: readonly Cell[],
  sort: GridSort,
): Cell[] {
  const places = new Map(sortDays(cells, sort).map((day, place) => [day, place]));
  return [...cells].sort((one, other) => (places.get(one.day) ?? 0) - (places.get(other.day) ?? 0));
}

/** Every day of the range of every feed, the newest day first. */
export async function readGrid(
  database: Queryable,
  { client, from, to, source }: { client: string; from: string; to: string; source?: string | undefined },
): Promise<GridDay[]> {
  const { rows } = await database.query<GridDay>(
    `with feeds as (
       select k.source, c.covered_from, coalesce(w.timezone, 'UTC') as timezone
         from (select source from ops.sources union select source from ops.coverage where _client_id = $1
               union select distinct source from ops.slices where _client_id = $1) k
         left join ops.sources w on w.source = k.source
         left join ops.coverage c on c._client_id = $1 and c.source = k.source
        where $4::text is null or k.source = $4
     ), held as (
       select source, slice, count(*)::int as entries from ops.quarantine
        where _client_id = $1 and resolved_at is null and slice between $2::date::text and $3::date::text group by 1, 2
     )
     select k.source, d::date as day,
            case when f.state = 'failed' then 'failed'
                 when f.state = 'emptied' or f.reconciled = false or h.entries > 0 then 'partial'
                 when f.state is not null then f.state
                 when d::date >= k.covered_from and d::date < (now() at time zone k.timezone)::date then 'missing' end as state,
            case when f.state = 'failed' then f.failure
                 when f.state = 'emptied' then 'the answer had lost its rows and was not taken'
                 when f.reconciled = false then 'does not add up to the vendor''s own total'
                 when h.entries > 0 then h.entries || case when h.entries = 1 then ' row in quarantine' else ' rows in quarantine' end
                 when f.state = 'provisional' then 'can still change'
                 when f.state is not null then null
                 when d::date >= (now() at time zone k.timezone)::date then 'not read yet'
                 when d::date >= k.covered_from then 'never fetched'
                 else 'no scheduled run answers for it' end as reason,
            s.receipt_id as "receiptId", f.loaded_at as "loadedAt", coalesce(f.rows, 0) as rows, round(coalesce(f.total, 0), 2) as total,
            coalesce(h.entries, 0) as quarantined, s.origin
       from feeds k
      cross join generate_series($2::timestamp, $3::timestamp, interval '1 day') d
       left join ops.slices s on s._client_id = $1 and s.source = k.source and s.slice = d::date::text
       left join ops.freshness f on f._client_id = $1 and f.source = k.source and f.day = d::date
       left join held h on h.source = k.source and h.slice = d::date::text
      order by 2 desc, 1`,
    [client, from, to, source ?? null],
  );
  return rows;
}
