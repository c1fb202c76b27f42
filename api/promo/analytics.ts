import type { FastifyReply } from "fastify";
import { z } from "zod";
import {
  readCalendar,
  readCohorts,
  readDevices,
  readHours,
  readFigures,
  readTimeline,
  type Scope,
} from "../../queries/promo/analytics.ts";
import { readFunnel } from "../../queries/promo/funnel.ts";
import type { PromoClientSettings } from "../../settings/promo.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import { withColumns } from "../../queries/shared/column-reading.ts";
import type { Queryable } from "../../schema/database.ts";
import { rankOffers } from "../../rules/promo/rank.ts";
import { periods, rangeOf } from "../../rules/promo/period.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { flag } from "../server/shapes.ts";
import {
  analytics,
  toCohort,
  toDay,
  toDevice,
  toFunnel,
  toOffer,
  toSummary,
  toVariation,
  type Analytics,
} from "./analytics-shapes.ts";
import { createBriefCache, isKnown } from "./brief-cache.ts";
import { promoId, tags } from "./shapes.ts";

const query = z.object({
  offer_id: promoId.optional(),
  variation_id: promoId.optional(),
  days: z.enum(periods).default("30").describe("the last so many dates, today included, in the client's time zone"),
  include_variations: flag,
  include_timeline: flag,
  include_cohorts: flag,
  include_devices: flag,
  include_hours: flag,
  include_funnel: flag,
});
type Query = z.output<typeof query>;

/** How offers and their texts perform. */
export function analyticsRoutes(api: Api, { reading, config, store = null }: ServerParts): void {
  const { promo } = config;
  const cached = createBriefCache<Analytics>(promo.analyticsCacheSeconds * 1_000);
  api.get(
    "/analytics",
    {
      config: {
        ...allow("admin", "operator", "analyst"),
        rateLimit: { max: promo.analyticsPerMinute, timeWindow: 60_000 },
      },
      schema: {
        tags,
        summary: "How offers and their texts perform; the parts beyond the summary and the offers when asked for",
        querystring: query,
        response: { 200: analytics, 304: z.null().describe("the answer that If-None-Match names still holds") },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      // A token's client is one of the settings.
      const { timezone } = promo.clients.get(client) as PromoClientSettings;
      const key = JSON.stringify([client, Object.entries(request.query).sort()]);
      const { value, etag } = await cached(key, () =>
        readAnalytics({ reading, store }, { client, timezone, ...request.query }),
      );
      reply.headers({ etag, "cache-control": "private, no-cache" });
      if (isKnown(etag, request.headers["if-none-match"])) return sendNothing(reply.code(304) as FastifyReply);
      return reply.code(200).send(value);
    },
  );
}

/** Not even `null`, which the type of its shape asks for. */
const sendNothing = (reply: FastifyReply) => reply.send();

/** Longer periods are added up by the column store, where there is one. */
const longDays = 90;

async function readAnalytics(
  { reading, store }: { reading: Queryable; store: ColumnStore | null },
  { client, timezone, ...asked }: Query & { client: string; timezone: string },
): Promise<Analytics> {
  const of = { client, offerId: asked.offer_id ?? null, variationId: asked.variation_id ?? null };
  const range = rangeOf(asked.days, await readCalendar(reading, { ...of, timezone }));
  const scope: Scope = { ...of, from: range.start, to: range.end };
  const when = async <Part>(wanted: Query["include_hours"], read: () => Promise<Part>): Promise<Part | undefined> =>
    wanted === "true" ? read() : undefined;
  const long = { database: reading, store: range.days > longDays ? store : null };
  const [{ rows, timeline, cohorts }, devices, hours, funnel] = await Promise.all([
    withColumns(long, async (columns) => {
      const [rows, timeline, cohorts] = await Promise.all([
        readFigures(reading, scope, columns),
        when(asked.include_timeline, () => readTimeline(reading, scope, columns)),
        when(asked.include_cohorts, () => readCohorts(reading, scope, columns)),
      ]);
      return { rows, timeline, cohorts };
    }),
    when(asked.include_devices, () => readDevices(reading, scope)),
    when(asked.include_hours, () => readHours(reading, { ...scope, timezone })),
    when(asked.include_funnel, () => readFunnel(reading, scope)),
  ]);
  // One of another client is not there, like one that there is not.
  if (rows.length === 0 && (of.offerId ?? of.variationId) !== null)
    throw notFound(of.variationId === null ? "offer" : "variation");
  const ranked = rankOffers(rows);
  return {
    summary: toSummary(ranked.total, range, timezone),
    offers: ranked.offers.map(toOffer),
    variations: asked.include_variations === "true" ? ranked.variations.map(toVariation) : undefined,
    timeline: timeline?.map(toDay),
    cohorts: cohorts?.map(toCohort),
    devices: devices?.map(toDevice),
    hours,
    funnel: funnel === undefined ? undefined : toFunnel({ ...ranked, ...funnel }),
  };
}
