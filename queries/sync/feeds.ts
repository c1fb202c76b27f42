import type { Queryable } from "../../schema/database.ts";

export interface Feed {
  source: string;
  timezone: string;
  /** The first day that scheduled runs answer for; null where none does. */
  coveredFrom: string | null;
  /** Does a worker still pull it? */
  isPulled: boolean;
}

/** The feeds that a client has anything of, or that are pulled for it. */
export async function readFeeds(database: Queryable, client: string): Promise<Feed[]> {
  const { rows } = await database.query<Feed>(
    `select k.source, coalesce(w.timezone, s.timezone, 'UTC') as timezone, c.covered_from as "coveredFrom", w.source is not null as "isPulled"
       from (select source from ops.sources union select source from ops.coverage where _client_id = $1
             union select distinct source from ops.slices where _client_id = $1) k
       left join ops.sources w on w.source = k.source
       left join ops.coverage c on c._client_id = $1 and c.source = k.source
       left join lateral (select timezone from ops.slices where _client_id = $1 and source = k.source order by day desc limit 1) s on true
      order by 1`,
    [client],
  );
  return rows;
}
