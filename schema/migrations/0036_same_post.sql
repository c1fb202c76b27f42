ALTER TABLE "recon"."posts" DROP CONSTRAINT "posts_url";--> statement-breakpoint
DROP INDEX "recon"."posts_same_url";--> statement-breakpoint
-- By hand: a post was known by its address, so that one ad, in three tabs of the Ads Manager, was three posts. It is one by
-- the platform's own id now, and zeros before an id name nothing else.
UPDATE recon.posts SET platform_post_id = ltrim(platform_post_id, '0') WHERE platform IN ('meta', 'reddit') AND platform_post_id LIKE '0%';--> statement-breakpoint
CREATE TEMP TABLE merged_posts ON COMMIT DROP AS
SELECT _client_id, post_id, kept FROM (
	SELECT p._client_id, p.post_id, first_value(p.post_id) OVER (PARTITION BY p._client_id, p.campaign_id, p.platform, p.affiliate_id, p.platform_post_id
	         ORDER BY (SELECT max(f.platform_report_id) FROM recon.platform_reports f WHERE f._client_id = p._client_id AND f.post_id = p.post_id) DESC NULLS LAST, p.post_id) AS kept
	  FROM recon.posts p
	  JOIN (SELECT _client_id, campaign_id, platform, affiliate_id, platform_post_id FROM recon.posts WHERE platform_post_id IS NOT NULL
	         GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1) same USING (_client_id, campaign_id, platform, affiliate_id, platform_post_id)) p
 WHERE post_id <> kept;--> statement-breakpoint
UPDATE recon.posts p SET joined_post_id = m.kept FROM merged_posts m WHERE p._client_id = m._client_id AND p.joined_post_id = m.post_id;--> statement-breakpoint
UPDATE recon.posts p SET joined_post_id = m.kept, platform_post_id = NULL FROM merged_posts m WHERE p._client_id = m._client_id AND p.post_id = m.post_id;--> statement-breakpoint
UPDATE recon.report_state s SET post_id = m.kept FROM merged_posts m WHERE s._client_id = m._client_id AND s.post_id = m.post_id;--> statement-breakpoint
ALTER TABLE "recon"."posts" ADD COLUMN "post_key" text GENERATED ALWAYS AS (coalesce(platform_post_id, url)) STORED NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."posts" ADD CONSTRAINT "posts_once" UNIQUE("_client_id","campaign_id","platform","post_key","affiliate_id");--> statement-breakpoint
CREATE INDEX "posts_same_post" ON "recon"."posts" USING btree ("_client_id","platform","post_key","affiliate_id");--> statement-breakpoint
ALTER TABLE "recon"."report_state" ADD COLUMN "says_nothing" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."report_state" ADD COLUMN "dispute_id" bigint;--> statement-breakpoint
CREATE INDEX "disputes_report" ON "recon"."disputes" USING btree ("_client_id","report_id","dispute_id");--> statement-breakpoint
-- A claim of next to nothing counted as accurate. Logs never change; this is what they would have said.
ALTER TABLE recon.reconciliation_logs DISABLE TRIGGER only_grows;--> statement-breakpoint
UPDATE recon.reconciliation_logs SET counts_for_trust = false, is_accurate = false
 WHERE verdict = 'MATCHED' AND counts_for_trust
   AND NOT (coalesce(claimed_views > 0 AND 2::numeric * claimed_views >= verified_views, false)
         OR coalesce(claimed_clicks > 0 AND 2::numeric * claimed_clicks >= verified_clicks, false)
         OR coalesce(claimed_conversions > 0 AND 2::numeric * claimed_conversions >= verified_conversions, false));--> statement-breakpoint
ALTER TABLE recon.reconciliation_logs ENABLE ALWAYS TRIGGER only_grows;--> statement-breakpoint
UPDATE recon.report_state s SET says_nothing = true FROM recon.reconciliation_logs l
 WHERE l._client_id = s._client_id AND l.log_id = s.log_id AND l.verdict = 'MATCHED' AND NOT l.counts_for_trust;--> statement-breakpoint
UPDATE recon.report_state s SET dispute_id = d.dispute_id
  FROM (SELECT _client_id, report_id, max(dispute_id) AS dispute_id FROM recon.disputes GROUP BY 1, 2) d
 WHERE d._client_id = s._client_id AND d.report_id = s.report_id;--> statement-breakpoint
DELETE FROM recon.post_totals;--> statement-breakpoint
ALTER TABLE "recon"."post_totals" ADD COLUMN "post_key" text NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."post_totals" ADD COLUMN "first_report_id" bigint;--> statement-breakpoint
ALTER TABLE "recon"."post_totals" ADD CONSTRAINT "post_totals_first" CHECK ("recon"."post_totals"."counts_for_trust" = ("recon"."post_totals"."first_report_id" is not null));--> statement-breakpoint
-- What a person settled holds for whatever attempt came after it.
WITH binding AS (
	SELECT DISTINCT ON (d._client_id, d.report_id) d._client_id, d.report_id, true AS counts, d.outcome = 'affiliate' OR l.is_accurate AS accurate
	  FROM recon.disputes d JOIN recon.reconciliation_logs l ON l._client_id = d._client_id AND l.log_id = d.log_id
	 WHERE d.outcome = 'affiliate' OR (d.outcome = 'platform' AND l.counts_for_trust)
	 ORDER BY d._client_id, d.report_id, d.settled_at DESC, d.dispute_id DESC
), counted AS (
	SELECT s._client_id, s.post_id, count(*)::int AS reports, max(s.report_id) AS latest, max(s.report_id) FILTER (WHERE s.verdict IS NOT NULL) AS judged,
	       coalesce(bool_or(coalesce(b.counts, l.counts_for_trust)), false) AS counts,
	       coalesce(bool_and(coalesce(b.accurate, l.is_accurate)) FILTER (WHERE coalesce(b.counts, l.counts_for_trust)), false) AS accurate,
	       min(s.report_id) FILTER (WHERE coalesce(b.counts, l.counts_for_trust)) AS first
	  FROM recon.report_state s
	  LEFT JOIN recon.reconciliation_logs l ON l._client_id = s._client_id AND l.log_id = s.log_id
	  LEFT JOIN binding b ON b._client_id = s._client_id AND b.report_id = s.report_id
	 GROUP BY s._client_id, s.post_id
), asked AS (
	SELECT DISTINCT ON (_client_id, post_id) * FROM recon.platform_reports ORDER BY _client_id, post_id, platform_report_id DESC
)
INSERT INTO recon.post_totals (_client_id, post_id, campaign_id, affiliate_id, platform, post_key, reports, latest_report_id, claimed_views, claimed_clicks,
       claimed_conversions, verified_views, verified_clicks, verified_conversions, spend, currency, platform_report_id, verified_at, judged_report_id,
       verdict, level, counts_for_trust, is_accurate, first_report_id)
SELECT p._client_id, p.post_id, p.campaign_id, p.affiliate_id, p.platform, p.post_key, c.reports, c.latest, r.claimed_views, r.claimed_clicks,
       r.claimed_conversions, f.views, f.clicks, f.conversions, f.spend, f.currency, f.platform_report_id, f.fetched_at, c.judged,
       j.verdict, j.level, c.counts, c.accurate, c.first
  FROM counted c
  JOIN recon.posts p ON p._client_id = c._client_id AND p.post_id = c.post_id
  JOIN recon.affiliate_reports r ON r._client_id = c._client_id AND r.report_id = c.latest
  LEFT JOIN recon.report_state j ON j._client_id = c._client_id AND j.report_id = c.judged
  LEFT JOIN asked f ON f._client_id = c._client_id AND f.post_id = c.post_id;--> statement-breakpoint
CREATE INDEX "post_totals_same_post" ON "recon"."post_totals" USING btree ("_client_id","platform","post_key","affiliate_id");--> statement-breakpoint
WITH claimed AS (
	SELECT _client_id, affiliate_id, platform, post_key, bool_and(is_accurate) AS is_accurate, min(first_report_id) AS first
	  FROM recon.post_totals WHERE counts_for_trust GROUP BY 1, 2, 3, 4
), ranked AS (
	SELECT *, first = min(first) FILTER (WHERE is_accurate) OVER (PARTITION BY _client_id, platform, post_key) AS is_first FROM claimed
), counted AS (
	SELECT a._client_id, a.affiliate_id, a.trust_score AS before, count(*) FILTER (WHERE NOT r.is_accurate OR r.is_first)::int AS total,
	       count(*) FILTER (WHERE r.is_accurate AND r.is_first)::int AS accurate
	  FROM recon.affiliates a LEFT JOIN ranked r ON r._client_id = a._client_id AND r.affiliate_id = a.affiliate_id
	 GROUP BY a._client_id, a.affiliate_id, a.trust_score
), changed AS (
	UPDATE recon.affiliates a
	   SET trust_score = coalesce(round(c.accurate::numeric / nullif(c.total, 0), 2), 1.00), total_submissions = c.total,
	       accurate_submissions = c.accurate, updated_at = now()
	  FROM counted c
	 WHERE c._client_id = a._client_id AND c.affiliate_id = a.affiliate_id
	   AND (a.total_submissions, a.accurate_submissions) IS DISTINCT FROM (c.total, c.accurate)
	RETURNING a._client_id, a.affiliate_id, c.before, a.trust_score AS after, c.total, c.accurate
)
INSERT INTO ops.alerts (_client_id, area, kind, subject, severity, message, details)
SELECT _client_id, 'recon', 'trust_low', 'affiliate/' || affiliate_id, 'warning',
       format('the trust of affiliate %s fell from %s to %s, below 0.70, as claims that say next to nothing, or that another affiliate made first, no longer count for it: %s of %s posts that count were claimed accurately', affiliate_id, before, after, accurate, total),
       jsonb_build_object('before', before::text, 'after', after::text, 'below', '0.70')
  FROM changed WHERE before >= 0.70 AND after < 0.70
ON CONFLICT (_client_id, area, kind, subject) WHERE resolved_at IS NULL DO NOTHING;
