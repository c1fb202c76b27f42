ALTER TABLE "rtb"."buyer_seats" ADD COLUMN "last_outcome" text;--> statement-breakpoint
ALTER TABLE "rtb"."buyer_seats" ADD COLUMN "last_reason" text;