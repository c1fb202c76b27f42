CREATE TABLE "ops"."sources" (
	"source" text PRIMARY KEY NOT NULL,
	"timezone" text NOT NULL,
	"hour_from" integer NOT NULL,
	"hour_to" integer NOT NULL,
	"minute" integer NOT NULL
);
