import { findModel } from "../../connectors/models/registry.ts";
import { findAnswer } from "../../queries/intelligence/model-calls.ts";
import { readStanding } from "../../queries/intelligence/standing.ts";
import { keepAnswer, type KeptAnswer } from "../../rules/intelligence/model-answer.ts";
import type { Prompt } from "../../rules/intelligence/model-prompt.ts";
import type { ModelProvider } from "../../settings/clusters.ts";
import { invalidInput } from "../shared/failures.ts";
import { runOf } from "../shared/run-of.ts";
import { withVendor } from "../shared/with-vendor.ts";
import { clusterSettings, type ClusterContext } from "./context.ts";
import { nameGroups, whyPartly, type Answer } from "./name-groups.ts";
import { readGroups } from "./read-groups.ts";
import { modelLimits, recordedCall } from "./recorded-call.ts";

export interface AskModelInput {
  client: string;
  provider: ModelProvider;
  /** Also what was answered before. */
  askAgain: boolean;
}

export interface Asked {
  groups: number;
  /** Groups that an answer covers, of this run or an earlier one. */
  answered: number;
  /** Why the others stay as the rules made them; null where there are none. */
  problem: string | null;
  calls: number;
  /** Answers to the same prompt that were there already. */
  reused: number;
}

/**
 * Asks a model about a client's groups and stores what it answers: what is made of it is decided later. What was answered
 * before is not asked again, so a repeat costs nothing. No creative and no answer passes through the history.
 */
export async function askModel(context: ClusterContext, { client, provider, askAgain }: AskModelInput): Promise<Asked> {
  const vendor = findModel(provider);
  const account = context.config.accounts.get(`${provider}/${client}`);
  if (account?.secrets == null) throw invalidInput(`client ${client} has no key for ${vendor.title}`);
  const { notes, genres } = clusterSettings(context, client);
  const counts = { calls: 0, reused: 0 };
  return withVendor(
    context,
    { vendor, account, place: `${provider} ${client}`, limits: modelLimits },
    async (http, signal) => {
      const { groups } = await readGroups(context.database, { client, genres, signal });
      const { decisions } = await readStanding(context.database, { client });
      const named = await nameGroups(groups, {
        notes,
        decisions,
        answerOf: async (prompt) => {
          const known = await findKnown(context, { client, provider, prompt, askAgain });
          if (known !== null) {
            counts.reused += 1;
            return known;
          }
          const answer = await recordedCall<KeptAnswer>(
            context,
            { client, provider, account, http },
            { prompt, groups: prompt.groups.size, read: (text) => keepAnswer(text, prompt.groups) },
          );
          if (answer.state !== "missing") counts.calls += 1;
          return answer;
        },
      });
      return { groups: named.asked, answered: named.answered, problem: whyPartly(named), ...counts };
    },
  );
}

/** What was answered before, by this run too: one that is asked again asks once. */
async function findKnown(
  context: ClusterContext,
  { client, provider, prompt, askAgain }: AskModelInput & { prompt: Prompt },
): Promise<Answer | null> {
  const { model } = clusterSettings(context, client).models[provider];
  const of = { client, provider, model, promptHash: prompt.hash };
  return findAnswer<KeptAnswer>(context.database, { ...of, ...(askAgain ? { runId: runOf().runId } : {}) });
}
