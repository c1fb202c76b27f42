import { z } from "zod";
import { sha256 } from "../../core/crypto.ts";
import { isCurrency } from "../../core/currency.ts";
import { isPast } from "../../core/moments.ts";
import { parseMoney } from "../../core/money.ts";
import { typedDecimal, typedId } from "../../core/typed.ts";
import { idProblem, isPersonal } from "./event-fields.ts";

const word = typedId
  .pipe(z.string().trim().min(1, "is empty"))
  .refine((text) => idProblem(text) === null, "must have at most 200 characters, none of them a control character")
  // It goes into Temporal's history, where nothing of a person's may stand.
  .refine((text) => !isPersonal(text), "must not be an e-mail or IP address");

const amount = typedDecimal.transform((text, context) => {
  const money = parseMoney(text);
  if (money !== null && !money.startsWith("-")) return money;
  context.addIssue('must be an amount such as "99.99"');
  return z.NEVER;
});
const currency = z
  .string()
  .transform((code) => code.toUpperCase())
  .refine(isCurrency, "must be a currency of ISO 4217, such as USD");
const who = {
  client: word.optional(),
  clickId: word.optional(),
  refId: word.optional(),
  eventTime: z.iso.datetime({ offset: true }).optional(),
};
const hasClick = ({ clickId, refId }: { clickId?: string | undefined; refId?: string | undefined }) =>
  clickId !== undefined || refId !== undefined;
const clickMissing = { path: ["clickId"], error: "is missing: AnyTrack takes nothing without a click id or ref id" };

export const conversionTypes = ["SALE", "LEAD", "SIGNUP", "CUSTOM"] as const;

/** What a person types, or the API sends, to report a conversion to AnyTrack. */
export const trackConversionShape = z
  .object({
    ...who,
    type: z.enum(conversionTypes),
    orderId: word,
    revenue: amount.default("0"),
    currency: currency.default("USD"),
    /** The name of a custom event. */
    eventName: word.optional(),
    customData: z.record(z.string().regex(/^[A-Za-z0-9_]{1,40}$/, "must be letters, digits and _"), word).optional(),
  })
  .refine(hasClick, clickMissing);

/** What has not happened yet is not sent. */
export const trackConversionBefore = (now: Date) =>
  trackConversionShape.refine(({ eventTime }) => eventTime === undefined || isPast(new Date(eventTime), now), {
    path: ["eventTime"],
    error: "must not be in the future",
  });

export const trackSaleShape = z
  .object({ ...who, orderId: word, revenue: amount, currency: currency.default("USD"), productId: word.optional() })
  .refine(hasClick, clickMissing);

export const trackLeadShape = z
  .object({ ...who, leadId: word, value: amount.default("0"), currency: currency.default("USD") })
  .refine(hasClick, clickMissing);

export type TrackConversion = z.output<typeof trackConversionShape>;
export type TrackConversionInput = z.input<typeof trackConversionShape>;
export type TrackSaleInput = z.input<typeof trackSaleShape>;
export type TrackLeadInput = z.input<typeof trackLeadShape>;

/** The result of sending to AnyTrack. */
export interface Tracked {
  trackingKey: string;
  contentHash: string;
  state: "sent";
  sentAt: string;
}

/** The same content has the same hash; whose it is does not count. */
export function trackingHash({ client: _client, customData, ...said }: TrackConversion): string {
  const sorted = (values: object) =>
    Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1));
  return sha256(JSON.stringify([sorted(said), sorted(customData ?? {})]));
}

const eventNames = { SALE: "Purchase", LEAD: "Lead", SIGNUP: "CompleteRegistration", CUSTOM: "Custom" } as const;

/** As AnyTrack's collect address takes it. The event is named: without a name it would be guessed from the amount. */
export function collectBody(tracked: TrackConversion): Record<string, string> {
  const { clickId, refId, type, eventName, revenue, currency: code, orderId, eventTime, customData } = tracked;
  return {
    ...(clickId === undefined ? {} : { click_id: clickId }),
    ...(refId === undefined ? {} : { ref_id: refId }),
    event_name: eventName ?? eventNames[type],
    value: revenue,
    currency: code,
    transaction_id: orderId,
    ...(eventTime === undefined ? {} : { event_time: eventTime }),
    ...Object.fromEntries(Object.entries(customData ?? {}).map(([name, value]) => [`xat_${name}`, value])),
  };
}
