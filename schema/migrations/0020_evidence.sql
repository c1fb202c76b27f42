CREATE TABLE "recon"."report_evidence" (
	"_client_id" text NOT NULL,
	"report_id" bigint NOT NULL,
	"sealed" "bytea",
	"unsealed" jsonb,
	"kept_until" timestamp with time zone NOT NULL,
	CONSTRAINT "report_evidence_key" PRIMARY KEY("_client_id","report_id"),
	CONSTRAINT "report_evidence_once" CHECK (("recon"."report_evidence"."sealed" is null) <> ("recon"."report_evidence"."unsealed" is null))
);
--> statement-breakpoint
ALTER TABLE "recon"."runs" ADD COLUMN "latest_only" boolean;--> statement-breakpoint
ALTER TABLE "recon"."report_evidence" ADD CONSTRAINT "report_evidence_report" FOREIGN KEY ("_client_id","report_id") REFERENCES "recon"."affiliate_reports"("_client_id","report_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "report_evidence_expiry" ON "recon"."report_evidence" USING btree ("kept_until");--> statement-breakpoint
CREATE INDEX "report_evidence_unsealed" ON "recon"."report_evidence" USING btree ("_client_id","report_id") WHERE "recon"."report_evidence"."unsealed" is not null;--> statement-breakpoint
-- Evidence lay in clear in a table that only grows. It goes where it can be sealed and deleted: a migration has no key, so
-- the next sweep of a worker that has one seals it. What is older than it would have been kept is not moved.
ALTER TABLE recon.affiliate_reports DISABLE TRIGGER only_grows;--> statement-breakpoint
INSERT INTO recon.report_evidence (_client_id, report_id, unsealed, kept_until)
SELECT _client_id, report_id, evidence_data, submitted_at + interval '90 days'
  FROM recon.affiliate_reports WHERE evidence_data IS NOT NULL AND submitted_at > now() - interval '90 days';--> statement-breakpoint
-- A sender's own key for a submission may be made of anything, an address say: a digest knows a repeat as well.
UPDATE recon.affiliate_reports
   SET evidence_data = NULL,
       submission_key = CASE WHEN submission_key LIKE 'content:%' THEN submission_key
                             ELSE submission_method || ':' || encode(sha256(convert_to(substr(submission_key, length(submission_method) + 2), 'UTF8')), 'hex') END
 WHERE evidence_data IS NOT NULL OR submission_key NOT LIKE 'content:%';--> statement-breakpoint
ALTER TABLE recon.affiliate_reports ENABLE ALWAYS TRIGGER only_grows;--> statement-breakpoint
ALTER TABLE recon.affiliate_reports DROP CONSTRAINT affiliate_reports_evidence;--> statement-breakpoint
ALTER TABLE recon.affiliate_reports ADD CONSTRAINT affiliate_reports_evidence CHECK (evidence_data IS NULL);--> statement-breakpoint
-- Free text is kept without persons, as rules/recon/personal.ts has it.
CREATE FUNCTION pg_temp.without_persons(said text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT regexp_replace(regexp_replace(regexp_replace(regexp_replace(said,
    '(https?://[^\s?#]+)[?#]\S*', '\1', 'gi'),
    '[[:alnum:]._%+-]+@[[:alnum:]-]+(\.[[:alnum:]-]+)+', '[e-mail]', 'g'),
    '(?<![[:alnum:]/])(@[[:alnum:]_.]{2,64}|/?u/[[:alnum:]_-]{3,20}|[[:alnum:]_.]{2,32}#[0-9]{4})(?![[:alnum:]])', '[handle]', 'g'),
    '(?<![[:alnum:]])\+?\(?[0-9]([ ()./-]{0,2}[0-9]){7,14}(?![[:alnum:]])', '[number]', 'g')
$$;--> statement-breakpoint
UPDATE recon.posts SET title = pg_temp.without_persons(title), description = pg_temp.without_persons(description)
 WHERE title IS NOT NULL OR description IS NOT NULL;--> statement-breakpoint
UPDATE recon.disputes SET reason = pg_temp.without_persons(reason), notes = pg_temp.without_persons(notes);
