import type { StoredOrigin } from "../../core/origin.ts";
import type { Expectation } from "../../rules/sync/expectation.ts";
import type { Queryable } from "../../schema/database.ts";

export interface FreshnessRow {
  client: string;
  source: string;
  day: string;
  state: "final" | "provisional" | "failed" | "emptied";
  loadedAt: Date | null;
  rows: number;
  /** To the cent. */
  total: string;
  reconciled: boolean | null;
  failure: string | null;
  origin: StoredOrigin;
}

/** How complete and how checked each day is, newest first. Goes on after a place, when there is one. */
export async function readFreshness(
  database: Queryable,
  filter: {
    client: string;
    source?: string | undefined;
    from?: string | undefined;
    to?: string | undefined;
    after?: { day: string; source: string } | null;
    /** All of them when left out. */
    limit?: number;
  },
): Promise<FreshnessRow[]> {
  const { rows } = await database.query<FreshnessRow>(
    `select _client_id as client, source, day, state, loaded_at as "loadedAt", rows, round(total, 2) as total, reconciled, failure, origin
       from ops.freshness
      where _client_id = $1 and ($2::text is null or source = $2) and ($3::date is null or day >= $3) and ($4::date is null or day <= $4)
        and ($5::date is null or day < $5 or (day = $5 and source > $6))
      order by day desc, source limit $7`,
    [
      filter.client,
      filter.source ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.after?.day ?? null,
      filter.after?.source ?? null,
      filter.limit ?? null,
    ],
  );
  return rows;
}

export interface SourceFreshness {
  client: string;
  source: string;
  lastReceiptAt: Date | null;
  lastFetchedAt: Date | null;
  /** Does a schedule answer for it? */
  covered: boolean;
  /** When it is pulled; null for a feed that no worker pulls any more. */
  schedule: Expectation | null;
  /** The oldest covered day that is over and not final. */
  oldestOpenDay: string | null;
  /** When that day ended. */
  oldestOpenSince: Date | null;
  failedSlices: number;
  rowsToday: number;
  totalToday: string;
  rowsYesterday: number;
  totalYesterday: string;
}

/** Per client and source: how fresh, and how much of today and yesterday by the source's own calendar. */
export async function readSourceFreshness(
  database: Queryable,
  filter: { client?: string | undefined },
): Promise<SourceFreshness[]> {
  const { rows } = await database.query<SourceFreshness>(
    `with known as (
       select _client_id, source from ops.coverage where $1::text is null or _client_id = $1
       union
       select _client_id, source from ops.slices where $1::text is null or _client_id = $1
     ), zoned as (
       select k.*, coalesce(z.timezone, 'UTC') as timezone, (now() at time zone coalesce(z.timezone, 'UTC'))::date as today
         from known k left join lateral (
              select timezone from ops.slices s where s._client_id = k._client_id and s.source = k.source order by day desc limit 1) z on true
     )
     select z._client_id as client, z.source, r.committed_at as "lastReceiptAt", s.at as "lastFetchedAt", c.covered_from is not null as covered,
            case when w.source is not null
                 then jsonb_build_object('source', w.source, 'timezone', w.timezone, 'minute', w.minute,
                                         'hours', jsonb_build_object('from', w.hour_from, 'to', w.hour_to)) end as schedule,
            o.day as "oldestOpenDay", (o.day + 1)::timestamp at time zone z.timezone as "oldestOpenSince",
            s.failed as "failedSlices", s.rows_today as "rowsToday", s.total_today as "totalToday",
            s.rows_yesterday as "rowsYesterday", s.total_yesterday as "totalYesterday"
       from zoned z
       left join ops.coverage c on c._client_id = z._client_id and c.source = z.source
       left join ops.sources w on w.source = z.source
      cross join lateral (
            select max(fetched_at) as at, max(receipt_id) as receipt_id, count(*) filter (where failed_at is not null)::int as failed,
                   coalesce(sum(rows) filter (where day = z.today), 0)::int as rows_today,
                   coalesce(sum(total) filter (where day = z.today), 0)::text as total_today,
                   coalesce(sum(rows) filter (where day = z.today - 1), 0)::int as rows_yesterday,
                   coalesce(sum(total) filter (where day = z.today - 1), 0)::text as total_yesterday
              from ops.slices s where s._client_id = z._client_id and s.source = z.source) s
       left join ops.receipts r on r.receipt_id = s.receipt_id
       left join lateral (
            select d::date as day from generate_series(c.covered_from::timestamp, z.today - 1, interval '1 day') d
              left join ops.slices s on s._client_id = z._client_id and s.source = z.source and s.day = d::date
             where s.is_final is not true order by 1 limit 1) o on true
      order by 1, 2`,
    [filter.client ?? null],
  );
  return rows;
}
