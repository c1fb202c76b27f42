import { z } from "zod";
import { CampaignProblem, putCampaigns, type CampaignRow } from "../../queries/rtb/campaigns.ts";
import {
  bySpendOf,
  campaignOrders,
  campaignPeriods,
  listCampaigns,
  readCampaignTotals,
} from "../../queries/rtb/list-campaigns.ts";
import { findSuccessor } from "../../queries/rtb/successor.ts";
import { daysOf } from "../../queries/rtb/metrics.ts";
import { sortsOf } from "../../queries/shared/ordered.ts";
import { sqlState } from "../../schema/database.ts";
import type { refreshAggregates } from "../../workflows/rtb/refresh-aggregates.ts";
import { allow, callerOf } from "../server/access.ts";
import { actorOf } from "../server/audited.ts";
import { ApiError, notFound, Unavailable } from "../server/errors.ts";
import { pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { placeInOrder, readOrder, totalsRoute } from "../server/sorted-list.ts";
import { readUpToToday } from "./day.ts";
import { counted, creativeReference, days, figures, period, trend } from "./shapes.ts";
import type { CampaignSums } from "./campaign-sums.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { instant, iso, money, nameText, number, storedOrigin, text } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const mostPut = 500;
const mostCreatives = 20_000;
const putBytes = 8_388_608;
/** A merge of a large file holds the sums for seconds. */
const lockMs = 20_000;
const lockNotAvailable = "55P03";

const ratio = z.string().nullable().describe("a ratio of sums, four places; null without a denominator");
export const campaign = z.object({
  campaignId: z.number(),
  campaignName: z.string(),
  confidenceScore: z.number().nullable(),
  aiProvider: text,
  namedBy: z.enum(["rules", "model", "person"]),
  modelConfidence: z.number().nullable().describe("how sure a model said it is; not calibrated"),
  genre: text.describe("which kind of product; null where nothing says"),
  isGenrePersons: z.boolean().describe("a person set the genre: grouping leaves it alone"),
  isClustered: z.boolean().describe("clustering keeps it up to date; else it is as people made it"),
  creatives: z.number(),
  totalSpend7d: money,
  totalSpend30d: money,
  totalSpendAllTime: money,
  avgCpc7d: ratio,
  avgCpm7d: ratio,
  topGeography: text,
  topDeviceType: text,
  lastPerformanceUpdate: instant.nullable(),
  createdAt: instant,
  origin: storedOrigin,
});
const share = z.number().nullable().describe("of the campaign's spend, in percent");
export const found = campaign.extend({
  askedFor: z
    .number()
    .int()
    .nullable()
    .describe("the number that was asked for, where that campaign was merged into this one; else null"),
  performance: z.object({ ...days, ...figures, trend }),
  geographies: z
    .array(z.object({ geography: text.describe("null where the files name none"), ...figures, share }))
    .describe("the greatest spend first"),
  topCreative: z.object({ creativeId: z.string(), buyerId: text, ...figures, share }).nullable(),
  creativeIds: z
    .array(z.string())
    .describe("an id, or buyers/SEAT/creatives/ID where several seats have a creative of that id"),
});
const given = z
  .strictObject({
    campaignId: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
    campaignName: nameText.optional(),
    confidenceScore: z.number().min(0).max(1).nullable().optional(),
    aiProvider: word.nullable().optional(),
    creativeIds: z
      .array(creativeReference)
      .max(mostCreatives)
      .optional()
      .describe("all creatives of the campaign; buyers/SEAT/creatives/ID where several seats have one of that id"),
  })
  .refine(({ campaignId, campaignName }) => campaignId !== undefined || campaignName !== undefined, {
    path: ["campaignName"],
    error: "is missing: a campaign is found by its campaignId or its name",
  });
const refreshed = z.object({ asOf: z.string(), creatives: z.number(), campaigns: z.number() });

export const campaignTotals = z.object({
  campaigns: z.number(),
  creatives: z.number().describe("in any of them, each once"),
  spend7d: money,
  spend30d: money,
  spendAllTime: money,
});

/** Campaigns and the sums of their creatives. */
export function rtbCampaignRoutes(api: Api, parts: ServerParts, sums: CampaignSums): void {
  campaignsRoute(api, parts);
  campaignTotalsRoute(api, parts);
  campaignRoute(api, parts, sums);
  putRoute(api, parts);
  refreshRoute(api, parts);
}

function campaignsRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/campaigns",
    {
      config: readers,
      schema: {
        tags: ["campaigns"],
        summary: "Campaigns with their aggregates, the greatest spend of a period first",
        querystring: paging.extend({
          period: z.enum(campaignPeriods).default("7d"),
          sort: z
            .enum(sortsOf(campaignOrders))
            .optional()
            .describe("the greatest spend of `period` when left out; with a minus from the greatest"),
        }),
        response: { 200: pageOf(campaign) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { limit, cursor, period: of, sort = bySpendOf[of] } = request.query;
      const order = readOrder(campaignOrders, sort, readCursor(cursor, placeInOrder));
      const { found } = await readUpToToday(parts, client, () =>
        listCampaigns(parts.reading, { client, order, limit: limit + 1 }),
      );
      return toPage(found.rows, limit, ({ inOrder }) => inOrder, toCampaign);
    },
  );
}

function campaignTotalsRoute(api: Api, parts: ServerParts): void {
  totalsRoute(api, "/campaigns", {
    config: readers,
    tags: ["campaigns"],
    summary: "All campaigns: how many, of how many creatives, and what those spent",
    filters: {},
    answer: campaignTotals,
    read: async (_filter, request) => {
      const { client } = callerOf(request);
      const { found } = await readUpToToday(parts, client, () => readCampaignTotals(parts.reading, { client }));
      return found;
    },
  });
}

function campaignRoute(api: Api, parts: ServerParts, sums: CampaignSums): void {
  api.get(
    "/campaigns/:id",
    {
      config: readers,
      schema: {
        tags: ["campaigns"],
        summary: "One campaign: its sums in a period, by geography, and its best creative",
        description: "The number of a campaign that was merged into another one is answered with that one.",
        params: z.object({ id: number }),
        querystring: z.object({ period }),
        response: { 200: found },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const of = { client, campaignId: request.params.id, period: request.query.period };
      let { asOf, campaign: row } = await sums.findCampaign(of);
      const successor = row === null ? await findSuccessor(parts.reading, of) : null;
      if (successor !== null) ({ asOf, campaign: row } = await sums.findCampaign({ ...of, campaignId: successor }));
      if (row === null) throw notFound("campaign");
      return {
        ...toCampaign(row),
        askedFor: successor === null ? null : of.campaignId,
        performance: { period: of.period, ...daysOf(of.period, asOf), ...counted(row.performance) },
        geographies: row.geographies.map(counted),
        topCreative: row.topCreative === null ? null : counted(row.topCreative),
        creativeIds: row.creativeIds,
      };
    },
  );
}

function putRoute(api: Api, { database }: ServerParts): void {
  api.put(
    "/campaigns",
    {
      config: keepers,
      bodyLimit: putBytes,
      schema: {
        tags: ["campaigns"],
        summary: "Creates and changes campaigns by number or name; the same call again changes nothing",
        description:
          "`creativeIds` is all that a campaign consists of; left out, its creatives stay. The aggregates of what was regrouped are computed in the same transaction.",
        body: z.object({ items: z.array(given).min(1).max(mostPut) }),
        response: {
          200: z.object({
            created: z.number(),
            updated: z.number(),
            unchanged: z.number(),
            campaignIds: z.array(z.number()).describe("in the order of the items"),
          }),
        },
      },
    },
    async (request) => {
      const { client, actor, role } = actorOf(request);
      const by = { actor, role };
      try {
        return await putCampaigns(database, { client, origin: "real", rows: request.body.items, waitMs: lockMs, by });
      } catch (error) {
        if (sqlState(error) === lockNotAvailable)
          throw new Unavailable("a file of this client is being merged; try again soon", error);
        if (!(error instanceof CampaignProblem)) throw error;
        throw error.kind === "ambiguous_name"
          ? new ApiError("conflict", error.message)
          : new ApiError("validation_error", "body is not valid", { [`items.${error.item}`]: error.message });
      }
    },
  );
}

function refreshRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/campaigns/refresh",
    {
      config: keepers,
      schema: {
        tags: ["campaigns"],
        summary: "Recomputes the sums of every creative and campaign from the records",
        response: { 200: refreshed, 202: z.object({ state: z.literal("running"), workflowId: z.string() }) },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const outcome = await runWorkflow<Awaited<ReturnType<typeof refreshAggregates>>>(parts, {
        type: "refreshAggregates",
        workflowId: `refresh-aggregates/${client}/on-demand`,
        client,
        input: { client },
        summary: `sums per creative and campaign, client ${client}, on demand`,
        again: true,
      });
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId: outcome.workflowId });
      const [own] = outcome.result;
      if (own === undefined) throw new Error(`the refresh of client ${client} says nothing of it`);
      const { asOf, creatives, campaigns } = own;
      return reply.code(200).send({ asOf, creatives, campaigns });
    },
  );
}

/** Field by field, as creatives are. */
function toCampaign(row: CampaignRow): z.infer<typeof campaign> {
  return {
    campaignId: row.campaignId,
    campaignName: row.campaignName,
    confidenceScore: row.confidenceScore,
    aiProvider: row.aiProvider,
    namedBy: row.namedBy,
    modelConfidence: row.modelConfidence,
    genre: row.genre,
    isGenrePersons: row.isGenrePersons,
    isClustered: row.isClustered,
    creatives: row.creatives,
    totalSpend7d: row.totalSpend7d,
    totalSpend30d: row.totalSpend30d,
    totalSpendAllTime: row.totalSpendAllTime,
    avgCpc7d: row.avgCpc7d,
    avgCpm7d: row.avgCpm7d,
    topGeography: row.topGeography,
    topDeviceType: row.topDeviceType,
    lastPerformanceUpdate: iso(row.lastPerformanceUpdate),
    createdAt: row.createdAt.toISOString(),
    origin: row.origin,
  };
}
