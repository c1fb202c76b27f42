import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import type { ModelReply } from "../../connectors/models/model.ts";
import { findModel } from "../../connectors/models/registry.ts";
import { dayAt } from "../../core/days.ts";
import { originOf } from "../../core/origin.ts";
import { beginCall, endCall, findAnswer } from "../../queries/intelligence/model-calls.ts";
import { readStanding } from "../../queries/intelligence/standing.ts";
import { keepAnswer } from "../../rules/intelligence/model-answer.ts";
import type { Prompt } from "../../rules/intelligence/model-prompt.ts";
import { callCost, estimateTokens, type ModelPrice } from "../../rules/intelligence/model-spend.ts";
import type { ModelProvider } from "../../settings/clusters.ts";
import type { Account } from "../../settings/config.ts";
import { invalidInput } from "../shared/failures.ts";
import { runOf } from "../shared/run-of.ts";
import { withVendor } from "../shared/with-vendor.ts";
import { clusterSettings, type ClusterContext } from "./context.ts";
import { nameGroups, whyPartly, type Answer } from "./name-groups.ts";
import { readGroups } from "./read-groups.ts";

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

/** Longer answers are cut off by the model itself. */
const limits = { headersTimeoutMs: 90_000, totalTimeoutMs: 120_000 };

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
  return withVendor(context, { vendor, account, place: `${provider} ${client}`, limits }, async (http, signal) => {
    const { groups } = await readGroups(context.database, { client, genres, signal });
    const asking = asker(context, { client, provider, account, http });
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
        const answer = await asking(prompt);
        if (answer.state !== "missing") counts.calls += 1;
        return answer;
      },
    });
    return { groups: named.asked, answered: named.answered, problem: whyPartly(named), ...counts };
  });
}

/** What was answered before, by this run too: one that is asked again asks once. */
async function findKnown(
  context: ClusterContext,
  { client, provider, prompt, askAgain }: AskModelInput & { prompt: Prompt },
): Promise<Answer | null> {
  const { model } = clusterSettings(context, client).models[provider];
  const of = { client, provider, model, promptHash: prompt.hash };
  return findAnswer(context.database, { ...of, ...(askAgain ? { runId: runOf().runId } : {}) });
}

interface Asking {
  client: string;
  provider: ModelProvider;
  account: Account;
  http: Http;
}

function asker(context: ClusterContext, { client, provider, account, http }: Asking) {
  const { database, config } = context;
  const { models, spendLimitUsd } = clusterSettings(context, client);
  const { model, price } = models[provider];
  if (price === null) throw invalidInput(`CLUSTER_${provider.toUpperCase()}_PRICE is not set`);
  return async (prompt: Prompt): Promise<Answer> => {
    const begun = await beginCall(database, {
      client,
      provider,
      model,
      promptHash: prompt.hash,
      day: dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC"),
      groups: prompt.groups.size,
      mostUsd: mostCost(prompt, price),
      limitUsd: spendLimitUsd,
      runId: runOf().runId,
      origin: originOf(account),
    });
    if (!begun.allowed) return { state: "missing", problem: `spend limit: ${begun.reason}` };
    const call = { client, callId: begun.callId };
    let reply: ModelReply;
    try {
      reply = await findModel(provider).ask(http, account.secrets ?? {}, { ...prompt, model });
    } catch (error) {
      await endCall(database, call, failedCall(error));
      throw error;
    }
    const { outcome, answer } = readReply(reply, prompt);
    await endCall(database, call, { ...outcome, costUsd: callCost(reply.tokens, price), tokens: reply.tokens });
    return answer;
  };
}

/** Every token of the question as its vendor may count it, and as long an answer as there is room for. */
const mostCost = ({ system, data, schema, maxTokens }: Prompt, price: ModelPrice) =>
  callCost({ input: estimateTokens(system + data + JSON.stringify(schema)), output: maxTokens }, price);

/** Refused before any work it cost nothing; what broke off may have been paid for. */
function failedCall(error: unknown) {
  const kind = error instanceof ConnectorError ? error.kind : "broken off";
  const isFree = ["rate_limited", "unauthorized", "rejected", "quota_spent"].includes(kind);
  return { state: "failed" as const, costUsd: isFree ? "0" : null, tokens: null, answer: null, problem: kind };
}

function readReply(reply: ModelReply, prompt: Prompt) {
  if (reply.state !== "answered") {
    const { state } = reply;
    const problem = reply.state === "refused" ? `refused: ${reply.reason}` : "truncated";
    return { outcome: { state, answer: null, problem }, answer: { state, problem } satisfies Answer };
  }
  const kept = keepAnswer(reply.text, prompt.groups);
  if ("problem" in kept) {
    const state = "unusable" as const;
    const { problem } = kept;
    return { outcome: { state, answer: null, problem }, answer: { state, problem } satisfies Answer };
  }
  const state = "answered" as const;
  return { outcome: { state, answer: kept, problem: null }, answer: { state, answer: kept } satisfies Answer };
}
