CREATE TABLE "rtb"."report_invalid" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"date" date NOT NULL,
	"hour" smallint NOT NULL,
	"geography" text NOT NULL,
	"publisher_id" text NOT NULL,
	"creative_id" text NOT NULL,
	"publisher_name" text,
	"impressions" bigint,
	"invalid_impressions" bigint,
	"prefiltered_impressions" bigint,
	"billed_impressions" bigint,
	"viewable" bigint,
	"measurable" bigint,
	"_file_id" integer NOT NULL,
	"_line" integer NOT NULL,
	"_grain" text NOT NULL,
	CONSTRAINT "report_invalid_key" PRIMARY KEY("_client_id","buyer_id","date","hour","geography","publisher_id","creative_id")
);
--> statement-breakpoint
CREATE INDEX "report_invalid_file" ON "rtb"."report_invalid" USING btree ("_client_id","_file_id");