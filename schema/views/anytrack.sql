-- What the sandbox made up stands on rows of its own, and is never added to what is real.

-- Clicks stand on rows of their own, without a currency: adding up any column of any selection counts nothing twice.
create or replace view anytrack.affiliate_daily as
select _client_id, date, affiliate_id, currency, sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions, sum(revenue) as revenue,
       case when origin = 'sandbox' then 'sandbox' when bool_or(origin = 'unknown') then 'unknown' else 'real' end as origin
  from (select _client_id, date, affiliate_id, null::text as currency, 1 as clicks, 0 as conversions, null::numeric as revenue, origin from anytrack.clicks
         union all
        select _client_id, date, affiliate_id, currency, 0, 1, revenue, origin from anytrack.conversions) each_one
 where affiliate_id is not null
 group by _client_id, date, affiliate_id, currency, each_one.origin = 'sandbox';

create or replace view anytrack.affiliate_performance as
with days as (
  select *, origin = 'sandbox' as is_sandbox from anytrack.affiliate_daily where date > (now() at time zone 'America/New_York')::date - 30
), totals as (
  select _client_id, affiliate_id, is_sandbox, sum(clicks)::bigint as clicks, sum(conversions)::bigint as conversions, bool_or(origin = 'unknown') as has_unknown
    from days group by 1, 2, 3
), money as (
  select _client_id, affiliate_id, is_sandbox, currency, sum(revenue) as revenue from days where revenue is not null group by 1, 2, 3, 4
)
select t._client_id, t.affiliate_id, m.currency, t.clicks, t.conversions, m.revenue,
       round(m.revenue / nullif(t.clicks, 0), 4) as epc, round(100.0 * t.conversions / nullif(t.clicks, 0), 2) as conversion_rate_pct,
       case when t.is_sandbox then 'sandbox' when t.has_unknown then 'unknown' else 'real' end as origin
  from totals t left join money m using (_client_id, affiliate_id, is_sandbox);

create or replace view anytrack.daily_report as
select _client_id, date, currency, count(*) as conversions, count(*) filter (where type = 'SALE') as sales, coalesce(sum(revenue), 0) as revenue,
       round(sum(revenue) filter (where type = 'SALE') / nullif(count(*) filter (where type = 'SALE' and revenue is not null), 0), 2) as average_order_value,
       case when origin = 'sandbox' then 'sandbox' when bool_or(origin = 'unknown') then 'unknown' else 'real' end as origin
  from anytrack.conversions c group by _client_id, date, currency, c.origin = 'sandbox';

create or replace view anytrack.daily_by_source as
select _client_id, date, source, currency, count(*) as conversions, coalesce(sum(revenue), 0) as revenue,
       case when origin = 'sandbox' then 'sandbox' when bool_or(origin = 'unknown') then 'unknown' else 'real' end as origin
  from anytrack.conversions c group by _client_id, date, source, currency, c.origin = 'sandbox';

create or replace view anytrack.daily_by_campaign as
select _client_id, date, campaign_id, currency, count(*) as conversions, coalesce(sum(revenue), 0) as revenue,
       case when origin = 'sandbox' then 'sandbox' when bool_or(origin = 'unknown') then 'unknown' else 'real' end as origin
  from anytrack.conversions c group by _client_id, date, campaign_id, currency, c.origin = 'sandbox';

-- Clicks from wherever they are known; anytrack.weigh reads them here.
create or replace view anytrack.known_clicks as
select _client_id, click_id, visitor, at, source, campaign_id, ad_id, affiliate_id, 'click'::text as origin from anytrack.clicks;

create or replace view anytrack.attribution_by_conversion as
select c._client_id, c.conversion_key, c.date, c.currency, m.model, case when a.model is null then 'unknown' else 'known' end as state,
       a.position, t.type as touchpoint_type, t.source, t.campaign_id, t.affiliate_id, a.weight, a.weight * c.revenue as credited_revenue,
       c.journey, t.origin, c.origin as conversion_origin
  from anytrack.conversions c
 cross join (values ('last_click'), ('first_click'), ('linear'), ('time_decay')) m(model)
  left join anytrack.attribution a on a._client_id = c._client_id and a.conversion_key = c.conversion_key and a.model = m.model
  left join anytrack.touchpoints t on t._client_id = c._client_id and t.conversion_key = c.conversion_key and t.position = a.position;

create or replace view anytrack.attribution_by_source as
select _client_id, date, model, state, source, currency, sum(coalesce(weight, 1)) as conversions, sum(credited_revenue) as credited_revenue,
       sum(coalesce(weight, 1)) filter (where journey in ('told', 'clicks')) as conversions_with_journey,
       case when conversion_origin = 'sandbox' then 'sandbox' when bool_or(conversion_origin = 'unknown') then 'unknown' else 'real' end as origin
  from anytrack.attribution_by_conversion group by _client_id, date, model, state, source, currency, conversion_origin = 'sandbox';
