CREATE TABLE "ops"."first_whole" (
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"date" date NOT NULL,
	"fetch_seq" bigint NOT NULL,
	CONSTRAINT "first_whole_key" PRIMARY KEY("_client_id","source","date")
);
--> statement-breakpoint
CREATE TABLE "ops"."known_days" (
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"date" date NOT NULL,
	"fetch_seq" bigint NOT NULL,
	"who" text[] NOT NULL,
	"currencies" text[] NOT NULL,
	"conversions" bigint[] NOT NULL,
	"costs" numeric(38, 6)[] NOT NULL,
	"revenues" numeric(38, 6)[] NOT NULL,
	CONSTRAINT "known_days_key" PRIMARY KEY("_client_id","source","date","fetch_seq")
);
--> statement-breakpoint
CREATE TABLE "ops"."leaf_days" (
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"leaf" text[] NOT NULL,
	"name" text,
	"part_name" text,
	"date" date NOT NULL,
	"is_there" boolean NOT NULL,
	"clicks" bigint NOT NULL,
	"conversions" bigint NOT NULL,
	"cost" numeric(18, 6) NOT NULL,
	"revenue" numeric(18, 6),
	"was_there" boolean NOT NULL,
	"whole_clicks" bigint NOT NULL,
	"whole_conversions" bigint NOT NULL,
	"whole_cost" numeric(18, 6) NOT NULL,
	"whole_revenue" numeric(18, 6),
	"is_restated" boolean NOT NULL,
	CONSTRAINT "leaf_days_key" PRIMARY KEY("_client_id","source","date","leaf")
);
--> statement-breakpoint
CREATE TABLE "ops"."leaf_months" (
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"leaf" text[] NOT NULL,
	"name" text,
	"part_name" text,
	"month" date NOT NULL,
	"days" integer NOT NULL,
	"clicks" numeric(38, 6) NOT NULL,
	"conversions" numeric(38, 6) NOT NULL,
	"cost" numeric(38, 6) NOT NULL,
	"revenue" numeric(38, 6) NOT NULL,
	"revenues" integer NOT NULL,
	"whole_days" integer NOT NULL,
	"whole_clicks" numeric(38, 6) NOT NULL,
	"whole_conversions" numeric(38, 6) NOT NULL,
	"whole_cost" numeric(38, 6) NOT NULL,
	"whole_revenue" numeric(38, 6) NOT NULL,
	"whole_revenues" integer NOT NULL,
	CONSTRAINT "leaf_months_key" PRIMARY KEY("_client_id","source","month","leaf")
);
--> statement-breakpoint
CREATE INDEX "leaf_days_restated" ON "ops"."leaf_days" USING btree ("_client_id","source","date") WHERE "ops"."leaf_days"."is_restated";