-- What rules/rtb/sizes.ts and rules/rtb/funnel.ts decide, for analysts: tests hold the two against each other.
create or replace function rtb.canonical_size(p_width int, p_height int, p_format text) returns text language sql immutable as $$
  select case
    when upper(trim(p_format)) = 'NATIVE' then 'Native'
    when s.known is not true or s.width = 0 or s.height = 0
      then case when s.is_video then 'Video (size unknown)' when s.known then 'Adaptive/Fluid' end
    when s.width = 1 and s.height = 1 then 'Adaptive/Responsive'
    when s.is_video and s.width * 10 between 5 * s.height and 6 * s.height then 'Video 9:16'
    when s.is_video and s.width * 10 between 7 * s.height and 8 * s.height then 'Video 4:5'
    when s.is_video and s.width * 10 between 9 * s.height and 11 * s.height then 'Video 1:1'
    when s.is_video and s.width * 10 between 17 * s.height and 18 * s.height then 'Video 16:9'
    else coalesce(
      (select format('%sx%s (%s)', n.width, n.height, n.name)
         from (values (300, 250, 'Medium Rectangle'), (728, 90, 'Leaderboard'), (320, 50, 'Mobile Banner'), (300, 50, 'Smartphone Banner'),
          (320, 100, 'Large Mobile Banner'), (160, 600, 'Wide Skyscraper'), (120, 600, 'Skyscraper'), (300, 600, 'Half Page'),
          (300, 1050, 'Portrait'), (970, 250, 'Billboard'), (970, 90, 'Super Leaderboard'), (468, 60, 'Banner'), (234, 60, 'Half Banner'),
          (336, 280, 'Large Rectangle'), (250, 250, 'Square'), (200, 200, 'Small Square'), (180, 150, 'Rectangle'), (120, 60, 'Button'),
          (216, 36, 'Large Feature Phone Banner'), (168, 28, 'Medium Feature Phone Banner'), (120, 20, 'Small Feature Phone Banner'),
          (320, 480, 'Mobile Interstitial, Portrait'), (480, 320, 'Mobile Interstitial, Landscape'), (768, 1024, 'Tablet Interstitial, Portrait'),
          (1024, 768, 'Tablet Interstitial, Landscape'), (640, 1136, 'Phone Interstitial'), (750, 1334, 'Phone Interstitial'), (1080, 1920, 'Phone Interstitial')) n(width, height, name)
        where abs(n.width - s.width) <= 5 and abs(n.height - s.height) <= 5
        order by (n.width - s.width) ^ 2 + (n.height - s.height) ^ 2, n.width * n.height limit 1),
      format('Non-Standard (%sx%s)', s.width, s.height)) end
    from (select p_width::bigint as width, p_height::bigint as height, p_width >= 0 and p_height >= 0 as known,
                 coalesce(upper(trim(p_format)) in ('VIDEO', 'VAST'), false) as is_video) s
$$;

-- A size as a bidder or a report writes it: 300x250, Native, Interstitial.
create or replace function rtb.canonical_size(p_size text, p_format text) returns text language sql immutable as $$
  select case lower(trim(p_size))
    when 'native' then 'Native' when 'video' then 'Video (size unknown)' when 'video/overlay' then 'Video (size unknown)'
    when 'interstitial' then 'Interstitial (size unknown)' when 'fluid' then 'Adaptive/Fluid' when 'responsive' then 'Adaptive/Responsive'
    else case when p_size ~ '^\d{1,5}x\d{1,5}$'
              then rtb.canonical_size(split_part(p_size, 'x', 1)::int, split_part(p_size, 'x', 2)::int, p_format) end end
$$;

create or replace view rtb.traffic as
select _client_id, buyer_id, at, date, hour, size, nullif(format, '') as format, rtb.canonical_size(size, nullif(format, '')) as canonical_size,
       nullif(geography, '') as geography, nullif(device_type, '') as device_type, seconds, requests, round(requests::numeric / seconds, 6) as qps
  from rtb.rtb_traffic;

-- Both reports side by side: each counts the same requests, so no sum is over both.
create or replace view rtb.funnel_days as
select _client_id, buyer_id, date, report, inventory_matches, bid_requests, successful_responses, reached_queries, bids, bids_in_auction, auctions_won, impressions, clicks,
       case when inventory_matches > 0 then round(bid_requests::numeric / inventory_matches, 6) end as callout_rate,
       case when bid_requests > 0 then round(successful_responses::numeric / bid_requests, 6) end as response_rate,
       case when bid_requests > 0 then round(bids::numeric / bid_requests, 6) end as bid_rate,
       case when bids_in_auction > 0 then round(auctions_won::numeric / bids_in_auction, 6) end as win_rate,
       case when bid_requests > 0 then round(greatest(0, bid_requests - bids)::numeric / bid_requests, 6) end as waste_ratio,
       round(bid_requests::numeric / 86400, 6) as qps
  from (select _client_id, buyer_id, date, report,
           case when count(inventory_matches) = count(*) then sum(inventory_matches)::bigint end as inventory_matches,
           case when count(bid_requests) = count(*) then sum(bid_requests)::bigint end as bid_requests,
           case when count(successful_responses) = count(*) then sum(successful_responses)::bigint end as successful_responses,
           case when count(reached_queries) = count(*) then sum(reached_queries)::bigint end as reached_queries,
           case when count(bids) = count(*) then sum(bids)::bigint end as bids,
           case when count(bids_in_auction) = count(*) then sum(bids_in_auction)::bigint end as bids_in_auction,
           case when count(auctions_won) = count(*) then sum(auctions_won)::bigint end as auctions_won,
           case when count(impressions) = count(*) then sum(impressions)::bigint end as impressions,
           case when count(clicks) = count(*) then sum(clicks)::bigint end as clicks
          from rtb.funnel_sums where "by" = 'country' group by 1, 2, 3, 4) days;

-- Spend by report, side by side: the authority's is the spend, and no two are added.
create or replace view rtb.spend_days as
select _client_id, buyer_id, date, sum(bids_in_auction) as spend_bids_in_auction, sum(quality) as spend_quality, sum(performance) as spend_performance
  from (select _client_id, buyer_id, date, spend as bids_in_auction, null::numeric as quality, null::numeric as performance from rtb.report_bids
         union all select _client_id, buyer_id, date, null, spend, null from rtb.report_quality
         union all select m._client_id, c.buyer_id, m.date, null, null, m.spend
                     from rtb.performance_metrics m join rtb.creatives c on c._client_id = m._client_id and c.id = m.creative_id) rows
 group by 1, 2, 3;

-- The way from possible queries to impressions, over days, by 'all', 'day', 'country', 'publisher' or 'hour'. Of each seat one
-- report is read, the one with more days; a publisher is in one of them only. A count is NULL unless all its rows have it.
create or replace function rtb.funnel_by(p_by text, p_from date, p_to date, p_client text default null, p_buyer text default null)
returns table (_client_id text, value text, name text, report text, days bigint, inventory_matches bigint, bid_requests bigint, successful_responses bigint,
               reached_queries bigint, bids bigint, bids_in_auction bigint, auctions_won bigint, impressions bigint, clicks bigint,
               callout_rate numeric, response_rate numeric, bid_rate numeric, win_rate numeric, waste_ratio numeric, qps numeric)
language sql stable as $$
  with dates as (
    select s._client_id, s.buyer_id, s.report, s.date from rtb.funnel_sums s
     where s."by" = 'country' and s.date between p_from and p_to and (p_client is null or s._client_id = p_client) and (p_buyer is null or s.buyer_id = p_buyer)
       and (p_by <> 'publisher' or s.report = 'pipeline_by_publisher')
     group by 1, 2, 3, 4
  ), chosen as (
    select distinct on (r._client_id, r.buyer_id) r._client_id, r.buyer_id, r.report
      from dates r group by r._client_id, r.buyer_id, r.report order by r._client_id, r.buyer_id, count(*) desc, r.report
  ), dated as (
    select r._client_id as client, count(distinct r.date) as days from dates r join chosen using (_client_id, buyer_id, report) group by 1
  ), by_value as (
    select r._client_id as client,
           case p_by when 'day' then r.date::text when 'hour' then nullif(r.value, '-1') when 'all' then null else nullif(r.value, '') end as value,
           max(r.name) as name, min(r.report) || case when count(distinct r.report) > 1 then ', ' || max(r.report) else '' end as report,
           case when count(r.inventory_matches) = count(*) then sum(r.inventory_matches)::bigint end as inventory_matches, case when count(r.bid_requests) = count(*) then sum(r.bid_requests)::bigint end as bid_requests, case when count(r.successful_responses) = count(*) then sum(r.successful_responses)::bigint end as successful_responses, case when count(r.reached_queries) = count(*) then sum(r.reached_queries)::bigint end as reached_queries, case when count(r.bids) = count(*) then sum(r.bids)::bigint end as bids, case when count(r.bids_in_auction) = count(*) then sum(r.bids_in_auction)::bigint end as bids_in_auction, case when count(r.auctions_won) = count(*) then sum(r.auctions_won)::bigint end as auctions_won, case when count(r.impressions) = count(*) then sum(r.impressions)::bigint end as impressions, case when count(r.clicks) = count(*) then sum(r.clicks)::bigint end as clicks
      from rtb.funnel_sums r join chosen using (_client_id, buyer_id, report)
     where r."by" = case when p_by in ('all', 'day') then 'country' else p_by end and r.date between p_from and p_to
       and (p_client is null or r._client_id = p_client)
     group by 1, 2
  )
  select v.client, v.value, v.name, v.report, d.days, v.inventory_matches, v.bid_requests, v.successful_responses, v.reached_queries, v.bids, v.bids_in_auction, v.auctions_won, v.impressions, v.clicks,
       case when v.inventory_matches > 0 then round(v.bid_requests::numeric / v.inventory_matches, 6) end as callout_rate,
       case when v.bid_requests > 0 then round(v.successful_responses::numeric / v.bid_requests, 6) end as response_rate,
       case when v.bid_requests > 0 then round(v.bids::numeric / v.bid_requests, 6) end as bid_rate,
       case when v.bids_in_auction > 0 then round(v.auctions_won::numeric / v.bids_in_auction, 6) end as win_rate,
       case when v.bid_requests > 0 then round(greatest(0, v.bid_requests - v.bids)::numeric / v.bid_requests, 6) end as waste_ratio,
       round(v.bid_requests::numeric / (case p_by when 'day' then 1 else d.days end * case p_by when 'hour' then 3600 else 86400 end), 6)
    from by_value v join dated d using (client)
   order by v.client, v.bid_requests desc nulls last, v.value
$$;

-- Which sizes are asked for, and which there are creatives of: good, low, none or excess; unknown without traffic of the bidder's own,
-- and where only impressions or requests without a size say that it is asked for. Those are for any creative of their category.
create or replace function rtb.size_coverage(p_from date, p_to date, p_client text default null, p_buyer text default null)
returns table (_client_id text, size text, creatives bigint, requests bigint, share numeric, qps numeric, coverage text, days bigint)
language sql stable as $$
  with sent as (
    select t._client_id as client, t.size, t.format, t.date, sum(t.requests)::bigint as requests
      from rtb.rtb_traffic t where t.date between p_from and p_to and (p_client is null or t._client_id = p_client) and (p_buyer is null or t.buyer_id = p_buyer)
     group by 1, 2, 3, 4
  ), asked as (
    select t.client, rtb.canonical_size(t.size, nullif(t.format, '')) as size, t.requests, t.date from sent t
  ), demand as (
    select client, size, sum(requests)::bigint as requests from asked where size is not null group by 1, 2
  ), stock as (
    select c.client, rtb.canonical_size(c.width, c.height, c.format) as size, sum(c.creatives)::bigint as creatives
      from (select c._client_id as client, c.width, c.height, c.format, count(*) as creatives from rtb.creatives c
             where c.vanished_at is null and not c.is_stub and (p_client is null or c._client_id = p_client) and (p_buyer is null or c.buyer_id = p_buyer)
             group by 1, 2, 3, 4) c
     group by 1, 2
  ), sized as (
    select s.client, s.size, s.creatives, k.category from stock s
     cross join lateral (select case when s.size like 'Video %' then 'Video' when s.size like '%Interstitial%' then 'Interstitial' end as category) k
     where s.size is not null
  ), unsized as (
    select w.client, w.size, split_part(w.size, ' ', 1) as category from demand w where w.size in ('Video (size unknown)', 'Interstitial (size unknown)')
  ), able as (
    select s.client, s.size, s.creatives, s.category from sized s where not exists (select from unsized u where u.client = s.client and u.size = s.size)
    union all
    select u.client, u.size, sum(s.creatives)::bigint, u.category from unsized u join sized s on s.client = u.client and s.category = u.category group by 1, 2, 4
  ), shown as (
    select distinct q._client_id as client,
           rtb.canonical_size(regexp_replace(trim(q.creative_size), '\s*[xX×*]\s*', 'x'), nullif(q.creative_format, '')) as size
      from rtb.report_quality q where q.date between p_from and p_to and q.impressions > 0
       and (p_client is null or q._client_id = p_client) and (p_buyer is null or q.buyer_id = p_buyer)
  ), spans as (
    select distinct t._client_id as client, t.at, t.seconds
      from rtb.rtb_traffic t where t.date between p_from and p_to and (p_client is null or t._client_id = p_client) and (p_buyer is null or t.buyer_id = p_buyer)
  ), covered as (
    select c.client, sum(extract(epoch from upper(c.span) - lower(c.span))) as seconds
      from (select p.client, unnest(range_agg(tstzrange(p.at, p.at + p.seconds * interval '1 second'))) as span from spans p group by 1) c group by 1
  ), dated as (
    select client, count(distinct date) as days, sum(requests) filter (where size is not null) as requests from asked group by 1
  )
  select client, size, coalesce(s.creatives, 0), case when d.client is not null then coalesce(w.requests, 0) end,
         case when d.requests > 0 then round(coalesce(w.requests, 0) / d.requests, 6) end,
         case when d.client is not null then round(coalesce(w.requests, 0)::numeric / v.seconds, 6) end,
         case when d.client is null then 'unknown' when coalesce(s.creatives, 0) = 0 then 'none' when coalesce(w.requests, 0) = 0
                then case when exists (select from shown h where h.client = s.client and h.size = s.size)
                            or exists (select from unsized u where u.client = s.client and u.category = s.category) then 'unknown' else 'excess' end
              when s.creatives < 3 and w.requests > 1000 then 'low' else 'good' end,
         coalesce(d.days, 0)
    from demand w full join able s using (client, size) left join dated d using (client) left join covered v using (client)
   order by client, coalesce(w.requests, 0) desc, coalesce(s.creatives, 0) desc, size
$$;
