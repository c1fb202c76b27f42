ALTER TABLE "recon"."posts" ADD COLUMN "part_of" text[];--> statement-breakpoint
CREATE INDEX "posts_part_of" ON "recon"."posts" USING gin ("part_of") WHERE "recon"."posts"."part_of" is not null;