CREATE SCHEMA IF NOT EXISTS "anytrack";
--> statement-breakpoint
CREATE TABLE "anytrack"."attribution" (
	"_client_id" text NOT NULL,
	"conversion_key" text NOT NULL,
	"model" text NOT NULL,
	"position" integer NOT NULL,
	"weight" numeric(7, 6) NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "attribution_key" PRIMARY KEY("_client_id","conversion_key","model","position"),
	CONSTRAINT "attribution_weight" CHECK ("anytrack"."attribution"."weight" between 0 and 1),
	CONSTRAINT "attribution_model" CHECK ("anytrack"."attribution"."model" in ('last_click', 'first_click', 'linear', 'time_decay'))
);
--> statement-breakpoint
CREATE TABLE "anytrack"."clicks" (
	"_client_id" text NOT NULL,
	"click_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"date" date NOT NULL,
	"source" text,
	"campaign_id" text,
	"ad_id" text,
	"affiliate_id" text,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "clicks_key" PRIMARY KEY("_client_id","click_id")
);
--> statement-breakpoint
CREATE TABLE "anytrack"."conversions" (
	"_client_id" text NOT NULL,
	"conversion_key" text NOT NULL,
	"order_id" text,
	"vendor_id" text,
	"asset_id" text,
	"event_name" text,
	"type" text NOT NULL,
	"click_id" text,
	"revenue" numeric(18, 6),
	"currency" text,
	"source" text,
	"campaign_id" text,
	"ad_id" text,
	"affiliate_id" text,
	"event_time" timestamp with time zone NOT NULL,
	"version" timestamp with time zone NOT NULL,
	"sub_ids" jsonb,
	"unknown_fields" jsonb,
	"touchpoints" jsonb,
	"date" date NOT NULL,
	"seen_by_webhook_at" timestamp with time zone,
	"seen_by_pull_at" timestamp with time zone,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "conversions_key" PRIMARY KEY("_client_id","conversion_key"),
	CONSTRAINT "conversions_seen" CHECK ("anytrack"."conversions"."seen_by_webhook_at" is not null or "anytrack"."conversions"."seen_by_pull_at" is not null)
);
--> statement-breakpoint
CREATE TABLE "anytrack"."pulled_conversions" (
	"_client_id" text NOT NULL,
	"conversion_key" text NOT NULL,
	"order_id" text,
	"vendor_id" text,
	"asset_id" text,
	"event_name" text,
	"type" text NOT NULL,
	"click_id" text,
	"revenue" numeric(18, 6) NOT NULL,
	"currency" text,
	"source" text,
	"campaign_id" text,
	"ad_id" text,
	"affiliate_id" text,
	"event_time" timestamp with time zone NOT NULL,
	"version" timestamp with time zone NOT NULL,
	"sub_ids" jsonb,
	"unknown_fields" jsonb,
	"touchpoints" jsonb,
	"_slice" text NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "pulled_conversions_key" PRIMARY KEY("_client_id","conversion_key")
);
--> statement-breakpoint
CREATE TABLE "anytrack"."touchpoints" (
	"_client_id" text NOT NULL,
	"conversion_key" text NOT NULL,
	"position" integer NOT NULL,
	"type" text NOT NULL,
	"source" text,
	"campaign_id" text,
	"ad_id" text,
	"affiliate_id" text,
	"click_id" text,
	"at" timestamp with time zone NOT NULL,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "touchpoints_key" PRIMARY KEY("_client_id","conversion_key","position")
);
--> statement-breakpoint
CREATE TABLE "anytrack"."tracked" (
	"_client_id" text NOT NULL,
	"tracking_key" text NOT NULL,
	"content_hash" text NOT NULL,
	"type" text NOT NULL,
	"revenue" numeric(18, 6) NOT NULL,
	"currency" text NOT NULL,
	"state" text NOT NULL,
	"attempts" integer NOT NULL,
	"answer" text,
	"first_tried_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sent_at" timestamp with time zone,
	"_loaded_at" timestamp with time zone DEFAULT now() NOT NULL,
	"_run_id" text NOT NULL,
	CONSTRAINT "tracked_key" PRIMARY KEY("_client_id","tracking_key"),
	CONSTRAINT "tracked_state" CHECK ("anytrack"."tracked"."state" in ('sending', 'sent', 'refused'))
);
--> statement-breakpoint
CREATE TABLE "anytrack"."webhook_events" (
	"_client_id" text NOT NULL,
	"conversion_key" text NOT NULL,
	"event_hash" text NOT NULL,
	"order_id" text,
	"vendor_id" text,
	"asset_id" text,
	"event_name" text,
	"type" text NOT NULL,
	"click_id" text,
	"revenue" numeric(18, 6),
	"currency" text,
	"source" text,
	"campaign_id" text,
	"ad_id" text,
	"affiliate_id" text,
	"event_time" timestamp with time zone NOT NULL,
	"version" timestamp with time zone NOT NULL,
	"sub_ids" jsonb,
	"unknown_fields" jsonb,
	"touchpoints" jsonb,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_events_key" PRIMARY KEY("_client_id","conversion_key","event_hash")
);
--> statement-breakpoint
CREATE INDEX "clicks_day" ON "anytrack"."clicks" USING btree ("_client_id","date");--> statement-breakpoint
CREATE INDEX "conversions_recent" ON "anytrack"."conversions" USING btree ("_client_id","event_time","conversion_key");--> statement-breakpoint
CREATE INDEX "conversions_day" ON "anytrack"."conversions" USING btree ("_client_id","date");--> statement-breakpoint
CREATE INDEX "conversions_loaded" ON "anytrack"."conversions" USING btree ("_client_id","_loaded_at");--> statement-breakpoint
CREATE INDEX "pulled_conversions_slice" ON "anytrack"."pulled_conversions" USING btree ("_client_id","_slice");
--> statement-breakpoint
-- By hand from here on: the functions that keep anytrack.conversions.

-- Works conversions out anew from all that was said of them, and returns those whose journey changed. Which of two
-- sayings holds follows from their versions alone, never from which came first; at one version the pull, which reads
-- the vendor's present state, holds over the webhook. A lock per group of keys makes the later of two writers see what
-- the earlier one committed; groups are taken in order, so that nobody waits in a circle.
CREATE FUNCTION anytrack.fold(p_client text, p_keys text[], p_run text)
RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  bucket integer;
  journeys text[];
BEGIN
  FOR bucket IN SELECT DISTINCT abs(hashtext(p_client || '/' || k) % 256) AS b FROM unnest(p_keys) k ORDER BY b LOOP
    PERFORM pg_advisory_xact_lock(hashtext('anytrack.conversions'), bucket);
  END LOOP;
  WITH said AS (
    SELECT conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
           event_time, version, sub_ids, unknown_fields, touchpoints, 0 AS rank, event_hash AS tie, received_at
      FROM anytrack.webhook_events WHERE _client_id = p_client AND conversion_key = ANY(p_keys)
    UNION ALL
    SELECT conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
           event_time, version, sub_ids, unknown_fields, touchpoints, 1, '', NULL
      FROM anytrack.pulled_conversions WHERE _client_id = p_client AND conversion_key = ANY(p_keys)
  ), folded AS (
    SELECT conversion_key,
           (array_agg(order_id ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE order_id IS NOT NULL))[1] AS order_id,
           (array_agg(vendor_id ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE vendor_id IS NOT NULL))[1] AS vendor_id,
           (array_agg(asset_id ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE asset_id IS NOT NULL))[1] AS asset_id,
           (array_agg(event_name ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE event_name IS NOT NULL))[1] AS event_name,
           (array_agg(type ORDER BY version DESC, rank DESC, tie DESC))[1] AS type,
           (array_agg(click_id ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE click_id IS NOT NULL))[1] AS click_id,
           -- An amount and its currency are one saying.
           (array_agg(revenue ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE revenue IS NOT NULL))[1] AS revenue,
           (array_agg(currency ORDER BY (revenue IS NOT NULL) DESC, version DESC, rank DESC, tie DESC))[1] AS currency,
           (array_agg(source ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE source IS NOT NULL))[1] AS source,
           (array_agg(campaign_id ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE campaign_id IS NOT NULL))[1] AS campaign_id,
           (array_agg(ad_id ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE ad_id IS NOT NULL))[1] AS ad_id,
           (array_agg(affiliate_id ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE affiliate_id IS NOT NULL))[1] AS affiliate_id,
           -- A later correction does not move a conversion to another day.
           min(event_time) AS event_time, max(version) AS version,
           (array_agg(sub_ids ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE sub_ids IS NOT NULL))[1] AS sub_ids,
           (array_agg(unknown_fields ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE unknown_fields IS NOT NULL))[1] AS unknown_fields,
           (array_agg(touchpoints ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE touchpoints IS NOT NULL))[1] AS touchpoints,
           min(received_at) AS seen_by_webhook_at, CASE WHEN bool_or(rank = 1) THEN now() END AS seen_by_pull_at
      FROM said GROUP BY conversion_key
  ), before AS MATERIALIZED (
    SELECT conversion_key, touchpoints FROM anytrack.conversions WHERE _client_id = p_client AND conversion_key = ANY(p_keys)
  ), written AS (
    INSERT INTO anytrack.conversions AS c
           (_client_id, conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
            event_time, version, sub_ids, unknown_fields, touchpoints, date, seen_by_webhook_at, seen_by_pull_at, _run_id)
    SELECT p_client, conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
           event_time, version, sub_ids, unknown_fields, touchpoints, day, seen_by_webhook_at, seen_by_pull_at, p_run
      FROM folded CROSS JOIN LATERAL (SELECT (event_time AT TIME ZONE 'America/New_York')::date AS day) d
     ORDER BY conversion_key
    ON CONFLICT ON CONSTRAINT conversions_key DO UPDATE
       SET order_id = excluded.order_id, vendor_id = excluded.vendor_id, asset_id = excluded.asset_id, event_name = excluded.event_name, type = excluded.type,
           click_id = excluded.click_id, revenue = excluded.revenue, currency = excluded.currency, source = excluded.source, campaign_id = excluded.campaign_id,
           ad_id = excluded.ad_id, affiliate_id = excluded.affiliate_id, event_time = excluded.event_time, version = excluded.version, sub_ids = excluded.sub_ids,
           unknown_fields = excluded.unknown_fields, touchpoints = excluded.touchpoints, date = excluded.date, seen_by_webhook_at = excluded.seen_by_webhook_at,
           seen_by_pull_at = coalesce(c.seen_by_pull_at, excluded.seen_by_pull_at), _loaded_at = now(), _run_id = excluded._run_id
     WHERE (c.order_id, c.vendor_id, c.asset_id, c.event_name, c.type, c.click_id, c.revenue, c.currency, c.source, c.campaign_id, c.ad_id, c.affiliate_id,
            c.event_time, c.version, c.sub_ids, c.unknown_fields, c.touchpoints, c.seen_by_webhook_at, c.seen_by_pull_at IS NULL)
           IS DISTINCT FROM
           (excluded.order_id, excluded.vendor_id, excluded.asset_id, excluded.event_name, excluded.type, excluded.click_id, excluded.revenue, excluded.currency,
            excluded.source, excluded.campaign_id, excluded.ad_id, excluded.affiliate_id, excluded.event_time, excluded.version, excluded.sub_ids,
            excluded.unknown_fields, excluded.touchpoints, excluded.seen_by_webhook_at, c.seen_by_pull_at IS NULL AND excluded.seen_by_pull_at IS NULL)
    RETURNING c.conversion_key, c.touchpoints
  )
  SELECT array_agg(w.conversion_key ORDER BY w.conversion_key) INTO journeys
    FROM written w LEFT JOIN before b USING (conversion_key) WHERE w.touchpoints IS DISTINCT FROM b.touchpoints;
  IF journeys IS NULL THEN
    RETURN;
  END IF;
  DELETE FROM anytrack.touchpoints WHERE _client_id = p_client AND conversion_key = ANY(journeys);
  DELETE FROM anytrack.attribution WHERE _client_id = p_client AND conversion_key = ANY(journeys);
  WITH steps AS (
    INSERT INTO anytrack.touchpoints (_client_id, conversion_key, position, type, source, campaign_id, ad_id, affiliate_id, click_id, at, _run_id)
    SELECT p_client, c.conversion_key, t.place, t.step ->> 'type', t.step ->> 'source', t.step ->> 'campaign_id', t.step ->> 'ad_id', t.step ->> 'affiliate_id',
           t.step ->> 'click_id', (t.step ->> 'at')::timestamptz, p_run
      FROM anytrack.conversions c CROSS JOIN LATERAL jsonb_array_elements(c.touchpoints) WITH ORDINALITY AS t(step, place)
     WHERE c._client_id = p_client AND c.conversion_key = ANY(journeys)
    RETURNING *
  )
  INSERT INTO anytrack.clicks (_client_id, click_id, at, date, source, campaign_id, ad_id, affiliate_id, _run_id)
  SELECT DISTINCT ON (click_id) p_client, click_id, at, day, source, campaign_id, ad_id, affiliate_id, p_run
    FROM steps CROSS JOIN LATERAL (SELECT (at AT TIME ZONE 'America/New_York')::date AS day) d
   WHERE type = 'click' AND click_id IS NOT NULL ORDER BY click_id, at
  ON CONFLICT ON CONSTRAINT clicks_key DO NOTHING;
  RETURN QUERY SELECT unnest(journeys);
END $$;
--> statement-breakpoint
-- Takes webhook events in: one statement, so one round trip and one commit. A repeat changes nothing.
CREATE FUNCTION anytrack.receive(p_client text, p_events jsonb, p_clicks jsonb)
RETURNS TABLE (stored integer, journeys text[]) LANGUAGE plpgsql AS $$
DECLARE
  keys text[];
BEGIN
  WITH added AS (
    INSERT INTO anytrack.webhook_events
           (_client_id, conversion_key, event_hash, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id,
            affiliate_id, event_time, version, sub_ids, unknown_fields, touchpoints)
    SELECT p_client, e.*
      FROM jsonb_to_recordset(p_events) AS e(conversion_key text, event_hash text, order_id text, vendor_id text, asset_id text, event_name text, type text,
             click_id text, revenue numeric, currency text, source text, campaign_id text, ad_id text, affiliate_id text, event_time timestamptz,
             version timestamptz, sub_ids jsonb, unknown_fields jsonb, touchpoints jsonb)
     ORDER BY e.conversion_key, e.event_hash
    ON CONFLICT ON CONSTRAINT webhook_events_key DO NOTHING
    RETURNING conversion_key
  )
  SELECT coalesce(array_agg(DISTINCT a.conversion_key), '{}') INTO keys FROM added a;
  stored := cardinality(keys);
  journeys := '{}';
  IF stored > 0 THEN
    journeys := ARRAY(SELECT f FROM anytrack.fold(p_client, keys, 'webhook') f);
  END IF;
  -- Last, after the locks of fold: two that wait for each other's clicks would hold each other up.
  INSERT INTO anytrack.clicks (_client_id, click_id, at, date, source, campaign_id, ad_id, affiliate_id, _run_id)
  SELECT DISTINCT ON (e.click_id) p_client, e.click_id, e.at, d.day, e.source, e.campaign_id, e.ad_id, e.affiliate_id, 'webhook'
    FROM jsonb_to_recordset(p_clicks) AS e(click_id text, at timestamptz, source text, campaign_id text, ad_id text, affiliate_id text)
   CROSS JOIN LATERAL (SELECT (e.at AT TIME ZONE 'America/New_York')::date AS day) d
   ORDER BY e.click_id, e.at
  ON CONFLICT ON CONSTRAINT clicks_key DO NOTHING;
  RETURN NEXT;
END $$;
