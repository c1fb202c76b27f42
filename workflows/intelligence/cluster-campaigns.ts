import { isCancellation, proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { ClusterActivities } from "../../activities/intelligence/cluster-activities.ts";
import type { ClusterPlan } from "../../activities/intelligence/plan-clusters.ts";
import type { ClusterSummary } from "../../activities/intelligence/save-clusters.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { vendorQueue } from "../shared/queues.ts";

export interface ClusterCampaignsInput {
  client?: string;
  /** rule-based, claude or gemini; the setting CLUSTER_PROVIDER when left out. */
  ai_provider?: string;
  /** Changes nothing, and stores what it would make as a suggestion. */
  dryRun?: boolean;
  /** Asks a model also what it answered before. */
  askAgain?: boolean;
}

const records = () =>
  proxyActivities<ClusterActivities>({
    startToCloseTimeout: "10 minutes",
    scheduleToCloseTimeout: "6 hours",
    heartbeatTimeout: "15 seconds",
    retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
  });

/** A model may be away: the rules do without it before anybody waits long. */
const atModel = (vendor: string) =>
  proxyActivities<ClusterActivities>({
    taskQueue: vendorQueue(vendor),
    startToCloseTimeout: "10 minutes",
    scheduleToCloseTimeout: "15 minutes",
    heartbeatTimeout: "12 seconds",
    retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "1 minute", maximumAttempts: 4 },
  });

/** Groups a client's creatives into campaigns: by rules, with a model on top where it is asked for and may be asked. */
export async function clusterCampaigns(input: ClusterCampaignsInput = {}): Promise<ClusterSummary> {
  const plan = await records().planClusters({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: plan.client }]);
  const fallbackReason = plan.model === null ? plan.fallbackReason : await askModel(plan, plan.model);
  const summary = await records().saveClusters({ ...plan, fallbackReason });
  setCurrentDetails(describe(summary));
  return summary;
}

/** Returns why groups stay as the rules made them; null where the model named all. */
async function askModel({ client, askAgain }: ClusterPlan, provider: "claude" | "gemini"): Promise<string | null> {
  try {
    const asked = await atModel(provider).askModel.executeWithOptions({ summary: `${provider}, client ${client}` }, [
      { client, provider, askAgain },
    ]);
    return asked.problem;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, reason } = describeFailure(error);
    return `${type}: ${reason}`.slice(0, 500);
  }
}

function describe(summary: ClusterSummary): string {
  const { client, creatives, groups, campaigns, created, removed, moved, providerUsed, fallbackReason } = summary;
  const lines = [
    `Client ${client}: ${creatives} creatives in ${groups} groups`,
    summary.isDryRun
      ? `${campaigns} campaigns would be kept, ${created} of them new; ${removed} removed, ${moved} creatives moved. Nothing was changed.`
      : `${campaigns} campaigns, ${created} of them new; ${removed} removed, ${moved} creatives moved`,
    `Grouped by: ${providerUsed}`,
    ...(fallbackReason === null
      ? []
      : [
          `${providerUsed === summary.providerAsked ? "With this" : `Not by ${summary.providerAsked}`}: ${fallbackReason}`,
        ]),
  ];
  return lines.join("\n\n");
}
