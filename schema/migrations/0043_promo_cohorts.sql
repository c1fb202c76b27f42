ALTER TABLE "promo"."promo_click_tracking" ADD COLUMN "clicked_hour" smallint;--> statement-breakpoint
ALTER TABLE "promo"."promo_performance_metrics" ADD COLUMN "clicks_before_send" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "promo"."promo_performance_metrics" ADD COLUMN "cohort" date;--> statement-breakpoint
UPDATE "promo"."promo_performance_metrics" m SET cohort = c.cohort
  FROM (SELECT _client_id, variation_id, date, max(date) FILTER (WHERE sends > 0) OVER (PARTITION BY _client_id, variation_id ORDER BY date) AS cohort
          FROM "promo"."promo_performance_metrics") c
 WHERE m._client_id = c._client_id AND m.variation_id = c.variation_id AND m.date = c.date AND c.cohort IS NOT NULL;--> statement-breakpoint
UPDATE "promo"."promo_performance_metrics" m SET clicks_before_send = c.clicks
  FROM (SELECT d._client_id, d.variation_id, d.date, count(*) AS clicks
          FROM "promo"."promo_performance_metrics" d
          JOIN "promo"."promo_click_tracking" k ON k._client_id = d._client_id AND k.variation_id = d.variation_id AND k.clicked_date = d.date
         WHERE k.clicked_at < d.first_sent_at AND NOT k.is_bot AND NOT k.is_repeat
         GROUP BY 1, 2, 3) c
 WHERE m._client_id = c._client_id AND m.variation_id = c.variation_id AND m.date = c.date;
