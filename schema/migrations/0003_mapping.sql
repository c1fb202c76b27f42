CREATE TABLE "account_currency" (
	"_client_id" text NOT NULL,
	"vendor" text NOT NULL,
	"currency" text NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "account_currency_key" PRIMARY KEY("_client_id","vendor"),
	CONSTRAINT "account_currency_code" CHECK ("account_currency"."currency" ~ '^[A-Z]{3}$')
);
--> statement-breakpoint
CREATE TABLE "affiliate_mapping" (
	"_client_id" text NOT NULL,
	"redtrack_source_id" text,
	"redtrack_source_name" text,
	"everflow_affiliate_id" text,
	"everflow_affiliate_label" text NOT NULL,
	"is_internal" boolean NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_loaded_by" text NOT NULL,
	CONSTRAINT "affiliate_mapping_key" UNIQUE NULLS NOT DISTINCT("_client_id","redtrack_source_id","everflow_affiliate_label"),
	CONSTRAINT "affiliate_mapping_filled" CHECK ("affiliate_mapping"."redtrack_source_id" <> '' and "affiliate_mapping"."everflow_affiliate_id" <> '' and "affiliate_mapping"."everflow_affiliate_label" <> '')
);
--> statement-breakpoint
CREATE UNIQUE INDEX "affiliate_mapping_source" ON "affiliate_mapping" USING btree ("_client_id","redtrack_source_id") WHERE "affiliate_mapping"."redtrack_source_id" is not null;--> statement-breakpoint
CREATE INDEX "affiliate_mapping_label" ON "affiliate_mapping" USING btree ("_client_id","everflow_affiliate_label");