import { inTransaction, type Database, type Session } from "../../schema/database.ts";

export interface BooksDifference {
  client: string;
  variationId: number;
  offerId: number;
  date: string;
}

/** Days whose events may already have been deleted are not compared. */
const comparedDays = 3;

const differences = `
  with events as (
    select _client_id, variation_id, offer_id, tracked_date as date, count(*) as sends, sum(recipients) as impressions,
           0 as clicks, 0 as raw, 0 as bots, 0 as repeats
      from promo.promo_impression_tracking where tracked_date >= current_date - ${comparedDays} group by 1, 2, 3, 4
     union all
    select _client_id, variation_id, offer_id, clicked_date, 0, 0, count(*) filter (where not is_bot and not is_repeat), count(*),
           count(*) filter (where is_bot), count(*) filter (where is_repeat)
      from promo.promo_click_tracking where clicked_date >= current_date - ${comparedDays} group by 1, 2, 3, 4
  ), counted as (
    select _client_id, variation_id, offer_id, date, sum(sends) as sends, sum(impressions) as impressions, sum(clicks) as clicks,
           sum(raw) as raw, sum(bots) as bots, sum(repeats) as repeats
      from events group by 1, 2, 3, 4
  )
  select coalesce(m._client_id, c._client_id) as client, coalesce(m.variation_id, c.variation_id) as "variationId",
         coalesce(m.offer_id, c.offer_id) as "offerId", coalesce(m.date, c.date) as date,
         coalesce(c.sends, 0) as sends, coalesce(c.impressions, 0) as impressions, coalesce(c.clicks, 0) as clicks,
         coalesce(c.raw, 0) as raw, coalesce(c.bots, 0) as bots, coalesce(c.repeats, 0) as repeats
    from counted c
    full join (select * from promo.promo_performance_metrics where date >= current_date - ${comparedDays}) m
      on m._client_id = c._client_id and m.variation_id = c.variation_id and m.date = c.date
   where (coalesce(m.sends, 0), coalesce(m.impressions, 0), coalesce(m.clicks, 0), coalesce(m.raw_clicks, 0), coalesce(m.bot_clicks, 0),
          coalesce(m.repeat_clicks, 0))
         is distinct from (coalesce(c.sends, 0), coalesce(c.impressions, 0), coalesce(c.clicks, 0), coalesce(c.raw, 0), coalesce(c.bots, 0),
          coalesce(c.repeats, 0))
     and ($1::integer[] is null or coalesce(m.offer_id, c.offer_id) = any($1))
   order by 1, 2, 4`;

/** Days whose row does not say what their events say: somebody changed one of the two by hand. The row is set right. */
export async function correctDays(database: Database): Promise<BooksDifference[]> {
  const { rows } = await database.query<BooksDifference>(differences, [null]);
  const offers = [...new Set(rows.map(({ offerId }) => offerId))];
  return offers.length === 0 ? [] : inTransaction(database, (session) => setRight(session, offers));
}

/** Once more with the offers locked, as counting does: nothing of it is counted meanwhile. */
async function setRight(session: Session, offers: number[]): Promise<BooksDifference[]> {
  await session.query("select from promo.promo_offers where id = any($1) order by id for no key update", [offers]);
  const { rows } = await session.query<BooksDifference>(
    `insert into promo.promo_performance_metrics as m
            (_client_id, variation_id, offer_id, date, sends, impressions, clicks, raw_clicks, bot_clicks, repeat_clicks)
     select client, "variationId", "offerId", date, sends, impressions, clicks, raw, bots, repeats from (${differences}) d
     on conflict (_client_id, variation_id, date) do update
        set sends = excluded.sends, impressions = excluded.impressions, clicks = excluded.clicks, raw_clicks = excluded.raw_clicks,
            bot_clicks = excluded.bot_clicks, repeat_clicks = excluded.repeat_clicks, updated_at = now()
     returning _client_id as client, variation_id as "variationId", offer_id as "offerId", date`,
    [offers],
  );
  return rows;
}
