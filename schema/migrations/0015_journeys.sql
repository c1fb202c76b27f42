ALTER TABLE "anytrack"."clicks" ADD COLUMN "visitor" text;--> statement-breakpoint
ALTER TABLE "anytrack"."conversions" ADD COLUMN "click_time" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "anytrack"."conversions" ADD COLUMN "visitor" text;--> statement-breakpoint
ALTER TABLE "anytrack"."conversions" ADD COLUMN "journey" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "anytrack"."pulled_conversions" ADD COLUMN "click_time" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "anytrack"."pulled_conversions" ADD COLUMN "visitor" text;--> statement-breakpoint
ALTER TABLE "anytrack"."touchpoints" ADD COLUMN "origin" text DEFAULT 'told' NOT NULL;--> statement-breakpoint
ALTER TABLE "anytrack"."webhook_events" ADD COLUMN "click_time" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "anytrack"."webhook_events" ADD COLUMN "visitor" text;--> statement-breakpoint
CREATE INDEX "clicks_visitor" ON "anytrack"."clicks" USING btree ("_client_id","visitor","at") WHERE "anytrack"."clicks"."visitor" is not null;--> statement-breakpoint
CREATE INDEX "conversions_click" ON "anytrack"."conversions" USING btree ("_client_id","click_id") WHERE "anytrack"."conversions"."click_id" is not null;--> statement-breakpoint
CREATE INDEX "conversions_visitor" ON "anytrack"."conversions" USING btree ("_client_id","visitor") WHERE "anytrack"."conversions"."visitor" is not null;--> statement-breakpoint
ALTER TABLE "anytrack"."conversions" ADD CONSTRAINT "conversions_journey" CHECK ("anytrack"."conversions"."journey" in ('told', 'clicks', 'conversion', 'unknown'));--> statement-breakpoint
DROP FUNCTION anytrack.receive(text, jsonb, jsonb);
--> statement-breakpoint
DROP FUNCTION anytrack.fold(text, text[], text);
--> statement-breakpoint
-- Clicks from wherever they are known. Another table of clicks joins here, under an origin of its own.
CREATE VIEW anytrack.known_clicks AS
SELECT _client_id, click_id, visitor, at, source, campaign_id, ad_id, affiliate_id, 'click'::text AS origin FROM anytrack.clicks;
--> statement-breakpoint
-- One at a time for each of these names, in one order.
CREATE FUNCTION anytrack.lock(p_client text, p_names text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  bucket integer;
BEGIN
  FOR bucket IN SELECT DISTINCT abs(hashtext(p_client || '/' || n) % 256) AS b FROM unnest(p_names) n ORDER BY b LOOP
    PERFORM pg_advisory_xact_lock(hashtext('anytrack.conversions'), bucket);
  END LOOP;
END $$;
--> statement-breakpoint
-- Works out the journeys of conversions and what each model gives their steps. A journey that the vendor told is taken as
-- told. Otherwise it is made of the clicks that are known, of the conversion's own click and of its visitor in the 30 days
-- before, and of what the conversion says itself where its click is not among them.
CREATE FUNCTION anytrack.weigh(p_client text, p_keys text[], p_half_life_days double precision, p_run text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM anytrack.touchpoints WHERE _client_id = p_client AND conversion_key = ANY(p_keys);
  DELETE FROM anytrack.attribution WHERE _client_id = p_client AND conversion_key = ANY(p_keys);
  WITH wanted AS (
    SELECT * FROM anytrack.conversions WHERE _client_id = p_client AND conversion_key = ANY(p_keys)
  ), told AS (
    SELECT w.conversion_key, 'told' AS origin, t.step ->> 'type' AS type, (t.step ->> 'at')::timestamptz AS at, t.step ->> 'source' AS source,
           t.step ->> 'campaign_id' AS campaign_id, t.step ->> 'ad_id' AS ad_id, t.step ->> 'affiliate_id' AS affiliate_id,
           t.step ->> 'click_id' AS click_id, t.place
      FROM wanted w CROSS JOIN LATERAL jsonb_array_elements(w.touchpoints) WITH ORDINALITY AS t(step, place)
  ), clicked AS (
    SELECT w.conversion_key, k.origin, 'click', k.at, k.source, k.campaign_id, k.ad_id, k.affiliate_id, k.click_id, 0::bigint
      FROM wanted w
     CROSS JOIN LATERAL (
           SELECT * FROM anytrack.known_clicks c WHERE c._client_id = p_client AND c.click_id = w.click_id AND c.at <= w.event_time
            UNION
           SELECT * FROM (SELECT * FROM anytrack.known_clicks c
                           WHERE c._client_id = p_client AND c.visitor = w.visitor AND c.at <= w.event_time AND c.at > w.event_time - interval '30 days'
                           ORDER BY c.at DESC LIMIT 200) theirs) k
     WHERE w.touchpoints IS NULL
  ), own AS (
    SELECT w.conversion_key, 'conversion', CASE WHEN w.click_id IS NULL AND w.click_time IS NULL THEN 'visit' ELSE 'click' END,
           least(w.click_time, w.event_time), w.source, w.campaign_id, w.ad_id, w.affiliate_id, w.click_id, 1::bigint
      FROM wanted w
     WHERE w.touchpoints IS NULL
       AND coalesce(w.click_id, w.click_time::text, w.source, w.campaign_id, w.ad_id, w.affiliate_id) IS NOT NULL
       AND NOT EXISTS (SELECT FROM clicked c WHERE c.conversion_key = w.conversion_key AND (w.click_id IS NULL OR c.click_id = w.click_id))
  )
  INSERT INTO anytrack.touchpoints (_client_id, conversion_key, position, type, source, campaign_id, ad_id, affiliate_id, click_id, at, origin, _run_id)
  SELECT p_client, conversion_key, row_number() OVER (PARTITION BY conversion_key ORDER BY at, place, click_id), type, source, campaign_id, ad_id,
         affiliate_id, click_id, at, origin, p_run
    FROM (SELECT * FROM told UNION ALL SELECT * FROM clicked UNION ALL SELECT * FROM own) steps;

  -- Largest remainder: each share is cut at the sixth place, and the millionths left over go to those cut the most.
  INSERT INTO anytrack.attribution (_client_id, conversion_key, model, position, weight, _run_id)
  SELECT p_client, conversion_key, model, position,
         (floor(exact) + CASE WHEN row_number() OVER (each_model ORDER BY exact - floor(exact) DESC, position) <= left_over THEN 1 ELSE 0 END) / 1000000, p_run
    FROM (SELECT *, 1000000 - sum(floor(exact)) OVER (PARTITION BY conversion_key, model) AS left_over
            FROM (SELECT conversion_key, model, position,
                         (share / sum(share) OVER (PARTITION BY conversion_key, model) * 1000000)::numeric AS exact
                    FROM (SELECT t.conversion_key, m.model, t.position,
                                 CASE m.model
                                      WHEN 'linear' THEN 1::double precision
                                      -- Measured from the newest step: the moment of the conversion would only scale all shares alike.
                                      WHEN 'time_decay' THEN greatest(power(2::double precision,
                                           greatest(-extract(epoch FROM max(t.at) OVER journey - t.at) / 86400 / p_half_life_days, -1000)), 1e-300)
                                      WHEN 'first_click' THEN (t.position = coalesce(min(t.position) FILTER (WHERE t.type = 'click') OVER journey, 1))::int
                                      ELSE (t.position = coalesce(max(t.position) FILTER (WHERE t.type = 'click') OVER journey, max(t.position) OVER journey))::int
                                 END AS share
                            FROM anytrack.touchpoints t
                           CROSS JOIN (VALUES ('last_click'), ('first_click'), ('linear'), ('time_decay')) m(model)
                           WHERE t._client_id = p_client AND t.conversion_key = ANY(p_keys)
                          WINDOW journey AS (PARTITION BY t.conversion_key, m.model)) shares) exacts) cut
  WINDOW each_model AS (PARTITION BY conversion_key, model);

  UPDATE anytrack.conversions c
     SET journey = found.journey
    FROM (SELECT k AS conversion_key,
                 CASE WHEN bool_or(t.origin = 'told') THEN 'told' WHEN bool_or(t.origin NOT IN ('told', 'conversion')) THEN 'clicks'
                      WHEN bool_or(t.origin = 'conversion') THEN 'conversion' ELSE 'unknown' END AS journey
            FROM unnest(p_keys) k
            LEFT JOIN anytrack.touchpoints t ON t._client_id = p_client AND t.conversion_key = k
           GROUP BY k) found
   WHERE c._client_id = p_client AND c.conversion_key = found.conversion_key AND c.journey <> found.journey;

  -- Clicks of a told journey are clicks: what came to be known through it counts for earnings per click as well.
  INSERT INTO anytrack.clicks (_client_id, click_id, at, date, source, campaign_id, ad_id, affiliate_id, _run_id)
  SELECT DISTINCT ON (click_id) p_client, click_id, at, day, source, campaign_id, ad_id, affiliate_id, p_run
    FROM anytrack.touchpoints CROSS JOIN LATERAL (SELECT (at AT TIME ZONE 'America/New_York')::date AS day) d
   WHERE _client_id = p_client AND conversion_key = ANY(p_keys) AND origin = 'told' AND type = 'click' AND click_id IS NOT NULL
   ORDER BY click_id, at
  ON CONFLICT ON CONSTRAINT clicks_key DO NOTHING;
END $$;
--> statement-breakpoint
-- Brings conversions up to date with all that was said of them, and answers which of them changed.
CREATE FUNCTION anytrack.fold(p_client text, p_keys text[], p_run text)
RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM anytrack.lock(p_client, p_keys);
  RETURN QUERY
  WITH said AS (
    SELECT conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
           event_time, version, sub_ids, unknown_fields, touchpoints, click_time, visitor, 0 AS rank, event_hash AS tie, received_at
      FROM anytrack.webhook_events WHERE _client_id = p_client AND conversion_key = ANY(p_keys)
    UNION ALL
    SELECT conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
           event_time, version, sub_ids, unknown_fields, touchpoints, click_time, visitor, 1, '', NULL
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
           (array_agg(click_time ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE click_time IS NOT NULL))[1] AS click_time,
           (array_agg(visitor ORDER BY version DESC, rank DESC, tie DESC) FILTER (WHERE visitor IS NOT NULL))[1] AS visitor,
           min(received_at) AS seen_by_webhook_at, CASE WHEN bool_or(rank = 1) THEN now() END AS seen_by_pull_at
      FROM said GROUP BY conversion_key
  ), written AS (
    INSERT INTO anytrack.conversions AS c
           (_client_id, conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
            event_time, version, sub_ids, unknown_fields, touchpoints, click_time, visitor, date, seen_by_webhook_at, seen_by_pull_at, _run_id)
    SELECT p_client, conversion_key, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id, affiliate_id,
           event_time, version, sub_ids, unknown_fields, touchpoints, click_time, visitor, day, seen_by_webhook_at, seen_by_pull_at, p_run
      FROM folded CROSS JOIN LATERAL (SELECT (event_time AT TIME ZONE 'America/New_York')::date AS day) d
     ORDER BY conversion_key
    ON CONFLICT ON CONSTRAINT conversions_key DO UPDATE
       SET order_id = excluded.order_id, vendor_id = excluded.vendor_id, asset_id = excluded.asset_id, event_name = excluded.event_name, type = excluded.type,
           click_id = excluded.click_id, revenue = excluded.revenue, currency = excluded.currency, source = excluded.source, campaign_id = excluded.campaign_id,
           ad_id = excluded.ad_id, affiliate_id = excluded.affiliate_id, event_time = excluded.event_time, version = excluded.version, sub_ids = excluded.sub_ids,
           unknown_fields = excluded.unknown_fields, touchpoints = excluded.touchpoints, click_time = excluded.click_time,
           visitor = excluded.visitor, date = excluded.date, seen_by_webhook_at = excluded.seen_by_webhook_at,
           seen_by_pull_at = coalesce(c.seen_by_pull_at, excluded.seen_by_pull_at), _loaded_at = now(), _run_id = excluded._run_id
     WHERE (c.order_id, c.vendor_id, c.asset_id, c.event_name, c.type, c.click_id, c.revenue, c.currency, c.source, c.campaign_id, c.ad_id, c.affiliate_id,
            c.event_time, c.version, c.sub_ids, c.unknown_fields, c.touchpoints, c.click_time, c.visitor, c.seen_by_webhook_at, c.seen_by_pull_at IS NULL)
           IS DISTINCT FROM
           (excluded.order_id, excluded.vendor_id, excluded.asset_id, excluded.event_name, excluded.type, excluded.click_id, excluded.revenue, excluded.currency,
            excluded.source, excluded.campaign_id, excluded.ad_id, excluded.affiliate_id, excluded.event_time, excluded.version, excluded.sub_ids,
            excluded.unknown_fields, excluded.touchpoints, excluded.click_time, excluded.visitor, excluded.seen_by_webhook_at, c.seen_by_pull_at IS NULL AND excluded.seen_by_pull_at IS NULL)
    RETURNING c.conversion_key
  )
  SELECT w.conversion_key FROM written w ORDER BY 1;
END $$;
--> statement-breakpoint
-- The same for what this transaction changed of a pulled slice.
CREATE FUNCTION anytrack.fold_pulled(p_client text, p_slice text, p_half_life_days double precision, p_run text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  keys text[];
  changed text[];
BEGIN
  SELECT array_agg(conversion_key ORDER BY conversion_key) INTO keys
    FROM anytrack.pulled_conversions WHERE _client_id = p_client AND _slice = p_slice AND _loaded_at = now();
  IF keys IS NULL THEN
    RETURN;
  END IF;
  PERFORM anytrack.lock(p_client, keys || array(
    SELECT DISTINCT 'click ' || click_id FROM anytrack.pulled_conversions
     WHERE _client_id = p_client AND conversion_key = ANY(keys) AND click_id IS NOT NULL));
  changed := ARRAY(SELECT f FROM anytrack.fold(p_client, keys, p_run) f);
  PERFORM anytrack.weigh(p_client, changed, p_half_life_days, p_run);
END $$;
--> statement-breakpoint
-- Takes webhook events in: one statement, so one round trip and one commit. A repeat changes nothing.
CREATE FUNCTION anytrack.receive(p_client text, p_events jsonb, p_clicks jsonb, p_half_life_days double precision)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  keys text[];
  changed text[];
BEGIN
  -- Conversions, and the clicks and visitors that lead to them: of a click and its conversion that come at the same
  -- moment, the second sees the first.
  PERFORM anytrack.lock(p_client, array(
    SELECT e ->> 'conversion_key' FROM jsonb_array_elements(p_events) e
     UNION ALL SELECT 'click ' || (e ->> 'click_id') FROM jsonb_array_elements(p_events || p_clicks) e WHERE e ->> 'click_id' IS NOT NULL
     UNION ALL SELECT 'visitor ' || (e ->> 'visitor') FROM jsonb_array_elements(p_events || p_clicks) e WHERE e ->> 'visitor' IS NOT NULL));
  WITH added AS (
    INSERT INTO anytrack.webhook_events
           (_client_id, conversion_key, event_hash, order_id, vendor_id, asset_id, event_name, type, click_id, revenue, currency, source, campaign_id, ad_id,
            affiliate_id, event_time, version, sub_ids, unknown_fields, touchpoints, click_time, visitor)
    SELECT p_client, e.*
      FROM jsonb_to_recordset(p_events) AS e(conversion_key text, event_hash text, order_id text, vendor_id text, asset_id text, event_name text, type text,
             click_id text, revenue numeric, currency text, source text, campaign_id text, ad_id text, affiliate_id text, event_time timestamptz,
             version timestamptz, sub_ids jsonb, unknown_fields jsonb, touchpoints jsonb, click_time timestamptz, visitor text)
     ORDER BY e.conversion_key, e.event_hash
    ON CONFLICT ON CONSTRAINT webhook_events_key DO NOTHING
    RETURNING conversion_key
  )
  SELECT coalesce(array_agg(DISTINCT a.conversion_key), '{}') INTO keys FROM added a;
  changed := CASE WHEN keys = '{}' THEN '{}' ELSE ARRAY(SELECT f FROM anytrack.fold(p_client, keys, 'webhook') f) END;
  WITH came AS (
    INSERT INTO anytrack.clicks AS c (_client_id, click_id, at, date, source, campaign_id, ad_id, affiliate_id, visitor, _run_id)
    SELECT DISTINCT ON (e.click_id) p_client, e.click_id, e.at, d.day, e.source, e.campaign_id, e.ad_id, e.affiliate_id, e.visitor, 'webhook'
      FROM jsonb_to_recordset(p_clicks) AS e(click_id text, at timestamptz, source text, campaign_id text, ad_id text, affiliate_id text, visitor text)
     CROSS JOIN LATERAL (SELECT (e.at AT TIME ZONE 'America/New_York')::date AS day) d
     ORDER BY e.click_id, e.at
    ON CONFLICT ON CONSTRAINT clicks_key DO NOTHING
    RETURNING c.click_id, c.visitor, c.at
  )
  -- What a click led to may have been there before it.
  SELECT changed || coalesce(array_agg(DISTINCT v.conversion_key), '{}') INTO changed
    FROM came c
    JOIN anytrack.conversions v ON v._client_id = p_client AND v.event_time >= c.at AND v.touchpoints IS NULL
                               AND (v.click_id = c.click_id OR v.visitor = c.visitor);
  IF changed <> '{}' THEN
    PERFORM anytrack.weigh(p_client, changed, p_half_life_days, 'webhook');
  END IF;
  RETURN cardinality(keys);
END $$;
--> statement-breakpoint
-- What is here already: in portions, each for itself.
DO $$
DECLARE
  portion record;
BEGIN
  FOR portion IN SELECT _client_id, array_agg(conversion_key) AS keys
                   FROM (SELECT _client_id, conversion_key, row_number() OVER (PARTITION BY _client_id ORDER BY conversion_key) / 5000 AS part
                           FROM anytrack.conversions WHERE touchpoints IS NULL) each_one
                  GROUP BY _client_id, part LOOP
    PERFORM anytrack.weigh(portion._client_id, portion.keys, 7, 'migration');
  END LOOP;
  UPDATE anytrack.conversions SET journey = 'told' WHERE touchpoints IS NOT NULL;
END $$;
