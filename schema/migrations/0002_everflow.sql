CREATE SCHEMA IF NOT EXISTS "everflow";
--> statement-breakpoint
CREATE TABLE "everflow"."conversions" (
	"_client_id" text NOT NULL,
	"conversion_id" text NOT NULL,
	"date" date NOT NULL,
	"converted_at" timestamp with time zone NOT NULL,
	"clicked_at" timestamp with time zone,
	"status" text NOT NULL,
	"is_event" boolean NOT NULL,
	"event" text,
	"affiliate_id" text NOT NULL,
	"affiliate_name" text,
	"advertiser_id" text,
	"advertiser_name" text,
	"offer_id" text,
	"offer_name" text,
	"currency" text NOT NULL,
	"payout" numeric(18, 6) NOT NULL,
	"revenue" numeric(18, 6) NOT NULL,
	"sale_amount" numeric(18, 6),
	"payout_type" text,
	"revenue_type" text,
	"transaction_id" text,
	"order_id" text,
	"coupon_code" text,
	"source_id" text,
	"sub1" text,
	"sub2" text,
	"sub3" text,
	"sub4" text,
	"sub5" text,
	"country" text,
	"is_scrub" boolean,
	"is_view_through" boolean,
	"error_code" text,
	"_extra" jsonb,
	"_slice" text NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "conversions_key" PRIMARY KEY("_client_id","conversion_id")
);
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
CREATE INDEX "conversions_slice" ON "everflow"."conversions" USING btree ("_client_id","_slice");--> statement-breakpoint
CREATE INDEX "conversions_date" ON "everflow"."conversions" USING btree ("_client_id","date","affiliate_id");--> statement-breakpoint
CREATE INDEX "daily_stats_slice" ON "everflow"."daily_stats" USING btree ("_client_id","_slice");