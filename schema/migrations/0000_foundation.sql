CREATE SCHEMA IF NOT EXISTS "ops";
--> statement-breakpoint
CREATE SCHEMA "redtrack";
--> statement-breakpoint
CREATE SEQUENCE "ops"."fetch_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "ops"."alerts" (
	"alert_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ops"."alerts_alert_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"_client_id" text NOT NULL,
	"area" text NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"severity" text NOT NULL,
	"message" text NOT NULL,
	"details" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"opened_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"times_seen" integer DEFAULT 1 NOT NULL,
	"notified_at" timestamp with time zone,
	"resolved_at" timestamp with time zone,
	"resolved_by" text,
	"notes" text,
	CONSTRAINT "alerts_severity" CHECK ("ops"."alerts"."severity" in ('info', 'warning', 'critical'))
);
--> statement-breakpoint
CREATE TABLE "ops"."coverage" (
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"covered_from" date NOT NULL,
	CONSTRAINT "coverage_key" PRIMARY KEY("_client_id","source")
);
--> statement-breakpoint
CREATE TABLE "ops"."quarantine" (
	"quarantine_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ops"."quarantine_quarantine_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"slice" text NOT NULL,
	"line" integer,
	"reason" text NOT NULL,
	"amount" numeric(18, 6),
	"content" text NOT NULL,
	"content_hash" text NOT NULL,
	"first_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"resolved_at" timestamp with time zone,
	"run_id" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ops"."rate_gate" (
	"account" text PRIMARY KEY NOT NULL,
	"next_at" timestamp with time zone DEFAULT now() NOT NULL,
	"held_until" timestamp with time zone,
	"leases" jsonb DEFAULT '{}'::jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ops"."receipts" (
	"receipt_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ops"."receipts_receipt_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"slice" text NOT NULL,
	"timezone" text NOT NULL,
	"fetch_seq" bigint NOT NULL,
	"fetched_at" timestamp with time zone NOT NULL,
	"committed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"outcome" text NOT NULL,
	"pages" integer NOT NULL,
	"fetched" integer NOT NULL,
	"inserted" integer NOT NULL,
	"updated" integer NOT NULL,
	"unchanged" integer NOT NULL,
	"withdrawn" integer NOT NULL,
	"set_aside" integer NOT NULL,
	"set_aside_total" numeric(18, 6) NOT NULL,
	"total" numeric(18, 6) NOT NULL,
	"vendor_total" numeric(18, 6),
	"content_hash" text NOT NULL,
	"run_id" text NOT NULL,
	"workflow_id" text NOT NULL,
	"workflow_run_id" text NOT NULL,
	"attempt" integer NOT NULL,
	CONSTRAINT "receipts_outcome" CHECK ("ops"."receipts"."outcome" in ('changed', 'unchanged', 'emptied', 'unreconciled'))
);
--> statement-breakpoint
CREATE TABLE "ops"."restatements" (
	"restatement_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ops"."restatements_restatement_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"slice" text NOT NULL,
	"row_key" jsonb NOT NULL,
	"kind" text NOT NULL,
	"old" jsonb,
	"new" jsonb,
	"fetch_seq" bigint NOT NULL,
	"run_id" text NOT NULL,
	"recorded_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "restatements_kind" CHECK ("ops"."restatements"."kind" in ('first', 'changed', 'withdrawn'))
);
--> statement-breakpoint
CREATE TABLE "ops"."run_failures" (
	"run_id" text NOT NULL,
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"slice" text NOT NULL,
	"type" text NOT NULL,
	"reason" text NOT NULL,
	"failed_at" timestamp with time zone DEFAULT now() NOT NULL,
	"healed_at" timestamp with time zone,
	CONSTRAINT "run_failures_key" PRIMARY KEY("run_id","slice")
);
--> statement-breakpoint
CREATE TABLE "ops"."runs" (
	"run_id" text PRIMARY KEY NOT NULL,
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"kind" text NOT NULL,
	"workflow_id" text NOT NULL,
	"scheduled_for" timestamp with time zone,
	"day_from" date,
	"day_to" date,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	"outcome" text DEFAULT 'running' NOT NULL,
	"slices_planned" integer DEFAULT 0 NOT NULL,
	"slices_done" integer DEFAULT 0 NOT NULL,
	"slices_failed" integer DEFAULT 0 NOT NULL,
	"inserted" bigint DEFAULT 0 NOT NULL,
	"updated" bigint DEFAULT 0 NOT NULL,
	"unchanged" bigint DEFAULT 0 NOT NULL,
	"withdrawn" bigint DEFAULT 0 NOT NULL,
	"reason" text,
	CONSTRAINT "runs_kind" CHECK ("ops"."runs"."kind" in ('sync', 'backfill', 'dry_run')),
	CONSTRAINT "runs_outcome" CHECK ("ops"."runs"."outcome" in ('running', 'completed', 'failed', 'cancelled', 'healed'))
);
--> statement-breakpoint
CREATE TABLE "ops"."slices" (
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"slice" text NOT NULL,
	"day" date NOT NULL,
	"timezone" text NOT NULL,
	"receipt_id" bigint,
	"fetch_seq" bigint,
	"fetched_at" timestamp with time zone,
	"is_final" boolean DEFAULT false NOT NULL,
	"outcome" text,
	"rows" integer DEFAULT 0 NOT NULL,
	"total" numeric(18, 6) DEFAULT '0' NOT NULL,
	"content_hash" text,
	"failure" text,
	"failure_type" text,
	"failed_at" timestamp with time zone,
	"run_id" text,
	CONSTRAINT "slices_key" PRIMARY KEY("_client_id","source","slice")
);
--> statement-breakpoint
CREATE TABLE "redtrack"."daily_spend" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL,
	"source_id" text NOT NULL,
	"source_name" text,
	"source_alias" text,
	"clicks" bigint NOT NULL,
	"conversions" bigint NOT NULL,
	"total_conversions" bigint,
	"cost" numeric(18, 6) NOT NULL,
	"revenue" numeric(18, 6),
	"total_revenue" numeric(18, 6),
	"_extra" jsonb,
	"_slice" text NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "daily_spend_key" PRIMARY KEY("_client_id","date","source_id"),
	CONSTRAINT "daily_spend_counts" CHECK ("redtrack"."daily_spend"."clicks" >= 0 and "redtrack"."daily_spend"."conversions" >= 0)
);
--> statement-breakpoint
CREATE UNIQUE INDEX "alerts_open" ON "ops"."alerts" USING btree ("_client_id","area","kind","subject") WHERE "ops"."alerts"."resolved_at" is null;--> statement-breakpoint
CREATE INDEX "alerts_recent" ON "ops"."alerts" USING btree ("_client_id","opened_at");--> statement-breakpoint
CREATE UNIQUE INDEX "quarantine_open" ON "ops"."quarantine" USING btree ("_client_id","source","slice","content_hash") WHERE "ops"."quarantine"."resolved_at" is null;--> statement-breakpoint
CREATE INDEX "quarantine_recent" ON "ops"."quarantine" USING btree ("_client_id","source","last_seen_at");--> statement-breakpoint
CREATE UNIQUE INDEX "receipts_fetch" ON "ops"."receipts" USING btree ("fetch_seq");--> statement-breakpoint
CREATE INDEX "receipts_slice" ON "ops"."receipts" USING btree ("_client_id","source","slice","fetch_seq");--> statement-breakpoint
CREATE INDEX "receipts_run" ON "ops"."receipts" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "restatements_slice" ON "ops"."restatements" USING btree ("_client_id","source","slice","fetch_seq");--> statement-breakpoint
CREATE INDEX "run_failures_open" ON "ops"."run_failures" USING btree ("_client_id","source","slice") WHERE "ops"."run_failures"."healed_at" is null;--> statement-breakpoint
CREATE INDEX "runs_recent" ON "ops"."runs" USING btree ("_client_id","source","started_at");--> statement-breakpoint
CREATE INDEX "slices_failed" ON "ops"."slices" USING btree ("_client_id","source") WHERE "ops"."slices"."failed_at" is not null;--> statement-breakpoint
CREATE INDEX "daily_spend_slice" ON "redtrack"."daily_spend" USING btree ("_client_id","_slice");--> statement-breakpoint
-- One statement decides whose turn it is: 0 means "start now", anything else how many milliseconds to wait before
-- asking again. The row lock orders the callers of all workers; the clock is the database's, the only one they share.
-- A lease ends by itself, so that a worker that was killed or stopped does not hold its place for ever.
CREATE FUNCTION ops.claim_turn(p_account text, p_interval_ms double precision, p_concurrent integer, p_lease text, p_lease_ms double precision)
RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  gate ops.rate_gate;
  moment timestamptz;
  live jsonb;
BEGIN
  -- Losing the last stamp in a crash costs nothing: the restart takes longer than an interval.
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT * INTO gate FROM ops.rate_gate WHERE account = p_account FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO ops.rate_gate (account) VALUES (p_account) ON CONFLICT (account) DO NOTHING;
    SELECT * INTO gate FROM ops.rate_gate WHERE account = p_account FOR UPDATE;
  END IF;
  moment := clock_timestamp();
  IF gate.next_at > moment THEN
    RETURN extract(epoch FROM gate.next_at - moment) * 1000;
  END IF;
  SELECT coalesce(jsonb_object_agg(key, value), '{}') INTO live
    FROM jsonb_each(gate.leases) WHERE value::double precision > extract(epoch FROM moment);
  IF (SELECT count(*) FROM jsonb_object_keys(live)) >= p_concurrent THEN
    RETURN 20;
  END IF;
  UPDATE ops.rate_gate
     SET next_at = moment + p_interval_ms * interval '1 millisecond',
         leases = live || jsonb_build_object(p_lease, extract(epoch FROM moment) + p_lease_ms / 1000)
   WHERE account = p_account;
  RETURN 0;
END $$;
