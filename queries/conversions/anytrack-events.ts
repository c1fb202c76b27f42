import { eventHash } from "../../rules/conversions/anytrack-event.ts";
import type { ClickEvent, ConversionEvent } from "../../rules/conversions/shapes.ts";
import type { Origin } from "../../core/origin.ts";
import type { Queryable, Session } from "../../schema/database.ts";

export interface ReceivedEvents {
  client: string;
  /** Who sent them. */
  origin: Origin;
  conversions: readonly ConversionEvent[];
  clicks: readonly ClickEvent[];
}

export interface Weighing {
  halfLifeDays: number;
}

/** Stores webhook events for good before it returns, and works out the journeys they change: one statement, one commit. */
export async function receiveEvents(
  database: Queryable,
  { client, origin, conversions, clicks }: ReceivedEvents,
  { halfLifeDays }: Weighing,
): Promise<{ stored: number }> {
  const { rows } = await database.query<{ stored: number }>("select anytrack.receive($1, $2, $3, $4) as stored", [
    client,
    JSON.stringify(conversions.map((event) => ({ ...toRow(event), origin }))),
    JSON.stringify(
      clicks.map(({ clickId, at, visitor, ...path }) => ({ click_id: clickId, at, visitor, origin, ...toPath(path) })),
    ),
    halfLifeDays,
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error("anytrack.receive answered nothing");
  return row;
}

/** Brings the conversions, and their journeys, up to date with what this transaction changed of a pulled slice. */
export async function foldPulled(
  session: Session,
  pulled: { client: string; slice: string; runId: string },
  { halfLifeDays }: Weighing,
): Promise<void> {
  await session.query("select anytrack.fold_pulled($1, $2, $3, $4)", [
    pulled.client,
    pulled.slice,
    halfLifeDays,
    pulled.runId,
  ]);
}

function toRow(event: ConversionEvent): Record<string, unknown> {
  const { source, campaignId, adId, affiliateId } = event;
  return {
    conversion_key: event.conversionKey,
    event_hash: eventHash(event),
    order_id: event.orderId,
    vendor_id: event.vendorId,
    asset_id: event.assetId,
    event_name: event.eventName,
    type: event.type,
    click_id: event.clickId,
    revenue: event.revenue,
    currency: event.currency,
    ...toPath({ source, campaignId, adId, affiliateId }),
    event_time: event.eventTime,
    version: event.version,
    sub_ids: event.subIds,
    unknown_fields: event.unknownFields,
    touchpoints:
      event.touchpoints?.map(({ type, at, clickId, ...path }) => ({ type, at, ...toPath(path), click_id: clickId })) ??
      null,
    click_time: event.clickTime,
    visitor: event.visitor,
  };
}

function toPath({
  source,
  campaignId,
  adId,
  affiliateId,
}: Pick<ClickEvent, "source" | "campaignId" | "adId" | "affiliateId">) {
  return { source, campaign_id: campaignId, ad_id: adId, affiliate_id: affiliateId };
}
