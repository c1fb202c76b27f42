/**
 * Signal Room in a newsletter: what to show, and that it was shown. Copy this file; it needs Node 18 and nothing else.
 * Nothing in it throws and nothing takes longer than its time: whatever is wrong, the newsletter is sent, without a promo
 * or without a count.
 */
export interface Promo {
  offer_id: number;
  variation_id: number;
  text_content: string;
  cta_text: string | null;
  link: string;
}

export interface NewsletterOptions {
  /** Where Signal Room is: http://127.0.0.1:3003 */
  baseUrl: string;
  /** Whose offers; the server's first client when left out. */
  client?: string;
  selectTimeoutMs?: number;
  trackTimeoutMs?: number;
  log?: (message: string) => void;
}

export interface Newsletter {
  /** Null: send without a promo. */
  select(): Promise<Promo | null>;
  /** Before sending. Calling it again for the same send counts nothing twice. False: it was not counted. */
  shown(promo: Promo, send: { sendId: string; recipients: number }): Promise<boolean>;
}

export function createNewsletter(options: NewsletterOptions): Newsletter {
  const { baseUrl, client, selectTimeoutMs = 5_000, trackTimeoutMs = 2_000, log = console.warn } = options;
  const api = `${baseUrl}/api/v1/promo`;
  const quietly = async <Result>(what: string, otherwise: Result, act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act();
    } catch (error) {
      log(`${what} failed: ${error instanceof Error ? error.message : String(error)}`);
      return otherwise;
    }
  };
  return {
    select: () =>
      quietly("selecting a promo", null, async () => {
        const query = client === undefined ? "" : `?client=${encodeURIComponent(client)}`;
        const response = await fetch(`${api}/select-random${query}`, { signal: AbortSignal.timeout(selectTimeoutMs) });
        if (!response.ok) throw new Error(`the server answered ${response.status}`);
        return readPromo(await response.json());
      }),
    shown: (promo, { sendId, recipients }) =>
      quietly("tracking an impression", false, async () => {
        const { offer_id, variation_id } = promo;
        const response = await fetch(`${api}/track-impression`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ offer_id, variation_id, newsletter_send_id: sendId, recipients }),
          signal: AbortSignal.timeout(trackTimeoutMs),
        });
        if (response.status === 204) return true;
        // The database is away, and the event waits on the server's disk: it will be counted.
        if (response.status === 503 && ((await response.json()) as { recorded?: unknown }).recorded === true)
          return true;
        throw new Error(`the server answered ${response.status}`);
      }),
  };
}

/** What goes into a mail is what we know, or nothing. */
function readPromo(answer: unknown): Promo {
  const { offer_id, variation_id, text_content, cta_text, link } = answer as Record<string, unknown>;
  if (!Number.isInteger(offer_id) || !Number.isInteger(variation_id) || typeof text_content !== "string")
    throw new Error("the answer is not a promo");
  if (typeof link !== "string" || !/^https?:\/\//.test(link)) throw new Error("the promo has no link");
  return {
    offer_id: offer_id as number,
    variation_id: variation_id as number,
    text_content,
    cta_text: typeof cta_text === "string" ? cta_text : null,
    link,
  };
}
