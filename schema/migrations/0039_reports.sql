CREATE TABLE "rtb"."report_bids" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"date" date NOT NULL,
	"hour" smallint NOT NULL,
	"geography" text NOT NULL,
	"creative_id" text NOT NULL,
	"bids_in_auction" bigint,
	"auctions_won" bigint,
	"bids" bigint,
	"reached_queries" bigint,
	"impressions" bigint,
	"clicks" bigint,
	"spend" numeric(18, 6),
	"_file_id" integer NOT NULL,
	"_line" integer NOT NULL,
	"_grain" text NOT NULL,
	CONSTRAINT "report_bids_key" PRIMARY KEY("_client_id","buyer_id","date","hour","geography","creative_id")
);
--> statement-breakpoint
CREATE TABLE "rtb"."report_countries" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"date" date NOT NULL,
	"hour" smallint NOT NULL,
	"geography" text NOT NULL,
	"inventory_matches" bigint,
	"bid_requests" bigint,
	"successful_responses" bigint,
	"reached_queries" bigint,
	"bids" bigint,
	"bids_in_auction" bigint,
	"auctions_won" bigint,
	"impressions" bigint,
	"clicks" bigint,
	"_file_id" integer NOT NULL,
	"_line" integer NOT NULL,
	"_grain" text NOT NULL,
	CONSTRAINT "report_countries_key" PRIMARY KEY("_client_id","buyer_id","date","hour","geography")
);
--> statement-breakpoint
CREATE TABLE "ops"."report_days" (
	"_client_id" text NOT NULL,
	"file_id" integer NOT NULL,
	"date" date NOT NULL,
	"source" text NOT NULL,
	"written" bigint DEFAULT 0 NOT NULL,
	"control" numeric(38, 6) DEFAULT '0' NOT NULL,
	"taken_over" bigint DEFAULT 0 NOT NULL,
	"control_taken_over" numeric(38, 6) DEFAULT '0' NOT NULL,
	CONSTRAINT "report_days_key" PRIMARY KEY("_client_id","file_id","date")
);
--> statement-breakpoint
CREATE TABLE "rtb"."report_filtering" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"date" date NOT NULL,
	"hour" smallint NOT NULL,
	"geography" text NOT NULL,
	"creative_id" text NOT NULL,
	"filtering_reason" text NOT NULL,
	"bids" bigint,
	"_file_id" integer NOT NULL,
	"_line" integer NOT NULL,
	"_grain" text NOT NULL,
	CONSTRAINT "report_filtering_key" PRIMARY KEY("_client_id","buyer_id","date","hour","geography","creative_id","filtering_reason")
);
--> statement-breakpoint
CREATE TABLE "rtb"."report_publishers" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"date" date NOT NULL,
	"hour" smallint NOT NULL,
	"geography" text NOT NULL,
	"publisher_id" text NOT NULL,
	"publisher_name" text,
	"inventory_matches" bigint,
	"bid_requests" bigint,
	"successful_responses" bigint,
	"reached_queries" bigint,
	"bids" bigint,
	"bids_in_auction" bigint,
	"auctions_won" bigint,
	"impressions" bigint,
	"clicks" bigint,
	"_file_id" integer NOT NULL,
	"_line" integer NOT NULL,
	"_grain" text NOT NULL,
	CONSTRAINT "report_publishers_key" PRIMARY KEY("_client_id","buyer_id","date","hour","geography","publisher_id")
);
--> statement-breakpoint
CREATE TABLE "rtb"."report_quality" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"date" date NOT NULL,
	"billing_id" text NOT NULL,
	"creative_id" text NOT NULL,
	"creative_size" text NOT NULL,
	"creative_format" text NOT NULL,
	"reached_queries" bigint,
	"impressions" bigint,
	"clicks" bigint,
	"viewable" bigint,
	"measurable" bigint,
	"invalid_impressions" bigint,
	"spend" numeric(18, 6),
	"_file_id" integer NOT NULL,
	"_line" integer NOT NULL,
	"_grain" text NOT NULL,
	CONSTRAINT "report_quality_key" PRIMARY KEY("_client_id","buyer_id","date","billing_id","creative_id","creative_size","creative_format")
);
--> statement-breakpoint
CREATE TABLE "rtb"."rtb_traffic" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"size" text NOT NULL,
	"format" text NOT NULL,
	"geography" text NOT NULL,
	"device_type" text NOT NULL,
	"date" date NOT NULL,
	"hour" smallint NOT NULL,
	"seconds" integer NOT NULL,
	"requests" bigint NOT NULL,
	"_file_id" integer NOT NULL,
	"_line" integer NOT NULL,
	"_grain" text NOT NULL,
	CONSTRAINT "rtb_traffic_key" PRIMARY KEY("_client_id","buyer_id","at","size","format","geography","device_type")
);
--> statement-breakpoint
CREATE INDEX "report_bids_file" ON "rtb"."report_bids" USING btree ("_client_id","_file_id");--> statement-breakpoint
CREATE INDEX "report_countries_file" ON "rtb"."report_countries" USING btree ("_client_id","_file_id");--> statement-breakpoint
CREATE INDEX "report_filtering_file" ON "rtb"."report_filtering" USING btree ("_client_id","_file_id");--> statement-breakpoint
CREATE INDEX "report_publishers_file" ON "rtb"."report_publishers" USING btree ("_client_id","_file_id");--> statement-breakpoint
CREATE INDEX "report_quality_file" ON "rtb"."report_quality" USING btree ("_client_id","_file_id");--> statement-breakpoint
CREATE INDEX "rtb_traffic_file" ON "rtb"."rtb_traffic" USING btree ("_client_id","_file_id");--> statement-breakpoint
CREATE INDEX "rtb_traffic_day" ON "rtb"."rtb_traffic" USING btree ("_client_id","buyer_id","date");