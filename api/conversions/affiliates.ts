import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import {
  affiliateMetrics,
  readAffiliate,
  readCurrencies,
  readDailyReport,
  readTopAffiliates,
  type AffiliateRow,
  type DailyReport,
} from "../../queries/conversions/anytrack-reports.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { day, inOrder, orderError, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { range, rangeOf, today } from "./shapes.ts";
import { money, storedOrigin, text } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");

const affiliate = z.object({
  affiliateId: z.string(),
  origin: storedOrigin,
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
    .describe("per currency; amounts of different currencies are never added"),
});
const affiliates = z.object({
  from: z.string(),
  to: z.string(),
  currency: text.describe("the currency of the ranking"),
  items: z.array(affiliate),
});

const part = z.object({ origin: storedOrigin, currency: text, conversions: z.number(), revenue: money });
const dailyReport = z.object({
  date: z.string(),
  totalConversions: z.number().describe("without those of the sandbox, unless there are no others"),
  totals: z.array(part.extend({ sales: z.number(), averageOrderValue: money.nullable() })).describe("per currency"),
  bySource: z.array(part.extend({ source: text })),
  byCampaign: z.array(part.extend({ campaignId: text })),
});

/** What affiliates brought, and what a day did. */
export function affiliateReportRoutes(api: Api, { reading }: ServerParts): void {
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
            limit: wholeNumber({ most: 100 }).default(10).describe("how many, 10 when left out"),
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
        totalConversions: countReal(report.totals),
        ...report,
      };
    },
  );
}

/** Real and made-up conversions are not added. */
function countReal(totals: DailyReport["totals"]): number {
  const real = totals.filter(({ origin }) => origin !== "sandbox");
  return (real.length > 0 ? real : totals).reduce((sum, { conversions }) => sum + conversions, 0);
}

function toAffiliate(row: AffiliateRow): z.infer<typeof affiliate> {
  return { ...row, conversionRate: row.conversionRate === null ? null : Number(row.conversionRate) };
}
