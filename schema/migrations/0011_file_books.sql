ALTER TABLE "ops"."quarantine" ADD COLUMN "whole" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."file_days" ADD COLUMN "confirmed" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."file_days" ADD COLUMN "taken_over" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."file_days" ADD COLUMN "impressions_taken_over" numeric(38, 0) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."file_days" ADD COLUMN "clicks_taken_over" numeric(38, 0) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."file_days" ADD COLUMN "spend_taken_over" numeric(38, 6) DEFAULT '0' NOT NULL;--> statement-breakpoint
ALTER TABLE "rtb"."performance_metrics" ADD COLUMN "_line" integer DEFAULT 2147483647 NOT NULL;
--> statement-breakpoint
UPDATE "ops"."quarantine" SET "whole" = false WHERE "source" = 'rtb.performance' AND "content" LIKE '%… [not the whole line]';--> statement-breakpoint
-- The books begin here: what a file wrote and does not hold any more, later files have taken over.
WITH held AS (
	SELECT _client_id, _file_id, date, count(*) AS rows, sum(impressions) AS impressions, sum(clicks) AS clicks, sum(spend) AS spend
		FROM rtb.performance_metrics GROUP BY 1, 2, 3
)
UPDATE ops.file_days d
	SET taken_over = d.inserted + d.updated - coalesce(h.rows, 0),
		impressions_taken_over = d.impressions_after - coalesce(h.impressions, 0),
		clicks_taken_over = d.clicks_after - coalesce(h.clicks, 0),
		spend_taken_over = d.spend_after - coalesce(h.spend, 0)
	FROM ops.file_days k LEFT JOIN held h ON h._client_id = k._client_id AND h._file_id = k.file_id AND h.date = k.date
	WHERE k._client_id = d._client_id AND k.file_id = d.file_id AND k.date = d.date;--> statement-breakpoint
-- Rows that went without a later file replacing them were overwritten by redriven lines of their own file, also where
-- lines of one key have to be added.
INSERT INTO ops.alerts (_client_id, area, kind, subject, severity, message)
	SELECT f._client_id, 'ingest', 'file_redriven', 'file/' || f.file_id, 'critical',
		format('file %s (%s): redriven lines overwrote %s rows of the same file, where they may have had to be added. Import the file again with --force', f.file_id, f.name, d.rows - f.replaced)
		FROM ops.files f JOIN (SELECT file_id, sum(taken_over) AS rows FROM ops.file_days GROUP BY 1) d USING (file_id)
		WHERE d.rows > f.replaced
	ON CONFLICT DO NOTHING;
