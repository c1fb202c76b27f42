import { addDays } from "../../core/days.ts";
import { timeClasses, type ClickTimes, type Repeats } from "../../rules/findings/affiliates.ts";
import type { Traffic, Window } from "../../rules/findings/gaps.ts";
import { lookDays, type Found } from "../../rules/findings/kinds.ts";
import type { Source } from "../../rules/findings/parted.ts";
import type { Queryable } from "../../schema/database.ts";

interface WindowOf extends Window {
  client: string;
}

/** The last final day of each feed; null where there is none. */
export async function readLastFinal(
  database: Queryable,
  { client }: { client: string },
): Promise<{ conversions: string | null; spend: string | null; performance: string | null }> {
  const { rows } = await database.query<{
    conversions: string | null;
    spend: string | null;
    performance: string | null;
  }>(
    `select (select max(day) from findings.final_days($1, 'everflow.conversions')) as conversions,
            (select max(day) from findings.final_days($1, 'redtrack.daily_spend')) as spend,
            (select max(date) from ops.file_days where _client_id = $1) as performance`,
    [client],
  );
  return rows[0] ?? { conversions: null, spend: null, performance: null };
}

/** Affiliates with orders that were paid before: those of one affiliate and currency are one finding. */
export async function readPaidTwice(database: Queryable, { client, from, to }: WindowOf): Promise<Found[]> {
  const { rows } = await database.query<{ affiliateId: string; name: string | null; currency: string }>(
    `select affiliate_id as "affiliateId", max(affiliate_name) as name, currency
       from findings.orders_paid_twice($1, $2, $3) where at_stake > 0 group by 1, 3 having sum(at_stake) >= 1 order by 1, 3`,
    [client, from, to],
  );
  return rows.map(({ affiliateId, name, currency }) => ({
    kind: "paid_twice",
    subject: `affiliate/${affiliateId}/${currency}`,
    name: name ?? affiliateId,
    ...{ from, to, p: null, facts: { currency } },
  }));
}

interface SourceDay {
  subject: string;
  name: string;
  currency: string;
  countedBy: string;
  days: { date: string; spend: number; clicks: number; conversions: number }[];
}

/** Every traffic source with its final days: of the window, and of as many before it as say what is usual. */
export async function readSources(database: Queryable, { client, to }: WindowOf): Promise<(Traffic & Source)[]> {
  const { rows } = await database.query<SourceDay>(
    `select 'source/' || source_id as subject, (array_agg(source_name order by date desc))[1] as name, min(currency) as currency, max(counted_by) as "countedBy",
            jsonb_agg(jsonb_build_object('date', date, 'spend', cost, 'clicks', clicks, 'conversions', conversions) order by date) as days
       from findings.source_days($1, $2, $3) group by 1 order by 1`,
    [client, addDays(to, 1 - lookDays.history), to],
  );
  return rows;
}

/** The same of campaigns, from files of ad performance. */
export async function readCampaigns(
  database: Queryable,
  { client, to, currency }: WindowOf & { currency: string },
): Promise<Traffic[]> {
  const { rows } = await database.query<Traffic>(
    `select 'campaign/' || campaign_id as subject, max(campaign_name) as name, $4::text as currency,
            jsonb_agg(jsonb_build_object('date', date, 'clicks', clicks, 'spend', spend) order by date) as days
       from rtb.campaign_days where _client_id = $1 and date between $2 and $3 group by campaign_id order by campaign_id`,
    [client, addDays(to, 1 - lookDays.history), to, currency],
  );
  return rows;
}

/** How long the conversions of each affiliate took from their clicks. */
export async function readClickTimes(database: Queryable, { client, from, to }: WindowOf): Promise<ClickTimes[]> {
  const { rows } = await database.query<ClickTimes>(
    `select 'affiliate/' || affiliate_id as subject, coalesce(max(affiliate_name), affiliate_id) as name, mode() within group (order by currency) as currency,
            count(*)::int as all, percentile_disc(0.5) within group (order by seconds)::float8 as "medianSeconds",
            array[${timeClasses.map(({ fromSeconds, toSeconds }) => `count(*) filter (where seconds >= ${fromSeconds ?? "seconds"} and seconds < ${toSeconds ?? "seconds + 1"})::int`).join(", ")}] as classes
       from (select affiliate_id, affiliate_name, currency, extract(epoch from converted_at - clicked_at)::bigint as seconds
               from findings.final_conversions($1, $2, $3)
              where clicked_at is not null and status in ('approved', 'pending') and payout >= 0) c
      group by affiliate_id order by 1`,
    [client, from, to],
  );
  return rows;
}

/** How many conversions of each affiliate came from an address that had brought one before. */
export async function readRepeats(database: Queryable, { client, from, to }: WindowOf): Promise<Repeats[]> {
  const { rows } = await database.query<Repeats>(
    `select subject, max(subject_name) as name, mode() within group (order by currency) as currency, count(*)::int as all,
            (count(*) filter (where place > 1))::int as repeats
       from findings.addressed_conversions($1, $2, $3) group by 1 order by 1`,
    [client, from, to],
  );
  return rows;
}

/**
 * Of what rows a search is: the same text, the same answer. Restated days, conversions of AnyTrack's and promo clicks of
 * days that are over, a new mapping and each new day are another.
 */
export async function recordsState(database: Queryable, of: { client: string; today: string }): Promise<string> {
  const { rows } = await database.query<{ state: string }>(
    `select concat_ws('/', $2::text,
              (select md5(string_agg(source || slice || content_hash, ',' order by source, slice)) from ops.slices
                where _client_id = $1 and is_final and source in ('redtrack.daily_spend', 'everflow.daily_stats', 'everflow.conversions')
                  and day > $2::date - ${lookDays.paidTwice + 10}),
              (select md5(string_agg(concat_ws(' ', d.date, d.type, d.currency, d.origin, d.conversions, d.revenue), ',' order by d.date, d.type, d.currency, d.origin))
                 from (select date, type, currency, origin, sum(conversions) as conversions, sum(revenue) as revenue from anytrack.conversion_days
                        where _client_id = $1 and date > $2::date - ${lookDays.paidTwice + 10} and date < $2::date group by 1, 2, 3, 4) d),
              (select concat_ws(' ', count(*), max(clicked_at)) from promo.promo_conversion_clicks
                where _client_id = $1 and clicked_date > $2::date - ${lookDays.window + 10} and clicked_date < $2::date),
              (select max(_loaded_at) from public.affiliate_mapping where _client_id = $1),
              (select max(refreshed_at) from rtb.client_performance where _client_id = $1)) as state`,
    [of.client, of.today],
  );
  return rows[0]?.state ?? "";
}
