CREATE TABLE "promo"."promo_click_days" (
	"_client_id" text NOT NULL,
	"variation_id" integer NOT NULL,
	"date" date NOT NULL,
	"offer_id" integer NOT NULL,
	"hours" integer[] NOT NULL,
	"devices" integer[] NOT NULL,
	"raw_devices" integer[] NOT NULL,
	CONSTRAINT "promo_click_days_key" PRIMARY KEY("_client_id","variation_id","date","offer_id")
);
--> statement-breakpoint
CREATE TABLE "promo"."promo_click_days_summed" (
	"_client_id" text NOT NULL,
	"until" date NOT NULL,
	CONSTRAINT "promo_click_days_summed_key" PRIMARY KEY("_client_id")
);
--> statement-breakpoint
CREATE TABLE "promo"."promo_conversion_clicks" (
	"_client_id" text NOT NULL,
	"feed" text NOT NULL,
	"conversion_id" text NOT NULL,
	"place" smallint NOT NULL,
	"click_id" text NOT NULL,
	"offer_id" integer NOT NULL,
	"variation_id" integer NOT NULL,
	"clicked_at" timestamp with time zone NOT NULL,
	"clicked_date" date NOT NULL,
	CONSTRAINT "promo_conversion_clicks_key" PRIMARY KEY("_client_id","feed","conversion_id","place")
);
--> statement-breakpoint
ALTER TABLE "promo"."promo_performance_metrics" ADD COLUMN "cohort_before" date;--> statement-breakpoint
CREATE INDEX "promo_conversion_clicks_date" ON "promo"."promo_conversion_clicks" USING btree ("_client_id","clicked_date");--> statement-breakpoint
CREATE INDEX "promo_conversion_clicks_click" ON "promo"."promo_conversion_clicks" USING btree ("_client_id","click_id");--> statement-breakpoint
CREATE INDEX "conversions_subs" ON "everflow"."conversions" USING gin ((array_remove(array["sub1", "sub2", "sub3", "sub4", "sub5"], null))) WITH (fastupdate=false);--> statement-breakpoint
UPDATE "promo"."promo_performance_metrics" m
   SET cohort_before = (SELECT p.cohort FROM "promo"."promo_performance_metrics" p
                         WHERE p._client_id = m._client_id AND p.variation_id = m.variation_id AND p.date < m.date ORDER BY p.date DESC LIMIT 1)
 WHERE m.clicks_before_send > 0;
