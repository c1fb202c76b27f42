CREATE TABLE "ops"."last_looks" (
	"_client_id" text NOT NULL,
	"subject" text NOT NULL,
	"looked_at" timestamp with time zone NOT NULL,
	"looked_before_at" timestamp with time zone,
	CONSTRAINT "last_looks_key" PRIMARY KEY("_client_id","subject")
);
--> statement-breakpoint
CREATE TABLE "ops"."login_codes" (
	"code_hash" text PRIMARY KEY NOT NULL,
	"_client_id" text NOT NULL,
	"role" text NOT NULL,
	"advertiser" text,
	"subject" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "ops"."sessions" (
	"session_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "ops"."sessions_session_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"_client_id" text NOT NULL,
	"session_hash" text NOT NULL,
	"role" text,
	"advertiser" text,
	"affiliate_id" bigint,
	"key_hash" text,
	"subject" text NOT NULL,
	"logged_in_by" text NOT NULL,
	"browser" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone,
	"ended_by" text
);
--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_hash" ON "ops"."sessions" USING btree ("session_hash");--> statement-breakpoint
CREATE INDEX "sessions_of_client" ON "ops"."sessions" USING btree ("_client_id","expires_at");