ALTER TABLE "recon"."affiliates" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."campaigns" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."affiliate_reports" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "rtb"."buyer_seats" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "origin" text DEFAULT 'unknown' NOT NULL;--> statement-breakpoint
ALTER TABLE "recon"."affiliates" ADD CONSTRAINT "affiliates_origin_known" CHECK ("recon"."affiliates"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "recon"."campaigns" ADD CONSTRAINT "campaigns_origin_known" CHECK ("recon"."campaigns"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "recon"."affiliate_reports" ADD CONSTRAINT "affiliate_reports_origin_known" CHECK ("recon"."affiliate_reports"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "rtb"."buyer_seats" ADD CONSTRAINT "buyer_seats_origin_known" CHECK ("rtb"."buyer_seats"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD CONSTRAINT "campaigns_origin_known" CHECK ("rtb"."campaigns"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD CONSTRAINT "creatives_origin_known" CHECK ("rtb"."creatives"."origin" in ('real', 'sandbox', 'unknown'));--> statement-breakpoint
-- By hand from here on. What affiliates claimed is never removed; what a made-up affiliate claimed may be, and nothing
-- else. The origin of a claim cannot be changed, so this holds for whoever asks.
CREATE FUNCTION recon.refuse_deletion_of_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM recon.affiliate_reports r WHERE r._client_id = OLD._client_id AND r.report_id = OLD.report_id AND r.origin = 'sandbox') THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '%.% only ever grows: a row is never changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
--> statement-breakpoint
DO $$
DECLARE
  kept record;
BEGIN
  FOR kept IN SELECT * FROM (VALUES ('affiliate_reports', 'refuse_deletion'), ('report_steps', 'refuse_deletion_of_steps')) AS k(name, guard) LOOP
    EXECUTE format('DROP TRIGGER only_grows ON recon.%I', kept.name);
    EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR TRUNCATE ON recon.%I FOR EACH STATEMENT EXECUTE FUNCTION recon.refuse_change()', kept.name);
    EXECUTE format('ALTER TABLE recon.%I ENABLE ALWAYS TRIGGER only_grows', kept.name);
    EXECUTE format('CREATE TRIGGER keeps_what_is_real BEFORE DELETE ON recon.%I FOR EACH ROW EXECUTE FUNCTION recon.%I()', kept.name, kept.guard);
    EXECUTE format('ALTER TABLE recon.%I ENABLE ALWAYS TRIGGER keeps_what_is_real', kept.name);
  END LOOP;
END $$;
