-- A database as the first release left it: its tables, and rows in each of them. What is here is never edited: it stands
-- for databases that exist. bench/drills/old-database.ts brings it to today's shape and compares.
CREATE SCHEMA IF NOT EXISTS "ops";

CREATE SCHEMA "redtrack";

CREATE SEQUENCE "ops"."fetch_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;
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

CREATE TABLE "ops"."coverage" (
  "_client_id" text NOT NULL,
  "source" text NOT NULL,
  "covered_from" date NOT NULL,
  CONSTRAINT "coverage_key" PRIMARY KEY("_client_id","source")
);

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

CREATE TABLE "ops"."rate_gate" (
  "account" text PRIMARY KEY NOT NULL,
  "next_at" timestamp with time zone DEFAULT now() NOT NULL,
  "held_until" timestamp with time zone,
  "leases" jsonb DEFAULT '{}'::jsonb NOT NULL
);

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

CREATE UNIQUE INDEX "alerts_open" ON "ops"."alerts" USING btree ("_client_id","area","kind","subject") WHERE "ops"."alerts"."resolved_at" is null;
CREATE INDEX "alerts_recent" ON "ops"."alerts" USING btree ("_client_id","opened_at");
CREATE UNIQUE INDEX "quarantine_open" ON "ops"."quarantine" USING btree ("_client_id","source","slice","content_hash") WHERE "ops"."quarantine"."resolved_at" is null;
CREATE INDEX "quarantine_recent" ON "ops"."quarantine" USING btree ("_client_id","source","last_seen_at");
CREATE UNIQUE INDEX "receipts_fetch" ON "ops"."receipts" USING btree ("fetch_seq");
CREATE INDEX "receipts_slice" ON "ops"."receipts" USING btree ("_client_id","source","slice","fetch_seq");
CREATE INDEX "receipts_run" ON "ops"."receipts" USING btree ("run_id");
CREATE INDEX "restatements_slice" ON "ops"."restatements" USING btree ("_client_id","source","slice","fetch_seq");
CREATE INDEX "run_failures_open" ON "ops"."run_failures" USING btree ("_client_id","source","slice") WHERE "ops"."run_failures"."healed_at" is null;
CREATE INDEX "runs_recent" ON "ops"."runs" USING btree ("_client_id","source","started_at");
CREATE INDEX "slices_failed" ON "ops"."slices" USING btree ("_client_id","source") WHERE "ops"."slices"."failed_at" is not null;
CREATE INDEX "daily_spend_slice" ON "redtrack"."daily_spend" USING btree ("_client_id","_slice");
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

CREATE TABLE "ops"."migrations" (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
insert into ops.migrations (hash, created_at) values ('f6001cc151ab0cbd067e93cd5dbb2401b9a21714382866ff08c661b712ee3105', 1795240707793);

insert into ops.coverage values ('713', 'redtrack.daily_spend', '2025-12-01');
insert into ops.rate_gate (account, next_at, held_until) values ('redtrack/713', '2025-12-18T12:00:00Z', '2025-12-18T12:15:00Z');
insert into ops.runs (run_id, _client_id, source, kind, workflow_id, scheduled_for, day_from, day_to, started_at, finished_at, outcome, slices_planned, slices_done, slices_failed, inserted)
select 'run-' || n, '713', 'redtrack.daily_spend', (array['sync', 'backfill', 'dry_run'])[n % 3 + 1], 'sync/' || n,
       case when n % 3 = 0 then timestamptz '2025-12-01Z' + n * interval '1 hour' end, date '2025-12-01', date '2025-12-01' + n,
       timestamptz '2025-12-01T01:00Z' + n * interval '1 hour', case when n < 12 then timestamptz '2025-12-01T01:05Z' + n * interval '1 hour' end,
       case when n = 12 then 'running' else (array['completed', 'failed', 'cancelled', 'healed'])[n % 4 + 1] end, n, n, 0, n * 17
  from generate_series(1, 12) n;
insert into ops.run_failures values
  ('run-1', '713', 'redtrack.daily_spend', '2025-12-01', 'VendorUnavailable', 'redtrack.daily_spend 2025-12-01: answered 503', '2025-12-01T02:00Z', '2025-12-01T03:00Z'),
  ('run-5', '713', 'redtrack.daily_spend', '2025-12-05', 'ResponseMalformed', 'redtrack.daily_spend 2025-12-05: [3].cost expected number', '2025-12-05T02:00Z', null);
insert into ops.receipts (_client_id, source, slice, timezone, fetch_seq, fetched_at, committed_at, outcome, pages, fetched, inserted, updated, unchanged, withdrawn,
                          set_aside, set_aside_total, total, vendor_total, content_hash, run_id, workflow_id, workflow_run_id, attempt)
select '713', 'redtrack.daily_spend', (date '2025-12-01' + n)::text, 'America/New_York', nextval('ops.fetch_seq'), timestamptz '2025-12-02T06:00Z' + n * interval '1 day',
       timestamptz '2025-12-02T06:01Z' + n * interval '1 day', 'changed', 1, 25, 25, 0, 0, 0, 1, 12.340000, 0, null, md5(n::text), 'run-' || n % 12 + 1,
       'redtrack.daily_spend/713/' || (date '2025-12-01' + n), md5('w' || n), 1
  from generate_series(0, 13) n;
insert into redtrack.daily_spend (_client_id, date, source_id, source_name, source_alias, clicks, conversions, total_conversions, cost, revenue, total_revenue, _extra, _slice, _loaded_at, _run_id)
select '713', date '2025-12-01' + d, 'source-' || s, 'Source № ' || s, case when s % 2 = 0 then 'alias-' || s end, s * 100 + d, s, s + 1,
       (s * 8450 + d)::numeric / 7, case when s % 3 = 0 then null else s * 1.005 end, s * 2.5, case when s % 5 = 0 then '{"ctr": 0.5}'::jsonb end,
       (date '2025-12-01' + d)::text, timestamptz '2025-12-02T06:01Z' + d * interval '1 day', 'run-' || d % 12 + 1
  from generate_series(0, 13) d, generate_series(1, 25) s;
insert into ops.slices (_client_id, source, slice, day, timezone, receipt_id, fetch_seq, fetched_at, is_final, outcome, rows, total, content_hash, run_id)
select r._client_id, r.source, r.slice, r.slice::date, r.timezone, r.receipt_id, r.fetch_seq, r.fetched_at, true, r.outcome, 25,
       (select sum(cost) from redtrack.daily_spend d where d._slice = r.slice), r.content_hash, r.run_id
  from ops.receipts r;
update ops.receipts r set total = s.total, vendor_total = s.total + 12.34 from ops.slices s where s.slice = r.slice;
insert into ops.slices (_client_id, source, slice, day, timezone, failure, failure_type, failed_at, run_id)
values ('713', 'redtrack.daily_spend', '2025-12-15', '2025-12-15', 'America/New_York', 'answered 503', 'VendorUnavailable', '2025-12-16T02:00Z', 'run-5');
insert into ops.restatements (_client_id, source, slice, row_key, kind, old, new, fetch_seq, run_id, recorded_at)
select d._client_id, 'redtrack.daily_spend', d._slice, jsonb_build_object('date', d.date, 'source_id', d.source_id), 'first', null,
       jsonb_build_object('cost', d.cost::text), s.fetch_seq, d._run_id, d._loaded_at
  from redtrack.daily_spend d join ops.slices s on s.slice = d._slice;
insert into ops.quarantine (_client_id, source, slice, line, reason, amount, content, content_hash, first_seen_at, last_seen_at, resolved_at, run_id)
select '713', 'redtrack.daily_spend', (date '2025-12-01' + n)::text, null, 'source_id is empty', 12.34, '{"source_id":"","cost":12.34}', md5('q' || n),
       '2025-12-02T06:01Z', '2025-12-03T06:01Z', case when n % 2 = 0 then timestamptz '2025-12-04Z' end, 'run-1'
  from generate_series(0, 13) n;
insert into ops.alerts (_client_id, area, kind, subject, severity, message, details, opened_at, last_seen_at, times_seen, resolved_at, resolved_by, notes) values
  ('713', 'sync', 'run_failed', 'redtrack.daily_spend', 'warning', 'one day failed', '{"days": ["2025-12-05"]}', '2025-12-05Z', '2025-12-06Z', 3, null, null, null),
  ('713', 'sync', 'emptied', 'redtrack.daily_spend/2025-12-02', 'critical', 'an empty answer', '{}', '2025-12-03Z', '2025-12-03Z', 1, '2025-12-04Z', 'operator', 'the day was empty');
