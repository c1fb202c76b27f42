ALTER TABLE "rtb"."creatives" ADD COLUMN "advertiser_name" text;--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "languages" jsonb;--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "approval_status" text;--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "last_seen_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "vanished_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "_last_sync" text;