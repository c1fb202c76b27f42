/**
 * Signal Room in a website's own redirect: that a link was clicked. Copy this file; it needs Node 18 and nothing else.
 * The visitor never waits for it, and nothing in it throws: redirect first, or call it just before.
 */
export interface RedirectOptions {
  /** Where Signal Room is: http://127.0.0.1:3003 */
  baseUrl: string;
  timeoutMs?: number;
  /** Clicks under way; while there are more, further ones are not reported: a server that hangs must not fill the memory. */
  atMost?: number;
  log?: (message: string) => void;
}

export interface Visitor {
  referrer?: string | null;
  userAgent?: string | null;
  /** Hashed by the server and never stored. Leave it out if you do not want to send it. */
  ipAddress?: string | null;
}

/** Returns at once. What it returns is for tests: whether the click was counted, later. */
export type TrackClick = (url: string | URL, visitor?: Visitor) => Promise<boolean>;

export function createTrackClick(options: RedirectOptions): TrackClick {
  const { baseUrl, timeoutMs = 1_000, atMost = 500, log = console.warn } = options;
  let underWay = 0;
  const send = async (variation: number, visitor: Visitor): Promise<boolean> => {
    const response = await fetch(`${baseUrl}/api/v1/promo/track-click`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        variation_id: variation,
        referrer: visitor.referrer,
        user_agent: visitor.userAgent,
        ip_address: visitor.ipAddress,
      }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.status === 204) return true;
    // The database is away, and the event waits on the server's disk: it will be counted.
    if (response.status === 503 && ((await response.json()) as { recorded?: unknown }).recorded === true) return true;
    throw new Error(`the server answered ${response.status}`);
  };
  return async (url, visitor = {}) => {
    try {
      const variation = promoVarOf(url);
      if (variation === null || underWay >= atMost) return false;
      underWay += 1;
      try {
        return await send(variation, visitor);
      } finally {
        underWay -= 1;
      }
    } catch (error) {
      log(`tracking a click failed: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  };
}

/** Null where the address has none, or what is no number of a text: there is nothing to count then. */
export function promoVarOf(url: string | URL): number | null {
  const text = new URL(url, "http://localhost").searchParams.get("promo_var") ?? "";
  return /^[1-9]\d{0,9}$/.test(text) && Number(text) <= 2_147_483_647 ? Number(text) : null;
}
