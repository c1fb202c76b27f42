ALTER TABLE "anytrack"."tracked" ADD COLUMN "click_id" text;--> statement-breakpoint
ALTER TABLE "anytrack"."tracked" ADD COLUMN "event_time" timestamp with time zone;