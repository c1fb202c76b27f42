CREATE TABLE "rtb"."creative_thumbnails" (
	"_client_id" text NOT NULL,
	"creative_id" bigint NOT NULL,
	"source_url" text NOT NULL,
	"state" text NOT NULL,
	"reason" text,
	"content" "bytea",
	"content_type" text,
	"content_hash" text,
	"width" integer,
	"height" integer,
	"tried_at" timestamp with time zone DEFAULT now() NOT NULL,
	"fetched_at" timestamp with time zone,
	"origin" text DEFAULT 'unknown' NOT NULL,
	CONSTRAINT "creative_thumbnails_key" PRIMARY KEY("_client_id","creative_id"),
	CONSTRAINT "creative_thumbnails_origin_known" CHECK ("rtb"."creative_thumbnails"."origin" in ('real', 'sandbox', 'unknown')),
	CONSTRAINT "creative_thumbnails_state" CHECK ("rtb"."creative_thumbnails"."state" in ('stored', 'refused', 'failed')),
	CONSTRAINT "creative_thumbnails_stored" CHECK (("rtb"."creative_thumbnails"."state" = 'stored') = ("rtb"."creative_thumbnails"."content" is not null and "rtb"."creative_thumbnails"."content_type" is not null and "rtb"."creative_thumbnails"."content_hash" is not null and "rtb"."creative_thumbnails"."fetched_at" is not null)),
	CONSTRAINT "creative_thumbnails_type" CHECK ("rtb"."creative_thumbnails"."content_type" in ('image/jpeg', 'image/png', 'image/gif', 'image/webp'))
);
--> statement-breakpoint
ALTER TABLE "rtb"."campaigns" ADD COLUMN "is_genre_persons" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "rtb"."creatives" ADD COLUMN "preview_url" text;--> statement-breakpoint
ALTER TABLE "rtb"."creative_thumbnails" ADD CONSTRAINT "creative_thumbnails_creative" FOREIGN KEY ("_client_id","creative_id") REFERENCES "rtb"."creatives"("_client_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "creative_thumbnails_fetched" ON "rtb"."creative_thumbnails" USING btree ("fetched_at");