CREATE SCHEMA IF NOT EXISTS "everflow";
--> statement-breakpoint
CREATE TABLE "everflow"."daily_stats" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL,
	"affiliate_id" text NOT NULL,
	"affiliate_name" text,
	"advertiser_id" text NOT NULL,
	"advertiser_name" text,
	"offer_id" text NOT NULL,
	"offer_name" text,
	"currency" text NOT NULL,
	"clicks" bigint NOT NULL,
	"conversions" bigint NOT NULL,
	"payout" numeric(18, 6) NOT NULL,
	"revenue" numeric(18, 6) NOT NULL,
	"profit" numeric(18, 6) NOT NULL,
	"events" bigint NOT NULL,
	"_extra" jsonb,
	"_slice" text NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "daily_stats_key" PRIMARY KEY("_client_id","date","affiliate_id","advertiser_id","offer_id","currency")
);
--> statement-breakpoint
CREATE INDEX "daily_stats_slice" ON "everflow"."daily_stats" USING btree ("_client_id","_slice");--> statement-breakpoint
CREATE INDEX "daily_stats_affiliate" ON "everflow"."daily_stats" USING btree ("_client_id","affiliate_name","affiliate_id");