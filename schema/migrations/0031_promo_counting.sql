CREATE TABLE "ops"."address_secrets" (
	"month" date PRIMARY KEY NOT NULL,
	"sealed" "bytea" NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
DROP TABLE "promo"."promo_ip_secrets";--> statement-breakpoint
DROP INDEX "promo"."promo_click_tracking_date";--> statement-breakpoint
DROP INDEX "promo"."promo_impression_tracking_date";--> statement-breakpoint
CREATE INDEX "promo_click_tracking_date" ON "promo"."promo_click_tracking" USING btree ("clicked_date","_client_id");--> statement-breakpoint
CREATE INDEX "promo_impression_tracking_date" ON "promo"."promo_impression_tracking" USING btree ("tracked_date","_client_id");