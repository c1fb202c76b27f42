ALTER TABLE "ops"."quarantine" ADD COLUMN "corrected_sealed" text;--> statement-breakpoint
ALTER TABLE "ops"."quarantine" ADD COLUMN "corrected_at" timestamp with time zone;