import type { FastifyRequest } from "fastify";
import { maskPath } from "../../core/personal.ts";

/**
 * A path that may stand in a log: without its query, and without what follows the area of a hook, which is a secret.
 * Decoded first and read loosely, because a mistyped hook carries the same secret to our 404.
 */
export function loggedPath(url: string): string {
  const [path = ""] = url.split(/[?#;]/);
  const readable = maskPath(decoded(path).replaceAll(/[^\x20-\x7e]/g, "?"));
  const hook = /hooks(\/+[^/]*)?(\/+.*)?$/i.exec(readable);
  const shown =
    hook === null || hook[2] === undefined
      ? readable
      : `${readable.slice(0, hook.index)}hooks${hook[1] ?? ""}/[redacted]`;
  return shown.slice(0, 300);
}

/** Caught in the log as one line per request: who, what, how long. */
export function requestLine(request: FastifyRequest, status: number, elapsedMs: number): Record<string, unknown> {
  const { caller, affiliate } = request;
  return {
    method: request.method,
    path: loggedPath(request.url),
    route: request.routeOptions.url ?? null,
    status,
    ms: Math.round(elapsedMs),
    // Who follows a link, or reports one from a page, is a visitor of somebody's newsletter: their address is nowhere in clear.
    ...(events.includes(request.routeOptions.url ?? "") ? {} : { address: request.ip }),
    ...(caller === null ? {} : { client: caller.client, role: caller.role, subject: caller.subject }),
    ...(affiliate === null ? {} : { client: affiliate.client, affiliate: affiliate.affiliateId }),
  };
}

const events = ["/api/v1/promo/track-impression", "/api/v1/promo/track-click", "/r/:slug"];

/** Health checks, scrapes, and visitors by the thousand would drown what people do. */
export const isRoutine = (url: string | undefined, status: number) =>
  url === "/healthz" ||
  url === "/health" ||
  url === "/readyz" ||
  url === "/metrics" ||
  (url !== undefined && status < 400 && events.includes(url));

function decoded(path: string): string {
  try {
    // Twice: a proxy may have encoded what was encoded.
    return decodeURIComponent(decodeURIComponent(path));
  } catch {
    return path.replaceAll(/%2f/gi, "/");
  }
}
