import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { maskContacts } from "../../core/personal.ts";
import { ConnectorError } from "../errors.ts";
import { count } from "../fields.ts";
import type { Refusal } from "../source.ts";
import { defineModel, type ModelQuestion, type ModelReply } from "./model.ts";

const secrets = z.object({
  GEMINI_API_KEY: z
    .string()
    .min(1)
    .meta(about("A key of the Gemini API, of a paid project: the unpaid tier may use what is sent to it.")),
});

/** Gemini, asked over its HTTP API. The key goes in a header: in a query it would be in every log on the way. */
export const gemini = defineModel({
  name: "gemini",
  title: "Gemini: names of campaigns",
  baseUrl: "https://generativelanguage.googleapis.com",
  optional: true,
  pace: { intervalMs: 1_000, concurrent: 1 },
  secrets,
  classify: classifyGemini,
  probe: (keys) => ({
    path: "/v1beta/models",
    query: { pageSize: 1 },
    headers: headersOf(keys as Record<string, string>),
  }),
  ask: async (http, keys, question) => {
    const answer = await http.json({
      method: "POST",
      path: `/v1beta/models/${encodeURIComponent(question.model)}:generateContent`,
      headers: headersOf(keys),
      body: requestBody(question),
    });
    return readReply(answer);
  },
});

const headersOf = (keys: Readonly<Record<string, string>>) => ({ "x-goog-api-key": keys["GEMINI_API_KEY"] ?? "" });

function requestBody({ system, data, schema, maxTokens }: ModelQuestion) {
  return {
    systemInstruction: { parts: [{ text: system }] },
    contents: [{ role: "user", parts: [{ text: data }] }],
    generationConfig: { responseMimeType: "application/json", responseJsonSchema: schema, maxOutputTokens: maxTokens },
  };
}

const reply = z.looseObject({
  candidates: z
    .array(
      z.looseObject({
        finishReason: z.string().optional(),
        content: z
          .looseObject({
            parts: z.array(z.looseObject({ text: z.string().optional(), thought: z.boolean().optional() })).default([]),
          })
          .optional(),
      }),
    )
    .default([]),
  promptFeedback: z.looseObject({ blockReason: z.string().optional() }).optional(),
  // Absent fields are zero.
  usageMetadata: z
    .looseObject({
      promptTokenCount: count.optional(),
      candidatesTokenCount: count.optional(),
      thoughtsTokenCount: count.optional(),
    })
    .default({}),
});

function readReply(answer: unknown): ModelReply {
  const parsed = reply.safeParse(answer);
  if (!parsed.success) throw new ConnectorError("malformed", "the answer has another form than expected");
  const { candidates, promptFeedback, usageMetadata: used } = parsed.data;
  const tokens = {
    input: Number(used.promptTokenCount ?? 0),
    // Thinking is paid for, too.
    output: Number(used.candidatesTokenCount ?? 0) + Number(used.thoughtsTokenCount ?? 0),
  };
  const [first] = candidates;
  const reason = first?.finishReason ?? promptFeedback?.blockReason ?? "no candidate";
  if (reason === "MAX_TOKENS") return { state: "truncated", tokens };
  if (first === undefined || reason !== "STOP") return { state: "refused", reason: reason.slice(0, 60), tokens };
  const parts = first.content?.parts ?? [];
  return {
    state: "answered",
    text: parts.map(({ text, thought }) => (thought === true ? "" : (text ?? ""))).join(""),
    tokens,
  };
}

const googleError = z.looseObject({
  error: z.looseObject({
    status: z.string().catch(""),
    message: z.string().catch(""),
    details: z
      .array(
        z.looseObject({
          reason: z.string().optional().catch(undefined),
          retryDelay: z.string().optional().catch(undefined),
          violations: z
            .array(z.looseObject({ quotaId: z.string().catch("") }))
            .optional()
            .catch(undefined),
        }),
      )
      .catch([]),
  }),
});

/** A wrong key is a 400 with a reason; how long to wait stands in the body, and a day's quota is not waited for. */
export function classifyGemini(status: number, body: unknown): Refusal {
  const parsed = googleError.safeParse(body);
  const error = parsed.success ? parsed.data.error : { status: "", message: "", details: [] };
  const reason = error.details.find((detail) => detail.reason !== undefined)?.reason;
  const code = reason ?? (error.status === "" ? String(status) : error.status);
  const found = { message: `${code}: ${maskContacts(error.message).slice(0, 160)}`, code };
  if (status === 401 || status === 403 || reason === "API_KEY_INVALID") return { kind: "unauthorized", ...found };
  if (status === 429) {
    const quotas = error.details.flatMap(({ violations = [] }) => violations.map(({ quotaId }) => quotaId));
    if (quotas.some((quota) => /PerDay|PerMonth|Spend/i.test(quota))) return { kind: "quota_spent", ...found };
    const delay = error.details
      .map(({ retryDelay }) => /^(\d+(?:\.\d+)?)s$/.exec(retryDelay ?? "")?.[1])
      .find((one) => one !== undefined);
    return {
      kind: "rate_limited",
      ...found,
      retryAfterMs: delay === undefined ? 30_000 : Math.ceil(Number(delay) * 1_000),
    };
  }
  if (status === 408 || status >= 500) return { kind: "unavailable", ...found };
  return { kind: "rejected", ...found };
}
