import { attributionModels } from "../../rules/conversions/attribution.ts";
import { conversionKeyOfOrder } from "../../rules/conversions/conversion-key.ts";
import type { Origin, StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import type { ConversionDetails, TouchpointRow } from "./anytrack-reports.ts";

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

export interface Tracking {
  client: string;
  trackingKey: string;
  contentHash: string;
  type: string;
  revenue: string;
  currency: string;
  clickId: string | null;
  eventTime: string | null;
  runId: string;
  /** Who is told: AnyTrack or a mock server. */
  origin: Origin;
}

/**
 * Records that a conversion is about to be sent. Null when it was sent before, or when the same order is being sent with other
 * content. A refused conversion may be sent again, corrected.
 */
export async function beginTracking(database: Queryable, tracking: Tracking): Promise<TrackedRow | null> {
  const { rows } = await database.query<TrackedRow>(
    `insert into anytrack.tracked as t (_client_id, tracking_key, content_hash, type, revenue, currency, click_id, event_time, state, attempts, _run_id, origin)
     values ($1, $2, $3, $4, $5, $6, $7, $8, 'sending', 1, $9, $10)
     on conflict on constraint tracked_key do update
        set content_hash = excluded.content_hash, type = excluded.type, revenue = excluded.revenue, currency = excluded.currency, click_id = excluded.click_id,
            event_time = excluded.event_time, state = 'sending', origin = excluded.origin,
            attempts = t.attempts + 1, _loaded_at = now(), _run_id = excluded._run_id
      where t.state = 'refused' or (t.state = 'sending' and t.content_hash = excluded.content_hash)
     returning ${columns}`,
    [
      tracking.client,
      tracking.trackingKey,
      tracking.contentHash,
      tracking.type,
      tracking.revenue,
      tracking.currency,
      tracking.clickId,
      tracking.eventTime,
      tracking.runId,
      tracking.origin,
    ],
  );
  return rows[0] ?? null;
}

export async function endTracking(
  database: Queryable,
  sent: { client: string; trackingKey: string; state: "sent" | "refused"; answer: string },
): Promise<TrackedRow | null> {
  const { rows } = await database.query<TrackedRow>(
    `update anytrack.tracked set state = $3, answer = $4, sent_at = case when $3 = 'sent' then now() end, _loaded_at = now()
      where _client_id = $1 and tracking_key = $2 and state = 'sending' returning ${columns}`,
    [sent.client, sent.trackingKey, sent.state, sent.answer],
  );
  return rows[0] ?? null;
}

/**
 * A conversion that was sent to AnyTrack and that AnyTrack has not reported yet, by the key of our answer or by its order.
 * It counts in no report: AnyTrack may still leave it out, or report it under a key of its own.
 */
export async function findTrackedConversion(
  database: Queryable,
  of: { client: string; key: string },
): Promise<ConversionDetails | null> {
  const { rows } = await database.query<{
    orderId: string;
    type: string;
    revenue: string;
    currency: string;
    clickId: string | null;
    eventTime: Date;
    date: string;
    trackedAt: Date;
    origin: StoredOrigin;
  }>(
    `select tracking_key as "orderId", type, revenue, currency, click_id as "clickId", coalesce(event_time, sent_at) as "eventTime",
            (coalesce(event_time, sent_at) at time zone 'America/New_York')::date as date, sent_at as "trackedAt", origin
       from anytrack.tracked where _client_id = $1 and 'order:' || tracking_key in ($2, $3) and tracking_key in ($2, substr($2, 7)) and state = 'sent'`,
    [of.client, of.key, conversionKeyOfOrder(of.key)],
  );
  const [sent] = rows;
  if (sent === undefined) return null;
  const { rows: clicked } = await database.query<TouchpointRow>(
    `select 1 as position, 'click' as type, at, source, campaign_id as "campaignId", ad_id as "adId", affiliate_id as "affiliateId",
            click_id as "clickId", origin
       from anytrack.known_clicks where _client_id = $1 and click_id = $2 and at <= $3 order by at limit 1`,
    [of.client, sent.clickId, sent.eventTime],
  );
  const nothing = { source: null, campaignId: null, adId: null, affiliateId: null };
  const { clickId, eventTime } = sent;
  const own = { ...nothing, position: 1, type: "click", at: eventTime, clickId, origin: "conversion" };
  const touchpoints = clicked.length > 0 ? clicked : clickId === null ? [] : [own];
  return {
    ...nothing,
    ...sent,
    conversionKey: conversionKeyOfOrder(sent.orderId),
    vendorId: null,
    assetId: null,
    eventName: null,
    subIds: null,
    seenByWebhookAt: null,
    seenByPullAt: null,
    journey: clicked.length > 0 ? "clicks" : clickId === null ? "unknown" : "conversion",
    touchpoints,
    // The only step of a journey has it all, whatever the model.
    weights: touchpoints.flatMap(({ position }) =>
      attributionModels.map((model) => ({ model, position, weight: "1.000000" })),
    ),
  };
}
