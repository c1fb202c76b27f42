import type { FeedReading } from "../../rules/pretargeting/watch-qps.ts";
import type { Queryable } from "../../schema/database.ts";

/**
 * What the bidder itself counted lately, over its seats: for each seat requests by the seconds that they are about, summed
 * up. Rows that split one moment share its seconds. `sinceSeconds` ago by Postgres' own clock, and never before `from`.
 */
export async function readFeed(
  database: Queryable,
  of: { client: string; bidderId: string; sinceSeconds: number; from?: Date | null },
): Promise<FeedReading> {
  const { rows } = await database.query<FeedReading>(
    `with moments as (
       select t.buyer_id, t.at, max(t.seconds) as seconds, sum(t.requests) as requests
         from rtb.rtb_traffic t
         join rtb.buyer_seats s on s._client_id = t._client_id and s.buyer_id = t.buyer_id
        where t._client_id = $1 and s.bidder_account_id = $2 and t.date >= current_date - 8
        group by 1, 2),
     seats as (
       select sum(requests)::float8 / nullif(sum(seconds), 0) as qps
         from moments
        where at + seconds * interval '1 second' > greatest(now() - $3 * interval '1 second', $4::timestamptz) and at >= coalesce($4, '-infinity') and at <= now()
        group by buyer_id)
     select (select sum(qps)::float8 from seats) as qps,
            (select extract(epoch from now() - max(least(at + seconds * interval '1 second', now())))::float8 from moments where at <= now()) as "quietSeconds"`,
    [of.client, of.bidderId, of.sinceSeconds, of.from ?? null],
  );
  return rows[0] ?? { qps: null, quietSeconds: null };
}
