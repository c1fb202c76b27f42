import { sql } from "drizzle-orm";
import { bigint, check, foreignKey, index, integer, primaryKey, text } from "drizzle-orm/pg-core";
import { bytes, clientColumn, instant, originCheck, originColumn } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { creatives, rtb } from "./rtb.ts";

/** Pictures that exchanges name, fetched where the client consents. Only what was recognised as a picture is kept. */
export const creativeThumbnails = rtb.table(
  "creative_thumbnails",
  {
    ...clientColumn,
    creativeId: bigint("creative_id", { mode: "bigint" }).notNull(),
    sourceUrl: text("source_url").notNull(),
    state: text("state").notNull(),
    reason: text("reason"),
    content: bytes("content"),
    contentType: text("content_type"),
    contentHash: text("content_hash"),
    width: integer("width"),
    height: integer("height"),
    triedAt: instant("tried_at").notNull().defaultNow(),
    fetchedAt: instant("fetched_at"),
    ...originColumn,
  },
  (table) => [
    originCheck("creative_thumbnails_origin_known", table.origin),
    primaryKey({ name: "creative_thumbnails_key", columns: [table.clientId, table.creativeId] }),
    foreignKey({
      name: "creative_thumbnails_creative",
      columns: [table.clientId, table.creativeId],
      foreignColumns: [creatives.clientId, creatives.id],
    }).onDelete("cascade"),
    index("creative_thumbnails_fetched").on(table.fetchedAt),
    check("creative_thumbnails_state", sql`${table.state} in ('stored', 'refused', 'failed')`),
    check(
      "creative_thumbnails_stored",
      sql`(${table.state} = 'stored') = (${table.content} is not null and ${table.contentType} is not null and ${table.contentHash} is not null and ${table.fetchedAt} is not null)`,
    ),
    check(
      "creative_thumbnails_type",
      sql`${table.contentType} in ('image/jpeg', 'image/png', 'image/gif', 'image/webp')`,
    ),
  ],
);

describeTable(
  creativeThumbnails,
  "Pictures of creatives, fetched from where the exchange says they are, for clients that consent to it.",
  {
    creativeId: "The creative, by our number: rtb.creatives.id.",
    sourceUrl: "Where it was fetched; another address at the creative means that it is fetched again.",
    state:
      "stored; refused: what is there is no picture that is shown; failed: it could not be fetched, and is tried again.",
    reason: "Why there is none, or why the last attempt to refresh it failed; null when nothing is wrong.",
    content: "The picture, byte for byte as it came; null without one.",
    contentType: "What its first bytes say that it is, whatever its server said.",
    contentHash: "SHA-256 of the picture, in hexadecimal.",
    width: "In pixels, as the picture itself says.",
    height: "In pixels, as the picture itself says.",
    triedAt: "When it was last asked for.",
    fetchedAt: "When what is stored was fetched.",
    origin: "real; sandbox: of a made-up creative, from the mock server; unknown does not occur.",
  },
);
