ALTER TABLE "ops"."runs" DROP CONSTRAINT "runs_outcome";--> statement-breakpoint
update ops.runs set outcome = 'recovered' where outcome = 'healed';--> statement-breakpoint
ALTER TABLE "ops"."runs" ADD CONSTRAINT "runs_outcome" CHECK ("ops"."runs"."outcome" in ('running', 'completed', 'failed', 'cancelled', 'recovered'));--> statement-breakpoint
ALTER TABLE "ops"."run_failures" RENAME COLUMN "healed_at" TO "recovered_at";--> statement-breakpoint
ALTER TABLE "ops"."receipts" RENAME COLUMN "set_aside" TO "quarantined";--> statement-breakpoint
ALTER TABLE "ops"."receipts" RENAME COLUMN "set_aside_total" TO "quarantined_total";
