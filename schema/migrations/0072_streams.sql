CREATE TABLE "ops"."stream_batches" (
	"file_id" integer PRIMARY KEY NOT NULL,
	"_client_id" text NOT NULL,
	"stream" text NOT NULL,
	"partition" text NOT NULL,
	"claim" integer NOT NULL,
	"first_position" text NOT NULL,
	"last_position" text NOT NULL,
	"messages" bigint DEFAULT 0 NOT NULL,
	"repeated" bigint DEFAULT 0 NOT NULL,
	"committed_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ops"."stream_consumers" (
	"_client_id" text NOT NULL,
	"stream" text NOT NULL,
	"consumer" text NOT NULL,
	"settings_hash" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stream_consumers_key" PRIMARY KEY("_client_id","stream","consumer")
);
--> statement-breakpoint
CREATE TABLE "ops"."stream_events" (
	"_client_id" text NOT NULL,
	"stream" text NOT NULL,
	"event" "bytea" NOT NULL,
	"added_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stream_events_key" PRIMARY KEY("_client_id","stream","event")
);
--> statement-breakpoint
CREATE TABLE "ops"."stream_partitions" (
	"_client_id" text NOT NULL,
	"stream" text NOT NULL,
	"partition" text NOT NULL,
	"position" text,
	"mark" text,
	"claim" integer DEFAULT 0 NOT NULL,
	"owner" text,
	"owner_seen_at" timestamp with time zone,
	"messages" bigint DEFAULT 0 NOT NULL,
	"lag" bigint,
	"waiting_since" timestamp with time zone,
	"stored_at" timestamp with time zone,
	"seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	"held" text,
	CONSTRAINT "stream_partitions_key" PRIMARY KEY("_client_id","stream","partition")
);
--> statement-breakpoint
CREATE TABLE "ops"."streams" (
	"_client_id" text NOT NULL,
	"stream" text NOT NULL,
	"combine" text NOT NULL,
	"event_field" text,
	"identity" text,
	"declared_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "streams_key" PRIMARY KEY("_client_id","stream"),
	CONSTRAINT "streams_combine" CHECK ("ops"."streams"."combine" in ('replace', 'add'))
);
--> statement-breakpoint
ALTER TABLE "ops"."files" DROP CONSTRAINT "files_place";--> statement-breakpoint
ALTER TABLE "ops"."quarantine" ADD COLUMN "position" text;--> statement-breakpoint
CREATE INDEX "stream_batches_recent" ON "ops"."stream_batches" USING btree ("_client_id","stream","committed_at");--> statement-breakpoint
CREATE INDEX "stream_events_age" ON "ops"."stream_events" USING btree ("added_at");--> statement-breakpoint
ALTER TABLE "ops"."files" ADD CONSTRAINT "files_place" CHECK ("ops"."files"."place" in ('upload', 'import', 's3', 'warehouse', 'stream'));