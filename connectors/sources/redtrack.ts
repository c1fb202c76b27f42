import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { isCurrency } from "../../core/currency.ts";
import { dailySpend } from "../../schema/redtrack.ts";
import { count, id, money, text, unknownFields } from "../fields.ts";
import { defineSource, quarantine, type Vendor } from "../source.ts";

/** The vendor's own limit: 20 calls a calendar minute, of which one call often costs two. */
const redtrack = {
  name: "redtrack",
  baseUrl: "https://api.redtrack.io",
  pace: { intervalMs: 1_000, concurrent: 1 },
  secrets: z.object({ REDTRACK_API_KEY: z.string().min(1).meta(about("Redtrack's API key.")) }),
  // No answer says what currency its amounts are in.
  settings: z.object({
    REDTRACK_CURRENCY: z
      .string()
      .refine(isCurrency, "must be a currency of ISO 4217, such as USD")
      .default("USD")
      .meta(about("The account's currency: Redtrack's amounts do not say theirs.", { clients: "shared" })),
  }),
  quota: (headers) => {
    const left = headers.get("x-ratelimit-remaining-minute");
    const reset = headers.get("ratelimit-reset");
    // The next call may cost two, so with one left it would be refused.
    if (left === null || reset === null || !/^\d+$/.test(left) || !/^\d{1,3}$/.test(reset) || Number(left) >= 2)
      return null;
    return { waitMs: Number(reset) * 1_000 };
  },
  // Some endpoints refuse under HTTP 200. The message does not say why, so the request is retried.
  refusal: (body) => {
    const refused = z
      .object({ error: z.unknown().optional(), message: z.unknown().optional(), status: z.number().optional() })
      .safeParse(body);
    if (!refused.success || Array.isArray(body)) return null;
    const { error, message, status } = refused.data;
    if (status === 429) return { kind: "rate_limited", message: "answered 429 under HTTP 200" };
    const words = error ?? message;
    return words === undefined
      ? null
      : { kind: "unavailable", message: `answered 200 with an error: ${JSON.stringify(words)}` };
  },
  // Lists have no visible limit.
  probe: (secrets) => ({ path: "/sources", query: { api_key: secrets.REDTRACK_API_KEY, page: 1, per: 1 } }),
} satisfies Vendor<z.ZodObject<{ REDTRACK_API_KEY: z.ZodString }>> as Vendor<
  z.ZodObject<{ REDTRACK_API_KEY: z.ZodString }>
>;

/** The most rows a page may have. */
const perPage = 1_000;

const spendRow = z.looseObject({
  // Empty for traffic without a source. Absent is another thing: the column was renamed, and no row would have its key.
  source_id: id.nullable(),
  source: text.nullish(),
  source_alias: text.nullish(),
  clicks: count,
  conversions: count,
  total_conversions: count.nullish(),
  cost: money,
  revenue: money.nullish(),
  total_revenue: money.nullish(),
});

const report = z
  .union([
    z.object({ items: z.array(spendRow).nullable(), total: z.looseObject({ cost: money.nullish() }).nullish() }),
    z.array(spendRow),
    z.null(),
  ])
  .transform((body) => {
    if (body === null) return { items: [], total: null };
    return Array.isArray(body)
      ? { items: body, total: null }
      : { items: body.items ?? [], total: body.total?.cost ?? null };
  });

/** Ad spend per traffic source and day. */
export const redtrackDailySpend = defineSource({
  name: "redtrack.daily_spend",
  vendor: redtrack,
  slices: { timezone: "America/New_York" },
  window: { mode: "rolling", lookbackDays: 3 },
  schedule: {
    hours: { from: 7, to: 23 },
    minute: 0,
    comment: "hourly 7 to 23: today so far; the first run also makes yesterday final",
  },
  table: dailySpend,
  amount: "cost",
  answers: "complete",
  keyedBy: "aggregate",
  body: report,

  // POST /report answers 404. A range comes back summed, so one day is asked at a time. The key counts only in the
  // query. Ordered by something that does not move while the day goes on, or pages would overlap.
  request: ({ slice, secrets, cursor }) => ({
    path: "/report",
    query: {
      api_key: secrets.REDTRACK_API_KEY,
      group: "source",
      date_from: slice.day,
      date_to: slice.day,
      timezone: slice.timezone,
      sortby: "source_id",
      direction: "asc",
      total: true,
      page: cursor ?? 1,
      per: perPage,
    },
  }),

  rows: (body, slice) =>
    body.items.map((spend) => {
      const sourceId = spend.source_id?.trim() ?? "";
      // Traffic that came without a source has a cost all the same.
      if (sourceId === "")
        return quarantine("no source_id", spend.cost, {
          source: spend.source ?? null,
          cost: spend.cost,
          clicks: spend.clicks,
          conversions: spend.conversions,
        });
      return {
        date: slice.day,
        sourceId,
        sourceName: spend.source ?? null,
        sourceAlias: spend.source_alias ?? null,
        clicks: spend.clicks,
        conversions: spend.conversions,
        totalConversions: spend.total_conversions ?? null,
        cost: spend.cost,
        revenue: spend.revenue ?? null,
        totalRevenue: spend.total_revenue ?? null,
        extra: unknownFields(spend, spendRow),
      };
    }),

  next: (body, cursor: number | null) => (body.items.length === perPage ? (cursor ?? 1) + 1 : null),
  vendorTotal: (body) => body.total,
});
