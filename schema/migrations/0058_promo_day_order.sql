DROP INDEX "promo"."promo_performance_metrics_date";--> statement-breakpoint
CREATE INDEX "promo_performance_metrics_date" ON "promo"."promo_performance_metrics" USING btree ("date","_client_id");