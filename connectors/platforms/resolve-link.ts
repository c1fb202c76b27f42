import { readPostUrl } from "../../rules/recon/post-url.ts";
import { ConnectorError } from "../errors.ts";
import { stepAlongLink, type HttpOptions } from "../http.ts";
import type { GuardOptions } from "../public-address.ts";
import type { Platform } from "./platform.ts";

export interface ResolveOptions {
  platform: Pick<Platform, "name" | "hosts" | "addresses">;
  /** Where a mock server answers for the platform's hosts, each below it under its name; null asks the hosts themselves. */
  linkBaseUrl: string | null;
  userAgent?: string | undefined;
  /** Waits for the account's turn, as requests for data do. */
  beforeRequest?: HttpOptions["beforeRequest"];
  signal?: AbortSignal | undefined;
  /** In place of the system's resolver and of what counts as public. */
  guard?: Partial<GuardOptions>;
}

/** The post's own address; or why the link is not followed; or that it leads nowhere any more. */
export type ResolvedLink = { url: string } | { refused: string } | { gone: string };

const mostHops = 5;
const browserLike = "Mozilla/5.0 (compatible; signal-room/0.1; link check)";

/**
 * Follows a share link to the post behind it, one step at a time. Each step's host must be one of the platform's and
 * its address a public one; nothing else is ever contacted, and no body is read. What may pass by itself is thrown.
 */
export async function resolveShareLink(url: string, options: ResolveOptions): Promise<ResolvedLink> {
  const { platform } = options;
  let current = url;
  for (let hop = 0; ; hop += 1) {
    const step = permitted(current, platform.hosts);
    if ("refused" in step) return step;
    const told = destinationIn(step.url);
    if (told === null) {
      const read = readPostUrl(platform, step.url.href);
      if (read.ok && !read.address.isShareLink) return { url: read.address.url };
    }
    if (hop === mostHops) return { refused: `the link is passed on more than ${mostHops} times` };
    if (told !== null) {
      current = told;
      continue;
    }
    const answer = await ask(step.url, options);
    if ("refused" in answer || "gone" in answer) return answer;
    current = answer.next;
  }
}

/** Hosts by name alone: an address in digits, whatever the notation, is never on the list. */
function permitted(text: string, hosts: readonly string[]): { url: URL } | { refused: string } {
  if (!URL.canParse(text)) return { refused: "the link leads to what is no address" };
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return { refused: "the link leads to no web page" };
  if (url.username !== "" || url.password !== "") return { refused: "the link leads to an address that names a user" };
  if (url.port !== "") return { refused: "the link leads to an address that names a port" };
  url.hostname = url.hostname.replace(/\.$/, "");
  if (!hosts.includes(url.hostname)) return { refused: "the link leads to a host that is not the platform's" };
  // Asked by TLS, whatever it says.
  url.protocol = "https:";
  return { url };
}

/** Where a page leads that only stands in between: a link shim has it as `u`, a login page as `next`. */
function destinationIn(url: URL): string | null {
  const isShim = /^lm?\./.test(url.hostname) && url.pathname.length <= 6;
  const isLogin = /^\/(?:accounts\/)?login(?:\/|\.php|$)/.test(url.pathname);
  const found = isShim
    ? url.searchParams.get("u")
    : isLogin
      ? (url.searchParams.get("next") ?? url.searchParams.get("dest"))
      : null;
  if (found === null || !URL.canParse(found, url.href)) return null;
  return new URL(found, url.href).href;
}

async function ask(
  url: URL,
  options: ResolveOptions,
): Promise<{ next: string } | { refused: string } | { gone: string }> {
  const first = await step(url, "HEAD", options);
  // Some know no HEAD, and some answer it otherwise than a GET.
  const isUnhelpful = "status" in first && [400, 403, 404, 405, 501].includes(first.status);
  const answer = isUnhelpful ? await step(url, "GET", options) : first;
  if ("forbidden" in answer) return { refused: "the link leads to an address that is not public" };
  const { status, location, retryAfterMs } = answer;
  if (status >= 300 && status < 400 && location !== null) {
    if (!URL.canParse(location, url.href)) return { refused: "the link leads to what is no address" };
    return { next: new URL(location, url.href).href };
  }
  if (status === 404 || status === 410) return { gone: "the platform knows the link no longer" };
  if (status === 429)
    throw new ConnectorError("rate_limited", `answered 429 when asked where a link leads`, { retryAfterMs });
  // 401 and 403 are for who asks, and not for the link.
  if (status === 401 || status === 403 || status >= 500 || status === 408)
    throw new ConnectorError("unavailable", `answered ${status} when asked where a link leads`);
  return { refused: "the link leads to a page that is no post" };
}

async function step(url: URL, method: "HEAD" | "GET", options: ResolveOptions) {
  const { linkBaseUrl, userAgent = browserLike, beforeRequest, signal, guard } = options;
  const target = linkBaseUrl === null ? url : played(url, linkBaseUrl);
  const endTurn = await beforeRequest?.();
  let waitMs: number | null = null;
  try {
    const answer = await stepAlongLink(target, {
      method,
      headers: { "user-agent": userAgent, accept: "*/*" },
      isOurs: linkBaseUrl !== null,
      signal,
      ...guard,
    });
    if ("status" in answer && answer.status === 429) waitMs = answer.retryAfterMs ?? 1_000;
    return answer;
  } finally {
    await endTurn?.({ waitMs });
  }
}

/** `https://www.reddit.com/r/x/s/abc` is `<mock server>/www.reddit.com/r/x/s/abc`. */
function played(url: URL, linkBaseUrl: string): URL {
  return new URL(`${linkBaseUrl.replace(/\/$/, "")}/${url.hostname}${url.pathname}${url.search}`);
}
