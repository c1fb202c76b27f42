import { z } from "zod";
import { findModel } from "../../connectors/models/registry.ts";
import { clusterProviders, type ClusterProvider, type ModelProvider } from "../../settings/clusters.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { clusterSettings, type ClusterContext } from "./context.ts";

const shape = z.object({
  client: z.string().optional(),
  ai_provider: z.enum(clusterProviders, { error: `must be one of ${clusterProviders.join(", ")}` }).optional(),
  dryRun: z.boolean().optional(),
  askAgain: z.boolean().optional(),
});

export interface ClusterPlan {
  client: string;
  providerAsked: ClusterProvider;
  /** The model to ask; null where the rules alone do it. */
  model: ModelProvider | null;
  /** Why a model that was asked for is not asked; null where nothing keeps it. */
  fallbackReason: string | null;
  isDryRun: boolean;
  askAgain: boolean;
}

/** Who groups which client's creatives; input that a person typed is checked here. */
export function planClusters(context: ClusterContext, { input }: { input: unknown }): Promise<ClusterPlan> {
  const { client: named, ai_provider: provider, dryRun = false, askAgain = false } = checkedInput(shape, input);
  const client = clientNamed(context.config, named);
  const providerAsked = provider ?? clusterSettings(context, client).provider;
  const fallbackReason = providerAsked === "rule-based" ? null : whyNot(context, client, providerAsked);
  const model = providerAsked === "rule-based" || fallbackReason !== null ? null : providerAsked;
  return Promise.resolve({ client, providerAsked, model, fallbackReason, isDryRun: dryRun, askAgain });
}

/** Nothing leaves the house without a key, the client's consent, and a price to hold the limit of spend by. */
function whyNot(context: ClusterContext, client: string, provider: ModelProvider): string | null {
  const { consent, models } = clusterSettings(context, client);
  const account = context.config.accounts.get(`${provider}/${client}`);
  const name = provider.toUpperCase();
  if (!consent) return `no consent: CLUSTER_CONSENT is off for client ${client}`;
  if (account?.secrets == null) {
    const missing = account?.missing ?? Object.keys(findModel(provider).secrets.shape);
    return `no key: set ${missing.join(", ")}`;
  }
  return models[provider].price === null ? `no price: set CLUSTER_${name}_PRICE` : null;
}
