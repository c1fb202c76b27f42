CREATE TABLE "rtb"."geographic_cells" (
	"_client_id" text NOT NULL,
	"genre" text NOT NULL,
	"geography" text NOT NULL,
	"campaigns" integer NOT NULL,
	"clicks" bigint NOT NULL,
	"spend" numeric(38, 6) NOT NULL,
	"impressions" bigint NOT NULL,
	"is_enough" boolean NOT NULL,
	"window_from" date NOT NULL,
	"window_to" date NOT NULL,
	CONSTRAINT "geographic_cells_key" PRIMARY KEY("_client_id","genre","geography")
);
--> statement-breakpoint
CREATE TABLE "rtb"."geographic_patterns" (
	"_client_id" text NOT NULL,
	"genre" text NOT NULL,
	"dear" text NOT NULL,
	"cheap" text NOT NULL,
	"ratio" double precision NOT NULL,
	"others_ratio" double precision NOT NULL,
	"factor" double precision NOT NULL,
	"low" double precision NOT NULL,
	"high" double precision NOT NULL,
	"confidence" double precision NOT NULL,
	"campaigns" bigint[] NOT NULL,
	"other_genres" text[] NOT NULL,
	"spend_weekly" numeric(18, 2) NOT NULL,
	"savings_weekly" numeric(18, 2) NOT NULL,
	"window_from" date NOT NULL,
	"window_to" date NOT NULL,
	CONSTRAINT "geographic_patterns_key" PRIMARY KEY("_client_id","genre","dear","cheap")
);
