CREATE TABLE "findings"."changed_days" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL
);
--> statement-breakpoint
CREATE TABLE "findings"."tie_out_days" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL,
	"affiliate_id" text,
	"affiliate" text,
	"is_sandbox" boolean NOT NULL,
	"everflow" integer NOT NULL,
	"anytrack" integer NOT NULL,
	"in_both" integer NOT NULL,
	"only_anytrack" integer NOT NULL,
	"missing_in_anytrack" integer NOT NULL,
	"missing_in_everflow" integer NOT NULL,
	"amount_differs" integer NOT NULL,
	"refused_by_everflow" integer NOT NULL,
	CONSTRAINT "tie_out_days_key" UNIQUE NULLS NOT DISTINCT("_client_id","date","affiliate_id","is_sandbox")
);
--> statement-breakpoint
CREATE TABLE "findings"."tie_out_items" (
	"_client_id" text NOT NULL,
	"item" text NOT NULL,
	"date" date NOT NULL,
	"difference" text,
	"matched_by" text,
	"affiliate_id" text,
	"affiliate" text,
	"order_id" text,
	"click_id" text,
	"everflow_id" text,
	"everflow_date" date,
	"everflow_at" timestamp with time zone,
	"everflow_status" text,
	"everflow_conversions" integer,
	"everflow_currency" text,
	"everflow_revenue" numeric(18, 6),
	"everflow_sale_amount" numeric(18, 6),
	"everflow_payout" numeric(18, 6),
	"anytrack_key" text,
	"anytrack_date" date,
	"anytrack_type" text,
	"anytrack_source" text,
	"anytrack_currency" text,
	"anytrack_revenue" numeric(18, 6),
	"at_stake" numeric(18, 6),
	"currency" text,
	"is_sandbox" boolean NOT NULL,
	CONSTRAINT "tie_out_items_key" PRIMARY KEY("_client_id","item"),
	CONSTRAINT "tie_out_items_difference" CHECK ("findings"."tie_out_items"."difference" in ('missing_in_anytrack', 'missing_in_everflow', 'amount_differs', 'refused_by_everflow')),
	CONSTRAINT "tie_out_items_matched_by" CHECK ("findings"."tie_out_items"."matched_by" in ('order', 'click'))
);
--> statement-breakpoint
CREATE TABLE "findings"."tie_out_runs" (
	"_client_id" text NOT NULL,
	"ended_at" timestamp with time zone NOT NULL,
	"days" bigint NOT NULL,
	"workflow_id" text NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "tie_out_runs_key" PRIMARY KEY("_client_id")
);
--> statement-breakpoint
CREATE INDEX "changed_days_client" ON "findings"."changed_days" USING btree ("_client_id","date");--> statement-breakpoint
CREATE INDEX "tie_out_items_date" ON "findings"."tie_out_items" USING btree ("_client_id","date","item") WHERE "findings"."tie_out_items"."difference" is not null;--> statement-breakpoint
CREATE INDEX "tie_out_items_at_stake" ON "findings"."tie_out_items" USING btree ("_client_id","at_stake","item") WHERE "findings"."tie_out_items"."difference" is not null;--> statement-breakpoint
CREATE INDEX "tie_out_items_day" ON "findings"."tie_out_items" USING btree ("_client_id","date");--> statement-breakpoint
INSERT INTO "findings"."changed_days" ("_client_id", "date") SELECT "_client_id", "date" FROM "everflow"."conversion_days" UNION SELECT "_client_id", "date" FROM "anytrack"."conversion_days";
