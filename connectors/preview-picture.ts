import { parseUrl } from "../core/parse-url.ts";
import { recognisePicture, type Picture } from "../rules/rtb/picture.ts";
import { askablePicture } from "../rules/rtb/preview.ts";
import { ConnectorError } from "./errors.ts";
import { stepAlongLink, type TurnOutcome } from "./http.ts";
import type { GuardOptions } from "./public-address.ts";

export interface PictureOptions {
  maxBytes: number;
  /** The mock server that answers for every host in the sandbox; null in the world. */
  mockUrl: string | null;
  beforeRequest: () => Promise<(outcome: TurnOutcome) => Promise<void>>;
  signal?: AbortSignal | undefined;
  guard?: Partial<GuardOptions>;
}

/** A picture with its bytes; or why what is there is none that is shown, which another try does not change. */
export type FetchedPicture = (Picture & { bytes: Buffer }) | { refused: string };

/** Image hosts lead once or twice to another. */
const mostRedirects = 3;
const timeoutMs = 10_000;

/**
 * Fetches a picture from wherever an exchange says that it is. Each address on the way must be public, also after its name
 * was looked up. It is asked for as nobody: without a cookie, a referrer or a key.
 */
export async function fetchPicture(address: string, options: PictureOptions): Promise<FetchedPicture> {
  let next = address;
  for (let redirects = 0; redirects <= mostRedirects; redirects += 1) {
    const url = askablePicture(next);
    if ("refused" in url) return redirects === 0 ? url : { refused: `it leads elsewhere, and ${url.refused}` };
    const answer = await ask(url, options);
    if ("refused" in answer) return answer;
    if ("body" in answer) {
      const found = recognisePicture(answer.body);
      return "refused" in found ? found : { ...found, bytes: answer.body };
    }
    next = answer.next;
  }
  return { refused: `it leads elsewhere more than ${mostRedirects} times` };
}

async function ask(
  url: URL,
  { maxBytes, mockUrl, beforeRequest, signal, guard }: PictureOptions,
): Promise<{ body: Buffer } | { next: string } | { refused: string }> {
  const endTurn = await beforeRequest();
  let waitMs: number | null = null;
  try {
    const answer = await stepAlongLink(mockUrl === null ? url : mocked(url, mockUrl), {
      method: "GET",
      // Unpacked, an answer may be a thousand times as long.
      headers: { "user-agent": "signal-room thumbnails (bot)", accept: "image/*", "accept-encoding": "identity" },
      isOurs: mockUrl !== null,
      maxBytes,
      timeoutMs,
      signal,
      ...guard,
    });
    if ("forbidden" in answer) return { refused: "the address leads into a network that is not public" };
    const { status, location, body, retryAfterMs } = answer;
    if (body !== null) return { body };
    if (status >= 300 && status < 400 && location !== null) {
      const next = parseUrl(location, url);
      return next === null ? { refused: "it leads to what is no address" } : { next: next.href };
    }
    if (status === 429) {
      waitMs = retryAfterMs ?? 1_000;
      throw new ConnectorError("rate_limited", "answered 429", { retryAfterMs });
    }
    if (status === 408 || status >= 500) throw new ConnectorError("unavailable", `answered ${status}`);
    return { refused: `answered ${status}` };
  } catch (error) {
    // Longer than is kept: it will not be shorter the next time.
    if (error instanceof ConnectorError && error.kind === "malformed") return { refused: error.message };
    throw error;
  } finally {
    await endTurn({ waitMs });
  }
}

/** `https://cdn.example/a.jpg` is `<mock server>/cdn.example/a.jpg`. */
function mocked(url: URL, mockUrl: string): URL {
  return new URL(`${mockUrl.replace(/\/$/, "")}/${url.hostname}${url.pathname}${url.search}`);
}
