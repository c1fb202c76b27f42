CREATE TABLE "rtb"."funnel_sums" (
	"_client_id" text NOT NULL,
	"buyer_id" text NOT NULL,
	"date" date NOT NULL,
	"report" text NOT NULL,
	"by" text NOT NULL,
	"value" text NOT NULL,
	"name" text,
	"inventory_matches" bigint,
	"bid_requests" bigint,
	"successful_responses" bigint,
	"reached_queries" bigint,
	"bids" bigint,
	"bids_in_auction" bigint,
	"auctions_won" bigint,
	"impressions" bigint,
	"clicks" bigint,
	CONSTRAINT "funnel_sums_key" PRIMARY KEY("_client_id","by","date","buyer_id","report","value"),
	CONSTRAINT "funnel_sums_report" CHECK ("rtb"."funnel_sums"."report" in ('pipeline_by_country', 'pipeline_by_publisher')),
	CONSTRAINT "funnel_sums_by" CHECK ("rtb"."funnel_sums"."by" in ('country', 'publisher', 'hour'))
);--> statement-breakpoint
INSERT INTO "rtb"."funnel_sums" ("_client_id", "buyer_id", "date", "report", "by", "value", "name", "inventory_matches", "bid_requests", "successful_responses", "reached_queries", "bids", "bids_in_auction", "auctions_won", "impressions", "clicks")
SELECT _client_id, buyer_id, date, 'pipeline_by_country',
       case when grouping(geography) = 0 then 'country' when grouping(hour) = 0 then 'hour' else 'publisher' end,
       case when grouping(geography) = 0 then geography when grouping(hour) = 0 then hour::text end,
       null, case when count(inventory_matches) = count(*) then sum(inventory_matches)::bigint end, case when count(bid_requests) = count(*) then sum(bid_requests)::bigint end, case when count(successful_responses) = count(*) then sum(successful_responses)::bigint end, case when count(reached_queries) = count(*) then sum(reached_queries)::bigint end, case when count(bids) = count(*) then sum(bids)::bigint end, case when count(bids_in_auction) = count(*) then sum(bids_in_auction)::bigint end, case when count(auctions_won) = count(*) then sum(auctions_won)::bigint end, case when count(impressions) = count(*) then sum(impressions)::bigint end, case when count(clicks) = count(*) then sum(clicks)::bigint end
  FROM rtb.report_countries
 GROUP BY GROUPING SETS ((_client_id, buyer_id, date, geography), (_client_id, buyer_id, date, hour));--> statement-breakpoint
INSERT INTO "rtb"."funnel_sums" ("_client_id", "buyer_id", "date", "report", "by", "value", "name", "inventory_matches", "bid_requests", "successful_responses", "reached_queries", "bids", "bids_in_auction", "auctions_won", "impressions", "clicks")
SELECT _client_id, buyer_id, date, 'pipeline_by_publisher',
       case when grouping(geography) = 0 then 'country' when grouping(hour) = 0 then 'hour' else 'publisher' end,
       case when grouping(geography) = 0 then geography when grouping(hour) = 0 then hour::text else publisher_id end,
       case when grouping(publisher_id) = 0 then max(publisher_name) end, case when count(inventory_matches) = count(*) then sum(inventory_matches)::bigint end, case when count(bid_requests) = count(*) then sum(bid_requests)::bigint end, case when count(successful_responses) = count(*) then sum(successful_responses)::bigint end, case when count(reached_queries) = count(*) then sum(reached_queries)::bigint end, case when count(bids) = count(*) then sum(bids)::bigint end, case when count(bids_in_auction) = count(*) then sum(bids_in_auction)::bigint end, case when count(auctions_won) = count(*) then sum(auctions_won)::bigint end, case when count(impressions) = count(*) then sum(impressions)::bigint end, case when count(clicks) = count(*) then sum(clicks)::bigint end
  FROM rtb.report_publishers
 GROUP BY GROUPING SETS ((_client_id, buyer_id, date, geography), (_client_id, buyer_id, date, hour), (_client_id, buyer_id, date, publisher_id));
