import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { maskContacts } from "../../core/personal.ts";
import { ConnectorError } from "../errors.ts";
import { count } from "../fields.ts";
import type { Refusal } from "../source.ts";
import { defineModel, type ModelQuestion, type ModelReply } from "./model.ts";

const secrets = z.object({
  ANTHROPIC_API_KEY: z
    .string()
    .min(1)
    .meta(
      about(
        "A key of the Claude API. It is used for grouping creatives, with the client's consent, and for turning sentences into questions.",
      ),
    ),
});

const version = "2023-06-01";

/** Claude, asked over its HTTP API: one POST needs no SDK, and here refusals, retries and redaction are everybody's. */
export const claude = defineModel({
  name: "claude",
  title: "Claude: names of campaigns",
  baseUrl: "https://api.anthropic.com",
  optional: true,
  pace: { intervalMs: 1_000, concurrent: 1 },
  secrets,
  classify: classifyClaude,
  probe: (keys) => ({ path: "/v1/models", query: { limit: 1 }, headers: headersOf(keys as Record<string, string>) }),
  ask: async (http, keys, question) => {
    const answer = await http.json({
      method: "POST",
      path: "/v1/messages",
      headers: headersOf(keys),
      body: requestBody(question),
    });
    return readReply(answer);
  },
});

const headersOf = (keys: Readonly<Record<string, string>>) => ({
  "x-api-key": keys["ANTHROPIC_API_KEY"] ?? "",
  "anthropic-version": version,
});

function requestBody({ model, system, data, schema, maxTokens }: ModelQuestion) {
  return {
    model,
    max_tokens: maxTokens,
    system,
    messages: [{ role: "user", content: data }],
    output_config: { format: { type: "json_schema", schema } },
  };
}

const reply = z.looseObject({
  content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
  stop_reason: z.string(),
  usage: z.looseObject({ input_tokens: count, output_tokens: count }),
});

function readReply(answer: unknown): ModelReply {
  const parsed = reply.safeParse(answer);
  if (!parsed.success) throw new ConnectorError("malformed", "the message has another form than expected");
  const { content, stop_reason: stop, usage } = parsed.data;
  const tokens = { input: Number(usage.input_tokens), output: Number(usage.output_tokens) };
  if (stop === "max_tokens" || stop === "model_context_window_exceeded") return { state: "truncated", tokens };
  if (stop !== "end_turn" && stop !== "stop_sequence") return { state: "refused", reason: stop.slice(0, 60), tokens };
  const text = content.flatMap((part) => (part.type === "text" ? [part.text ?? ""] : [])).join("");
  return { state: "answered", text, tokens };
}

const claudeError = z.looseObject({
  error: z.looseObject({
    type: z.string().catch(""),
    message: z.string().catch(""),
    error_code: z.string().optional().catch(undefined),
    details: z
      .looseObject({ error_code: z.string().optional().catch(undefined) })
      .optional()
      .catch(undefined),
  }),
});

/** By type and code, never by the message: it is written for people and changes. */
export function classifyClaude(status: number, body: unknown): Refusal {
  const parsed = claudeError.safeParse(body);
  const { type, message, error_code: own, details } = parsed.success ? parsed.data.error : { type: "", message: "" };
  const code = own ?? details?.error_code ?? (type === "" ? String(status) : type);
  const found = { message: `${code}: ${maskContacts(message).slice(0, 160)}`, code };
  if (status === 401 || status === 403) return { kind: "unauthorized", ...found };
  // The account's own limit of spend, and an account that is not paid for: a person must act.
  if (code === "enforced_spend_limit_reached" || status === 402 || type === "billing_error")
    return { kind: "quota_spent", ...found };
  if (status === 429) return { kind: "rate_limited", ...found, retryAfterMs: 30_000 };
  // 529: overloaded, for everybody.
  if (status === 408 || status >= 500) return { kind: "unavailable", ...found };
  return { kind: "rejected", ...found };
}
