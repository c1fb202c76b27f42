CREATE TABLE "rtb"."country_sums" (
	"_client_id" text NOT NULL,
	"geography" text NOT NULL,
	"sum_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."country_sums_sum_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"date" date,
	"creatives" bigint[] NOT NULL,
	"rows" bigint[] NOT NULL,
	"impressions" bigint[] NOT NULL,
	"clicks" bigint[] NOT NULL,
	"spend" numeric(38, 6)[] NOT NULL,
	CONSTRAINT "country_sums_key" PRIMARY KEY("_client_id","geography","sum_id")
);
--> statement-breakpoint
-- To press them together costs an import more than it saves.
ALTER TABLE rtb.country_sums ALTER COLUMN creatives SET STORAGE EXTERNAL, ALTER COLUMN rows SET STORAGE EXTERNAL, ALTER COLUMN impressions SET STORAGE EXTERNAL,
	ALTER COLUMN clicks SET STORAGE EXTERNAL, ALTER COLUMN spend SET STORAGE EXTERNAL;
--> statement-breakpoint
INSERT INTO rtb.country_sums (_client_id, geography, date, creatives, rows, impressions, clicks, spend)
SELECT _client_id, geography, date, array_agg(creative_id), array_agg(rows), array_agg(impressions), array_agg(clicks), array_agg(spend)
  FROM (SELECT m._client_id, m.geography, CASE WHEN m.date <= s.as_of - 60 THEN NULL ELSE m.date END AS date, m.creative_id, count(*) AS rows,
               sum(m.impressions)::bigint AS impressions, sum(m.clicks)::bigint AS clicks, sum(m.spend) AS spend
          FROM rtb.performance_metrics m LEFT JOIN rtb.client_performance s ON s._client_id = m._client_id
         WHERE m.geography <> '' GROUP BY 1, 2, 3, 4) parts
 GROUP BY 1, 2, 3;
