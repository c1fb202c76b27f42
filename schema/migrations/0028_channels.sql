CREATE TABLE "ops"."channel_deliveries" (
	"delivery_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ops"."channel_deliveries_delivery_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"_client_id" text NOT NULL,
	"channel_id" bigint NOT NULL,
	"what" text NOT NULL,
	"alert_id" bigint,
	"edition" integer DEFAULT 0 NOT NULL,
	"day" date,
	"state" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"held_until" timestamp with time zone,
	"note" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"delivered_at" timestamp with time zone,
	CONSTRAINT "channel_deliveries_key" UNIQUE NULLS NOT DISTINCT("channel_id","what","alert_id","edition","day"),
	CONSTRAINT "channel_deliveries_what" CHECK ("ops"."channel_deliveries"."what" in ('opened', 'resolved', 'morning', 'test')),
	CONSTRAINT "channel_deliveries_state" CHECK ("ops"."channel_deliveries"."state" in ('pending', 'delivered', 'failed', 'expired'))
);
--> statement-breakpoint
CREATE TABLE "ops"."channels" (
	"channel_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ops"."channels_channel_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"_client_id" text NOT NULL,
	"name" text NOT NULL,
	"kind" text NOT NULL,
	"sealed" "bytea",
	"hint" text NOT NULL,
	"is_setting" boolean DEFAULT false NOT NULL,
	"areas" text[],
	"least_severity" text DEFAULT 'info' NOT NULL,
	"is_grouped" boolean DEFAULT true NOT NULL,
	"tells_resolved" boolean DEFAULT true NOT NULL,
	"tells_morning" boolean DEFAULT false NOT NULL,
	"quiet_from" text,
	"quiet_to" text,
	"critical_passes" boolean DEFAULT true NOT NULL,
	"snoozed_until" timestamp with time zone,
	"is_active" boolean DEFAULT true NOT NULL,
	"broken_at" timestamp with time zone,
	"broken_reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_by" text NOT NULL,
	CONSTRAINT "channels_name" UNIQUE("_client_id","name"),
	CONSTRAINT "channels_kind" CHECK ("ops"."channels"."kind" in ('slack', 'email', 'webhook')),
	CONSTRAINT "channels_severity" CHECK ("ops"."channels"."least_severity" in ('info', 'warning', 'critical')),
	CONSTRAINT "channels_address" CHECK (("ops"."channels"."sealed" is null) = "ops"."channels"."is_setting"),
	CONSTRAINT "channels_quiet" CHECK (("ops"."channels"."quiet_from" is null) = ("ops"."channels"."quiet_to" is null))
);
--> statement-breakpoint
CREATE TABLE "ops"."rule_states" (
	"_client_id" text NOT NULL,
	"rule" text NOT NULL,
	"entity" text NOT NULL,
	"state" text NOT NULL,
	"day" date NOT NULL,
	"first_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL,
	"fired_at" timestamp with time zone,
	"value" numeric(18, 6),
	"threshold" numeric(18, 6),
	CONSTRAINT "rule_states_key" PRIMARY KEY("_client_id","rule","entity"),
	CONSTRAINT "rule_states_state" CHECK ("ops"."rule_states"."state" in ('normal', 'suspected', 'firing'))
);
--> statement-breakpoint
ALTER TABLE "ops"."alerts" ADD COLUMN "edition" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "ops"."alerts" ADD COLUMN "snoozed_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "ops"."channel_deliveries" ADD CONSTRAINT "channel_deliveries_channel_id_channels_channel_id_fk" FOREIGN KEY ("channel_id") REFERENCES "ops"."channels"("channel_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "channel_deliveries_open" ON "ops"."channel_deliveries" USING btree ("channel_id","delivery_id") WHERE "ops"."channel_deliveries"."state" = 'pending';--> statement-breakpoint
CREATE INDEX "channel_deliveries_alert" ON "ops"."channel_deliveries" USING btree ("alert_id");--> statement-breakpoint
ALTER TABLE "ops"."alerts" DROP COLUMN "notify_refusals";--> statement-breakpoint
ALTER TABLE "ops"."alerts" DROP COLUMN "notify_after";--> statement-breakpoint
ALTER TABLE "ops"."alerts" DROP COLUMN "notify_note";