import { isCancellation, proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { ClusterActivities } from "../../activities/intelligence/cluster-activities.ts";
import type { SentencePlan, Understood } from "../../activities/intelligence/understand-question.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { vendorQueue } from "../shared/queues.ts";

export interface UnderstandQuestionInput {
  client?: string;
  /** What a person wants to know, in their words. */
  sentence: string;
  /** claude or gemini; the setting CLUSTER_PROVIDER when left out, or the one that has a key. */
  ai_provider?: string;
}

const { planSentence } = proxyActivities<ClusterActivities>({
  startToCloseTimeout: "1 minute",
  scheduleToCloseTimeout: "10 minutes",
  retry: { initialInterval: "1 second", maximumInterval: "1 minute" },
});

/** Somebody waits for it: a model that is away is given up soon. */
const atModel = (vendor: string) =>
  proxyActivities<ClusterActivities>({
    taskQueue: vendorQueue(vendor),
    startToCloseTimeout: "2 minutes",
    scheduleToCloseTimeout: "3 minutes",
    heartbeatTimeout: "12 seconds",
    retry: { initialInterval: "1 second", backoffCoefficient: 2, maximumInterval: "20 seconds", maximumAttempts: 3 },
  });

/** Turns a sentence into a question of the language, by a model. It is shown and not asked. */
export async function understandQuestion(input: UnderstandQuestionInput): Promise<Understood> {
  const plan = await planSentence({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: plan.client }]);
  const understood = await askAt(plan);
  setCurrentDetails(understood.understood ? understood.words : `Not understood: ${understood.reason}`);
  return understood;
}

async function askAt({ client, sentence, provider, reason }: SentencePlan): Promise<Understood> {
  if (provider === null) return { client, understood: false, reason: reason ?? "no model can be asked" };
  try {
    return await atModel(provider).askForQuestion.executeWithOptions({ summary: `${provider}, client ${client}` }, [
      { client, sentence, provider },
    ]);
  } catch (error) {
    if (isCancellation(error)) throw error;
    const { type, reason: why } = describeFailure(error);
    return { client, understood: false, reason: `${provider} could not be asked: ${type}: ${why}`.slice(0, 500) };
  }
}
