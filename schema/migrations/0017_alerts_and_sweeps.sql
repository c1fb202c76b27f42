ALTER TABLE "ops"."alerts" ADD COLUMN "notify_refusals" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."alerts" ADD COLUMN "notify_after" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "ops"."alerts" ADD COLUMN "notify_note" text;--> statement-breakpoint
ALTER TABLE "recon"."report_state" ADD COLUMN "under_way_at" timestamp with time zone;
