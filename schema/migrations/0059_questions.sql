CREATE TABLE "rtb"."questions" (
	"_client_id" text NOT NULL,
	"question_id" bigint GENERATED ALWAYS AS IDENTITY (sequence name "rtb"."questions_question_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"question" jsonb NOT NULL,
	"is_watched" boolean DEFAULT false NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_by" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"watch_state" text DEFAULT 'quiet' NOT NULL,
	"asked_at" timestamp with time zone,
	"asked_to" date,
	"asked_records" text,
	"answer_hash" text,
	"answer_rows" jsonb,
	"alerted_at" timestamp with time zone,
	CONSTRAINT "questions_id" PRIMARY KEY("_client_id","question_id"),
	CONSTRAINT "questions_watch_state" CHECK ("rtb"."questions"."watch_state" in ('quiet', 'suspected', 'holding'))
);
--> statement-breakpoint
-- Whose store a creative's click leads to, as its addresses say: ios or android; null where they name neither or both.
-- Hosts survive percent-encoding, so that one inside a tracker's address is found, too. What was found on clicking counts
-- where nothing was declared.
CREATE FUNCTION rtb.app_store_of(declared jsonb, found jsonb) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE
		WHEN is_ios AND NOT is_android THEN 'ios'
		WHEN is_android AND NOT is_ios THEN 'android'
	END
	FROM (
		SELECT
			links ~* '(?:\m|%(?:25)*2f)(?:(?:apps|itunes|geo\.itunes)\.apple\.com\M|appstore\.com\M|itms(?:-apps|-appss|s)?(?::|%3a))|appsflyer\.com(?:/|%(?:25)*2f)id\d' AS is_ios,
			links ~* '(?:\m|%(?:25)*2f)(?:(?:play\.google|market\.android)\.com\M|galaxystore\.samsung\.com\M|market(?::|%3a)|android-app(?::|%3a))|;package=|appsflyer\.com(?:/|%(?:25)*2f)(?!id\d)[a-z]\w*\.\w' AS is_android
		FROM (SELECT CASE WHEN jsonb_typeof(declared) = 'array' AND declared <> '[]'::jsonb THEN declared::text ELSE coalesce(found::text, '') END AS links) l
	) m
$$;
--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "app_store" text GENERATED ALWAYS AS (rtb.app_store_of(declared_click_urls, destination_urls_parsed)) STORED;--> statement-breakpoint
CREATE UNIQUE INDEX "questions_name" ON "rtb"."questions" USING btree ("_client_id",lower("name"));