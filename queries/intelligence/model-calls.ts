import type { Origin } from "../../core/origin.ts";
import { mayAsk } from "../../rules/intelligence/model-spend.ts";
import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";

/** A prompt, and who is asked. */
export interface AskedModel {
  client: string;
  provider: string;
  model: string;
  promptHash: string;
}

export type FoundAnswer<Kept> =
  { state: "answered"; answer: Kept } | { state: "truncated" | "refused" | "unusable"; problem: string | null };

/** What was answered to the same prompt before, the last answer where there are several; null when there is none, or none of the run. */
export async function findAnswer<Kept>(
  database: Queryable,
  { client, provider, model, promptHash, runId = null }: AskedModel & { runId?: string | null },
): Promise<FoundAnswer<Kept> | null> {
  const { rows } = await database.query<FoundAnswer<Kept>>(
    `select state, answer, problem from rtb.model_calls
      where _client_id = $1 and provider = $2 and model = $3 and prompt_hash = $4 and ($5::text is null or _run_id = $5)
        and state in ('answered', 'truncated', 'refused', 'unusable')
      order by call_id desc limit 1`,
    [client, provider, model, promptHash, runId],
  );
  return rows[0] ?? null;
}

export type BegunCall = { allowed: true; callId: number } | { allowed: false; reason: string };

/** Writes a call down before it is made, unless it could pass the day's limit. What is under way counts as spent. */
export async function beginCall(
  database: Database,
  call: AskedModel & {
    day: string;
    /** Groups that it is about; none of a question in words. */
    groups: number;
    mostUsd: string;
    limitUsd: string;
    runId: string;
    origin: Origin;
  },
): Promise<BegunCall> {
  return inTransaction(database, async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended('rtb model calls ' || $1, 0))", [call.client]);
    const { rows } = await session.query<{ spent: string }>(
      `select trim_scale(coalesce(sum(coalesce(cost_usd, most_usd)), 0))::text as spent from rtb.model_calls where _client_id = $1 and day = $2`,
      [call.client, call.day],
    );
    const allowed = mayAsk({ spent: rows[0]?.spent ?? "0", limit: call.limitUsd, most: call.mostUsd });
    if (!allowed.allowed) return allowed;
    const { rows: begun } = await session.query<{ id: number }>(
      `insert into rtb.model_calls (_client_id, day, provider, model, prompt_hash, groups, most_usd, origin, _run_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning call_id as id`,
      [
        call.client,
        call.day,
        call.provider,
        call.model,
        call.promptHash,
        call.groups,
        call.mostUsd,
        call.origin,
        call.runId,
      ],
    );
    return { allowed: true, callId: begun[0]?.id ?? 0 };
  });
}

export interface EndedCall {
  state: "answered" | "truncated" | "refused" | "unusable" | "failed";
  /** Null where nobody knows what it cost: the most it could cost counts. */
  costUsd: string | null;
  tokens: { input: number; output: number } | null;
  /** What of it is kept, as JSON. */
  answer: object | null;
  problem: string | null;
}

export async function endCall(
  database: Queryable,
  { client, callId }: { client: string; callId: number },
  { state, costUsd, tokens, answer, problem }: EndedCall,
): Promise<void> {
  await database.query(
    `update rtb.model_calls set state = $3, cost_usd = $4, input_tokens = $5, output_tokens = $6, answer = $7, problem = $8
      where _client_id = $1 and call_id = $2`,
    [
      client,
      callId,
      state,
      costUsd,
      tokens?.input ?? null,
      tokens?.output ?? null,
      answer === null ? null : JSON.stringify(answer),
      problem,
    ],
  );
}
