ALTER TABLE "rtb"."creative_performance" ADD COLUMN "spend_today" numeric(38, 6) DEFAULT '0' NOT NULL;--> statement-breakpoint
-- Periods are summed anew by the next reader or import: until then trends would compare by the old days.
UPDATE "rtb"."client_performance" SET "as_of" = "as_of" - 1;
