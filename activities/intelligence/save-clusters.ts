import type { StoredOrigin } from "../../core/origin.ts";
import { catalogueState } from "../../queries/intelligence/catalogue.ts";
import {
  findRun,
  recordRun,
  type ClusterRun,
  type SuggestedCampaign,
} from "../../queries/intelligence/cluster-runs.ts";
import { findAnswer } from "../../queries/intelligence/model-calls.ts";
import { countMoved, saveCampaigns } from "../../queries/intelligence/save-campaigns.ts";
import { readStanding, readTaken } from "../../queries/intelligence/standing.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { lockPerformance } from "../../queries/rtb/rollups.ts";
import {
  cohesionOf,
  makeCampaigns,
  withoutCreatives,
  type Campaign,
  type Clusters,
} from "../../rules/intelligence/cluster.ts";
import { inTransaction, type Session } from "../../schema/database.ts";
import { runOf } from "../shared/run-of.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import { clusterSettings, type ClusterContext } from "./context.ts";
import { nameGroups, whyPartly, type Named } from "./name-groups.ts";
import type { ClusterPlan } from "./plan-clusters.ts";
import { readGroups, type ReadGroups } from "./read-groups.ts";

/** A file that is being merged holds the sums for seconds. */
const lockMs = 20_000;

export type ClusterSummary = Omit<ClusterRun, "refused"> & { client: string };

/**
 * Makes campaigns of a client's creatives and stores them in one transaction, with what people decided until then. Asks no
 * one: a model's answers are looked up, and where there is none the rules' groups stand.
 */
export async function saveClusters(context: ClusterContext, plan: ClusterPlan): Promise<ClusterSummary> {
  const { database, redact } = context;
  const { client } = plan;
  const { genres } = clusterSettings(context, client);
  const { workflowId, runId } = runOf();
  const run = { client, workflowId, runId };
  return withHeartbeat({ place: `campaigns of client ${client}`, redact }, async (signal) => {
    const earlier = await findRun(database, run);
    if (earlier !== null) return summaryOf(client, earlier);
    const catalogue = await catalogueState(database, { client });
    const read = await readGroups(database, { client, genres, signal });
    const named = await readNames(context, plan, read);
    return inTransaction(database, async (session) => {
      await session.query(`set local lock_timeout = ${lockMs}`);
      await lockPerformance(session, client);
      const standing = await readStanding(session, { client });
      // A person may have made a campaign of their own meanwhile.
      const groups = withoutCreatives(named?.groups ?? read.groups, await readTaken(session, { client }));
      const clusters = makeCampaigns(groups, standing, named?.names);
      const provider = (named?.answered ?? 0) > 0 ? plan.providerAsked : "rule-based";
      const origin = originsOf(read.origins);
      const saved = plan.isDryRun
        ? dryRun(clusters, standing.known)
        : await saveCampaigns(session, { client, clusters, ...standing, provider, originOf: origin });
      const done: ClusterRun = {
        isDryRun: plan.isDryRun,
        providerAsked: plan.providerAsked,
        providerUsed: provider,
        fallbackReason: whyNotAsked(plan, named),
        model: plan.model === null ? null : clusterSettings(context, client).models[plan.model].model,
        creatives: read.creatives,
        groups: read.groups.length,
        campaigns: clusters.campaigns.length,
        ...saved,
        cohesion: cohesionOf(clusters.campaigns),
        modelConfidence: meanConfidence(named),
        refused: named === null ? null : { ...named.refused },
      };
      await recordRun(session, run, {
        ...done,
        origin: origin({ members: clusters.campaigns.flatMap(({ members }) => members) }),
        inputHash: read.inputHash,
        catalogue,
        suggested: plan.isDryRun ? suggestionOf(clusters) : null,
      });
      // Who asks once for a model that is not set up reads why in the answer: that is no alert.
      const isMeant = plan.model !== null || clusterSettings(context, client).provider === plan.providerAsked;
      if (!plan.isDryRun && isMeant) await tellOfModel(session, client, done);
      return summaryOf(client, done);
    });
  });
}

/** Where the model was asked again in vain its earlier answers stand: it did group, and was not asked. */
function whyNotAsked({ fallbackReason }: ClusterPlan, named: Named | null): string | null {
  const partly = named === null ? null : whyPartly(named);
  if (fallbackReason === null || named === null || named.answered === 0 || partly !== null)
    return fallbackReason ?? partly;
  return `earlier answers were used, the model was not asked again: ${fallbackReason}`.slice(0, 500);
}

/** A person must act on a key that is refused, a limit that is reached or a consent that was forgotten. */
async function tellOfModel(session: Session, client: string, run: ClusterRun): Promise<void> {
  const { providerAsked: subject, providerUsed, fallbackReason } = run;
  if (subject === "rule-based") return;
  const about = { client, area: "intelligence", subject };
  const kind = "model_not_used";
  if (providerUsed === subject) {
    const notes = "the model has grouped creatives again";
    await settleAlerts(session, { ...about, kinds: [kind], notes });
  } else if (fallbackReason !== null)
    await raiseAlert(session, {
      ...about,
      kind,
      severity: "warning",
      message: `${subject} did not group the creatives, the rules did: ${fallbackReason}`,
    });
}

async function readNames(
  { database, ...context }: ClusterContext,
  { client, model: provider }: ClusterPlan,
  { groups }: ReadGroups,
): Promise<Named | null> {
  if (provider === null) return null;
  const { models, notes } = clusterSettings(context, client);
  const { model } = models[provider];
  const { decisions } = await readStanding(database, { client });
  return nameGroups(groups, {
    notes,
    decisions,
    answerOf: async ({ hash }) =>
      (await findAnswer(database, { client, provider, model, promptHash: hash })) ?? {
        state: "missing",
        problem: "not answered",
      },
  });
}

function meanConfidence(named: Named | null): number | null {
  const all = [...(named?.names.values() ?? [])].map(({ confidence }) => confidence);
  if (all.length === 0) return null;
  return Math.round((all.reduce((sum, one) => sum + one, 0) / all.length) * 1e4) / 1e4;
}

/** Real as soon as one of its creatives is. */
function originsOf(origins: ReadonlyMap<string, StoredOrigin>) {
  return ({ members }: Pick<Campaign, "members">): StoredOrigin => {
    const found = new Set(members.map(({ id }) => origins.get(id) ?? "unknown"));
    if (found.has("real")) return "real";
    return found.size === 1 && found.has("sandbox") ? "sandbox" : "unknown";
  };
}

const dryRun = (clusters: Clusters, known: Parameters<typeof countMoved>[1]) => ({
  created: clusters.campaigns.filter(({ id }) => id === null).length,
  removed: clusters.gone.length,
  moved: countMoved(clusters, known),
});

const suggestionOf = ({ campaigns }: Clusters): SuggestedCampaign[] =>
  campaigns.map(({ id, name, namedBy, confidence, modelConfidence, members, variants }) => ({
    campaignId: id === null ? null : Number(id),
    name,
    namedBy,
    confidence,
    modelConfidence,
    members: members.map((member) => ({ ...member })),
    variants: variants.map(({ language, format, members: own }) => ({ language, format, creatives: own.length })),
  }));

const summaryOf = (client: string, { refused: _refused, ...run }: ClusterRun): ClusterSummary => ({
  client,
  isDryRun: run.isDryRun,
  providerAsked: run.providerAsked,
  providerUsed: run.providerUsed,
  fallbackReason: run.fallbackReason,
  model: run.model,
  creatives: run.creatives,
  groups: run.groups,
  campaigns: run.campaigns,
  created: run.created,
  removed: run.removed,
  moved: run.moved,
  cohesion: run.cohesion,
  modelConfidence: run.modelConfidence,
});
