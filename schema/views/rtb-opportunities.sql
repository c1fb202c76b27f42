-- The days that an opportunity is about: the part, and the rest that it is held against. Of a missing size it is what similar
-- campaigns did in it and outside of it; with p_of_itself what the campaign itself did, once it has the size. A campaign that was
-- merged into another is counted by the creatives that it had then, and these only as its own.
create or replace function rtb.opportunity_days(p_client text, p_opportunity bigint, p_from date default null, p_to date default null, p_of_itself boolean default false)
returns table (date date, clicks numeric, spend numeric, impressions numeric, rest_clicks numeric, rest_spend numeric, rest_impressions numeric)
language sql stable as $$
  with about as (
    select o.insight_type as type, o.campaign_id, o.geography, o.creative_id, o.size, coalesce(p_from, o.window_from) as first_day, coalesce(p_to, o.window_to) as last_day,
           case when o.insight_type = 'high_cpc_low_spend' then null
                when o.insight_type = 'size_gap' and not p_of_itself then array(select jsonb_array_elements_text(o.evidence -> 'peers')::bigint)
                else array[o.campaign_id] end as campaigns
      from rtb.opportunities o where o._client_id = p_client and o.opportunity_id = p_opportunity
  ), merged as (
    select d.from_campaign_id as campaign_id, unnest(d.creatives) as creative_id
      from about a join rtb.campaign_decisions d on d._client_id = p_client and d.kind = 'merged' and d.from_campaign_id = any(coalesce(a.campaigns, array[a.campaign_id]))
     where not exists (select from rtb.campaigns c where c._client_id = p_client and c.campaign_id = d.from_campaign_id)
  ), members as (
    select k.campaign_id, k.creative_id from about a join rtb.campaign_creatives k on k._client_id = p_client and (a.campaigns is null or k.campaign_id = any(a.campaigns))
     where not exists (select from merged g where g.creative_id = k.creative_id)
    union all
    select campaign_id, creative_id from merged
  ), rows as (
    select m.date, m.clicks, m.spend, m.impressions,
           case a.type when 'undervalued_geo' then m.geography = a.geography
                       when 'neglected_creative' then m.creative_id = a.creative_id
                       when 'size_gap' then c.canonical_size is not distinct from a.size
                       else k.campaign_id = a.campaign_id end as is_part
      from about a
     cross join members k
      join rtb.creatives c on c._client_id = p_client and c.id = k.creative_id
      join rtb.performance_metrics m on m._client_id = p_client and m.creative_id = k.creative_id and m.date between a.first_day and a.last_day)
  select date, coalesce(sum(clicks) filter (where is_part), 0), coalesce(sum(spend) filter (where is_part), 0), coalesce(sum(impressions) filter (where is_part), 0),
         coalesce(sum(clicks) filter (where not is_part), 0), coalesce(sum(spend) filter (where not is_part), 0), coalesce(sum(impressions) filter (where not is_part), 0)
    from rows group by date order by date
$$;

-- The sums that an opportunity was found by, beside the same sums of the rows as they are now: they differ where a file restated something since.
create or replace view rtb.opportunity_evidence as
select o._client_id, o.opportunity_id, o.insight_type, o.campaign_id, o.subject, o.window_from, o.window_to,
       (o.evidence -> 'own' ->> 'clicks')::numeric as found_clicks, (o.evidence -> 'own' ->> 'spend')::numeric as found_spend,
       (o.evidence -> 'rest' ->> 'clicks')::numeric as found_rest_clicks, (o.evidence -> 'rest' ->> 'spend')::numeric as found_rest_spend,
       d.clicks, d.spend, d.rest_clicks, d.rest_spend,
       case when d.clicks > 0 then round(d.spend / d.clicks, 6) end as cpc,
       case when d.rest_clicks > 0 then round(d.rest_spend / d.rest_clicks, 6) end as rest_cpc,
       o.current_spend_weekly, o.target_spend_weekly, o.potential_savings_weekly, o.potential_savings_weekly_low, o.confidence_score
  from rtb.opportunities o
 cross join lateral (select coalesce(sum(clicks), 0) as clicks, coalesce(sum(spend), 0) as spend, coalesce(sum(rest_clicks), 0) as rest_clicks, coalesce(sum(rest_spend), 0) as rest_spend
                       from rtb.opportunity_days(o._client_id, o.opportunity_id)) d;
