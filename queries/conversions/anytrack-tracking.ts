import type { Queryable } from "../../schema/database.ts";

export interface TrackedRow {
  trackingKey: string;
  contentHash: string;
  state: "sending" | "sent" | "refused";
  attempts: number;
  answer: string | null;
  sentAt: Date | null;
}

const columns = `tracking_key as "trackingKey", content_hash as "contentHash", state, attempts, answer, sent_at as "sentAt"`;

export async function findTracked(
  database: Queryable,
  of: { client: string; trackingKey: string },
): Promise<TrackedRow | null> {
  const { rows } = await database.query<TrackedRow>(
    `select ${columns} from anytrack.tracked where _client_id = $1 and tracking_key = $2`,
    [of.client, of.trackingKey],
  );
  return rows[0] ?? null;
}

export interface Telling {
  client: string;
  trackingKey: string;
  contentHash: string;
  type: string;
  revenue: string;
  currency: string;
  runId: string;
}

/**
 * Notes that AnyTrack is about to be told, unless it was: null then, or when the same order is being told with another
 * content. What was refused may come again, corrected.
 */
export async function beginTelling(database: Queryable, telling: Telling): Promise<TrackedRow | null> {
  const { rows } = await database.query<TrackedRow>(
    `insert into anytrack.tracked as t (_client_id, tracking_key, content_hash, type, revenue, currency, state, attempts, _run_id)
     values ($1, $2, $3, $4, $5, $6, 'sending', 1, $7)
     on conflict on constraint tracked_key do update
        set content_hash = excluded.content_hash, type = excluded.type, revenue = excluded.revenue, currency = excluded.currency, state = 'sending',
            attempts = t.attempts + 1, _loaded_at = now(), _run_id = excluded._run_id
      where t.state = 'refused' or (t.state = 'sending' and t.content_hash = excluded.content_hash)
     returning ${columns}`,
    [
      telling.client,
      telling.trackingKey,
      telling.contentHash,
      telling.type,
      telling.revenue,
      telling.currency,
      telling.runId,
    ],
  );
  return rows[0] ?? null;
}

export async function endTelling(
  database: Queryable,
  told: { client: string; trackingKey: string; state: "sent" | "refused"; answer: string },
): Promise<TrackedRow | null> {
  const { rows } = await database.query<TrackedRow>(
    `update anytrack.tracked set state = $3, answer = $4, sent_at = case when $3 = 'sent' then now() end, _loaded_at = now()
      where _client_id = $1 and tracking_key = $2 and state = 'sending' returning ${columns}`,
    [told.client, told.trackingKey, told.state, told.answer],
  );
  return rows[0] ?? null;
}
