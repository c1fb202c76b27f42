CREATE TABLE "rtb"."campaign_decisions" (
	"_client_id" text NOT NULL,
	"decision_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."campaign_decisions_decision_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"role" text,
	"kind" text NOT NULL,
	"campaign_id" bigint NOT NULL,
	"from_campaign_id" bigint,
	"name" text NOT NULL,
	"earlier_name" text,
	"anchors" text[] DEFAULT '{}' NOT NULL,
	"creatives" bigint[] DEFAULT '{}' NOT NULL,
	CONSTRAINT "campaign_decisions_key" PRIMARY KEY("_client_id","decision_id"),
	CONSTRAINT "campaign_decisions_kind" CHECK ("rtb"."campaign_decisions"."kind" in ('renamed', 'merged', 'split', 'moved'))
);
--> statement-breakpoint
CREATE TABLE "rtb"."cluster_runs" (
	"_client_id" text NOT NULL,
	"cluster_run_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."cluster_runs_cluster_run_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"ended_at" timestamp with time zone DEFAULT now() NOT NULL,
	"is_dry_run" boolean DEFAULT false NOT NULL,
	"provider_asked" text NOT NULL,
	"provider_used" text NOT NULL,
	"fallback_reason" text,
	"model" text,
	"creatives" integer NOT NULL,
	"groups" integer NOT NULL,
	"campaigns" integer NOT NULL,
	"created" integer NOT NULL,
	"removed" integer NOT NULL,
	"moved" integer NOT NULL,
	"cohesion" double precision,
	"model_confidence" double precision,
	"refused" jsonb,
	"input_hash" text NOT NULL,
	"catalogue" text NOT NULL,
	"suggested" jsonb,
	"workflow_id" text NOT NULL,
	"_run_id" text NOT NULL,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "cluster_runs_id" PRIMARY KEY("_client_id","cluster_run_id"),
	CONSTRAINT "cluster_runs_key" UNIQUE("_client_id","_run_id"),
	CONSTRAINT "cluster_runs_origin_known" CHECK ("rtb"."cluster_runs"."origin" in ('real', 'sandbox', 'unknown')),
	CONSTRAINT "cluster_runs_cohesion" CHECK ("rtb"."cluster_runs"."cohesion" between 0 and 1)
);
--> statement-breakpoint
CREATE TABLE "rtb"."model_calls" (
	"_client_id" text NOT NULL,
	"call_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."model_calls_call_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"begun_at" timestamp with time zone DEFAULT now() NOT NULL,
	"day" date NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"prompt_hash" text NOT NULL,
	"state" text DEFAULT 'begun' NOT NULL,
	"groups" integer NOT NULL,
	"most_usd" numeric(18, 6) NOT NULL,
	"cost_usd" numeric(18, 6),
	"input_tokens" integer,
	"output_tokens" integer,
	"answer" jsonb,
	"problem" text,
	"_run_id" text NOT NULL,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "model_calls_key" PRIMARY KEY("_client_id","call_id"),
	CONSTRAINT "model_calls_origin_known" CHECK ("rtb"."model_calls"."origin" in ('real', 'sandbox', 'unknown')),
	CONSTRAINT "model_calls_state" CHECK ("rtb"."model_calls"."state" in ('begun', 'answered', 'truncated', 'refused', 'unusable', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "rtb"."campaign_creatives" ADD COLUMN "basis" text;--> statement-breakpoint
ALTER TABLE "rtb"."campaign_creatives" ADD COLUMN "variant_language" text;--> statement-breakpoint
ALTER TABLE "rtb"."campaign_creatives" ADD COLUMN "variant_format" text;--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD COLUMN "anchor" text;--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD COLUMN "named_by" text DEFAULT 'person' NOT NULL;--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD COLUMN "model_confidence" double precision;--> statement-breakpoint
CREATE INDEX "campaign_decisions_campaign" ON "rtb"."campaign_decisions" USING btree ("_client_id","campaign_id");--> statement-breakpoint
CREATE INDEX "model_calls_prompt" ON "rtb"."model_calls" USING btree ("_client_id","prompt_hash","provider","model");--> statement-breakpoint
CREATE INDEX "model_calls_day" ON "rtb"."model_calls" USING btree ("_client_id","day");--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD CONSTRAINT "campaigns_model_confidence" CHECK ("rtb"."campaigns"."model_confidence" between 0 and 1);--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD CONSTRAINT "campaigns_named_by" CHECK ("rtb"."campaigns"."named_by" in ('rules', 'model', 'person'));