import { sealedLike, type Seal } from "../../core/seal.ts";
import type { Database, Queryable } from "../../schema/database.ts";

/** In place of what a row or line holds: that it is kept, that it was, or that it is not. */
export const shownContent =
  "case when content_deleted_at is not null then '[deleted]' when content = '' then '' else '[sealed]' end";

export interface QuarantineFilter {
  client?: string | undefined;
  source?: string | undefined;
  slice?: string | undefined;
}

export interface QuarantineEntry {
  quarantineId: number;
  client: string;
  source: string;
  slice: string;
  line: number | null;
  /** Of a message: its topic, its partition and its place there. */
  position: string | null;
  reason: string;
  amount: string | null;
  content: string;
  firstSeenAt: Date;
  lastSeenAt: Date;
  resolvedAt: Date | null;
}

/** Rows and lines that could not be stored, the latest first. */
export async function readQuarantine(
  database: Queryable,
  filter: QuarantineFilter & { openOnly: boolean; limit: number },
): Promise<QuarantineEntry[]> {
  const { rows } = await database.query<QuarantineEntry>(
    `select quarantine_id as "quarantineId", _client_id as client, source, slice, line, position, reason, amount, ${shownContent} as content,
            first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt", resolved_at as "resolvedAt"
       from ops.quarantine
      where ($1::text is null or _client_id = $1) and ($2::text is null or source = $2) and ($3::text is null or slice = $3)
        and (resolved_at is null or not $4)
      order by last_seen_at desc, quarantine_id desc limit $5`,
    [filter.client ?? null, filter.source ?? null, filter.slice ?? null, filter.openOnly, filter.limit],
  );
  return rows;
}

export interface QuarantinedSlice {
  client: string;
  source: string;
  slice: string;
  entries: number;
}

/** The slices that have open entries. */
export async function readQuarantinedSlices(
  database: Queryable,
  filter: QuarantineFilter,
): Promise<QuarantinedSlice[]> {
  const { rows } = await database.query<QuarantinedSlice>(
    `select _client_id as client, source, slice, count(*) as entries
       from ops.quarantine
      where resolved_at is null and ($1::text is null or _client_id = $1) and ($2::text is null or source = $2) and ($3::text is null or slice = $3)
      group by 1, 2, 3 order by 1, 2, 3`,
    [filter.client ?? null, filter.source ?? null, filter.slice ?? null],
  );
  return rows;
}

export interface StoredEntry extends QuarantineEntry {
  stored: string;
  contentDeletedAt: Date | null;
  correctedAt: Date | null;
}

/** One entry with what is stored of its content, for a person who has to look at it. */
export async function readEntry(database: Queryable, quarantineId: number): Promise<StoredEntry | null> {
  const { rows } = await database.query<StoredEntry>(
    `select quarantine_id as "quarantineId", _client_id as client, source, slice, line, position, reason, amount, ${shownContent} as content,
            content as stored, content_deleted_at as "contentDeletedAt", date_trunc('milliseconds', corrected_at) as "correctedAt", first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt", resolved_at as "resolvedAt"
       from ops.quarantine where quarantine_id = $1`,
    [quarantineId],
  );
  return rows[0] ?? null;
}

const sealedAtATime = 1_000;

/** Seals what was stored in clear before contents were sealed; without a key there is nothing it could be sealed with. */
export async function sealStoredContent(database: Database, seal: Seal): Promise<number> {
  if (seal.seal("?") === "") return 0;
  let sealed = 0;
  for (;;) {
    const { rows } = await database.query<{ id: number; content: string }>(
      `select quarantine_id as id, content from ops.quarantine
        where content <> '' and content not like $1 order by 1 limit ${sealedAtATime}`,
      [sealedLike],
    );
    if (rows.length === 0) return sealed;
    await database.query(
      `update ops.quarantine q set content = s.content
         from unnest($1::bigint[], $2::text[]) as s(id, content) where q.quarantine_id = s.id`,
      [rows.map(({ id }) => id), rows.map(({ content }) => seal.seal(content))],
    );
    sealed += rows.length;
  }
}
