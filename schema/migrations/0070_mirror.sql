CREATE TABLE "ops"."mirror_marks" (
	"mark_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "ops"."mirror_marks_mark_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"feed" text NOT NULL,
	"_client_id" text NOT NULL,
	"day" date NOT NULL,
	"marked_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "mirror_marks_key" PRIMARY KEY("mark_id")
);
--> statement-breakpoint
CREATE TABLE "ops"."mirror_store" (
	"one" integer DEFAULT 1 NOT NULL,
	"identity" text NOT NULL,
	"shape" text NOT NULL,
	"known_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "mirror_store_key" PRIMARY KEY("one"),
	CONSTRAINT "mirror_store_one" CHECK ("ops"."mirror_store"."one" = 1)
);
--> statement-breakpoint
CREATE TABLE "ops"."mirror_versions" (
	"version" bigint GENERATED ALWAYS AS IDENTITY (sequence name "ops"."mirror_versions_version_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"feed" text NOT NULL,
	"_client_id" text NOT NULL,
	"day" date NOT NULL,
	"state" text DEFAULT 'copying' NOT NULL,
	"rows" bigint DEFAULT 0 NOT NULL,
	"sums" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"begun_at" timestamp with time zone DEFAULT now() NOT NULL,
	"state_at" timestamp with time zone DEFAULT now() NOT NULL,
	"checked_at" timestamp with time zone,
	CONSTRAINT "mirror_versions_key" PRIMARY KEY("version"),
	CONSTRAINT "mirror_versions_state" CHECK ("ops"."mirror_versions"."state" in ('copying', 'current', 'replaced', 'abandoned'))
);
--> statement-breakpoint
CREATE INDEX "mirror_marks_day" ON "ops"."mirror_marks" USING btree ("_client_id","feed","day");--> statement-breakpoint
CREATE UNIQUE INDEX "mirror_versions_current" ON "ops"."mirror_versions" USING btree ("_client_id","feed","day") WHERE "ops"."mirror_versions"."state" = 'current';--> statement-breakpoint
CREATE INDEX "mirror_versions_others" ON "ops"."mirror_versions" USING btree ("_client_id","feed","day") WHERE "ops"."mirror_versions"."state" <> 'current';