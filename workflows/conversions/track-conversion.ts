import {
  ActivityCancellationType,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
} from "@temporalio/workflow";
import type {
  TrackConversionInput,
  Tracked,
  TrackLeadInput,
  TrackSaleInput,
} from "../../rules/conversions/anytrack-tracking.ts";
import type { AnytrackActivities } from "../../activities/conversions/anytrack.ts";
import { clientIdKey, note, outcomeKey } from "../shared/attributes.ts";
import { describeFailure } from "../shared/failures.ts";
import { vendorQueue } from "../shared/queues.ts";

/** Sends a conversion to AnyTrack, once per order: `{"type": "SALE", "orderId": "ORD-1", "clickId": "...", "revenue": "99.99", "currency": "USD"}`. */
export async function trackConversion(given: TrackConversionInput): Promise<Tracked> {
  // What a person left out is the activity's to say, not a crash.
  const input: TrackConversionInput = { ...given };
  const { tellConversion } = proxyActivities<AnytrackActivities>({
    taskQueue: vendorQueue("anytrack"),
    startToCloseTimeout: "1 minute",
    scheduleToCloseTimeout: "24 hours",
    retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "5 minutes" },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  if (input.client !== undefined) note([{ key: clientIdKey, value: String(input.client) }]);
  try {
    const tracked = await tellConversion.executeWithOptions({ summary: `${input.type} ${input.orderId}` }, [input]);
    note([{ key: outcomeKey, value: tracked.state }]);
    setCurrentDetails(`Order **${tracked.trackingKey}** was sent to AnyTrack at ${tracked.sentAt}.`);
    return tracked;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, reason } = describeFailure(error);
    note([{ key: outcomeKey, value: "failed" }]);
    setCurrentDetails(`**Not sent** (${type}): ${reason}`);
    throw ApplicationFailure.create({ type, message: reason, nonRetryable: true });
  }
}

/** A sale: `{"orderId": "ORD-1", "clickId": "...", "revenue": "99.99", "currency": "USD"}`. */
export function trackSale(input: TrackSaleInput): Promise<Tracked> {
  const { productId, ...sale } = { ...input };
  return trackConversion({
    ...sale,
    type: "SALE",
    ...(productId === undefined ? {} : { customData: { product_id: productId } }),
  });
}

/** A lead: `{"leadId": "L-1", "clickId": "..."}`. */
export function trackLead(input: TrackLeadInput): Promise<Tracked> {
  const { leadId, value, ...lead } = { ...input };
  return trackConversion({
    ...lead,
    type: "LEAD",
    orderId: leadId,
    ...(value === undefined ? {} : { revenue: value }),
  });
}
