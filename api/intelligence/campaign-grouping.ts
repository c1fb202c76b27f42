import { z } from "zod";
import {
  findGrouping,
  listDecisions,
  listMembers,
  listVariants,
  memberOrders,
  type CampaignGrouping,
  type DecisionRow,
} from "../../queries/intelligence/campaign-details.ts";
import { findSuccessor } from "../../queries/rtb/successor.ts";
import type { Queryable } from "../../schema/database.ts";
import { memberConfidence, memberKey } from "../../rules/intelligence/member-key.ts";
import { allow, callerOf } from "../server/access.ts";
import { notFound } from "../server/errors.ts";
import { listRoute } from "../server/list-route.ts";
import { paging } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { instant, iso, money, number, text } from "../server/shapes.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";

const readers = allow("admin", "operator", "analyst");
const params = z.object({ id: number });
const latestDecisions = 50;

const decision = z.object({
  decisionId: z.number(),
  at: instant,
  actor: z.string(),
  role: text,
  kind: z.enum(["renamed", "merged", "split", "moved", "replaced"]),
  campaignId: z.number().describe("what was renamed, or where creatives went"),
  fromCampaignId: z.number().nullable().describe("where they came from; null for a new name"),
  name: z.string().describe("the name of the campaign after the decision"),
  earlierName: text.describe("its name before, or that of the campaign that creatives came from"),
  creatives: z.number(),
});
const share = z.number().nullable();
export const grouping = z.object({
  campaignId: z.number(),
  isClustered: z.boolean().describe("clustering keeps it up to date; else it is as people made it"),
  anchor: text.describe("what it is about: android:com.example.app, brand:1234, domain:example.com"),
  namedBy: z.enum(["rules", "model", "person"]),
  aiProvider: text,
  confidenceScore: share.describe("how firmly its creatives hang together, 0 to 1: ours"),
  modelConfidence: share.describe("how sure a model said it is; not calibrated"),
  variants: z.array(z.object({ language: z.string(), format: z.string(), creatives: z.number() })),
  decisions: z.array(decision).describe(`the last ${latestDecisions}; all of them in GET /campaigns/decisions`),
});
export const member = z.object({
  creativeId: z.string(),
  buyerId: text,
  format: text,
  width: z.number().nullable(),
  height: z.number().nullable(),
  canonicalSize: text,
  advertiserName: text,
  languages: z.array(z.string()).nullable(),
  approvalStatus: text,
  vanishedAt: instant.nullable(),
  basis: text.describe("what joins it to the others; null where a person put it there"),
  key: text.describe("what it shares with them, where its addresses, its brand or its advertiser say it"),
  confidence: share.describe("how firm that is, 0 to 1; null for a text (0.6 to 0.9) and where a person put it there"),
  variant: z.object({ language: z.string(), format: z.string() }).nullable(),
  spend7d: money,
  spendAllTime: money,
});

/** How a campaign came to be what it is. */
export function campaignGroupingRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  groupingRoute(api, parts);
  sortedListRoute(api, "/campaigns/:id/members", {
    config: readers,
    tags: ["campaigns"],
    summary: "The creatives of a campaign and what joins each, the greatest spend of seven days first",
    params,
    querystring: paging.extend({ sort: sortIn(memberOrders) }),
    item: member,
    orders: memberOrders,
    read: async ({ order, limit }, request) => {
      const { client } = callerOf(request);
      const { campaignId } = await standing(reading, { client, campaignId: params.parse(request.params).id });
      return listMembers(reading, { client, campaignId, order, limit });
    },
    toItem: (row) => ({
      creativeId: row.creativeId,
      buyerId: row.buyerId,
      format: row.format,
      width: row.width,
      height: row.height,
      canonicalSize: row.canonicalSize,
      advertiserName: row.advertiserName,
      languages: row.languages,
      approvalStatus: row.approvalStatus,
      vanishedAt: iso(row.vanishedAt),
      basis: row.basis,
      // Their markup stays where it is: an address that only it has joins by a key that nobody needs to see.
      key: memberKey(row.basis, { ...row, htmlSnippet: null, vastXml: null }),
      confidence: memberConfidence(row.basis),
      variant:
        row.variantLanguage === null || row.variantFormat === null
          ? null
          : { language: row.variantLanguage, format: row.variantFormat },
      spend7d: row.spend7d,
      spendAllTime: row.spendAll,
    }),
  });
  listRoute(api, "/campaigns/decisions", {
    config: readers,
    tags: ["campaigns"],
    summary: "What people decided about campaigns, the last first",
    querystring: paging.extend({ campaign_id: number.optional() }),
    item: decision,
    place: number,
    read: ({ filter, after, limit }, request) =>
      listDecisions(reading, {
        client: callerOf(request).client,
        campaignId: filter.campaign_id ?? null,
        after,
        limit,
      }),
    placeOf: (row) => row.decisionId,
    toItem: toDecision,
  });
}

function groupingRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/campaigns/:id/grouping",
    {
      config: readers,
      schema: {
        tags: ["campaigns"],
        summary: "How a campaign was grouped and named: its variants, and what people decided about it",
        params,
        response: { 200: grouping },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const found = await standing(reading, { client, campaignId: request.params.id });
      const of = { client, campaignId: found.campaignId };
      return {
        campaignId: found.campaignId,
        isClustered: found.anchor !== null,
        anchor: found.anchor,
        namedBy: found.namedBy,
        aiProvider: found.aiProvider,
        confidenceScore: found.confidence,
        modelConfidence: found.modelConfidence,
        variants: await listVariants(reading, of),
        decisions: (await listDecisions(reading, { ...of, after: null, limit: latestDecisions })).map(toDecision),
      };
    },
  );
}

/** The campaign, or the one that it was merged into. */
async function standing(reading: Queryable, of: { client: string; campaignId: number }): Promise<CampaignGrouping> {
  const found = await findGrouping(reading, of);
  if (found !== null) return found;
  const campaignId = await findSuccessor(reading, of);
  const successor = campaignId === null ? null : await findGrouping(reading, { ...of, campaignId });
  if (successor === null) throw notFound("campaign");
  return successor;
}

const toDecision = ({ at, ...row }: DecisionRow): z.infer<typeof decision> => ({ ...row, at: at.toISOString() });
