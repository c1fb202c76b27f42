ALTER TABLE "ops"."deliveries" ADD COLUMN "order_key" text;--> statement-breakpoint
ALTER TABLE "ops"."delivery_identity" ADD COLUMN "order_key" text;--> statement-breakpoint
CREATE INDEX "deliveries_order" ON "ops"."deliveries" USING btree ("_client_id","destination","order_key") WHERE "ops"."deliveries"."order_key" is not null;--> statement-breakpoint
CREATE INDEX "delivery_identity_order" ON "ops"."delivery_identity" USING btree ("_client_id","order_key") WHERE "ops"."delivery_identity"."order_key" is not null;--> statement-breakpoint
CREATE INDEX "conversions_order" ON "everflow"."conversions" USING btree ("_client_id","order_id") WHERE "everflow"."conversions"."order_id" is not null and not "everflow"."conversions"."is_event";--> statement-breakpoint
UPDATE "ops"."deliveries" d SET "order_key" = c."order_id" FROM "everflow"."conversions" c WHERE c."_client_id" = d."_client_id" AND d."conversion_key" = 'everflow:' || c."conversion_id" AND NOT c."is_event" AND c."order_id" IS NOT NULL;
--> statement-breakpoint
UPDATE "ops"."alerts" SET "resolved_at" = now(), "resolved_by" = 'pipeline', "notes" = 'all of them are one alert now' WHERE "area" = 'mapping' AND "kind" IN ('unmapped_spend', 'unmatched_affiliate') AND "resolved_at" IS NULL;
