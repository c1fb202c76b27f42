CREATE TABLE "ops"."slice_parts" (
	"_client_id" text NOT NULL,
	"source" text NOT NULL,
	"slice" text NOT NULL,
	"workflow_run_id" text NOT NULL,
	"part" text NOT NULL,
	"fetch_seq" bigint NOT NULL,
	"fetched_at" timestamp with time zone NOT NULL,
	"answer" "bytea" NOT NULL,
	CONSTRAINT "slice_parts_key" PRIMARY KEY("_client_id","source","slice","workflow_run_id","part")
);
