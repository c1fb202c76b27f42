DROP INDEX "anytrack"."conversions_day";--> statement-breakpoint
CREATE INDEX "conversions_by_revenue" ON "anytrack"."conversions" USING btree ("_client_id","revenue","conversion_key");--> statement-breakpoint
CREATE INDEX "conversions_by_time" ON "anytrack"."conversions" USING btree ("_client_id","date","event_time","conversion_key");--> statement-breakpoint
CREATE INDEX "deliveries_not_sent" ON "ops"."deliveries" USING btree ("_client_id","state","event_time") WHERE "ops"."deliveries"."state" in ('failed', 'expired');--> statement-breakpoint
CREATE INDEX "deliveries_by_time" ON "ops"."deliveries" USING btree ("_client_id","event_time","conversion_key","destination");--> statement-breakpoint
CREATE INDEX "deliveries_by_value" ON "ops"."deliveries" USING btree ("_client_id","value","conversion_key","destination");--> statement-breakpoint
CREATE INDEX "conversions_by_time" ON "everflow"."conversions" USING btree ("_client_id","date","converted_at","conversion_id");--> statement-breakpoint
CREATE INDEX "conversions_by_payout" ON "everflow"."conversions" USING btree ("_client_id","payout","conversion_id");--> statement-breakpoint
CREATE INDEX "conversions_by_revenue" ON "everflow"."conversions" USING btree ("_client_id","revenue","conversion_id");--> statement-breakpoint
CREATE INDEX "quarantine_by_line" ON "ops"."quarantine" USING btree ("_client_id","slice",coalesce(line, 0),"quarantine_id");--> statement-breakpoint
CREATE INDEX "receipts_by_slice" ON "ops"."receipts" USING btree ("_client_id","slice","receipt_id");--> statement-breakpoint
CREATE INDEX "receipts_by_total" ON "ops"."receipts" USING btree ("_client_id","total","receipt_id");--> statement-breakpoint
CREATE INDEX "receipts_by_inserted" ON "ops"."receipts" USING btree ("_client_id","inserted","receipt_id");--> statement-breakpoint
CREATE INDEX "receipts_by_updated" ON "ops"."receipts" USING btree ("_client_id","updated","receipt_id");--> statement-breakpoint
CREATE INDEX "restatements_run" ON "ops"."restatements" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "restatements_by_slice" ON "ops"."restatements" USING btree ("_client_id","slice","restatement_id");--> statement-breakpoint
CREATE INDEX "restatements_by_change" ON "ops"."restatements" USING btree ("_client_id",(case when jsonb_typeof(new -> 'cost') = 'number' or jsonb_typeof(old -> 'cost') = 'number' then case when jsonb_typeof(new -> 'cost') = 'number' then (new -> 'cost')::numeric else 0 end - case when jsonb_typeof(old -> 'cost') = 'number' then (old -> 'cost')::numeric else 0 end when jsonb_typeof(new -> 'payout') = 'number' or jsonb_typeof(old -> 'payout') = 'number' then case when jsonb_typeof(new -> 'payout') = 'number' then (new -> 'payout')::numeric else 0 end - case when jsonb_typeof(old -> 'payout') = 'number' then (old -> 'payout')::numeric else 0 end when jsonb_typeof(new -> 'revenue') = 'number' or jsonb_typeof(old -> 'revenue') = 'number' then case when jsonb_typeof(new -> 'revenue') = 'number' then (new -> 'revenue')::numeric else 0 end - case when jsonb_typeof(old -> 'revenue') = 'number' then (old -> 'revenue')::numeric else 0 end end),"restatement_id");--> statement-breakpoint
CREATE INDEX "runs_by_start" ON "ops"."runs" USING btree ("_client_id","started_at","run_id");--> statement-breakpoint
CREATE INDEX "affiliate_reports_by_views" ON "recon"."affiliate_reports" USING btree ("_client_id","claimed_views","report_id");--> statement-breakpoint
CREATE INDEX "affiliate_reports_by_clicks" ON "recon"."affiliate_reports" USING btree ("_client_id","claimed_clicks","report_id");