CREATE TABLE "recon"."post_sums" (
	"_client_id" text NOT NULL,
	"campaign_id" bigint NOT NULL,
	"affiliate_id" bigint NOT NULL,
	"platform" text NOT NULL,
	"currency" text,
	"posts" bigint NOT NULL,
	"reports" bigint NOT NULL,
	"posts_with_spend" bigint NOT NULL,
	"spend" numeric(38, 6) NOT NULL,
	"claimed_views" numeric(38, 0) NOT NULL,
	"claimed_clicks" numeric(38, 0) NOT NULL,
	"claimed_conversions" numeric(38, 0) NOT NULL,
	"comparable_views" numeric(38, 0) NOT NULL,
	"comparable_clicks" numeric(38, 0) NOT NULL,
	"comparable_conversions" numeric(38, 0) NOT NULL,
	"verified_views" numeric(38, 0) NOT NULL,
	"verified_clicks" numeric(38, 0) NOT NULL,
	"verified_conversions" numeric(38, 0) NOT NULL,
	"posts_with_views" bigint NOT NULL,
	"posts_with_clicks" bigint NOT NULL,
	"posts_with_conversions" bigint NOT NULL,
	CONSTRAINT "post_sums_key" UNIQUE NULLS NOT DISTINCT("_client_id","campaign_id","affiliate_id","platform","currency")
);
--> statement-breakpoint
CREATE TABLE "recon"."verdict_counts" (
	"_client_id" text NOT NULL,
	"campaign_id" bigint NOT NULL,
	"affiliate_id" bigint NOT NULL,
	"verdict" text,
	"level" text,
	"reports" bigint NOT NULL,
	CONSTRAINT "verdict_counts_key" UNIQUE NULLS NOT DISTINCT("_client_id","campaign_id","affiliate_id","verdict","level")
);
--> statement-breakpoint
CREATE TABLE "recon"."verdict_days" (
	"_client_id" text NOT NULL,
	"affiliate_id" bigint NOT NULL,
	"date" date NOT NULL,
	"verdict" text NOT NULL,
	"level" text,
	"says_nothing" boolean NOT NULL,
	"reports" bigint NOT NULL,
	CONSTRAINT "verdict_days_key" UNIQUE NULLS NOT DISTINCT("_client_id","affiliate_id","date","verdict","level","says_nothing")
);
--> statement-breakpoint
DROP INDEX "recon"."post_totals_campaign";--> statement-breakpoint
CREATE INDEX "verdict_counts_affiliate" ON "recon"."verdict_counts" USING btree ("_client_id","affiliate_id","campaign_id");--> statement-breakpoint
CREATE INDEX "post_totals_campaign_posts" ON "recon"."post_totals" USING btree ("_client_id","campaign_id","post_id");--> statement-breakpoint
CREATE INDEX "report_state_affiliate_recent" ON "recon"."report_state" USING btree ("_client_id","affiliate_id","report_id");--> statement-breakpoint
CREATE INDEX "report_state_campaign_recent" ON "recon"."report_state" USING btree ("_client_id","campaign_id","report_id");