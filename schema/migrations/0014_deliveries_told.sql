ALTER TABLE "ops"."deliveries" ADD COLUMN "sent_value" numeric(18, 6);--> statement-breakpoint
ALTER TABLE "ops"."deliveries" ADD COLUMN "sent_standing" text;--> statement-breakpoint
CREATE INDEX "conversions_charged_back_order" ON "everflow"."conversions" USING btree ("_client_id","order_id") WHERE "everflow"."conversions"."revenue" < 0;--> statement-breakpoint
CREATE INDEX "conversions_charged_back_click" ON "everflow"."conversions" USING btree ("_client_id","transaction_id") WHERE "everflow"."conversions"."revenue" < 0;--> statement-breakpoint
UPDATE "ops"."deliveries" SET "sent_value" = "value", "sent_standing" = 'stands' WHERE "state" = 'delivered';
