import { z } from "zod";
import { catalogueState } from "../../queries/intelligence/catalogue.ts";
import { findSuggestion, listRuns, type ClusterRun, type StoredRun } from "../../queries/intelligence/cluster-runs.ts";
import { namesOf } from "../../queries/intelligence/campaign-details.ts";
import { listCampaigns } from "../../queries/rtb/list-campaigns.ts";
import { clusterWorkflowId } from "../../rules/intelligence/workflow-ids.ts";
import { clusterProviders } from "../../settings/clusters.ts";
import type { clusterCampaigns } from "../../workflows/intelligence/cluster-campaigns.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { listRoute } from "../server/list-route.ts";
import { paging } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow, type Outcome } from "../server/run-workflow.ts";
import { instant, number, storedOrigin, text } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

/** The greatest of them: the others stand in GET /campaigns. */
const mostCampaigns = 500;

const share = z.number().nullable();
const counts = {
  providerAsked: z.enum(clusterProviders),
  providerUsed: z.string().describe("rule-based where the model was not asked or its answer not used"),
  fallbackReason: text.describe("why the rules did what a model was asked for; null where nothing kept it"),
  model: text,
  creatives: z.number().describe("creatives that were grouped"),
  groups: z.number().describe("groups that the rules found"),
  created: z.number().describe("new campaigns"),
  removed: z.number().describe("campaigns that were left empty"),
  moved: z.number().describe("creatives that changed from one campaign to another"),
  confidence: share.describe("how firmly creatives hang together with their campaigns, 0 to 1: ours"),
  modelConfidence: share.describe("how sure the model said it is; not calibrated"),
};
export const clustered = z.object({
  ...counts,
  workflowId: z.string(),
  campaignCount: z.number(),
  campaigns: z
    .array(
      z.object({
        campaignId: z.number(),
        campaignName: z.string(),
        confidenceScore: share,
        creatives: z.number(),
      }),
    )
    .describe("the greatest spend of seven days first, 500 at most"),
});
const running = z.object({ state: z.literal("running"), workflowId: z.string() });

export const suggestion = z.object({
  ...counts,
  at: instant,
  campaigns: z.array(
    z.object({
      campaignId: z.number().nullable().describe("null for one that would be new"),
      campaignName: z.string(),
      namedBy: z.enum(["rules", "model", "person"]),
      confidenceScore: z.number(),
      modelConfidence: share,
      variants: z.array(z.object({ language: z.string(), format: z.string(), creatives: z.number() })),
      creatives: z.array(
        z.object({
          creativeId: z.string().describe("an id, or buyers/SEAT/creatives/ID where several seats have one of that id"),
          basis: z.string().describe("what joins it to the others"),
        }),
      ),
    }),
  ),
});
export const run = z.object({
  clusterRunId: z.number(),
  at: instant,
  ...counts,
  campaignCount: z.number(),
  refused: z
    .record(z.string(), z.number())
    .nullable()
    .describe("what of the model's answers was not used, by kind; null without a model"),
  workflowId: z.string(),
  runId: z.string().describe("of Temporal: the run of that workflow"),
  origin: storedOrigin,
});

type Summary = Awaited<ReturnType<typeof clusterCampaigns>>;

/** Starts grouping, shows what it would make, and what earlier runs came to. */
export function clusterRoutes(api: Api, parts: ServerParts): void {
  startRoute(api, parts);
  suggestionRoute(api, parts);
  listRoute(api, "/campaigns/cluster/runs", {
    config: readers,
    tags: ["campaigns"],
    summary: "Runs of clustering, the last first: how many groups there were, and who named them",
    querystring: paging,
    item: run,
    place: number,
    read: ({ after, limit }, request) => listRuns(parts.reading, { client: callerOf(request).client, after, limit }),
    placeOf: (row) => row.clusterRunId,
    toItem: (row) => ({
      clusterRunId: row.clusterRunId,
      at: row.endedAt.toISOString(),
      ...toCounts(row),
      campaignCount: row.campaigns,
      refused: row.refused,
      workflowId: row.workflowId,
      runId: row.runId,
      origin: row.origin,
    }),
  });
}

function startRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/campaigns/cluster",
    {
      config: keepers,
      schema: {
        tags: ["campaigns"],
        summary: "Groups creatives into campaigns: by rules, or with a model on top of them",
        description:
          "A model is asked for a client that consents and has its key; whatever goes wrong with it, the rules' groups stand and `fallbackReason` says why. Campaigns that people made are left alone. The same call while one is under way joins it.",
        body: z.strictObject({
          ai_provider: z.enum(clusterProviders).optional().describe("left out, the setting CLUSTER_PROVIDER"),
          ask_again: z.boolean().optional().describe("asks the model also what it answered before"),
        }),
        response: { 200: clustered, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const { ai_provider: provider, ask_again: askAgain = false } = request.body;
      await audited(parts, request, (session, record) =>
        record(session, {
          action: "clustering_started",
          subject: "campaigns",
          details: { provider: provider ?? null, askAgain },
        }),
      );
      const outcome = await runClustering(parts, client, { provider: provider ?? null, askAgain, dryRun: false });
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId: outcome.workflowId });
      const { rows } = await listCampaigns(parts.reading, { client, limit: mostCampaigns });
      const campaigns = rows
        .filter(({ isClustered }) => isClustered)
        .map(({ campaignId, campaignName, confidenceScore, creatives }) => ({
          campaignId,
          campaignName,
          confidenceScore,
          creatives,
        }));
      const { workflowId, result } = outcome;
      return reply.code(200).send({ workflowId, ...toCounts(result), campaignCount: result.campaigns, campaigns });
    },
  );
}

function suggestionRoute(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  api.get(
    "/creatives/cluster",
    {
      config: keepers,
      schema: {
        tags: ["campaigns"],
        summary: "What grouping by rules would make of the creatives as they are now; nothing is changed",
        response: { 200: suggestion, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      const catalogue = await catalogueState(reading, { client });
      let found = await findSuggestion(reading, { client, catalogue });
      if (found === null) {
        const outcome = await runClustering(parts, client, { provider: "rule-based", askAgain: false, dryRun: true });
        found = outcome.done ? await findSuggestion(reading, { client, catalogue: null }) : null;
        if (found === null) return reply.code(202).send({ state: "running", workflowId: outcome.workflowId });
      }
      return reply.code(200).send(await toSuggestion(parts, client, found));
    },
  );
}

async function toSuggestion(
  { reading }: ServerParts,
  client: string,
  { suggested, ...stored }: NonNullable<Awaited<ReturnType<typeof findSuggestion>>>,
): Promise<z.infer<typeof suggestion>> {
  const ids = suggested.flatMap(({ members }) => members.map(({ id }) => id));
  const names = await namesOf(reading, { client, ids });
  return {
    ...toCounts(stored),
    at: stored.endedAt.toISOString(),
    campaigns: suggested.map(({ campaignId, name, namedBy, confidence, modelConfidence, variants, members }) => ({
      campaignId,
      campaignName: name,
      namedBy,
      confidenceScore: confidence,
      modelConfidence,
      variants,
      creatives: members.flatMap(({ id, basis }) => {
        const creativeId = names.get(id);
        return creativeId === undefined ? [] : [{ creativeId, basis }];
      }),
    })),
  };
}

interface Wanted {
  provider: string | null;
  askAgain: boolean;
  dryRun: boolean;
}

/** One of each kind at a time: a second call joins the first. */
function runClustering(
  parts: ServerParts,
  client: string,
  { provider, askAgain, dryRun }: Wanted,
): Promise<Outcome<Summary>> {
  return runWorkflow<Summary>(parts, {
    type: "clusterCampaigns",
    workflowId: clusterWorkflowId({ client, provider, dryRun }),
    client,
    input: {
      client,
      ...(provider === null ? {} : { ai_provider: provider }),
      ...(askAgain ? { askAgain } : {}),
      ...(dryRun ? { dryRun } : {}),
    },
    summary: `campaigns of creatives, client ${client}${dryRun ? ", a suggestion" : ""}`,
    again: true,
  });
}

const toCounts = (
  of: Omit<ClusterRun, "campaigns" | "refused" | "isDryRun"> | StoredRun,
): z.infer<z.ZodObject<typeof counts>> => ({
  providerAsked: of.providerAsked as (typeof clusterProviders)[number],
  providerUsed: of.providerUsed,
  fallbackReason: of.fallbackReason,
  model: of.model,
  creatives: of.creatives,
  groups: of.groups,
  created: of.created,
  removed: of.removed,
  moved: of.moved,
  confidence: of.cohesion,
  modelConfidence: of.modelConfidence,
});
