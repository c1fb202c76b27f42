import { Readable } from "node:stream";
import { z } from "zod";
import { attributionModels, journeyStates } from "../../rules/conversions/attribution.ts";
import {
  trackConversionBefore,
  trackConversionShape,
  trackingHash,
  trackLeadShape,
  trackSaleShape,
  type TrackConversion,
  type Tracked,
} from "../../rules/conversions/anytrack-tracking.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { cents } from "../../core/money.ts";
import { exportConversions } from "../../queries/conversions/anytrack-export.ts";
import {
  affiliateMetrics,
  findConversion,
  listConversions,
  readAffiliate,
  readCurrencies,
  readDailyReport,
  readTopAffiliates,
  type AffiliateRow,
  type ConversionRow,
} from "../../queries/conversions/anytrack-reports.ts";
import { findTracked } from "../../queries/conversions/anytrack-tracking.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { day, pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const timezone = "America/New_York";
const rangeDays = 30;

const instant = z.string().describe("an instant in UTC, ISO 8601");
const money = z.string().describe("a decimal, in cents");
const text = z.string().nullable();

const range = z.object({
  from: day.optional().describe("30 days ago when left out"),
  to: day.optional().describe("today, in America/New_York, when left out"),
});
const inOrder = ({ from, to }: { from?: string | undefined; to?: string | undefined }) =>
  from === undefined || to === undefined || from <= to;
const orderError = { path: ["from"], error: "must not be after `to`" };
const filters = range.extend({
  source: word.optional(),
  campaign: word.optional(),
  affiliate: word.optional(),
  type: word.optional(),
});

const conversion = z.object({
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
  journey: z
    .enum(journeyStates)
    .describe(
      "how complete its journey is: told by the vendor, made of the clicks that are known, what the conversion says of itself alone, or unknown",
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
  origin: z.string().describe("who says so: told, click, or the conversion itself"),
});
const details = conversion.extend({
  touchpoints: z.array(touchpoint),
  attribution: z.object({
    state: z
      .enum(["known", "unknown"])
      .describe("unknown when nothing is known of the journey: then there are no weights; see `journey`"),
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

const affiliate = z.object({
  affiliateId: z.string(),
  clicks: z.number(),
  conversions: z.number(),
  conversionRate: z.number().nullable().describe("per hundred clicks; null without clicks"),
  revenue: z
    .array(
      z.object({
        currency: text,
        amount: money,
        epc: z.string().nullable().describe("earnings per click, four decimals; null without clicks"),
      }),
    )
    .describe("per currency: two are never added"),
});
const affiliates = z.object({
  from: z.string(),
  to: z.string(),
  currency: text.describe("the one that money ranks by"),
  items: z.array(affiliate),
});

const part = z.object({ currency: text, conversions: z.number(), revenue: money });
const dailyReport = z.object({
  date: z.string(),
  totalConversions: z.number(),
  totals: z.array(part.extend({ sales: z.number(), averageOrderValue: money.nullable() })).describe("per currency"),
  bySource: z.array(part.extend({ source: text })),
  byCampaign: z.array(part.extend({ campaignId: text })),
});

const idempotencyKey = z.object({
  "idempotency-key": word.optional().describe("the order's id, when the body has none"),
});
const done = z.object({ trackingKey: z.string(), state: z.literal("sent"), sentAt: instant });
const underWay = z.object({ trackingKey: z.string(), state: z.literal("sending"), workflowId: z.string() });
// The client is the token's.
const saleBody = z.object(trackSaleShape.shape).omit({ client: true }).partial({ orderId: true });
const leadBody = z.object(trackLeadShape.shape).omit({ client: true }).partial({ leadId: true });
const conversionBody = z.object(trackConversionShape.shape).omit({ client: true }).partial({ orderId: true });

/** Conversions, their journeys, what affiliates brought, and telling AnyTrack of new ones. */
export function anytrackRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;

  api.get(
    "/conversions",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "Conversions by day, source, campaign, affiliate or type, newest first",
        querystring: paging.extend(filters.shape).refine(inOrder, orderError),
        response: { 200: pageOf(conversion) },
      },
    },
    async (request) => {
      const { limit, cursor, ...filter } = request.query;
      const after = readCursor(cursor, z.object({ at: z.iso.datetime(), key: z.string().max(300) }));
      const rows = await listConversions(reading, {
        ...filter,
        ...rangeOf(filter),
        client: callerOf(request).client,
        after,
        limit: limit + 1,
        order: "newest",
      });
      return toPage(rows, limit, (row) => ({ at: row.eventTime.toISOString(), key: row.conversionKey }), toConversion);
    },
  );

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

  api.get(
    "/conversions/:key",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "One conversion with its touchpoints and the weights of each model",
        params: z.object({ key: word }),
        response: { 200: details },
      },
    },
    async (request) => {
      const found = await findConversion(reading, {
        client: callerOf(request).client,
        conversionKey: request.params.key,
      });
      if (found === null) throw notFound("conversion");
      const { touchpoints, weights, ...row } = found;
      return {
        ...toConversion(row),
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

  api.get(
    "/affiliates/top",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "The best affiliates by one metric",
        querystring: range
          .extend({
            metric: z.enum(affiliateMetrics).default("revenue"),
            limit: z.coerce.number().int().min(1).max(100).default(10),
            currency: z.string().max(10).optional().describe("needed for revenue and epc where there are several"),
          })
          .refine(inOrder, orderError),
        response: { 200: affiliates },
      },
    },
    async (request) => {
      const { metric, limit } = request.query;
      const of = { ...rangeOf(request.query), client: callerOf(request).client };
      const currencies = metric === "revenue" || metric === "epc" ? await readCurrencies(reading, of) : [];
      const currency = request.query.currency ?? currencies[0] ?? null;
      if (request.query.currency === undefined && currencies.length > 1)
        throw new ApiError("validation_error", "querystring is not valid", {
          currency: `must be one of ${currencies.slice(0, 20).join(", ")}: amounts of two are not compared`,
        });
      const rows = await readTopAffiliates(reading, { ...of, metric, currency, limit });
      return { from: of.from, to: of.to, currency, items: rows.map(toAffiliate) };
    },
  );

  api.get(
    "/affiliates/:id/performance",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "Clicks, conversions, revenue, EPC and conversion rate of an affiliate",
        params: z.object({ id: word }),
        querystring: range.refine(inOrder, orderError),
        response: { 200: affiliate.extend({ from: z.string(), to: z.string() }) },
      },
    },
    async (request) => {
      const of = { ...rangeOf(request.query), client: callerOf(request).client };
      const row = await readAffiliate(reading, { ...of, affiliate: request.params.id });
      if (row === null) throw notFound("affiliate in this range");
      return { from: of.from, to: of.to, ...toAffiliate(row) };
    },
  );

  api.get(
    "/reports/daily",
    {
      config: readers,
      schema: {
        tags: ["conversions"],
        summary: "A day: revenue, conversions, average order value, by source, by campaign",
        querystring: z.object({ date: day.optional().describe("today, in America/New_York, when left out") }),
        response: { 200: dailyReport },
      },
    },
    async (request) => {
      const date = request.query.date ?? today();
      const report = await readDailyReport(reading, { client: callerOf(request).client, date });
      return {
        date,
        totalConversions: report.totals.reduce((sum, { conversions }) => sum + conversions, 0),
        ...report,
      };
    },
  );

  const track = { config: keepers };
  const answers = { 200: done, 202: underWay };
  api.post(
    "/track/sale",
    {
      ...track,
      schema: {
        tags: ["conversions"],
        summary: "Tells AnyTrack of a sale, once per order",
        body: saleBody,
        headers: idempotencyKey,
        response: answers,
      },
    },
    async (request, reply) => {
      const { productId, ...sale } = request.body;
      const told = {
        ...sale,
        type: "SALE",
        orderId: sale.orderId ?? request.headers["idempotency-key"],
        ...(productId === undefined ? {} : { customData: { product_id: productId } }),
      };
      const outcome = await tell(parts, callerOf(request).client, told);
      return outcome.state === "sent" ? reply.code(200).send(outcome) : reply.code(202).send(outcome);
    },
  );
  api.post(
    "/track/lead",
    {
      ...track,
      schema: {
        tags: ["conversions"],
        summary: "Tells AnyTrack of a lead, once",
        body: leadBody,
        headers: idempotencyKey,
        response: answers,
      },
    },
    async (request, reply) => {
      const { leadId, value, ...lead } = request.body;
      const outcome = await tell(parts, callerOf(request).client, {
        ...lead,
        type: "LEAD",
        revenue: value,
        orderId: leadId ?? request.headers["idempotency-key"],
      });
      return outcome.state === "sent" ? reply.code(200).send(outcome) : reply.code(202).send(outcome);
    },
  );
  api.post(
    "/track/conversion",
    {
      ...track,
      schema: {
        tags: ["conversions"],
        summary: "Tells AnyTrack of any conversion, once",
        body: conversionBody,
        headers: idempotencyKey,
        response: answers,
      },
    },
    async (request, reply) => {
      const outcome = await tell(parts, callerOf(request).client, {
        ...request.body,
        orderId: request.body.orderId ?? request.headers["idempotency-key"],
      });
      return outcome.state === "sent" ? reply.code(200).send(outcome) : reply.code(202).send(outcome);
    },
  );
}

/** The ledger answers what was told before; anything else is a workflow, whose id is the order's. */
async function tell(
  parts: ServerParts,
  client: string,
  told: unknown,
): Promise<z.infer<typeof done> | z.infer<typeof underWay>> {
  const conversion = checked(told);
  const trackingKey = conversion.orderId;
  const contentHash = trackingHash(conversion);
  if (!parts.config.anytrack.collect.has(client))
    throw new ApiError(
      "unavailable",
      "no AnyTrack integration is configured for this client: ANYTRACK_ACCOUNT_ID, ANYTRACK_INTEGRATION",
    );
  const known = await findTracked(parts.reading, { client, trackingKey });
  const conflict = new ApiError("conflict", "this order was told with another content");
  if (known !== null && known.state !== "refused" && known.contentHash !== contentHash) throw conflict;
  if (known?.state === "sent" && known.sentAt !== null)
    return { trackingKey, state: "sent", sentAt: known.sentAt.toISOString() };
  const outcome = await runWorkflow<Tracked>(parts, {
    type: "trackConversion",
    workflowId: `anytrack/track/${client}/${trackingKey}`,
    client,
    input: { ...conversion, client },
    summary: `${conversion.type}, client ${client}`,
  });
  if (!outcome.done) return { trackingKey, state: "sending", workflowId: outcome.workflowId };
  // Two that came at once shared one workflow: only the content that it told is answered for.
  if (outcome.result.contentHash !== contentHash) throw conflict;
  return { trackingKey, state: "sent", sentAt: outcome.result.sentAt };
}

function checked(told: unknown): TrackConversion {
  const parsed = trackConversionBefore(new Date()).safeParse(told);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => [
    issue.path.join(".") || "body",
    issue.path[0] === "orderId" ? "is missing: name it in the body or as Idempotency-Key" : issue.message,
  ]);
  throw new ApiError("validation_error", "body is not valid", Object.fromEntries(fields) as Record<string, string>);
}

const today = () => dayAt(new Date(), timezone);

function rangeOf({ from, to }: { from?: string | undefined; to?: string | undefined }): { from: string; to: string } {
  const last = to ?? (from !== undefined && from > today() ? from : today());
  return { from: from ?? addDays(last, 1 - rangeDays), to: last };
}

function toConversion(row: ConversionRow): z.infer<typeof conversion> {
  return {
    ...row,
    eventTime: row.eventTime.toISOString(),
    revenue: row.revenue === null ? null : cents(row.revenue),
    seenByWebhookAt: row.seenByWebhookAt?.toISOString() ?? null,
    seenByPullAt: row.seenByPullAt?.toISOString() ?? null,
  };
}

function toAffiliate(row: AffiliateRow): z.infer<typeof affiliate> {
  return { ...row, conversionRate: row.conversionRate === null ? null : Number(row.conversionRate) };
}
