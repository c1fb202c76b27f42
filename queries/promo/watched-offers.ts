import type { Queryable } from "../../schema/database.ts";

export interface WatchedOffer {
  offerId: number;
  name: string;
  landingUrl: string | null;
}

export interface WatchedRates extends WatchedOffer {
  past: { impressions: number; clicks: number };
  recent: { impressions: number; clicks: number };
}

/** What each offer that is not archived was shown and clicked: on days before `split`, and from then to the day before `to`. */
export async function readRates(
  database: Queryable,
  of: { client: string; from: string; split: string; to: string },
): Promise<WatchedRates[]> {
  const { rows } = await database.query<WatchedRates>(
    `select o.id as "offerId", o.name, o.landing_url as "landingUrl",
            json_build_object('impressions', coalesce(sum(m.impressions) filter (where m.date < $3), 0),
                              'clicks', coalesce(sum(m.clicks) filter (where m.date < $3), 0)) as past,
            json_build_object('impressions', coalesce(sum(m.impressions) filter (where m.date >= $3), 0),
                              'clicks', coalesce(sum(m.clicks) filter (where m.date >= $3), 0)) as recent
       from promo.promo_offers o
       left join promo.promo_performance_metrics m
         on m._client_id = o._client_id and m.offer_id = o.id and m.date >= $2 and m.date < $4
      where o._client_id = $1 and not o.archived
      group by o._client_id, o.id order by o.id`,
    [of.client, of.from, of.split, of.to],
  );
  return rows;
}

/** Callers without a refused call for a while: their alerts are over. */
export async function readQuietCallers(database: Queryable, client: string): Promise<{ subject: string }[]> {
  const { rows } = await database.query<{ subject: string }>(
    `select a.subject from ops.alerts a
      where a._client_id = $1 and a.area = 'promo' and a.kind = 'events_refused' and a.resolved_at is null
        and not exists (select from promo.promo_refusals r
                         where r._client_id = a._client_id and r.kind || 's of ' || r.caller = a.subject and r.last_at > now() - interval '1 hour')`,
    [client],
  );
  return rows;
}
