CREATE TABLE "ops"."cleanings" (
	"table_name" text PRIMARY KEY NOT NULL,
	"edition" integer NOT NULL,
	"after" jsonb,
	"changed" bigint DEFAULT 0 NOT NULL,
	"finished_at" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
