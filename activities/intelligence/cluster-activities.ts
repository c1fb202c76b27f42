import { guardedBy } from "../shared/failures.ts";
import { askModel, type AskModelInput } from "./ask-model.ts";
import type { ClusterContext } from "./context.ts";
import { planClusters, type ClusterPlan } from "./plan-clusters.ts";
import { saveClusters } from "./save-clusters.ts";
import { searchOpportunities } from "./search-opportunities.ts";

/** Creatives into campaigns, by rules and with a model on top of them; and what of these could be bought for less. */
export function createClusterActivities(context: ClusterContext) {
  const guarded = guardedBy(context.redact);
  return {
    planClusters: (input: { input: unknown }) => guarded("clusters", () => planClusters(context, input)),
    askModel: (input: AskModelInput) => askModel(context, input),
    saveClusters: (plan: ClusterPlan) => saveClusters(context, plan),
    searchOpportunities: (input: { input: unknown }) =>
      guarded("opportunities", () => searchOpportunities(context, input)),
  };
}

export type ClusterActivities = ReturnType<typeof createClusterActivities>;
