CREATE TABLE "rtb"."pretargeting_approvals" (
	"_client_id" text NOT NULL,
	"approval_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."pretargeting_approvals_approval_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"plan_id" bigint NOT NULL,
	"digest" text NOT NULL,
	"warning_version" integer NOT NULL,
	"warning" text NOT NULL,
	"approved_by" text NOT NULL,
	"role" text NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pretargeting_approvals_key" PRIMARY KEY("_client_id","approval_id")
);
--> statement-breakpoint
CREATE TABLE "rtb"."pretargeting_events" (
	"_client_id" text NOT NULL,
	"event_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."pretargeting_events_event_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"plan_id" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"kind" text NOT NULL,
	"actor" text NOT NULL,
	"words" text NOT NULL,
	"qps" double precision,
	CONSTRAINT "pretargeting_events_key" PRIMARY KEY("_client_id","event_id")
);
--> statement-breakpoint
CREATE TABLE "rtb"."pretargeting_plans" (
	"_client_id" text NOT NULL,
	"plan_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."pretargeting_plans_plan_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source" text NOT NULL,
	"opportunity_id" bigint,
	"wanted" jsonb NOT NULL,
	"wanted_config_id" text,
	"wanted_rollout" text,
	"state" text DEFAULT 'planning' NOT NULL,
	"state_reason" text,
	"state_at" timestamp with time zone DEFAULT now() NOT NULL,
	"stage" integer DEFAULT 0 NOT NULL,
	"title" text,
	"bidder_id" text,
	"config_id" text,
	"config_name" text,
	"config_state" text,
	"snapshot" jsonb,
	"target" jsonb,
	"difference" jsonb,
	"rollout" text,
	"rollout_reason" text,
	"total_qps" integer,
	"expected_share" double precision,
	"blocked_by" text,
	"digest" text,
	"baseline_qps" double precision,
	"clone_name" text,
	"clone_id" text,
	"fence" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_by" text NOT NULL,
	"workflow_id" text,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "pretargeting_plans_id" PRIMARY KEY("_client_id","plan_id"),
	CONSTRAINT "pretargeting_plans_origin_known" CHECK ("rtb"."pretargeting_plans"."origin" in ('real', 'sandbox', 'unknown')),
	CONSTRAINT "pretargeting_plans_state" CHECK ("rtb"."pretargeting_plans"."state" in ('planning', 'planned', 'refused', 'approved', 'applying', 'applied', 'rolling_back', 'rolled_back', 'overtaken')),
	CONSTRAINT "pretargeting_plans_source" CHECK ("rtb"."pretargeting_plans"."source" in ('waste', 'opportunity')),
	CONSTRAINT "pretargeting_plans_rollout" CHECK ("rtb"."pretargeting_plans"."rollout" in ('gradual', 'at_once')),
	CONSTRAINT "pretargeting_plans_stage" CHECK ("rtb"."pretargeting_plans"."stage" in (0, 10, 50, 100))
);
--> statement-breakpoint
CREATE TABLE "rtb"."pretargeting_writes" (
	"_client_id" text NOT NULL,
	"write_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."pretargeting_writes_write_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"plan_id" bigint NOT NULL,
	"stage" integer NOT NULL,
	"which" text NOT NULL,
	"kind" text NOT NULL,
	"changes" jsonb NOT NULL,
	"state" text DEFAULT 'sent' NOT NULL,
	"sent_at" timestamp with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp with time zone,
	"settled_no" bigint,
	CONSTRAINT "pretargeting_writes_key" PRIMARY KEY("_client_id","write_id"),
	CONSTRAINT "pretargeting_writes_state" CHECK ("rtb"."pretargeting_writes"."state" in ('sent', 'arrived', 'refused')),
	CONSTRAINT "pretargeting_writes_which" CHECK ("rtb"."pretargeting_writes"."which" in ('original', 'clone')),
	CONSTRAINT "pretargeting_writes_kind" CHECK ("rtb"."pretargeting_writes"."kind" in ('patch', 'add', 'remove', 'create', 'delete'))
);
--> statement-breakpoint
CREATE INDEX "pretargeting_approvals_plan" ON "rtb"."pretargeting_approvals" USING btree ("_client_id","plan_id","approval_id");--> statement-breakpoint
CREATE INDEX "pretargeting_events_plan" ON "rtb"."pretargeting_events" USING btree ("_client_id","plan_id","event_id");--> statement-breakpoint
CREATE UNIQUE INDEX "pretargeting_plans_under_way" ON "rtb"."pretargeting_plans" USING btree ("_client_id","bidder_id") WHERE "rtb"."pretargeting_plans"."state" in ('approved', 'applying', 'rolling_back');--> statement-breakpoint
CREATE INDEX "pretargeting_writes_plan" ON "rtb"."pretargeting_writes" USING btree ("_client_id","plan_id","write_id");