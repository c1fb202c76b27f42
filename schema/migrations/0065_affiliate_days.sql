CREATE TABLE "everflow"."affiliate_days" (
	"_client_id" text NOT NULL,
	"date" date NOT NULL,
	"affiliate_id" text NOT NULL,
	"affiliate_name" text,
	"status" text NOT NULL,
	"currency" text NOT NULL,
	"part" smallint NOT NULL,
	"conversions" bigint NOT NULL,
	"payout" numeric(38, 6) NOT NULL,
	"positive" bigint NOT NULL,
	"positive_payout" numeric(38, 6) NOT NULL,
	"nonzero" bigint NOT NULL,
	CONSTRAINT "affiliate_days_key" UNIQUE NULLS NOT DISTINCT("_client_id","date","affiliate_id","affiliate_name","status","currency","part")
);
