import { ConnectorError } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import type { ModelReply } from "../../connectors/models/model.ts";
import { findModel } from "../../connectors/models/registry.ts";
import { dayAt } from "../../core/days.ts";
import { originOf } from "../../core/origin.ts";
import { beginCall, endCall } from "../../queries/intelligence/model-calls.ts";
import type { AskedPrompt } from "../../rules/intelligence/model-prompt.ts";
import { callCost, estimateTokens, type ModelPrice } from "../../rules/intelligence/model-spend.ts";
import type { ModelProvider } from "../../settings/clusters.ts";
import type { Account } from "../../settings/config.ts";
import { invalidInput } from "../shared/failures.ts";
import { runOf } from "../shared/run-of.ts";
import { clusterSettings, type ClusterContext } from "./context.ts";

/** Longer answers are cut off by the model itself. */
export const modelLimits = { headersTimeoutMs: 90_000, totalTimeoutMs: 120_000 };

export interface Asking {
  client: string;
  provider: ModelProvider;
  account: Account;
  http: Http;
}

/** What is made of an answer's text: something to keep, or why it cannot be used. */
export type ReadText<Kept extends object> = (text: string) => Kept | { problem: string };

export type CallAnswer<Kept> =
  | { state: "answered"; answer: Kept }
  | { state: "truncated" | "refused" | "unusable" | "missing"; problem: string | null };

/** Asks a model, within the day's limit of spend, and writes down what was asked and answered. */
export async function recordedCall<Kept extends object>(
  context: ClusterContext,
  { client, provider, account, http }: Asking,
  { prompt, groups, read }: { prompt: AskedPrompt; groups: number; read: ReadText<Kept> },
): Promise<CallAnswer<Kept>> {
  const { database, config } = context;
  const { models, spendLimitUsd } = clusterSettings(context, client);
  const { model, price } = models[provider];
  if (price === null) throw invalidInput(`CLUSTER_${provider.toUpperCase()}_PRICE is not set`);
  const begun = await beginCall(database, {
    ...{ client, provider, model, groups },
    promptHash: prompt.hash,
    day: dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC"),
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
  const answer = readReply(reply, read);
  const kept = answer.state === "answered" ? { answer: answer.answer, problem: null } : { ...answer, answer: null };
  const ended = { state: answer.state, answer: kept.answer, problem: kept.problem };
  await endCall(database, call, { ...ended, costUsd: callCost(reply.tokens, price), tokens: reply.tokens });
  return answer;
}

/** Every token of the question as its vendor may count it, and as long an answer as there is room for. */
const mostCost = ({ system, data, schema, maxTokens }: AskedPrompt, price: ModelPrice) =>
  callCost({ input: estimateTokens(system + data + JSON.stringify(schema)), output: maxTokens }, price);

/** Refused before any work it cost nothing; what broke off may have been paid for. */
function failedCall(error: unknown) {
  const kind = error instanceof ConnectorError ? error.kind : "broken off";
  const isFree = ["rate_limited", "unauthorized", "rejected", "quota_spent"].includes(kind);
  return { state: "failed" as const, costUsd: isFree ? "0" : null, tokens: null, answer: null, problem: kind };
}

type Read<Kept> =
  { state: "answered"; answer: Kept } | { state: "truncated" | "refused" | "unusable"; problem: string };

function readReply<Kept extends object>(reply: ModelReply, read: ReadText<Kept>): Read<Kept> {
  if (reply.state !== "answered")
    return { state: reply.state, problem: reply.state === "refused" ? `refused: ${reply.reason}` : "truncated" };
  const kept = read(reply.text);
  if ("problem" in kept) return { state: "unusable", problem: kept.problem as string };
  return { state: "answered", answer: kept };
}
