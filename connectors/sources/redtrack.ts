import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { isCurrency } from "../../core/currency.ts";
import { campaignSpend, dailySpend } from "../../schema/redtrack.ts";
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

const campaignRow = z.looseObject({ ...spendRow.shape, campaign_id: id.nullable(), campaign: text.nullish() });

/** With a total or without one, and null where there is nothing. */
const reportOf = <Row extends z.ZodType>(row: Row) =>
  z
    .union([
      z.object({ items: z.array(row).nullable(), total: z.looseObject({ cost: money.nullish() }).nullish() }),
      z.array(row),
      z.null(),
    ])
    .transform((body) => {
      if (body === null) return { items: [], total: null };
      return Array.isArray(body)
        ? { items: body, total: null }
        : { items: body.items ?? [], total: body.total?.cost ?? null };
    });

interface Asked {
  slice: { day: string; timezone: string };
  secrets: { REDTRACK_API_KEY: string };
  cursor: number | null;
}

// POST /report answers 404. A range comes back summed, so one day is asked at a time. The key counts only in the
// query. Ordered by something that does not move while the day goes on, or pages would overlap.
const reportRequest = (group: string, sortby: string, { slice, secrets, cursor }: Asked) => ({
  path: "/report",
  query: {
    api_key: secrets.REDTRACK_API_KEY,
    group,
    date_from: slice.day,
    date_to: slice.day,
    timezone: slice.timezone,
    sortby,
    direction: "asc",
    total: true,
    page: cursor ?? 1,
    per: perPage,
  },
});

const nextPage = (body: { items: readonly unknown[] }, cursor: number | null) =>
  body.items.length === perPage ? (cursor ?? 1) + 1 : null;

/** What both reports have in common: the account's calendar, and how far back it still changes. */
const spendReport = {
  vendor: redtrack,
  slices: { timezone: "America/New_York" },
  window: { mode: "rolling", lookbackDays: 3 },
  amount: "cost",
  answers: "complete",
  keyedBy: "aggregate",
  next: nextPage,
} as const;

/** Its cost counts all the same. */
const withoutKey = (reason: string, { source, cost, clicks, conversions }: z.output<typeof spendRow>) =>
  quarantine(reason, cost, { source: source ?? null, cost, clicks, conversions });

/** Ad spend per traffic source and day. */
export const redtrackDailySpend = defineSource({
  ...spendReport,
  name: "redtrack.daily_spend",
  schedule: {
    hours: { from: 7, to: 23 },
    minute: 0,
    comment: "hourly 7 to 23: today so far; the first run also makes yesterday final",
  },
  table: dailySpend,
  body: reportOf(spendRow),

  request: (asked: Asked) => reportRequest("source", "source_id", asked),

  rows: (body, slice) =>
    body.items.map((spend) => {
      const sourceId = spend.source_id?.trim() ?? "";
      // Traffic that came without a source has a cost all the same.
      if (sourceId === "") return withoutKey("no source_id", spend);
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

  vendorTotal: (body) => body.total,
});

/** Traffic of a campaign that came without a source is a row of its own; Redtrack's ids are 24 hexadecimal digits. */
const withoutBlank = (id: string | null) => (id === null || id.trim() === "" ? "none" : id.trim());

/** The same spend per campaign: what Redtrack calls one, over all its traffic sources. */
export const redtrackCampaignSpend = defineSource({
  ...spendReport,
  name: "redtrack.campaign_spend",
  schedule: {
    hours: { from: 7, to: 23 },
    // Away from the spend by source: one account has 20 calls a minute for both.
    minute: 30,
    comment:
      "hourly 7 to 23, half an hour after the spend by source: today so far; the first run also makes yesterday final",
  },
  table: campaignSpend,
  body: reportOf(campaignRow),

  request: (asked: Asked) => reportRequest("campaign,source", "campaign_id,source_id", asked),

  rows: (body, slice) =>
    body.items.map((spend) => {
      const campaignId = spend.campaign_id?.trim() ?? "";
      if (campaignId === "") return withoutKey("no campaign_id", spend);
      return {
        date: slice.day,
        campaignId,
        sourceId: withoutBlank(spend.source_id),
        campaignName: spend.campaign ?? null,
        sourceName: spend.source ?? null,
        clicks: spend.clicks,
        conversions: spend.conversions,
        cost: spend.cost,
        revenue: spend.revenue ?? null,
        extra: unknownFields(spend, campaignRow),
      };
    }),

  vendorTotal: (body) => body.total,
});
