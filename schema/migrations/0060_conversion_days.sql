CREATE TABLE "anytrack"."conversion_days" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL,
	"type" text NOT NULL,
	"currency" text,
	"origin" text NOT NULL,
	"part" smallint NOT NULL,
	"conversions" bigint NOT NULL,
	"amounts" bigint NOT NULL,
	"revenue" numeric(38, 6) NOT NULL,
	CONSTRAINT "conversion_days_key" UNIQUE NULLS NOT DISTINCT("_client_id","date","type","currency","origin","part")
);
--> statement-breakpoint
CREATE TABLE "everflow"."conversion_days" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL,
	"_slice" text NOT NULL,
	"status" text NOT NULL,
	"currency" text NOT NULL,
	"part" smallint NOT NULL,
	"conversions" bigint NOT NULL,
	"events" bigint NOT NULL,
	"payout" numeric(38, 6) NOT NULL,
	"revenue" numeric(38, 6) NOT NULL,
	CONSTRAINT "conversion_days_key" UNIQUE("_client_id","date","_slice","status","currency","part")
);
--> statement-breakpoint
CREATE INDEX "channel_deliveries_by_time" ON "ops"."channel_deliveries" USING btree ("channel_id","created_at","delivery_id");--> statement-breakpoint
CREATE INDEX "alerts_totals" ON "ops"."alerts" USING btree ("_client_id","resolved_at","severity","area","kind");--> statement-breakpoint
CREATE INDEX "runs_totals" ON "ops"."runs" USING btree ("_client_id","source","outcome","slices_done","slices_failed","inserted","updated");