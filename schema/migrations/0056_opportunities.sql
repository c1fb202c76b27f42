CREATE TABLE "rtb"."opportunities" (
	"_client_id" text NOT NULL,
	"opportunity_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."opportunities_opportunity_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"insight_type" text NOT NULL,
	"campaign_id" bigint NOT NULL,
	"subject" text NOT NULL,
	"geography" text,
	"size" text,
	"creative_id" bigint,
	"state" text DEFAULT 'new' NOT NULL,
	"state_reason" text,
	"state_by" text,
	"state_at" timestamp with time zone DEFAULT now() NOT NULL,
	"snoozed_until" date,
	"done_on" date,
	"current_metric_name" text DEFAULT 'CPC' NOT NULL,
	"current_metric_value" numeric(18, 6) NOT NULL,
	"reference_value" numeric(18, 6) NOT NULL,
	"recommendation" text NOT NULL,
	"basis" text NOT NULL,
	"current_spend_weekly" numeric(18, 2) NOT NULL,
	"target_spend_weekly" numeric(18, 2) NOT NULL,
	"potential_savings_weekly" numeric(18, 2) NOT NULL,
	"potential_savings_weekly_low" numeric(18, 2) NOT NULL,
	"confidence_score" double precision NOT NULL,
	"blocked_by" text,
	"window_from" date NOT NULL,
	"window_to" date NOT NULL,
	"evidence" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"held_on" date NOT NULL,
	"_run_id" text NOT NULL,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "opportunities_id" PRIMARY KEY("_client_id","opportunity_id"),
	CONSTRAINT "opportunities_part" UNIQUE("_client_id","insight_type","campaign_id","subject"),
	CONSTRAINT "opportunities_origin_known" CHECK ("rtb"."opportunities"."origin" in ('real', 'sandbox', 'unknown')),
	CONSTRAINT "opportunities_type" CHECK ("rtb"."opportunities"."insight_type" in ('undervalued_geo', 'high_cpc_low_spend', 'size_gap', 'neglected_creative')),
	CONSTRAINT "opportunities_state" CHECK ("rtb"."opportunities"."state" in ('new', 'seen', 'dismissed', 'snoozed', 'planned', 'done', 'gone')),
	CONSTRAINT "opportunities_confidence" CHECK ("rtb"."opportunities"."confidence_score" between 0 and 1)
);
--> statement-breakpoint
CREATE TABLE "rtb"."opportunity_changes" (
	"_client_id" text NOT NULL,
	"change_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."opportunity_changes_change_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"opportunity_id" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"role" text,
	"from_state" text,
	"to_state" text NOT NULL,
	"reason" text,
	CONSTRAINT "opportunity_changes_key" PRIMARY KEY("_client_id","change_id")
);
--> statement-breakpoint
CREATE TABLE "rtb"."opportunity_runs" (
	"_client_id" text NOT NULL,
	"opportunity_run_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."opportunity_runs_opportunity_run_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"ended_at" timestamp with time zone DEFAULT now() NOT NULL,
	"window_from" date NOT NULL,
	"window_to" date NOT NULL,
	"days_with_data" integer NOT NULL,
	"campaigns" integer NOT NULL,
	"tested" integer NOT NULL,
	"listed" integer NOT NULL,
	"created" integer NOT NULL,
	"gone" integer NOT NULL,
	"blocked" integer NOT NULL,
	"togetherness" jsonb NOT NULL,
	"records" text NOT NULL,
	"workflow_id" text NOT NULL,
	"_run_id" text NOT NULL,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "opportunity_runs_id" PRIMARY KEY("_client_id","opportunity_run_id"),
	CONSTRAINT "opportunity_runs_run" UNIQUE("_client_id","_run_id"),
	CONSTRAINT "opportunity_runs_origin_known" CHECK ("rtb"."opportunity_runs"."origin" in ('real', 'sandbox', 'unknown'))
);
--> statement-breakpoint
CREATE TABLE "rtb"."opportunity_tests" (
	"_client_id" text NOT NULL,
	"insight_type" text NOT NULL,
	"campaign_id" bigint NOT NULL,
	"subject" text NOT NULL,
	"nights" integer NOT NULL,
	"last_night" date NOT NULL,
	"confidence" double precision NOT NULL,
	"p" double precision NOT NULL,
	CONSTRAINT "opportunity_tests_key" PRIMARY KEY("_client_id","insight_type","campaign_id","subject")
);
--> statement-breakpoint
CREATE INDEX "opportunities_savings" ON "rtb"."opportunities" USING btree ("_client_id","potential_savings_weekly" DESC NULLS FIRST,"opportunity_id");--> statement-breakpoint
CREATE INDEX "opportunity_changes_opportunity" ON "rtb"."opportunity_changes" USING btree ("_client_id","opportunity_id");