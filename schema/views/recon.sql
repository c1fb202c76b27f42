-- Disputes that bind: what a person settled holds for the report, whatever later attempts come to. Settled for the platform,
-- a verdict that did not count leaves the next attempt its own.
create or replace view recon.settlements as
select d._client_id, d.affiliate_id, d.report_id, d.dispute_id, d.outcome, d.settled_at, true as counts_for_trust,
       d.outcome = 'affiliate' or l.is_accurate as is_accurate
  from recon.disputes d join recon.reconciliation_logs l on l._client_id = d._client_id and l.log_id = d.log_id
 where d.outcome = 'affiliate' or (d.outcome = 'platform' and l.counts_for_trust);

-- The verdict that counts for each report: that of its latest attempt, or what a person made of it.
create or replace view recon.counted_verdicts as
select l._client_id, l.affiliate_id, l.report_id, l.attempt, l.log_id,
       coalesce(d.counts_for_trust, l.counts_for_trust) as counts_for_trust, coalesce(d.is_accurate, l.is_accurate) as is_accurate, d.outcome as settled_for,
       case when not coalesce(d.counts_for_trust, l.counts_for_trust) then case when l.verdict = 'MATCHED' then 'says_nothing' else 'cannot_be_checked' end
            when not coalesce(d.is_accurate, l.is_accurate) then 'too_high'
            when exists (select from recon.report_state s
                           join recon.post_totals t on t._client_id = s._client_id and t.post_id = s.post_id
                           join recon.post_totals o on o._client_id = t._client_id and o.platform = t.platform and o.post_key = t.post_key
                          where s._client_id = l._client_id and s.report_id = l.report_id and o.affiliate_id <> l.affiliate_id and o.counts_for_trust
                          group by o.affiliate_id having bool_and(o.is_accurate) and min(o.first_report_id) < min(t.first_report_id)) then 'claimed_before'
            else 'accurate' end as trust
  from (select distinct on (_client_id, affiliate_id, report_id) _client_id, affiliate_id, report_id, attempt, log_id, verdict, counts_for_trust, is_accurate
          from recon.reconciliation_logs order by _client_id, affiliate_id, report_id, attempt desc) l
  left join lateral (select b.counts_for_trust, b.is_accurate, b.outcome from recon.settlements b
                      where b._client_id = l._client_id and b.report_id = l.report_id order by b.settled_at desc, b.dispute_id desc limit 1) d on true;

-- Trust computed again from the logs: each post once, accurate when none of its claims was found too high. The same post
-- in several campaigns is one post. Of affiliates who claim one post, it counts for the first alone, and against any.
-- recon.affiliates holds the same numbers, updated with every verdict.
create or replace view recon.affiliate_trust as
select a._client_id, a.affiliate_id, c.total_submissions, c.accurate_submissions,
       coalesce(round(c.accurate_submissions::numeric / nullif(c.total_submissions, 0), 2), 1.00) as trust_score
  from recon.affiliates a
 cross join lateral (
       select count(*) filter (where not mine.is_accurate or mine.is_first)::int as total_submissions,
              count(*) filter (where mine.is_accurate and mine.is_first)::int as accurate_submissions
         from (select post.is_accurate, not exists (
                        select from recon.post_totals o
                         where o._client_id = a._client_id and o.platform = post.platform and o.post_key = post.post_key
                           and o.affiliate_id <> a.affiliate_id and o.counts_for_trust
                         group by o.affiliate_id having bool_and(o.is_accurate) and min(o.first_report_id) < post.first_report_id) as is_first
                 from (select p.platform, p.post_key, bool_and(v.is_accurate) as is_accurate, min(v.report_id) as first_report_id
                         from recon.counted_verdicts v
                         join recon.report_state s on s._client_id = v._client_id and s.report_id = v.report_id
                         join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
                        where v._client_id = a._client_id and v.affiliate_id = a.affiliate_id and v.counts_for_trust
                        group by p.platform, p.post_key) post) mine) c;

create or replace view recon.reports as
select s._client_id, s.report_id, s.campaign_id, s.affiliate_id, s.platform, s.post_id, p.url, r.submission_method, r.submitted_at,
       s.state, s.detail, s.next_try_at, s.attempt, l.verdict, l.level, l.reason, r.claimed_views, r.claimed_clicks, r.claimed_conversions,
       l.verified_views, l.verified_clicks, l.verified_conversions, l.processed_at, d.outcome as dispute_outcome,
       r.origin, (select v.trust from recon.counted_verdicts v where v._client_id = s._client_id and v.report_id = s.report_id) as trust
  from recon.report_state s
  join recon.affiliate_reports r on r._client_id = s._client_id and r.report_id = s.report_id
  join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
  left join recon.reconciliation_logs l on l._client_id = s._client_id and l.log_id = s.log_id
  left join recon.disputes d on d._client_id = s._client_id and d.dispute_id = s.dispute_id;

-- The same with the names that other tables keep.
create or replace view recon.claims as
select r._client_id, r.report_id, r.affiliate_id, a.name as affiliate_name, a.trust_score, r.campaign_id, c.name as campaign_name, c.advertiser_id,
       r.platform, r.post_id, r.url, r.submission_method, r.submitted_at, r.state, r.verdict, r.level, r.reason, r.claimed_views, r.claimed_clicks,
       r.claimed_conversions, r.verified_views, r.verified_clicks, r.verified_conversions, r.processed_at, r.dispute_outcome, r.origin, r.trust
  from recon.reports r
  join recon.affiliates a on a._client_id = r._client_id and a.affiliate_id = r.affiliate_id
  join recon.campaigns c on c._client_id = r._client_id and c.campaign_id = r.campaign_id;
