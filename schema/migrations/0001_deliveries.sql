CREATE TABLE "ops"."deliveries" (
	"_client_id" text NOT NULL,
	"destination" text NOT NULL,
	"conversion_key" text NOT NULL,
	"event_id" text NOT NULL,
	"event_name" text NOT NULL,
	"event_time" timestamp with time zone NOT NULL,
	"value" numeric(18, 6),
	"currency" text,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_answer" text,
	"claim" text,
	"claimed_at" timestamp with time zone,
	"uncertain_since" timestamp with time zone,
	"held_until" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone,
	CONSTRAINT "deliveries_key" PRIMARY KEY("_client_id","destination","conversion_key"),
	CONSTRAINT "deliveries_state" CHECK ("ops"."deliveries"."state" in ('pending', 'sending', 'delivered', 'failed', 'expired', 'held'))
);
--> statement-breakpoint
CREATE TABLE "ops"."delivery_identity" (
	"_client_id" text NOT NULL,
	"conversion_key" text NOT NULL,
	"sealed" "bytea" NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "delivery_identity_key" PRIMARY KEY("_client_id","conversion_key")
);
--> statement-breakpoint
CREATE INDEX "deliveries_open" ON "ops"."deliveries" USING btree ("_client_id","destination","state","event_time") WHERE "ops"."deliveries"."state" in ('pending', 'sending', 'held');--> statement-breakpoint
CREATE INDEX "deliveries_time" ON "ops"."deliveries" USING btree ("_client_id","destination","event_time");--> statement-breakpoint
CREATE INDEX "delivery_identity_expiry" ON "ops"."delivery_identity" USING btree ("expires_at");
