-- The verdict that counts for each report: that of its latest attempt, and what a person made of it.
create or replace view recon.counted_verdicts as
select l._client_id, l.affiliate_id, l.report_id, l.attempt, l.log_id,
       l.counts_for_trust or d.outcome is not distinct from 'affiliate' as counts_for_trust,
       l.is_accurate or d.outcome is not distinct from 'affiliate' as is_accurate
  from (select distinct on (_client_id, affiliate_id, report_id) _client_id, affiliate_id, report_id, attempt, log_id, counts_for_trust, is_accurate
          from recon.reconciliation_logs order by _client_id, affiliate_id, report_id, attempt desc) l
  left join recon.disputes d on d._client_id = l._client_id and d.log_id = l.log_id;

-- Trust computed again from the logs: each post once, accurate when none of its claims was found too high. The same post
-- in several campaigns is one post. recon.affiliates holds the same numbers, updated with every verdict.
create or replace view recon.affiliate_trust as
select a._client_id, a.affiliate_id, c.total_submissions, c.accurate_submissions,
       coalesce(round(c.accurate_submissions::numeric / nullif(c.total_submissions, 0), 2), 1.00) as trust_score
  from recon.affiliates a
 cross join lateral (
       select count(*)::int as total_submissions, count(*) filter (where post.is_accurate)::int as accurate_submissions
         from (select bool_and(v.is_accurate) as is_accurate
                 from recon.counted_verdicts v
                 join recon.report_state s on s._client_id = v._client_id and s.report_id = v.report_id
                 join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
                where v._client_id = a._client_id and v.affiliate_id = a.affiliate_id and v.counts_for_trust
                group by p.platform, p.url) post) c;

create or replace view recon.reports as
select s._client_id, s.report_id, s.campaign_id, s.affiliate_id, s.platform, s.post_id, p.url, r.submission_method, r.submitted_at,
       s.state, s.detail, s.next_try_at, s.attempt, l.verdict, l.level, l.reason, r.claimed_views, r.claimed_clicks, r.claimed_conversions,
       l.verified_views, l.verified_clicks, l.verified_conversions, l.processed_at, d.outcome as dispute_outcome,
       r.origin
  from recon.report_state s
  join recon.affiliate_reports r on r._client_id = s._client_id and r.report_id = s.report_id
  join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
  left join recon.reconciliation_logs l on l._client_id = s._client_id and l.log_id = s.log_id
  left join recon.disputes d on d._client_id = l._client_id and d.log_id = l.log_id;

-- The same with the names that other tables keep.
create or replace view recon.claims as
select r._client_id, r.report_id, r.affiliate_id, a.name as affiliate_name, a.trust_score, r.campaign_id, c.name as campaign_name, c.advertiser_id,
       r.platform, r.post_id, r.url, r.submission_method, r.submitted_at, r.state, r.verdict, r.level, r.reason, r.claimed_views, r.claimed_clicks,
       r.claimed_conversions, r.verified_views, r.verified_clicks, r.verified_conversions, r.processed_at, r.dispute_outcome, r.origin
  from recon.reports r
  join recon.affiliates a on a._client_id = r._client_id and a.affiliate_id = r.affiliate_id
  join recon.campaigns c on c._client_id = r._client_id and c.campaign_id = r.campaign_id;
