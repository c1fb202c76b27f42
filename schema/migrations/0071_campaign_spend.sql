CREATE TABLE "redtrack"."campaign_spend" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL,
	"campaign_id" text NOT NULL,
	"source_id" text NOT NULL,
	"campaign_name" text,
	"source_name" text,
	"clicks" bigint NOT NULL,
	"conversions" bigint NOT NULL,
	"cost" numeric(18, 6) NOT NULL,
	"revenue" numeric(18, 6),
	"_extra" jsonb,
	"_slice" text NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "campaign_spend_key" PRIMARY KEY("_client_id","date","campaign_id","source_id"),
	CONSTRAINT "campaign_spend_counts" CHECK ("redtrack"."campaign_spend"."clicks" >= 0 and "redtrack"."campaign_spend"."conversions" >= 0)
);
--> statement-breakpoint
CREATE INDEX "campaign_spend_slice" ON "redtrack"."campaign_spend" USING btree ("_client_id","_slice");