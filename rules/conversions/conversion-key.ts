import { sha256 } from "../../core/crypto.ts";
import { plainName } from "./event-fields.ts";

/** What decides whether two events are about one conversion. */
export interface KeyParts {
  orderId: string | null;
  assetId: string | null;
  eventName: string | null;
  clickId: string | null;
  /** Distinguishes visitors where there is no click; it goes into the hash and nowhere else. */
  visitorId?: string | null;
  eventTime: Date;
}

/** Of an order that has an id; it is the same whoever brings the order. */
export const conversionKeyOfOrder = (orderId: string) => `order:${orderId}`;

/**
 * The order's id where there is one; else asset, event, click and second, hashed. AnyTrack documents no event id. The
 * event counts by its kind, so that a webhook's "Purchase" and a pull's "sale" meet.
 */
export function conversionKey({ orderId, assetId, eventName, clickId, visitorId, eventTime }: KeyParts): string {
  if (orderId !== null) return conversionKeyOfOrder(orderId);
  const second = Math.floor(eventTime.getTime() / 1_000);
  const who = clickId ?? (visitorId === undefined || visitorId === null ? "" : `visitor ${visitorId}`);
  return `event:${sha256(JSON.stringify([assetId ?? "", typeOf(eventName), who, second]))}`;
}

const types = new Map(
  Object.entries({
    purchase: "SALE",
    sale: "SALE",
    order: "SALE",
    lead: "LEAD",
    formsubmit: "LEAD",
    signup: "SIGNUP",
    completeregistration: "SIGNUP",
    registration: "SIGNUP",
    custom: "CUSTOM",
  }),
);

/** SALE, LEAD, SIGNUP or CUSTOM; a name we do not know stays as it came. */
export function typeOf(eventName: string | null): string {
  if (eventName === null) return "CUSTOM";
  return types.get(plainName(eventName)) ?? eventName;
}
