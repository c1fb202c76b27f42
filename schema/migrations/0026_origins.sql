ALTER TABLE "anytrack"."clicks" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "anytrack"."conversions" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "anytrack"."tracked" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "anytrack"."webhook_events" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."deliveries" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."files" ADD COLUMN "origin" text DEFAULT 'real' NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."receipts" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."slices" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."platform_reports" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."reconciliation_logs" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
CREATE INDEX "slices_origin" ON "ops"."slices" USING btree ("_client_id","source","origin");--> statement-breakpoint
ALTER TABLE "anytrack"."clicks" ADD CONSTRAINT "clicks_origin_known" CHECK ("anytrack"."clicks"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "anytrack"."conversions" ADD CONSTRAINT "conversions_origin_known" CHECK ("anytrack"."conversions"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "anytrack"."tracked" ADD CONSTRAINT "tracked_origin_known" CHECK ("anytrack"."tracked"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "anytrack"."webhook_events" ADD CONSTRAINT "webhook_events_origin_known" CHECK ("anytrack"."webhook_events"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "ops"."deliveries" ADD CONSTRAINT "deliveries_origin_known" CHECK ("ops"."deliveries"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "ops"."files" ADD CONSTRAINT "files_origin_known" CHECK ("ops"."files"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "ops"."receipts" ADD CONSTRAINT "receipts_origin_known" CHECK ("ops"."receipts"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "ops"."slices" ADD CONSTRAINT "slices_origin_known" CHECK ("ops"."slices"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "recon"."platform_reports" ADD CONSTRAINT "platform_reports_origin_known" CHECK ("recon"."platform_reports"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "recon"."reconciliation_logs" ADD CONSTRAINT "reconciliation_logs_origin_known" CHECK ("recon"."reconciliation_logs"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
-- By hand from here on. What was stored before is of unknown origin: no receipt says who was asked. Files are an exception:
-- nothing but a person's import has ever written one.
-- The views and the function that answer with an origin are made again after the migrations.
DROP VIEW IF EXISTS public.cpa_by_affiliate;--> statement-breakpoint
DROP FUNCTION IF EXISTS public.cpa_by_affiliate(date, date, text);--> statement-breakpoint
-- The functions of conversions carry the origin along: the same text, with these places changed. One that is not found
-- stops the migration.
DO $$
DECLARE
  change record;
  body text;
BEGIN
  FOR change IN
    SELECT * FROM (VALUES
      (1, 'anytrack.fold(text, text[], text)', '0 AS rank, event_hash AS tie, received_at', '0 AS rank, event_hash AS tie, received_at, origin'),
      (2, 'anytrack.fold(text, text[], text)', $t$click_time, visitor, 1, '', NULL
      FROM anytrack.pulled_conversions WHERE _client_id = p_client AND conversion_key = ANY(p_keys)
  ), folded AS ($t$, $t$click_time, visitor, 1, '', NULL,
           coalesce((SELECT l.origin FROM ops.slices l WHERE l._client_id = p_client AND l.source = 'anytrack.pulled_conversions' AND l.slice = p._slice), 'unknown')
      FROM anytrack.pulled_conversions p WHERE _client_id = p_client AND conversion_key = ANY(p_keys)
  ), believed AS (
    -- What a vendor said outweighs what a mock server made up of the same conversion.
    SELECT * FROM (SELECT *, bool_or(origin <> 'sandbox') OVER (PARTITION BY conversion_key) AS is_real FROM said) s
     WHERE origin <> 'sandbox' OR NOT is_real
  ), folded AS ($t$),
      (3, 'anytrack.fold(text, text[], text)', $t$THEN now() END AS seen_by_pull_at
      FROM said GROUP BY$t$, $t$THEN now() END AS seen_by_pull_at,
           CASE WHEN bool_or(origin = 'sandbox') THEN 'sandbox' WHEN bool_or(origin = 'real') THEN 'real' ELSE 'unknown' END AS origin
      FROM believed GROUP BY$t$),
      (4, 'anytrack.fold(text, text[], text)', 'date, seen_by_webhook_at, seen_by_pull_at, _run_id)', 'date, seen_by_webhook_at, seen_by_pull_at, _run_id, origin)'),
      (5, 'anytrack.fold(text, text[], text)', 'day, seen_by_webhook_at, seen_by_pull_at, p_run', 'day, seen_by_webhook_at, seen_by_pull_at, p_run, origin'),
      (6, 'anytrack.fold(text, text[], text)', '_run_id = excluded._run_id', '_run_id = excluded._run_id, origin = excluded.origin'),
      (7, 'anytrack.fold(text, text[], text)', $t$c.seen_by_webhook_at, c.seen_by_pull_at IS NULL)$t$, $t$c.seen_by_webhook_at, c.seen_by_pull_at IS NULL, c.origin)$t$),
      (8, 'anytrack.fold(text, text[], text)', 'c.seen_by_pull_at IS NULL AND excluded.seen_by_pull_at IS NULL)', 'c.seen_by_pull_at IS NULL AND excluded.seen_by_pull_at IS NULL, excluded.origin)'),
      (9, 'anytrack.receive(text, jsonb, jsonb, double precision)', $t$click_time, visitor)
    SELECT p_client, e.*
      FROM jsonb_to_recordset(p_events) AS e$t$, $t$click_time, visitor, origin)
    SELECT p_client, e.*
      FROM jsonb_to_recordset((SELECT jsonb_agg('{"origin": "unknown"}'::jsonb || x) FROM jsonb_array_elements(p_events) x)) AS e$t$),
      (10, 'anytrack.receive(text, jsonb, jsonb, double precision)', $t$click_time timestamptz, visitor text)
     ORDER BY$t$, $t$click_time timestamptz, visitor text, origin text)
     ORDER BY$t$),
      (11, 'anytrack.receive(text, jsonb, jsonb, double precision)', $t$affiliate_id, visitor, _run_id)
    SELECT$t$, $t$affiliate_id, visitor, _run_id, origin)
    SELECT$t$),
      (12, 'anytrack.receive(text, jsonb, jsonb, double precision)', $t$e.visitor, 'webhook'
      FROM$t$, $t$e.visitor, 'webhook', coalesce(e.origin, 'unknown')
      FROM$t$),
      (13, 'anytrack.receive(text, jsonb, jsonb, double precision)', 'affiliate_id text, visitor text)
     CROSS', 'affiliate_id text, visitor text, origin text)
     CROSS'),
      (14, 'anytrack.weigh(text, text[], double precision, text)', $t$affiliate_id, _run_id)
  SELECT DISTINCT ON (click_id) p_client, click_id, at, day, source, campaign_id, ad_id, affiliate_id, p_run
    FROM anytrack.touchpoints$t$, $t$affiliate_id, _run_id, origin)
  SELECT DISTINCT ON (click_id) p_client, click_id, at, day, source, campaign_id, ad_id, affiliate_id, p_run,
         coalesce((SELECT c.origin FROM anytrack.conversions c WHERE c._client_id = p_client AND c.conversion_key = t.conversion_key), 'unknown')
    FROM anytrack.touchpoints t$t$)
    ) AS c(place, name, old, new) ORDER BY place
  LOOP
    body := pg_get_functiondef(change.name::regprocedure);
    IF (length(body) - length(replace(body, change.old, ''))) <> length(change.old) THEN
      RAISE EXCEPTION '% does not hold once what is to be changed in it (%)', change.name, change.place;
    END IF;
    EXECUTE replace(body, change.old, change.new);
  END LOOP;
END $$;
--> statement-breakpoint
-- What a platform said and what was decided by it is never removed; what a mock server said may be, and nothing else. The
-- origin of a row cannot be changed, so this holds for whoever asks.
CREATE FUNCTION recon.refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.origin = 'sandbox' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '%.% only ever grows: a row is never changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
DO $$
DECLARE
  kept text;
BEGIN
  FOREACH kept IN ARRAY ARRAY['platform_reports', 'reconciliation_logs'] LOOP
    EXECUTE format('DROP TRIGGER only_grows ON recon.%I', kept);
    EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR TRUNCATE ON recon.%I FOR EACH STATEMENT EXECUTE FUNCTION recon.refuse_change()', kept);
    EXECUTE format('ALTER TABLE recon.%I ENABLE ALWAYS TRIGGER only_grows', kept);
    EXECUTE format('CREATE TRIGGER keeps_what_is_real BEFORE DELETE ON recon.%I FOR EACH ROW EXECUTE FUNCTION recon.refuse_deletion()', kept);
    EXECUTE format('ALTER TABLE recon.%I ENABLE ALWAYS TRIGGER keeps_what_is_real', kept);
  END LOOP;
END $$;
