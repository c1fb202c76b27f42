CREATE SCHEMA "findings";
--> statement-breakpoint
CREATE TABLE "findings"."finding_changes" (
	"_client_id" text NOT NULL,
	"change_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "findings"."finding_changes_change_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"finding_id" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text NOT NULL,
	"role" text,
	"from_state" text,
	"to_state" text NOT NULL,
	"reason" text,
	CONSTRAINT "finding_changes_key" PRIMARY KEY("_client_id","change_id")
);
--> statement-breakpoint
CREATE TABLE "findings"."finding_rows" (
	"_client_id" text NOT NULL,
	"finding_id" bigint NOT NULL,
	"position" integer NOT NULL,
	"date" date NOT NULL,
	"item" text NOT NULL,
	"said_by" text NOT NULL,
	"amount" numeric(18, 6) NOT NULL,
	"currency" text NOT NULL,
	"count" bigint,
	"other_said_by" text,
	"other_amount" numeric(18, 6),
	"other_currency" text,
	"usual" numeric(18, 6),
	"at_stake" numeric(18, 2),
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "finding_rows_key" PRIMARY KEY("_client_id","finding_id","position"),
	CONSTRAINT "finding_rows_origin_known" CHECK ("findings"."finding_rows"."origin" in ('real', 'sandbox', 'unknown'))
);
--> statement-breakpoint
CREATE TABLE "findings"."finding_runs" (
	"_client_id" text NOT NULL,
	"finding_run_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "findings"."finding_runs_finding_run_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"ended_at" timestamp with time zone DEFAULT now() NOT NULL,
	"window_to" date NOT NULL,
	"tested" integer NOT NULL,
	"listed" integer NOT NULL,
	"created" integer NOT NULL,
	"gone" integer NOT NULL,
	"facts" jsonb NOT NULL,
	"records" text NOT NULL,
	"workflow_id" text NOT NULL,
	"_run_id" text NOT NULL,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "finding_runs_id" PRIMARY KEY("_client_id","finding_run_id"),
	CONSTRAINT "finding_runs_run" UNIQUE("_client_id","_run_id"),
	CONSTRAINT "finding_runs_origin_known" CHECK ("findings"."finding_runs"."origin" in ('real', 'sandbox', 'unknown'))
);
--> statement-breakpoint
CREATE TABLE "findings"."finding_tests" (
	"_client_id" text NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"nights" integer NOT NULL,
	"last_night" date NOT NULL,
	"p" double precision NOT NULL,
	"facts" jsonb NOT NULL,
	CONSTRAINT "finding_tests_key" PRIMARY KEY("_client_id","kind","subject")
);
--> statement-breakpoint
CREATE TABLE "findings"."findings" (
	"_client_id" text NOT NULL,
	"finding_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "findings"."findings_finding_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"subject_name" text NOT NULL,
	"state" text DEFAULT 'new' NOT NULL,
	"state_reason" text,
	"state_by" text,
	"state_at" timestamp with time zone DEFAULT now() NOT NULL,
	"snoozed_until" date,
	"done_on" date,
	"currency" text NOT NULL,
	"at_stake" numeric(18, 2) NOT NULL,
	"decided_at_stake" numeric(18, 2),
	"cases" integer NOT NULL,
	"first_day" date NOT NULL,
	"last_day" date NOT NULL,
	"words" text NOT NULL,
	"p" double precision,
	"window_from" date NOT NULL,
	"window_to" date NOT NULL,
	"facts" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"held_on" date NOT NULL,
	"_run_id" text NOT NULL,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "findings_id" PRIMARY KEY("_client_id","finding_id"),
	CONSTRAINT "findings_subject" UNIQUE("_client_id","kind","subject"),
	CONSTRAINT "findings_origin_known" CHECK ("findings"."findings"."origin" in ('real', 'sandbox', 'unknown')),
	CONSTRAINT "findings_kind" CHECK ("findings"."findings"."kind" in ('paid_twice', 'spend_without_clicks', 'clicks_without_spend', 'click_times', 'repeat_addresses', 'parted_ways')),
	CONSTRAINT "findings_state" CHECK ("findings"."findings"."state" in ('new', 'seen', 'dismissed', 'snoozed', 'done', 'gone'))
);
--> statement-breakpoint
CREATE INDEX "finding_changes_finding" ON "findings"."finding_changes" USING btree ("_client_id","finding_id");--> statement-breakpoint
CREATE INDEX "finding_rows_at_stake" ON "findings"."finding_rows" USING btree ("_client_id","finding_id","at_stake","position");--> statement-breakpoint
CREATE INDEX "findings_at_stake" ON "findings"."findings" USING btree ("_client_id","at_stake","finding_id");