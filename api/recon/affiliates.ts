import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import {
  affiliateOrders,
  countAffiliates,
  findAffiliate,
  listAffiliates,
  type AffiliateRow,
} from "../../queries/recon/keys.ts";
import {
  countVerdictsOfAffiliate,
  listReports,
  readTrend,
  reportOrders,
  worksForAdvertiser,
  type TrendDay,
} from "../../queries/recon/reports.ts";
import type { Queryable } from "../../schema/database.ts";
import { allow, allowAffiliates, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { pageOf, paging, readCursor, toPage } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { placeInOrder, readOrder, sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { flag, isMore, isTrue, part } from "../server/shapes.ts";
import { affiliateOf, requireOwn, scopeOf, type Scope } from "./affiliate-key.ts";
import { affiliate, ofAffiliate, toAffiliate } from "./affiliate-shapes.ts";
import { linkTo, report, share, standing, tags, toNames, toReport, toStanding, verdictCount } from "./shapes.ts";
import { reportFilters, toFilter } from "./submissions.ts";

const staff = allow("admin", "operator", "analyst");
const readers = allowAffiliates("admin", "operator", "analyst", "advertiser");

export const trackRecord = standing.extend({
  affiliateId: z.string(),
  name: z.string(),
  isActive: z.boolean(),
  accuracyPct: z.number().nullable().describe("null before the first verdict that counts"),
  submitted: z.number().describe("number of reports"),
  verdicts: z.array(verdictCount),
  trend: z.array(
    z.object({
      date: z.string().describe("the day of the verdict, in UTC; the numbers count reports"),
      judged: z.number(),
      counted: z.number().describe("reports of which the claim could be checked, repeats included"),
      accurate: z.number(),
      accuracyPct: z.number().nullable(),
      soFarPct: z.number().nullable().describe("of all that counted up to this day, what was accurate"),
    }),
  ),
});

export const affiliateTotals = z.object({
  ...{ affiliates: z.number(), isMore },
  active: part,
  judged: part.describe("have a claim that could be checked"),
});

/** Affiliates, and what each has shown to be worth. */
export function affiliateRoutes(api: Api, parts: ServerParts): void {
  affiliatesRoute(api, parts);
  affiliateRoute(api, parts);
  submissionsOfRoute(api, parts);
  trackRecordRoute(api, parts);
}

function affiliatesRoute(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/affiliates", {
    config: staff,
    tags,
    summary: "Affiliates, the oldest first",
    querystring: paging.extend({ active: flag, sort: sortIn(affiliateOrders) }),
    item: affiliate,
    orders: affiliateOrders,
    read: ({ filter, order, limit }, request) => {
      const { client } = callerOf(request);
      return listAffiliates(reading, { client, active: isTrue(filter.active), order, limit });
    },
    toItem: toAffiliate,
  });
  totalsRoute(api, "/affiliates", {
    ...{ config: staff, tags, summary: "How many affiliates the same filters leave", filters: { active: flag } },
    answer: affiliateTotals,
    read: ({ active }, request) =>
      countAffiliates(reading, { client: callerOf(request).client, active: isTrue(active) }),
  });
}

function affiliateRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/affiliates/me",
    {
      config: allowAffiliates(),
      schema: { tags, summary: "The affiliate of the key that was sent", response: { 200: affiliate } },
    },
    async (request) => {
      const row = await findAffiliate(reading, affiliateOf(request));
      if (row === null) throw notFound("affiliate");
      return toAffiliate(row);
    },
  );

  api.get(
    "/affiliates/:id",
    {
      config: allowAffiliates("admin", "operator", "analyst"),
      schema: { tags, summary: "One affiliate", params: ofAffiliate, response: { 200: affiliate } },
    },
    async (request) => {
      requireOwn(request, request.params.id);
      return toAffiliate(await need(reading, scopeOf(request), request.params.id));
    },
  );
}

function submissionsOfRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/affiliates/:id/submissions",
    {
      config: readers,
      schema: {
        tags,
        summary: "Its reports, newest first, each with its verdict and the numbers compared",
        params: ofAffiliate,
        querystring: paging.extend({
          ...reportFilters.omit({ affiliate: true }).shape,
          sort: sortIn(reportOrders),
        }),
        response: { 200: pageOf(report) },
      },
    },
    async (request) => {
      const affiliateId = request.params.id;
      requireOwn(request, affiliateId);
      const scope = scopeOf(request);
      await need(reading, scope, affiliateId);
      const { limit, cursor, sort, ...query } = request.query;
      const rows = await listReports(reading, {
        scope,
        filter: { ...toFilter(query), affiliateId },
        order: readOrder(reportOrders, sort, readCursor(cursor, placeInOrder)),
        limit: limit + 1,
      });
      return toPage(rows, limit, ({ inOrder }) => inOrder, toReport);
    },
  );
}

function trackRecordRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/affiliates/:id/performance",
    {
      config: readers,
      schema: {
        tags,
        summary: "Its trust, its reports by verdict, and how accurate it was day by day",
        params: ofAffiliate,
        querystring: z.object({ days: wholeNumber({ most: 400 }).default(30).describe("so many, 30 when left out") }),
        response: { 200: trackRecord },
      },
    },
    async (request) => {
      const affiliateId = request.params.id;
      requireOwn(request, affiliateId);
      const scope = scopeOf(request);
      const of = { ...scope, affiliateId };
      const [row, verdicts, trend] = await Promise.all([
        need(reading, scope, affiliateId),
        countVerdictsOfAffiliate(reading, of),
        readTrend(reading, { ...of, days: request.query.days }),
      ]);
      return {
        affiliateId,
        name: row.name,
        isActive: row.isActive,
        ...toStanding(row),
        accuracyPct: share(row.accurateSubmissions, row.totalSubmissions),
        submitted: verdicts.reduce((sum, { reports }) => sum + reports, 0),
        verdicts: verdicts.map(({ verdict, level, reports }) => ({
          ...toNames({ verdict, level }),
          reports,
          href: linkTo(`/affiliates/${affiliateId}/submissions`, {
            verdict: verdict ?? undefined,
            level: level ?? undefined,
          }),
        })),
        trend: withSoFar(trend),
      };
    },
  );
}

/** Each day with the share of all the days before it and its own. */
function withSoFar(trend: readonly TrendDay[]): z.infer<typeof trackRecord>["trend"] {
  let [counted, accurate] = [0, 0];
  return trend.map((day) => {
    counted += day.counted;
    accurate += day.accurate;
    return { ...day, accuracyPct: share(day.accurate, day.counted), soFarPct: share(accurate, counted) };
  });
}

/** One that the caller may know of. An advertiser knows those that posted for it. */
export async function need(
  reading: Queryable,
  { client, advertiserId }: Scope,
  affiliateId: string,
): Promise<AffiliateRow> {
  const row = await findAffiliate(reading, { client, affiliateId });
  const isKnown =
    row !== null &&
    (advertiserId === null || (await worksForAdvertiser(reading, { client, affiliateId, advertiserId })));
  if (!isKnown) throw notFound("affiliate");
  return row;
}
