import { createBehaviours, modelText, tokensOf } from "../data/model-answers.ts";
import { isJsonObject, json, type JsonObject, type JsonValue, type Vendor, type VendorAnswer } from "../vendor.ts";

/** The Gemini API's generateContent as of its documentation: key in a header, candidates with a finish reason. */
export function createGemini(): Vendor {
  const behaviours = createBehaviours();

  function generate(client: string, body: JsonValue): VendorAnswer {
    if (!isJsonObject(body)) return failure(400, "INVALID_ARGUMENT", "Invalid JSON payload received.");
    const asked = textOf(body);
    if (asked === "") return failure(400, "INVALID_ARGUMENT", "contents is not specified");
    const behaviour = behaviours.of(client);
    if (behaviour === "spend_limit") {
      const violations = [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel" }];
      return failure(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota.", [
        { "@type": "type.googleapis.com/google.rpc.QuotaFailure", violations },
      ]);
    }
    const usage = (text: string) => ({
      promptTokenCount: tokensOf(asked),
      ...(text === "" ? {} : { candidatesTokenCount: tokensOf(text) }),
      thoughtsTokenCount: 11,
    });
    // The prompt itself is blocked: there is no candidate at all.
    if (behaviour === "refuse")
      return json(200, { promptFeedback: { blockReason: "PROHIBITED_CONTENT" }, usageMetadata: usage("") });
    const text = modelText(asked, behaviour);
    return json(200, {
      candidates: [
        {
          index: 0,
          finishReason: behaviour === "truncate" ? "MAX_TOKENS" : "STOP",
          content: { role: "model", parts: [{ text: "Let me compare the names.", thought: true }, ...inTwo(text)] },
        },
      ],
      usageMetadata: usage(text),
      modelVersion: "gemini-sandbox",
    });
  }

  return {
    name: "gemini",
    secretParams: ["key"],
    keyOf: ({ headers, url }) => headers["x-goog-api-key"] ?? url.searchParams.get("key"),
    place: () => ({ from: null, to: null, page: 1 }),
    repage: (request) => request,
    handle: ({ client, method, url, body }) => {
      if (client === null) return unauthorized();
      if (method === "GET" && url.pathname === "/v1beta/models")
        return json(200, { models: [{ name: "models/gemini-3.8-flash" }] });
      const [, model] = /^\/v1beta\/models\/([^/:]+):generateContent$/.exec(url.pathname) ?? [];
      if (method !== "POST" || model === undefined) return failure(404, "NOT_FOUND", "Not found");
      return model.startsWith("gemini-")
        ? generate(client, parsed(body))
        : failure(404, "NOT_FOUND", "model not found");
    },
    limits: {
      documented: { perMinute: 60, perSecond: null, countTwice: false },
      counts: ({ method }) => method === "POST",
      headers: () => ({}),
    },
    refusals: {
      unauthorized,
      // How long to wait stands in the body; there is no header.
      rateLimited: (retryAfter) =>
        failure(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", [
          ...(retryAfter === null
            ? []
            : [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${retryAfter}s` }]),
        ]),
      error: (status, text) => failure(status, status === 503 ? "UNAVAILABLE" : "INTERNAL", text),
    },
    rowsOf: () => [],
    totalOf: () => null,
    dump: () => [],
    control: { "POST /behave": (body) => behaviours.set(body) },
  };
}

/** A text comes in as many parts as the model likes. */
const inTwo = (text: string) =>
  [text.slice(0, text.length >> 1), text.slice(text.length >> 1)].map((part) => ({ text: part }));

function textOf({ contents }: JsonObject): string {
  const [first] = Array.isArray(contents) ? contents : [];
  const parts = isJsonObject(first) ? first["parts"] : undefined;
  const [part] = Array.isArray(parts) ? parts : [];
  return isJsonObject(part) && typeof part["text"] === "string" ? part["text"] : "";
}

/** A wrong key is no 401 here. */
const unauthorized = () =>
  failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
    { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "googleapis.com" },
  ]);

function failure(status: number, name: string, message: string, details: JsonObject[] = []): VendorAnswer {
  return json(status, { error: { code: status, message, status: name, ...(details.length === 0 ? {} : { details }) } });
}

function parsed(body: string): JsonValue {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    return null;
  }
}
