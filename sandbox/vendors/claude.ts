import { createBehaviours, modelText, tokensOf, type Behaviour } from "../data/model-answers.ts";
import { isJsonObject, json, type JsonObject, type JsonValue, type Vendor, type VendorAnswer } from "../vendor.ts";

const MODEL = /^claude-[a-z0-9.-]+$/;

/** The Claude API's messages as of its documentation: x-api-key, an API version, JSON by schema, stop reasons. */
export function createClaude(): Vendor {
  const behaviours = createBehaviours();

  function message(client: string, body: JsonValue): VendorAnswer {
    const problem = problemOf(body);
    if (problem !== null || !isJsonObject(body))
      return failure(400, "invalid_request_error", problem ?? "not an object");
    const behaviour = behaviours.of(client);
    // Without retry-after: waiting does not help.
    if (behaviour === "spend_limit")
      return failure(
        429,
        "rate_limit_error",
        "You have reached your specified API usage limits.",
        "enforced_spend_limit_reached",
      );
    const asked = textOf(body);
    const text = behaviour === "refuse" ? "" : modelText(asked, behaviour);
    return json(200, {
      id: "msg_sandbox",
      type: "message",
      role: "assistant",
      model: body["model"] ?? null,
      content: text === "" ? [] : [{ type: "text", text }],
      stop_reason: stopReason(behaviour),
      stop_sequence: null,
      usage: { input_tokens: tokensOf(String(body["system"] ?? "") + asked), output_tokens: tokensOf(text) },
    });
  }

  return {
    name: "claude",
    secretParams: [],
    keyOf: ({ headers }) => headers["x-api-key"] ?? null,
    place: () => ({ from: null, to: null, page: 1 }),
    repage: (request) => request,
    handle: ({ client, method, url, headers, body }) => {
      if (client === null) return unauthorized();
      if (headers["anthropic-version"] === undefined)
        return failure(400, "invalid_request_error", "anthropic-version: header is required");
      if (method === "GET" && url.pathname === "/v1/models")
        return json(200, { data: [{ type: "model", id: "claude-haiku-5-5" }], has_more: false });
      if (method === "POST" && url.pathname === "/v1/messages") return message(client, parsed(body));
      return failure(404, "not_found_error", "Not found");
    },
    limits: {
      documented: { perMinute: 50, perSecond: null, countTwice: false },
      counts: ({ url }) => url.pathname === "/v1/messages",
      headers: ({ remainingThisMinute }): Record<string, string> => ({
        "anthropic-ratelimit-requests-remaining": String(remainingThisMinute),
      }),
    },
    refusals: {
      unauthorized,
      rateLimited: (retryAfter) => {
        const answer = failure(429, "rate_limit_error", "This request would exceed your organization's rate limit.");
        return retryAfter === null ? answer : { ...answer, headers: { "retry-after": retryAfter } };
      },
      error: (status, text) => failure(status, status === 529 ? "overloaded_error" : "api_error", text),
    },
    rowsOf: () => [],
    totalOf: () => null,
    dump: () => [],
    control: { "POST /behave": (body) => behaviours.set(body) },
  };
}

function stopReason(behaviour: Behaviour): string {
  if (behaviour === "refuse") return "refusal";
  return behaviour === "truncate" ? "max_tokens" : "end_turn";
}

/** What the API refuses: an unknown model, no room for an answer, a schema that leaves an object open. */
function problemOf(body: JsonValue): string | null {
  if (!isJsonObject(body)) return "The request body is not valid JSON";
  const { model, max_tokens: most, output_config: output } = body;
  if (typeof model !== "string" || !MODEL.test(model)) return "model: unknown model";
  if (typeof most !== "number" || !(most > 0)) return "max_tokens: must be greater than 0";
  const format = isJsonObject(output) ? output["format"] : undefined;
  if (isJsonObject(format) && !isClosed(format["schema"] ?? null))
    return "output_config.format.schema: additionalProperties must be false, and lengths are not supported";
  return textOf(body) === "" ? "messages: at least one message is required" : null;
}

const unsupported = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"];

function isClosed(schema: JsonValue): boolean {
  if (Array.isArray(schema)) return schema.every(isClosed);
  if (!isJsonObject(schema)) return true;
  if (unsupported.some((word) => word in schema)) return false;
  if (schema["type"] === "object" && schema["additionalProperties"] !== false) return false;
  return Object.values(schema).every(isClosed);
}

function textOf({ messages }: JsonObject): string {
  const [first] = Array.isArray(messages) ? messages : [];
  return isJsonObject(first) && first["role"] === "user" && typeof first["content"] === "string"
    ? first["content"]
    : "";
}

const unauthorized = () => failure(401, "authentication_error", "invalid x-api-key");

function failure(status: number, type: string, message: string, code?: string): VendorAnswer {
  const details = code === undefined ? {} : { details: { error_code: code } };
  return json(status, { type: "error", error: { type, message, ...details }, request_id: "req_sandbox" });
}

function parsed(body: string): JsonValue {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    return null;
  }
}
