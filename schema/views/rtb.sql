-- The placeholder for a missing value in the key is shown as NULL. Ratios are computed here and nowhere stored:
-- a ratio of sums is never the mean of these. Six places, as amounts have.
create or replace view rtb.performance as
select m._client_id, c.creative_id, c.buyer_id, m.date, nullif(m.hour, -1) as hour, nullif(m.geography, '') as geography,
       nullif(m.device_type, '') as device_type, nullif(m.placement, '') as placement,
       m.impressions, m.clicks, m.spend,
       case when m.impressions > 0 then round(m.spend * 1000 / m.impressions, 6) end as cpm,
       case when m.clicks > 0 then round(m.spend / m.clicks, 6) end as cpc,
       m._file_id
  from rtb.performance_metrics m left join rtb.creatives c on c._client_id = m._client_id and c.id = m.creative_id;

-- Sorting and paging read rtb.creative_performance itself, by its indexes; this is for looking at one creative or one period.
create or replace view rtb.creative_periods as
select p._client_id, r.creative_id, r.buyer_id, period.period, c.as_of, period.spend, period.impressions, period.clicks,
       case when period.impressions > 0 then round(period.spend * 1000 / period.impressions, 6) end as cpm,
       case when period.clicks > 0 then round(period.spend / period.clicks, 6) end as cpc,
       period.previous_spend,
       case when period.previous_spend > 0 then (period.ended_spend - period.previous_spend) / period.previous_spend end as trend,
       case when period.spend <= 0 then 'zero' when period.spend >= t.high_from then 'high' when period.spend <= t.low_to then 'low' else 'medium' end as tier
  from rtb.creative_performance p
  left join rtb.creatives r on r._client_id = p._client_id and r.id = p.creative_id
  join rtb.client_performance c on c._client_id = p._client_id
 cross join lateral (values
       ('1d', p.spend_1d, p.impressions_1d, p.clicks_1d, p.spend_1d, p.previous_spend_1d),
       ('7d', p.spend_7d, p.impressions_7d, p.clicks_7d, p.spend_7d - p.spend_today, p.previous_spend_7d),
       ('30d', p.spend_30d, p.impressions_30d, p.clicks_30d, p.spend_30d - p.spend_today, p.previous_spend_30d),
       ('all', p.spend_all, p.impressions_all, p.clicks_all, null, null)) period(period, spend, impressions, clicks, ended_spend, previous_spend)
  left join rtb.spend_tiers t on t._client_id = p._client_id and t.period = period.period;

-- A creative may be in several campaigns: their names stand in one row, so that nothing is multiplied.
create or replace view rtb.creative_days as
select m._client_id, c.creative_id, m.date, g.campaign_names, c.format, c.canonical_size, c.buyer_id,
       coalesce(s.display_name, c.buyer_id) as seat_name, m.impressions, m.clicks, m.spend,
       case when m.impressions > 0 then round(m.spend * 1000 / m.impressions, 6) end as cpm,
       case when m.clicks > 0 then round(m.spend / m.clicks, 6) end as cpc
  from (select _client_id, creative_id, date, sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks, sum(spend) as spend
          from rtb.performance_metrics group by 1, 2, 3) m
  join rtb.creatives c on c._client_id = m._client_id and c.id = m.creative_id
 cross join lateral (
       select string_agg(k.campaign_name, ', ' order by k.campaign_name) as campaign_names
         from rtb.campaign_creatives l join rtb.campaigns k on k._client_id = l._client_id and k.campaign_id = l.campaign_id
        where l._client_id = m._client_id and l.creative_id = m.creative_id) g
  left join rtb.buyer_seats s on s._client_id = c._client_id and s.buyer_id = c.buyer_id;

create or replace view rtb.campaign_days as
select l._client_id, l.campaign_id, k.campaign_name, m.date, count(distinct m.creative_id) as creatives,
       sum(m.impressions)::bigint as impressions, sum(m.clicks)::bigint as clicks, sum(m.spend) as spend,
       case when sum(m.impressions) > 0 then round(sum(m.spend) * 1000 / sum(m.impressions), 6) end as cpm,
       case when sum(m.clicks) > 0 then round(sum(m.spend) / sum(m.clicks), 6) end as cpc
  from rtb.campaign_creatives l
  join rtb.campaigns k on k._client_id = l._client_id and k.campaign_id = l.campaign_id
  join rtb.performance_metrics m on m._client_id = l._client_id and m.creative_id = l.creative_id
 group by 1, 2, 3, 4;
