import { isLosslessNumber, stringify } from "lossless-json";
import pRetry, { AbortError } from "p-retry";
import { Agent, fetch, type Dispatcher, type Response } from "undici";
import type { Redact } from "../core/redact.ts";
import { ConnectorError } from "./errors.ts";
import { parseLossless } from "./lossless.ts";
import { guardedConnector, PrivateAddress, type GuardOptions } from "./public-address.ts";
import type { AnswerHeaders, PageRequest, Quota, Refusal } from "./source.ts";

export interface HttpOptions {
  baseUrl: string;
  /** Other addresses of the same vendor, by name. */
  addresses?: Readonly<Record<string, string>> | undefined;
  /** For data: takes only known secrets out of a body. */
  erase: Redact;
  /** For messages: takes out whatever may be a secret. */
  redact: Redact;
  /** Called before every attempt; waits for the account's turn and returns what ends it. */
  beforeRequest: () => Promise<(outcome: TurnOutcome) => Promise<void>>;
  quota?: ((headers: AnswerHeaders) => Quota | null) | undefined;
  refusal?: ((body: unknown) => Refusal | null) | undefined;
  /** Reads the vendor's own errors; without it the status decides. */
  classify?: ((status: number, body: unknown) => Refusal) | undefined;
  signal?: AbortSignal | undefined;
  /** A 2xx is enough, whatever it says: for webhooks that answer "ok". */
  anyAnswer?: boolean;
  limits?: Partial<HttpLimits>;
  /** A person typed the address: it must not lead into our own network. */
  publicOnly?: boolean;
}

/** What one answer says about when the next request may start; null when it says nothing. */
export interface TurnOutcome {
  waitMs: number | null;
}

export interface HttpLimits {
  headersTimeoutMs: number;
  bodyTimeoutMs: number;
  totalTimeoutMs: number;
  maxBytes: number;
  connectAttempts: number;
}

export interface Http {
  json: (request: PageRequest) => Promise<unknown>;
}

const defaultLimits: HttpLimits = {
  headersTimeoutMs: 60_000,
  bodyTimeoutMs: 30_000,
  totalTimeoutMs: 120_000,
  maxBytes: 64 * 1024 * 1024,
  connectAttempts: 3,
};

/** A hint longer than this is a vendor's mistake or our misreading: we ask again after it. */
const longestHintMs = 15 * 60_000;
export const shortestHintMs = 1_000;
const excerptLength = 300;

/** The one place that calls fetch: deadlines, a byte cap, redaction, and JSON that keeps its digits. */
export function createHttp(options: HttpOptions): Http {
  const limits = { ...defaultLimits, ...options.limits };
  const dispatcher = connections(limits, options.publicOnly === true);
  return {
    // A connection that broke before any answer cost the vendor nothing and may be tried at once.
    json: (request) =>
      pRetry(() => attempt(request, options, limits, dispatcher), {
        retries: limits.connectAttempts - 1,
        minTimeout: 100,
        factor: 3,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        shouldRetry: ({ error }) => error instanceof ConnectionBroken,
      }).catch((error: unknown) => {
        throw error instanceof ConnectionBroken ? new ConnectorError("unavailable", error.message) : error;
      }),
  };
}

class ConnectionBroken extends Error {}

const agents = new Map<string, Agent>();

/** Connections are kept and shared: opening one for each request would cost every request its set-up. */
function connections({ headersTimeoutMs, bodyTimeoutMs }: HttpLimits, publicOnly: boolean): Agent {
  const key = `${headersTimeoutMs}/${bodyTimeoutMs}/${publicOnly}`;
  const known = agents.get(key);
  if (known !== undefined) return known;
  const agent = new Agent({
    headersTimeout: headersTimeoutMs,
    bodyTimeout: bodyTimeoutMs,
    connect: publicOnly ? guardedConnector({ timeoutMs: 10_000 }) : { timeout: 10_000 },
    keepAliveTimeout: 10_000,
  });
  agents.set(key, agent);
  return agent;
}

async function attempt(
  request: PageRequest,
  options: HttpOptions,
  limits: HttpLimits,
  dispatcher: Dispatcher,
): Promise<unknown> {
  const endTurn = await options.beforeRequest();
  let waitMs: number | null = null;
  try {
    const deadline = AbortSignal.timeout(limits.totalTimeoutMs);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
    const response = await send(request, options, { dispatcher, signal, limits });
    const quotaMs = options.quota?.(response.headers)?.waitMs ?? null;
    waitMs = quotaMs;
    // A refusal whose body does not arrive whole is still a refusal: its status says what to do.
    const bytes = await readBytes(response, limits, { deadline: signal, cancelled: options.signal }).catch(
      (error: unknown) => {
        if (response.ok || !(error instanceof ConnectorError)) throw error;
        return Buffer.alloc(0);
      },
    );
    const body = options.erase(bytes.toString("utf8").replace(/^\uFEFF/, ""));
    const refused = refusalOf(response, body, options, quotaMs);
    if (refused !== null) {
      waitMs =
        refused.kind === "rate_limited" ? Math.max(refused.retryAfterMs ?? 0, waitMs ?? 0, shortestHintMs) : waitMs;
      throw refused;
    }
    if (options.anyAnswer === true) return body;
    const answer = parseJson(body, response, options.redact);
    const disguised = options.refusal?.(plainJson(answer)) ?? null;
    if (disguised !== null) {
      const hint = hintOf(response, quotaMs, disguised);
      // A refusal that says when to try again is a rate limit, whatever its status.
      const kind = hint === null ? disguised.kind : "rate_limited";
      if (kind === "rate_limited") waitMs = Math.max(hint ?? 0, waitMs ?? 0, shortestHintMs);
      throw new ConnectorError(kind, options.redact(disguised.message).slice(0, excerptLength), { retryAfterMs: hint });
    }
    return answer;
  } finally {
    await endTurn({ waitMs });
  }
}

async function send(
  request: PageRequest,
  options: HttpOptions,
  { dispatcher, signal, limits }: { dispatcher: Dispatcher; signal: AbortSignal; limits: HttpLimits },
): Promise<Response> {
  const { at, form } = request;
  const base = at === undefined ? options.baseUrl : options.addresses?.[at];
  if (base === undefined) throw new RangeError(`no address is known for "${at}" of ${new URL(options.baseUrl).host}`);
  const url = new URL(base.replace(/\/$/, "") + request.path);
  for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, String(value));
  try {
    return await fetch(url, {
      method: request.method ?? "GET",
      headers: {
        accept: "application/json",
        ...(request.body === undefined ? {} : { "content-type": "application/json" }),
        ...request.headers,
      },
      ...(request.body === undefined ? {} : { body: jsonText(request.body) }),
      ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
      // A redirect could carry the key to another host.
      redirect: "manual",
      dispatcher,
      signal,
    });
  } catch (error) {
    if (options.signal?.aborted === true) throw cancellation(options.signal);
    if (signal.aborted) throw new ConnectorError("unavailable", `no answer within ${limits.totalTimeoutMs} ms`);
    const code = errorCode(error);
    if (code === "UND_ERR_HEADERS_TIMEOUT")
      throw new ConnectorError("unavailable", `no answer within ${limits.headersTimeoutMs} ms`);
    const forbidden = causes(error).find((cause) => cause instanceof PrivateAddress);
    if (forbidden !== undefined) throw new ConnectorError("rejected", forbidden.message, { code: forbidden.code });
    // The library's own error carries the URL, and with it the key: only its code goes on.
    throw new ConnectionBroken(`could not reach ${url.host} (${code})`);
  }
}

export interface LinkOptions extends Partial<GuardOptions> {
  method: "HEAD" | "GET";
  headers?: Record<string, string>;
  /** Configured by the operator, and so asked wherever it is. */
  isOurs?: boolean;
  signal?: AbortSignal | undefined;
  /** Reads the body of a 200, up to so many bytes; left unread without it. */
  maxBytes?: number;
}

/**
 * What became of one step along a link: where it leads, with its body where that was asked for, or that it leads where
 * nothing of ours may go.
 */
export type LinkStep =
  { status: number; location: string | null; retryAfterMs: number | null; body: Buffer | null } | { forbidden: string };

const linkTimeoutMs = 10_000;

/**
 * Asks a foreign address where it leads: one request, followed nowhere, its body left unread unless it was asked for, its
 * connection made to a public address or not at all and never used again.
 */
export async function stepAlongLink(
  url: URL,
  { method, headers, isOurs, signal, maxBytes, ...guard }: LinkOptions,
): Promise<LinkStep> {
  const timeoutMs = guard.timeoutMs ?? linkTimeoutMs;
  const deadline = AbortSignal.timeout(timeoutMs);
  const connect = isOurs === true ? { timeout: timeoutMs } : guardedConnector({ ...guard, timeoutMs });
  const dispatcher = new Agent({ connect, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, pipelining: 0 });
  const until = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  try {
    const response = await fetch(url, {
      method,
      redirect: "manual",
      dispatcher,
      signal: until,
      ...(headers === undefined ? {} : { headers }),
    });
    return {
      status: response.status,
      location: response.headers.get("location"),
      retryAfterMs: retryAfter(response.headers.get("retry-after")),
      body:
        maxBytes === undefined || response.status !== 200
          ? null
          : await readBytes(response, { maxBytes, totalTimeoutMs: timeoutMs }, { deadline: until, cancelled: signal }),
    };
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (error instanceof ConnectorError) throw error;
    const forbidden = causes(error).find((cause) => cause instanceof PrivateAddress);
    if (forbidden !== undefined) return { forbidden: forbidden.message };
    throw new ConnectorError("unavailable", `could not reach ${url.host} (${errorCode(error)})`);
  } finally {
    // Whatever of the body was not read stays unread.
    await dispatcher.destroy();
  }
}

/** The caller cancelled: its own reason is thrown, without a retry or translation. */
function cancellation({ reason }: AbortSignal): AbortError {
  return new AbortError(reason instanceof Error ? reason : "cancelled");
}

/** Reads at most `maxBytes`: a body without an end, or one that unpacks to gigabytes, must not take the worker along. */
async function readBytes(
  response: Response,
  limits: Pick<HttpLimits, "maxBytes" | "totalTimeoutMs">,
  { deadline, cancelled }: { deadline: AbortSignal; cancelled: AbortSignal | undefined },
): Promise<Buffer> {
  if (response.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body) {
      const part = chunk as Uint8Array;
      bytes += part.byteLength;
      if (bytes > limits.maxBytes)
        throw new ConnectorError("malformed", `the answer is longer than ${limits.maxBytes} bytes`);
      chunks.push(part);
    }
  } catch (error) {
    if (error instanceof ConnectorError) throw error;
    if (cancelled?.aborted === true) throw cancellation(cancelled);
    if (deadline.aborted)
      throw new ConnectorError("unavailable", `the answer did not end within ${limits.totalTimeoutMs} ms`);
    throw new ConnectorError("unavailable", `the answer broke off after ${bytes} bytes (${errorCode(error)})`);
  }
  return Buffer.concat(chunks);
}

/** Amounts are decimal text in here and numbers out there: every digit goes as it is. */
function jsonText(body: unknown): string {
  return stringify(body) ?? "null";
}

/** What stands in the answer wins: a vendor's description has only a guess, for where nothing does. */
function hintOf(response: Response, quotaMs: number | null, { kind, retryAfterMs }: Refusal): number | null {
  const told = retryAfter(response.headers.get("retry-after"));
  if (told !== null) return told;
  if (retryAfterMs !== undefined && quotaMs !== null && quotaMs > 0 && kind === "rate_limited")
    return Math.max(quotaMs, shortestHintMs);
  return retryAfterMs ?? null;
}

function refusalOf(
  response: Response,
  body: string,
  { classify, redact }: HttpOptions,
  quotaMs: number | null,
): ConnectorError | null {
  if (response.status >= 200 && response.status < 300) return null;
  if (classify === undefined) return classifyStatus(response, body, redact);
  const refusal = classify(response.status, jsonOrNull(body));
  return new ConnectorError(
    refusal.kind,
    redact(`answered ${response.status}: ${refusal.message}`).slice(0, excerptLength),
    { retryAfterMs: hintOf(response, quotaMs, refusal), code: refusal.code },
  );
}

function jsonOrNull(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function classifyStatus(response: Response, body: string, redact: Redact): ConnectorError {
  const { status } = response;
  const message = `answered ${status}${excerpt(body, redact)}`;
  const code = String(status);
  if (status === 401 || status === 403) return new ConnectorError("unauthorized", message, { code });
  if (status === 429)
    return new ConnectorError("rate_limited", message, {
      retryAfterMs: retryAfter(response.headers.get("retry-after")),
    });
  if (status === 408 || status >= 500) return new ConnectorError("unavailable", message);
  return new ConnectorError("rejected", message, { code });
}

/**
 * Seconds or an HTTP date; what is neither, or lies in the past, is no hint. "At once" is a second: a wait of nothing would
 * meet the same limit, and to Temporal it is none at all. Long waits are cut and asked again.
 */
export function retryAfter(header: string | null, now = Date.now()): number | null {
  if (header === null) return null;
  const waitMs = /^\d+(\.\d+)?$/.test(header.trim())
    ? Number(header) * 1_000
    : /[a-z]/i.test(header)
      ? Date.parse(header) - now
      : Number.NaN;
  if (Number.isNaN(waitMs) || waitMs < 0) return null;
  return Math.min(Math.max(waitMs, shortestHintMs), longestHintMs);
}

function parseJson(body: string, response: Response, redact: Redact): unknown {
  const type = response.headers.get("content-type") ?? "no content type";
  const start = body.trimStart().slice(0, 1);
  if (start === "<")
    throw new ConnectorError("unavailable", `answered a page, not JSON (${type})${excerpt(body, redact)}`);
  if (start === "") throw new ConnectorError("unavailable", "answered nothing");
  try {
    return parseLossless(body);
  } catch (error) {
    // Most often a connection cut on the way: worth another try.
    const reason = error instanceof Error ? redact(error.message).slice(0, 120) : "";
    throw new ConnectorError("unavailable", `answered what is not JSON (${type}): ${reason}`);
  }
}

/** Lossless numbers as plain ones, for looking at an answer's shape. */
function plainJson(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key, isLosslessNumber(field) ? Number(field.value) : field]),
  );
}

function excerpt(body: string, redact: Redact): string {
  const text = redact(body).replaceAll(/\s+/g, " ").trim();
  return text === "" ? "" : `: ${text.slice(0, excerptLength)}`;
}

function errorCode(error: unknown): string {
  for (const cause of causes(error)) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return error instanceof Error ? error.name : "unknown error";
}

/** An error and its causes; several addresses that were tried each have their own. */
function causes(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const several = error instanceof AggregateError ? error.errors : [];
  return [error, ...[error.cause, ...several].flatMap(causes)];
}
