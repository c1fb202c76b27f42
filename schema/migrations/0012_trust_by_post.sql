ALTER TABLE "recon"."affiliate_tokens" ALTER COLUMN "sealed" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD COLUMN "offered_sealed" "bytea";--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD COLUMN "offer_id" uuid;--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD COLUMN "works_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD COLUMN "failing_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD COLUMN "checked_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD COLUMN "last_error" text;--> statement-breakpoint
ALTER TABLE "recon"."post_totals" ADD COLUMN "counts_for_trust" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."post_totals" ADD COLUMN "is_accurate" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD CONSTRAINT "affiliate_tokens_sealed" CHECK ("recon"."affiliate_tokens"."sealed" is not null or "recon"."affiliate_tokens"."offered_sealed" is not null);--> statement-breakpoint
ALTER TABLE "recon"."affiliate_tokens" ADD CONSTRAINT "affiliate_tokens_offer" CHECK (("recon"."affiliate_tokens"."offered_sealed" is null) = ("recon"."affiliate_tokens"."offer_id" is null));--> statement-breakpoint
ALTER TABLE "recon"."post_totals" ADD CONSTRAINT "post_totals_accurate" CHECK ("recon"."post_totals"."counts_for_trust" or not "recon"."post_totals"."is_accurate");
--> statement-breakpoint
-- What is stored of trust counted each report, so that a true claim repeated forty times made up for a false one. It is
-- computed again by post: a post counts once, and is accurate when none of its claims was found too high.
UPDATE recon.post_totals t SET counts_for_trust = true, is_accurate = v.is_accurate
  FROM (SELECT s._client_id, s.post_id, bool_and(l.is_accurate OR d.outcome IS NOT DISTINCT FROM 'affiliate') AS is_accurate
          FROM recon.report_state s
          JOIN recon.reconciliation_logs l ON l._client_id = s._client_id AND l.log_id = s.log_id
          LEFT JOIN recon.disputes d ON d._client_id = s._client_id AND d.log_id = s.log_id
         WHERE l.counts_for_trust OR d.outcome = 'affiliate'
         GROUP BY s._client_id, s.post_id) v
 WHERE v._client_id = t._client_id AND v.post_id = t.post_id;--> statement-breakpoint
WITH post AS (
	SELECT t._client_id, t.affiliate_id, bool_and(t.is_accurate) AS is_accurate
	  FROM recon.post_totals t JOIN recon.posts p ON p._client_id = t._client_id AND p.post_id = t.post_id
	 WHERE t.counts_for_trust GROUP BY t._client_id, t.affiliate_id, p.platform, p.url
), counted AS (
	SELECT a._client_id, a.affiliate_id, a.trust_score AS before, count(post.is_accurate)::int AS total,
	       count(*) FILTER (WHERE post.is_accurate)::int AS accurate
	  FROM recon.affiliates a LEFT JOIN post ON post._client_id = a._client_id AND post.affiliate_id = a.affiliate_id
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
       format('the trust of affiliate %s fell from %s to %s, below 0.70, as each post counts once now: %s of %s posts that could be checked were claimed accurately', affiliate_id, before, after, accurate, total),
       jsonb_build_object('before', before::text, 'after', after::text, 'below', '0.70')
  FROM changed WHERE before >= 0.70 AND after < 0.70
ON CONFLICT (_client_id, area, kind, subject) WHERE resolved_at IS NULL DO NOTHING;
