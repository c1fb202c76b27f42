import { guardedBy } from "../shared/failures.ts";
import { askQuestions } from "./ask-questions.ts";
import { askModel, type AskModelInput } from "./ask-model.ts";
import type { ClusterContext } from "./context.ts";
import { planClusters, type ClusterPlan } from "./plan-clusters.ts";
import { saveClusters } from "./save-clusters.ts";
import { searchOpportunities } from "./search-opportunities.ts";
import { askForQuestion, planSentence, type AskForQuestion } from "./understand-question.ts";

/** Creatives into campaigns, by rules and with a model on top of them; what of these could be bought for less; and questions about them. */
export function createClusterActivities(context: ClusterContext) {
  const guarded = guardedBy(context.redact);
  return {
    planClusters: (input: { input: unknown }) => guarded("clusters", () => planClusters(context, input)),
    askModel: (input: AskModelInput) => askModel(context, input),
    saveClusters: (plan: ClusterPlan) => saveClusters(context, plan),
    searchOpportunities: (input: { input: unknown }) =>
      guarded("opportunities", () => searchOpportunities(context, input)),
    askWatchedQuestions: (input: { input: unknown }) => guarded("questions", () => askQuestions(context, input)),
    planSentence: (input: { input: unknown }) => guarded("questions", () => planSentence(context, input)),
    askForQuestion: (input: AskForQuestion) => askForQuestion(context, input),
  };
}

export type ClusterActivities = ReturnType<typeof createClusterActivities>;
