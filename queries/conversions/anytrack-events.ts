import { attribute, attributionModels } from "../../rules/conversions/attribution.ts";
import { eventHash } from "../../rules/conversions/anytrack-event.ts";
import type { ClickEvent, ConversionEvent } from "../../rules/conversions/shapes.ts";
import { inTransaction, type Database, type Queryable, type Session } from "../../schema/database.ts";

export interface ReceivedEvents {
  client: string;
  conversions: readonly ConversionEvent[];
  clicks: readonly ClickEvent[];
}

export interface Weighing {
  halfLifeDays: number;
}

interface Received {
  /** Conversions of which something new was said; a repeat stores nothing. */
  stored: number;
  journeys: string[];
}

/**
 * Stores webhook events for good before it returns. Without a journey in them, which is the rule, that is one statement
 * and one round trip; with one, its weights are worked out and committed along with it.
 */
export async function receiveEvents(
  doors: { statement: Queryable; database: Database },
  events: ReceivedEvents,
  weighing: Weighing,
): Promise<{ stored: number }> {
  if (events.conversions.every((event) => event.touchpoints === null)) return receive(doors.statement, events);
  return inTransaction(doors.database, async (session) => {
    const { stored, journeys } = await receive(session, events);
    await weighJourneys(session, events.client, journeys, weighing);
    return { stored };
  });
}

/** Brings the conversions up to date with what this transaction changed of a pulled slice. */
export async function foldPulled(
  session: Session,
  pulled: { client: string; slice: string; runId: string },
  weighing: Weighing,
): Promise<void> {
  const { rows } = await session.query<{ journey: string }>(
    `select anytrack.fold($1, keys, $3) as journey
       from (select array_agg(conversion_key order by conversion_key) as keys
               from anytrack.pulled_conversions where _client_id = $1 and _slice = $2 and _loaded_at = now()) changed
      where keys is not null`,
    [pulled.client, pulled.slice, pulled.runId],
  );
  await weighJourneys(
    session,
    pulled.client,
    rows.map((row) => row.journey),
    weighing,
  );
}

async function receive(database: Queryable, { client, conversions, clicks }: ReceivedEvents): Promise<Received> {
  const { rows } = await database.query<Received>("select stored, journeys from anytrack.receive($1, $2, $3)", [
    client,
    JSON.stringify(conversions.map(toRow)),
    JSON.stringify(clicks.map(({ clickId, at, ...path }) => ({ click_id: clickId, at, ...toPath(path) }))),
  ]);
  const [row] = rows;
  if (row === undefined) throw new Error("anytrack.receive answered nothing");
  return row;
}

/** By every model, in the transaction that changed the journeys. */
async function weighJourneys(
  session: Session,
  client: string,
  journeys: readonly string[],
  weighing: Weighing,
): Promise<void> {
  if (journeys.length === 0) return;
  const { rows: steps } = await session.query<{
    key: string;
    position: number;
    type: string;
    at: Date;
    slice: string;
    runId: string;
  }>(
    `select conversion_key as key, position, type, at, _run_id as "runId"
       from anytrack.touchpoints where _client_id = $1 and conversion_key = any($2) order by conversion_key, position`,
    [client, journeys],
  );
  const byKey = new Map<string, typeof steps>();
  for (const step of steps) byKey.set(step.key, [...(byKey.get(step.key) ?? []), step]);
  const shares = [...byKey.values()].flatMap((journey) => {
    const attribution = attribute(journey, weighing);
    if (attribution.state === "unknown") return [];
    return attributionModels.flatMap((model) =>
      journey.map(({ key, position, runId }, index) => ({
        key,
        model,
        position,
        weight: attribution.weights[model][index],
        runId,
      })),
    );
  });
  await session.query(
    `insert into anytrack.attribution (_client_id, conversion_key, model, position, weight, _run_id)
     select $1, * from unnest($2::text[], $3::text[], $4::int[], $5::numeric[], $6::text[])`,
    [
      client,
      ...(["key", "model", "position", "weight", "runId"] as const).map((name) => shares.map((share) => share[name])),
    ],
  );
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
