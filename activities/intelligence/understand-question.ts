import { z } from "zod";
import { findModel } from "../../connectors/models/registry.ts";
import { dayAt } from "../../core/days.ts";
import { maskContacts } from "../../core/personal.ts";
import { findAnswer } from "../../queries/intelligence/model-calls.ts";
import { knownValues } from "../../queries/intelligence/question-values.ts";
import {
  questionPrompt,
  readSentence,
  sentenceShape,
  type ReadSentence,
} from "../../rules/intelligence/question-prompt.ts";
import { inWords } from "../../rules/intelligence/question-words.ts";
import type { Question } from "../../rules/intelligence/question.ts";
import type { ModelProvider } from "../../settings/clusters.ts";
import { checkedInput, clientNamed } from "../shared/input.ts";
import { invalidInput } from "../shared/failures.ts";
import { withVendor } from "../shared/with-vendor.ts";
import { clusterSettings, type ClusterContext } from "./context.ts";
import { modelLimits, recordedCall } from "./recorded-call.ts";

const providers = ["claude", "gemini"] as const;
const shape = z.object({
  client: z.string().optional(),
  sentence: sentenceShape,
  ai_provider: z.enum(providers, { error: `must be one of ${providers.join(", ")}` }).optional(),
});

export interface SentencePlan {
  client: string;
  /** Without contacts: it stands in the history. */
  sentence: string;
  /** Null where no model can be asked. */
  provider: ModelProvider | null;
  /** What to do about that. */
  reason: string | null;
}

/** Which model reads a sentence: the one that is named, that of the setting, or the first that has a key and a price. */
export function planSentence(context: ClusterContext, { input }: { input: unknown }): Promise<SentencePlan> {
  const { client: named, sentence, ai_provider: asked } = checkedInput(shape, input);
  const client = clientNamed(context.config, named);
  const { provider: usual } = clusterSettings(context, client);
  const wanted = asked === undefined ? [...providers].sort((one) => (one === usual ? -1 : 1)) : [asked];
  const problems = wanted.map((provider) => ({ provider, problem: missingOf(context, client, provider) }));
  const usable = problems.find(({ problem }) => problem === null);
  return Promise.resolve({
    ...{ client, sentence: maskContacts(sentence) },
    provider: usable?.provider ?? null,
    reason:
      usable === undefined
        ? `no model can be asked: ${problems.map(({ provider, problem }) => `for ${provider} set ${problem}`).join("; ")}. Or write the question in its typed form: docs/asking.md`
        : null,
  });
}

/** Only what a person types goes to the model, and the genres, formats and sizes that there are: no consent of its own is needed. */
function missingOf(context: ClusterContext, client: string, provider: ModelProvider): string | null {
  const account = context.config.accounts.get(`${provider}/${client}`);
  const keys = account?.secrets == null ? (account?.missing ?? Object.keys(findModel(provider).secrets.shape)) : [];
  const { price } = clusterSettings(context, client).models[provider];
  const missing = [...keys, ...(price === null ? [`CLUSTER_${provider.toUpperCase()}_PRICE`] : [])];
  return missing.length === 0 ? null : missing.join(" and ");
}

export interface AskForQuestion {
  client: string;
  sentence: string;
  provider: ModelProvider;
}

export type Understood = { client: string } & (
  { understood: true; question: Question; words: string } | { understood: false; reason: string }
);

/**
 * Has a model write a sentence as a question of the language. What it answers is read as data and checked as what a person
 * writes: no more can come of it than a question of this client, which is shown before it is asked.
 */
export async function askForQuestion(
  context: ClusterContext,
  { client, sentence, provider }: AskForQuestion,
): Promise<Understood> {
  const vendor = findModel(provider);
  const account = context.config.accounts.get(`${provider}/${client}`);
  if (account?.secrets == null) throw invalidInput(`client ${client} has no key for ${vendor.title}`);
  const { database, config } = context;
  const today = dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC");
  const prompt = questionPrompt({ sentence, today, values: await knownValues(database, { client }) });
  const { model } = clusterSettings(context, client).models[provider];
  const place = `${provider} ${client}`;
  const found =
    (await findAnswer<ReadSentence>(database, { client, provider, model, promptHash: prompt.hash })) ??
    (await withVendor(context, { vendor, account, place, limits: modelLimits }, (http) =>
      recordedCall<ReadSentence>(
        context,
        { client, provider, account, http },
        { prompt, groups: 0, read: readSentence },
      ),
    ));
  if (found.state !== "answered")
    return { client, understood: false, reason: `${vendor.name} gave no answer: ${found.problem ?? found.state}` };
  const { answer } = found;
  return answer.understood ? { client, ...answer, words: inWords(answer.question) } : { client, ...answer };
}
