import { prepared, type Queryable, type Session } from "../../schema/database.ts";

/** Locks these posts. A share link's post is locked before the one it leads to, and others by id, so that there is no deadlock. */
export async function lockPosts(
  session: Session,
  { client, postIds }: { client: string; postIds: readonly string[] },
): Promise<void> {
  await session.query(
    prepared("select from recon.posts where _client_id = $1 and post_id = any($2) order by post_id for no key update", [
      client,
      postIds,
    ]),
  );
}

/**
 * Works out a post's line for the dashboards from its rows: the latest claim beside the platform's latest numbers.
 * The post must be locked, or the later of two writers would not count what the earlier one wrote.
 */
export async function refreshPostTotals(
  database: Queryable,
  { client, postId }: { client: string; postId: string },
): Promise<void> {
  await database.query(
    prepared(
      `insert into recon.post_totals as t
            (_client_id, post_id, campaign_id, affiliate_id, platform, post_key, reports, latest_report_id, claimed_views, claimed_clicks, claimed_conversions,
             verified_views, verified_clicks, verified_conversions, spend, currency, platform_report_id, verified_at, judged_report_id, verdict, level,
             counts_for_trust, is_accurate, first_report_id)
     select p._client_id, p.post_id, p.campaign_id, p.affiliate_id, p.platform, p.post_key, counted.reports, r.report_id, r.claimed_views, r.claimed_clicks, r.claimed_conversions,
            f.views, f.clicks, f.conversions, f.spend, f.currency, f.platform_report_id, f.fetched_at, j.report_id, j.verdict, j.level,
            coalesce(trust.counts, false), coalesce(trust.accurate, false), trust.first
       from recon.posts p
      cross join lateral (select count(*)::int as reports, max(report_id) as latest from recon.report_state s
                           where s._client_id = p._client_id and s.post_id = p.post_id) counted
       join recon.affiliate_reports r on r._client_id = p._client_id and r.report_id = counted.latest
       left join lateral (select * from recon.platform_reports f where f._client_id = p._client_id and f.post_id = p.post_id
                           order by f.platform_report_id desc limit 1) f on true
       left join lateral (select s.report_id, s.verdict, s.level from recon.report_state s
                           where s._client_id = p._client_id and s.post_id = p.post_id and s.verdict is not null order by s.report_id desc limit 1) j on true
      -- Whoever claimed too much once is not cleared by a true claim of the same post, nor by its deletion.
      cross join lateral (
            select bool_or(v.counts) as counts, bool_and(v.accurate) filter (where v.counts) as accurate, min(v.report_id) filter (where v.counts) as first
              from (select s.report_id, coalesce(d.counts_for_trust, l.counts_for_trust) as counts, coalesce(d.is_accurate, l.is_accurate) as accurate
                      from recon.report_state s
                      join recon.reconciliation_logs l on l._client_id = s._client_id and l.log_id = s.log_id
                      left join lateral (select b.counts_for_trust, b.is_accurate from recon.settlements b
                                          where b._client_id = s._client_id and b.report_id = s.report_id order by b.settled_at desc, b.dispute_id desc limit 1) d on true
                     where s._client_id = p._client_id and s.post_id = p.post_id) v) trust
      where p._client_id = $1 and p.post_id = $2
     on conflict on constraint post_totals_key do update
        set reports = excluded.reports, latest_report_id = excluded.latest_report_id, claimed_views = excluded.claimed_views,
            claimed_clicks = excluded.claimed_clicks, claimed_conversions = excluded.claimed_conversions, verified_views = excluded.verified_views,
            verified_clicks = excluded.verified_clicks, verified_conversions = excluded.verified_conversions, spend = excluded.spend,
            currency = excluded.currency, platform_report_id = excluded.platform_report_id, verified_at = excluded.verified_at,
            judged_report_id = excluded.judged_report_id, verdict = excluded.verdict, level = excluded.level,
            counts_for_trust = excluded.counts_for_trust, is_accurate = excluded.is_accurate,
            first_report_id = excluded.first_report_id, updated_at = now()`,
      [client, postId],
    ),
  );
}
