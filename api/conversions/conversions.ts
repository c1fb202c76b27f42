import { Readable } from "node:stream";
import { z } from "zod";
import { cents } from "../../core/money.ts";
import { attributionModels, journeyStates } from "../../rules/conversions/attribution.ts";
import { exportConversions } from "../../queries/conversions/anytrack-export.ts";
import {
  conversionOrders,
  findConversion,
  listConversions,
  readConversionTotals,
  type ConversionRow,
} from "../../queries/conversions/anytrack-reports.ts";
import { findTrackedConversion } from "../../queries/conversions/anytrack-tracking.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { inOrder, orderError, paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { range, rangeOf, total } from "./shapes.ts";
import { instant, iso, money, storedOrigin, text } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");

const filters = range.extend({
  source: word.optional(),
  campaign: word.optional(),
  affiliate: word.optional(),
  type: word.optional(),
});

export const conversion = z.object({
  conversionKey: z.string(),
  orderId: text,
  vendorId: text,
  assetId: text,
  type: z.string().describe("SALE, LEAD, SIGNUP, CUSTOM, or an event's own name"),
  eventName: text,
  eventTime: instant,
  date: z.string().describe("the day in America/New_York"),
  revenue: money.nullable().describe("null when no amount was named"),
  currency: text,
  source: text,
  campaignId: text,
  adId: text,
  affiliateId: text,
  clickId: text,
  subIds: z.record(z.string(), z.string()).nullable(),
  seenByWebhookAt: instant.nullable(),
  seenByPullAt: instant.nullable(),
  origin: storedOrigin,
  journey: z
    .enum(journeyStates)
    .describe(
      "how complete its journey is: told = sent whole by the vendor, clicks = built from known clicks, conversion = only what the conversion itself says, unknown = nothing is known",
    ),
});

const touchpoint = z.object({
  position: z.number(),
  type: z.string(),
  at: instant,
  source: text,
  campaignId: text,
  adId: text,
  affiliateId: text,
  clickId: text,
  origin: z
    .string()
    .describe(
      "where the step comes from: told = sent by the vendor, click = a click of its own, conversion = the conversion itself",
    ),
});
export const details = conversion.extend({
  trackedAt: instant
    .nullable()
    .describe(
      "when we sent it to AnyTrack; null when we did not. A conversion that AnyTrack has not reported back is known from this alone",
    ),
  touchpoints: z.array(touchpoint),
  attribution: z.object({
    state: z
      .enum(["known", "unknown"])
      .describe("unknown: nothing is known of the journey, so there are no weights; see `journey`"),
    models: z.array(
      z.object({
        model: z.enum(attributionModels),
        weights: z.array(
          z.object({ position: z.number(), weight: z.string().describe("a decimal; those of a model add up to 1") }),
        ),
      }),
    ),
  }),
});

/** Conversions and their journeys. */
export function conversionRoutes(api: Api, parts: ServerParts): void {
  conversionsRoute(api, parts);
  totalsRoute(api, parts);
  exportRoute(api, parts);
  conversionRoute(api, parts);
}

function conversionsRoute(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/conversions", {
    config: readers,
    tags: ["conversions"],
    summary: "Conversions by day, source, campaign, affiliate or type, newest first",
    querystring: paging.extend({ ...filters.shape, sort: sortIn(conversionOrders) }).refine(inOrder, orderError),
    item: conversion,
    orders: conversionOrders,
    read: ({ filter, order, limit }, request) => {
      const { client } = callerOf(request);
      return listConversions(reading, { ...filter, ...rangeOf(filter), client, order, limit });
    },
    toItem: toConversion,
  });
}

export const conversionTotals = z.object({
  from: z.string(),
  to: z.string(),
  items: z.array(total.extend({ currency: text.describe("null for those without an amount") })),
});

function totalsRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/conversions/totals",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "The same added up, per currency and origin",
        querystring: filters.refine(inOrder, orderError),
        response: { 200: conversionTotals },
      },
    },
    async (request) => {
      const days = rangeOf(request.query);
      const { client } = callerOf(request);
      return { ...days, items: await readConversionTotals(reading, { ...request.query, ...days, client }) };
    },
  );
}

function exportRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/conversions.csv",
    // Streamed for as long as it takes.
    {
      config: readers,
      handlerTimeout: 3_600_000,
      schema: {
        tags: ["conversions"],
        summary: "The same as CSV, oldest first, streamed",
        querystring: filters.refine(inOrder, orderError),
      },
    },
    async (request, reply) => {
      const { from, to } = rangeOf(request.query);
      const lines = exportConversions(reading, { ...request.query, from, to, client: callerOf(request).client });
      // The first rows before the first header: what cannot begin is still an error.
      const first = await lines.next();
      const body = (async function* () {
        if (first.done !== true) yield first.value;
        yield* lines;
      })();
      return reply
        .type("text/csv; charset=utf-8")
        .header("content-disposition", `attachment; filename="conversions-${from}-${to}.csv"`)
        .send(Readable.from(body, { objectMode: false }));
    },
  );
}

function conversionRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/conversions/:key",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary:
          "One conversion with its touchpoints and the weights of each model, by its key, by its order's id, or by the key that tracking it answered",
        params: z.object({ key: word }),
        response: { 200: details },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, key: request.params.key };
      const found = (await findConversion(reading, of)) ?? (await findTrackedConversion(reading, of));
      if (found === null) throw notFound("conversion");
      const { touchpoints, weights, trackedAt, ...row } = found;
      return {
        ...toConversion(row),
        trackedAt: iso(trackedAt),
        touchpoints: touchpoints.map((step) => ({ ...step, at: step.at.toISOString() })),
        attribution: {
          state: weights.length === 0 ? ("unknown" as const) : ("known" as const),
          models:
            weights.length === 0
              ? []
              : attributionModels.map((model) => ({
                  model,
                  weights: weights
                    .filter((share) => share.model === model)
                    .map(({ position, weight }) => ({ position, weight })),
                })),
        },
      };
    },
  );
}

function toConversion(row: ConversionRow): z.infer<typeof conversion> {
  return {
    ...row,
    eventTime: row.eventTime.toISOString(),
    revenue: row.revenue === null ? null : cents(row.revenue),
    seenByWebhookAt: iso(row.seenByWebhookAt),
    seenByPullAt: iso(row.seenByPullAt),
  };
}
