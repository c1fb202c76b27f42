import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { readAnytrackEvent } from "../../rules/conversions/anytrack-event.ts";
import type { ConversionEvent } from "../../rules/conversions/shapes.ts";
import { endOfDay, startOfDay } from "../../core/days.ts";
import { pulledConversions } from "../../schema/anytrack.ts";
import { defineSource, type Vendor } from "../source.ts";

const secrets = z.object({
  ANYTRACK_API_KEY: z
    .string()
    .min(1)
    .meta(
      about("Reads conversions back, by an API of which no public documentation was found; needs the account's id."),
    ),
  ANYTRACK_ACCOUNT_ID: z.string().min(1).meta(about("The account, in AnyTrack's collect address and its pull API.")),
});

const authorized = ({ ANYTRACK_API_KEY: key, ANYTRACK_ACCOUNT_ID: account }: z.output<typeof secrets>) => ({
  authorization: `Bearer ${key}`,
  "x-account-id": account,
});

/** UNVERIFIED: no public documentation of an API to read from was found. Off unless configured; the webhook is the documented way. */
const anytrack: Vendor<typeof secrets> = {
  name: "anytrack",
  title: "AnyTrack",
  baseUrl: "https://api.anytrack.io/v1",
  optional: true,
  pace: { intervalMs: 1_000, concurrent: 1 },
  secrets,
  probe: (values) => ({ path: "/conversions", query: { limit: 1 }, headers: authorized(values) }),
};

const conversion = z.unknown().transform((record, context): ConversionEvent | null => {
  const read = readAnytrackEvent(record);
  switch (read.kind) {
    case "conversion":
      if (read.conversion.revenue !== null) return read.conversion;
      context.addIssue({ code: "custom", path: ["revenue"], message: "is missing" });
      return z.NEVER;
    case "problem":
      context.addIssue({ code: "custom", path: [read.field], message: read.message });
      return z.NEVER;
    case "click":
    case "visit":
      return null;
  }
});

const page = z.object({ data: z.array(conversion).nullable(), next_cursor: z.string().min(1).nullish() });

/** Conversions as the pull client of the document reads them. What only the webhook brought stays: an answer is never taken for all there is. */
export const anytrackPulledConversions = defineSource({
  name: "anytrack.pulled_conversions",
  vendor: anytrack,
  slices: { timezone: "America/New_York" },
  window: { mode: "rolling", lookbackDays: 3 },
  // Of use only to clients that have a key to this unverified API: the webhook is the documented way.
  schedule: {
    hours: { from: 7, to: 23 },
    minute: 20,
    comment: "hourly 7 to 23: what the webhook may have missed, and where conversions came from",
  },
  table: pulledConversions,
  amount: "revenue",
  answers: "partial",
  keyedBy: "id",
  body: page,

  request: ({
    slice,
    secrets: values,
    cursor,
  }: {
    slice: { day: string; timezone: string };
    secrets: z.output<typeof secrets>;
    cursor: string | null;
  }) => ({
    path: "/conversions",
    query: {
      date_from: startOfDay(slice.day, slice.timezone).toISOString(),
      date_to: endOfDay(slice.day, slice.timezone).toISOString(),
      ...(cursor === null ? {} : { cursor }),
    },
    headers: authorized(values),
  }),

  rows: (body, slice) => {
    // Whether `date_to` is included is not documented: a conversion on the edge belongs to the day it happened on.
    const from = startOfDay(slice.day, slice.timezone);
    const to = endOfDay(slice.day, slice.timezone);
    return (body.data ?? [])
      .filter((event) => event !== null)
      .filter(({ eventTime }) => eventTime >= from && eventTime < to)
      .map(({ unknownFields, subIds, touchpoints, revenue, ...event }) => ({
        ...event,
        revenue: revenue ?? "0",
        subIds: jsonText(subIds),
        extra: jsonText(unknownFields),
        touchpoints: jsonText(touchpoints?.map(toStep) ?? null),
      }));
  },

  next: (body, cursor: string | null) =>
    body.next_cursor === undefined || body.next_cursor === null || body.next_cursor === cursor
      ? null
      : body.next_cursor,
});

const jsonText = (value: unknown) => (value === null ? null : JSON.stringify(value));

function toStep({
  type,
  at,
  source,
  campaignId,
  adId,
  affiliateId,
  clickId,
}: NonNullable<ConversionEvent["touchpoints"]>[number]) {
  return { type, at, source, campaign_id: campaignId, ad_id: adId, affiliate_id: affiliateId, click_id: clickId };
}
