import { z } from "zod";
import { cents, sumMoney } from "../../core/money.ts";
import { findCampaign } from "../../queries/recon/campaigns.ts";
import {
  countReconAlerts,
  countSandboxVerdicts,
  countVerdictsOfCampaign,
  overviewOrders,
  readAffiliateOverview,
  readAttention,
  readCampaignTotals,
  type AffiliateOverview,
  type PlatformTotals,
} from "../../queries/recon/dashboards.ts";
import { listReports, reportOrders } from "../../queries/recon/reports.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { pageOf, paging, readCursor, toPage } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { placeInOrder, readOrder, sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { ownerOf } from "./campaigns.ts";
import {
  id,
  known,
  link,
  linkTo,
  report,
  reportsAt,
  share,
  standing,
  tags,
  toNames,
  toReport,
  toStanding,
  verdictCount,
} from "./shapes.ts";
import { money, storedOrigin } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst", "advertiser");

const sideBySide = z.object({
  claimed: z.number().describe("by the latest report of each post, and of each affiliate that claims it"),
  comparable: z.number().describe("claims for posts whose number the platform reports"),
  verified: known.describe("the platform's number of those posts; null when it reports none"),
  differencePct: z.number().nullable().describe("by how much comparable exceeds verified, in percent of verified"),
});
const totals = z.object({
  posts: z.number().describe("each once, also where several affiliates claim it; so are verified numbers and spend"),
  reports: z.number(),
  views: sideBySide,
  clicks: sideBySide,
  conversions: sideBySide,
});
export const campaignDashboard = z.object({
  campaignId: z.string(),
  name: z.string(),
  advertiserId: z.string(),
  status: z.string(),
  totals: totals.extend({ href: link }),
  platforms: z.array(totals.extend({ platform: z.string(), href: link })),
  verdicts: z
    .array(verdictCount.extend({ sharePct: z.number().nullable() }))
    .describe("latest verdicts of its reports"),
  sandboxVerdicts: z.number().describe("how many of these verdicts go by a mock platform's numbers"),
  spend: z
    .array(z.object({ currency: z.string(), spend: money, posts: z.number(), href: link }))
    .describe("per currency; amounts of different currencies are never added"),
});

export const overview = standing.extend({
  affiliateId: z.string(),
  name: z.string(),
  isActive: z.boolean(),
  origin: storedOrigin,
  reports: z.object({
    all: z.number(),
    matched: z.number(),
    low: z.number(),
    medium: z.number(),
    high: z.number(),
    unverifiable: z.number(),
    gone: z.number().describe("the post was deleted or never existed"),
    waiting: z.number(),
    sandbox: z.number().describe("of all: judged by a mock platform's numbers"),
  }),
  links: z.object({ submissions: link, high: link, medium: link, performance: link }),
});

export const discrepancies = pageOf(report).extend({
  high: reportsAt,
  medium: reportsAt,
  openDisputes: reportsAt,
  waiting: reportsAt,
  openAlerts: z
    .array(z.object({ kind: z.string(), severity: z.string(), alerts: z.number(), href: link }))
    .describe("empty for an advertiser"),
});

/** What there is to see at a glance; every number says where its rows are. */
export function dashboardRoutes(api: Api, parts: ServerParts): void {
  campaignRoute(api, parts);
  affiliatesRoute(api, parts);
  discrepanciesRoute(api, parts);
}

function campaignRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/dashboard/campaigns/:id",
    {
      config: readers,
      schema: {
        tags,
        summary: "A campaign: claimed and verified numbers, their difference, and the spend",
        params: z.object({ id }),
        response: { 200: campaignDashboard },
      },
    },
    async (request) => {
      const campaignId = request.params.id;
      const owner = ownerOf(callerOf(request));
      const of = { client: owner.client, campaignId };
      const [found, rows, verdicts, sandboxVerdicts] = await Promise.all([
        findCampaign(reading, { ...owner, campaignId }),
        readCampaignTotals(reading, of),
        countVerdictsOfCampaign(reading, of),
        countSandboxVerdicts(reading, of),
      ]);
      if (found === null) throw notFound("campaign");
      const judged = verdicts.reduce((sum, { reports }) => sum + reports, 0);
      return {
        campaignId,
        name: found.name,
        advertiserId: found.advertiserId,
        status: found.status,
        totals: { ...toTotals(rows), href: linkTo("/posts", { campaign: campaignId }) },
        platforms: [...new Set(rows.map(({ platform }) => platform))].map((platform) => ({
          platform,
          ...toTotals(rows.filter((row) => row.platform === platform)),
          href: linkTo("/posts", { campaign: campaignId, platform }),
        })),
        verdicts: verdicts.map(({ verdict, level, reports }) => ({
          ...toNames({ verdict, level }),
          reports,
          sharePct: share(reports, judged),
          href: linkTo("/submissions", {
            campaign: campaignId,
            ...(verdict === null ? { judged: "false" } : { verdict, level: level ?? undefined }),
          }),
        })),
        sandboxVerdicts,
        spend: toSpend(rows).map((part) => ({
          ...part,
          href: linkTo("/posts", { campaign: campaignId, currency: part.currency }),
        })),
      };
    },
  );
}

function affiliatesRoute(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/dashboard/affiliates", {
    config: readers,
    tags,
    summary: "Affiliates by trust score, the least trusted first",
    querystring: paging.extend({ sort: sortIn(overviewOrders) }),
    item: overview,
    orders: overviewOrders,
    read: ({ order, limit }, request) =>
      readAffiliateOverview(reading, { ...ownerOf(callerOf(request)), order, limit }),
    toItem: toOverview,
  });
}

function discrepanciesRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/dashboard/discrepancies",
    {
      config: readers,
      schema: {
        tags,
        summary: "What needs a person: HIGH and MEDIUM verdicts (newest first), disputes, alerts, waiting reports",
        querystring: paging.extend({
          level: z.enum(["MEDIUM", "HIGH"]).default("HIGH"),
          campaign: id.optional(),
          affiliate: id.optional(),
          sort: sortIn(reportOrders),
        }),
        response: { 200: discrepancies },
      },
    },
    async (request) => {
      const { limit, cursor, sort, level, campaign, affiliate } = request.query;
      const { client, advertiserId } = ownerOf(callerOf(request));
      const [rows, attention, alerts] = await Promise.all([
        listReports(reading, {
          scope: { client, advertiserId, affiliateId: null },
          filter: { level, campaignId: campaign, affiliateId: affiliate },
          order: readOrder(reportOrders, sort, readCursor(cursor, placeInOrder)),
          limit: limit + 1,
        }),
        readAttention(reading, { client, advertiserId }),
        advertiserId === null ? countReconAlerts(reading, { client }) : [],
      ]);
      return {
        ...toPage(rows, limit, ({ inOrder }) => inOrder, toReport),
        high: { reports: attention.high, href: linkTo("/submissions", { level: "HIGH" }) },
        medium: { reports: attention.medium, href: linkTo("/submissions", { level: "MEDIUM" }) },
        openDisputes: { reports: attention.openDisputes, href: linkTo("/submissions", { disputed: "true" }) },
        waiting: { reports: attention.waiting, href: linkTo("/submissions", { open: "true" }) },
        openAlerts: alerts.map(({ kind, severity, alerts: open }) => ({
          kind,
          severity,
          alerts: open,
          href: linkTo("/alerts", { state: "open", kind, severity }),
        })),
      };
    },
  );
}

function toOverview(row: AffiliateOverview): z.infer<typeof overview> {
  const { affiliateId, reports: all, matched, low, medium, high, unverifiable, gone, waiting, sandbox } = row;
  const submissions = `/affiliates/${affiliateId}/submissions`;
  return {
    affiliateId,
    name: row.name,
    isActive: row.isActive,
    origin: row.origin,
    ...toStanding(row),
    reports: { all, matched, low, medium, high, unverifiable, gone, waiting, sandbox },
    links: {
      submissions: linkTo(submissions),
      high: linkTo(submissions, { level: "HIGH" }),
      medium: linkTo(submissions, { level: "MEDIUM" }),
      performance: linkTo(`/affiliates/${affiliateId}/performance`),
    },
  };
}

/** Two currencies are never added. */
function toSpend(rows: readonly PlatformTotals[]): { currency: string; spend: string; posts: number }[] {
  const spent = rows.filter(({ postsWithSpend }) => postsWithSpend > 0);
  const currencies = [...new Set(spent.flatMap(({ currency }) => currency ?? []))].sort();
  return currencies.map((currency) => {
    const parts = spent.filter((row) => row.currency === currency);
    return {
      currency,
      spend: cents(sumMoney(parts.flatMap(({ spend }) => spend ?? []))),
      posts: parts.reduce((sum, { postsWithSpend }) => sum + postsWithSpend, 0),
    };
  });
}

type Metric = "Views" | "Clicks" | "Conversions";

function toTotals(rows: readonly PlatformTotals[]): z.infer<typeof totals> {
  const sum = (read: (row: PlatformTotals) => string | number) =>
    rows.reduce((total, row) => total + Number(read(row)), 0);
  const metric = (name: Metric): z.infer<typeof sideBySide> => {
    const comparable = sum((row) => row[`comparable${name}`]);
    const told = rows.filter((row) => row[`verified${name}`] !== null);
    const verified = told.length === 0 ? null : sum((row) => row[`verified${name}`] ?? 0);
    return {
      claimed: sum((row) => row[`claimed${name}`]),
      comparable,
      verified,
      differencePct: verified === null ? null : share(comparable - verified, verified),
    };
  };
  return {
    posts: sum((row) => row.posts),
    reports: sum((row) => row.reports),
    views: metric("Views"),
    clicks: metric("Clicks"),
    conversions: metric("Conversions"),
  };
}
