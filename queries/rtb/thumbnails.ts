import { createHash } from "node:crypto";
import type { Origin, StoredOrigin } from "../../core/origin.ts";
import type { Picture, PictureType } from "../../rules/rtb/picture.ts";
import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { recordAudit } from "../ops/audit.ts";

/** Days after which what could not be fetched again is deleted. */
const graceDays = 7;
/** What failed is tried again by the next day's run, whose minute is never quite the same. */
const retryHours = 20;

/** A thumbnail `t` of a creative `c` may be shown: it is of the picture that the exchange names now. */
const isCurrent = "t.source_url = c.preview_url and c.vanished_at is null";

export interface DueThumbnail {
  id: string;
  url: string;
  origin: StoredOrigin;
}

/**
 * Creatives whose picture is not here, changed its address, or is old. What was tried a moment ago is not due. What is made up is due only where
 * the mock server answers for it: no real host is asked for it.
 */
export async function dueThumbnails(
  database: Queryable,
  of: { client: string; days: number; takesSandbox: boolean; limit: number },
): Promise<DueThumbnail[]> {
  const { rows } = await database.query<DueThumbnail>(
    `select c.id::text, c.preview_url as url, c.origin
       from rtb.creatives c left join rtb.creative_thumbnails t on t._client_id = c._client_id and t.creative_id = c.id
      where c._client_id = $1 and c.preview_url is not null and c.vanished_at is null and ($3 or c.origin <> 'sandbox')
        and (t.creative_id is null or t.source_url <> c.preview_url
             or t.tried_at < now() - case when t.state = 'refused' or t.reason is null then $2 * interval '1 day' else $4 * interval '1 hour' end)
      order by c.id limit $5`,
    [of.client, of.days, of.takesSandbox, retryHours, of.limit],
  );
  return rows;
}

export type ThumbnailOutcome =
  | { state: "stored"; picture: Picture & { bytes: Buffer } }
  /** What is there is no picture that is shown. */
  | { state: "refused"; reason: string }
  /** Nobody knows what is there. A picture that was fetched from this address before stays. */
  | { state: "failed"; reason: string };

/** Keeps what came of one creative's picture: the same again changes only when it was asked for. */
export async function storeThumbnail(
  database: Queryable,
  of: { client: string; id: string; url: string; origin: Origin },
  outcome: ThumbnailOutcome,
): Promise<void> {
  const picture = outcome.state === "stored" ? outcome.picture : null;
  const hash = picture === null ? null : createHash("sha256").update(picture.bytes).digest("hex");
  // Of a picture that could not be fetched again only the reason is new.
  const stays = "$5 = 'failed' and t.state = 'stored' and t.source_url = excluded.source_url";
  const next = (column: string) => `${column} = case when ${stays} then t.${column} else excluded.${column} end`;
  const kept = ["state", "content", "content_type", "content_hash", "width", "height", "fetched_at", "origin"];
  await database.query(
    `insert into rtb.creative_thumbnails as t
            (_client_id, creative_id, source_url, origin, state, reason, content, content_type, content_hash, width, height, tried_at, fetched_at)
     select $1, c.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, now(), case when $5 = 'stored' then now() end
       from rtb.creatives c where c._client_id = $1 and c.id = $2
     on conflict on constraint creative_thumbnails_key do update
        set source_url = excluded.source_url, reason = excluded.reason, tried_at = excluded.tried_at, ${kept.map(next).join(", ")}`,
    [
      of.client,
      of.id,
      of.url,
      of.origin,
      outcome.state,
      outcome.state === "stored" ? null : outcome.reason.slice(0, 300),
      picture?.bytes ?? null,
      picture?.type ?? null,
      hash,
      picture?.width ?? null,
      picture?.height ?? null,
    ],
  );
}

/** A picture to be shown; null where there is none of the creative as it is now. */
export async function readThumbnail(
  database: Queryable,
  of: { client: string; id: string },
): Promise<{ content: Buffer; type: PictureType; hash: string } | null> {
  const { rows } = await database.query<{ content: Buffer; type: PictureType; hash: string }>(
    `select t.content, t.content_type as type, t.content_hash as hash
       from rtb.creative_thumbnails t join rtb.creatives c on c._client_id = t._client_id and c.id = t.creative_id
      where t._client_id = $1 and t.creative_id = $2 and t.state = 'stored' and ${isCurrent}`,
    [of.client, of.id],
  );
  return rows[0] ?? null;
}

export interface ThumbnailCounts {
  /** Creatives whose picture the exchange names, and those without. */
  named: number;
  unnamed: number;
  stored: number;
  refused: number;
  failed: number;
  bytes: number;
  lastFetch: Date | null;
}

export async function countThumbnails(database: Queryable, client: string): Promise<ThumbnailCounts> {
  const { rows } = await database.query<ThumbnailCounts>(
    `select count(*) filter (where c.preview_url is not null)::int as named, count(*) filter (where c.preview_url is null)::int as unnamed,
            count(*) filter (where t.state = 'stored' and ${isCurrent})::int as stored, count(*) filter (where t.state = 'refused' and ${isCurrent})::int as refused,
            count(*) filter (where t.state = 'failed' and ${isCurrent})::int as failed, coalesce(sum(octet_length(t.content)), 0)::float8 as bytes, max(t.tried_at) as "lastFetch"
       from rtb.creatives c left join rtb.creative_thumbnails t on t._client_id = c._client_id and t.creative_id = c.id
      where c._client_id = $1 and c.vanished_at is null`,
    [client],
  );
  return rows[0] ?? { named: 0, unnamed: 0, stored: 0, refused: 0, failed: 0, bytes: 0, lastFetch: null };
}

/**
 * Deletes what may not be kept: of clients that do not consent any more, which the audit log records; of creatives that
 * vanished or have another picture now; and what is too old.
 */
export async function dropThumbnails(
  database: Database,
  { consenting, days }: { consenting: readonly string[]; days: number },
): Promise<number> {
  return inTransaction(database, async (session) => {
    const { rows: withdrawn } = await session.query<{ client: string; count: number }>(
      `with gone as (delete from rtb.creative_thumbnails where _client_id <> all($1) returning _client_id)
       select _client_id as client, count(*)::int as count from gone group by 1 order by 1`,
      [consenting],
    );
    for (const { client, count } of withdrawn)
      await recordAudit(session, {
        client,
        actor: "pipeline",
        role: null,
        action: "thumbnails_deleted",
        subject: "thumbnails",
        details: { thumbnails: count, reason: "THUMBNAIL_CONSENT is off" },
      });
    const { rowCount } = await session.query(
      `delete from rtb.creative_thumbnails t using rtb.creatives c
        where c._client_id = t._client_id and c.id = t.creative_id
          and (c.vanished_at is not null or c.preview_url is null or c.preview_url <> t.source_url or t.fetched_at < now() - $1 * interval '1 day')`,
      [days + graceDays],
    );
    return withdrawn.reduce((sum, { count }) => sum + count, rowCount ?? 0);
  });
}
