CREATE TABLE "ops"."applied_sql" (
	"file" text PRIMARY KEY NOT NULL,
	"hash" text NOT NULL,
	"applied_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "ops"."call_counts" (
	"caller" text PRIMARY KEY NOT NULL,
	"resets_at" timestamp with time zone NOT NULL,
	"calls" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "ops"."revoked_tokens" (
	"token_id" text PRIMARY KEY NOT NULL,
	"_client_id" text NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone DEFAULT now() NOT NULL,
	"revoked_by" text NOT NULL
);
