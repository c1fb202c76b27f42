import { createHash } from "node:crypto";

export interface AccessToken {
  token: string;
  lifetimeMs: number;
}

/** A token this close to its end is refreshed: its request may have to wait for its turn. */
const marginMs = 60_000;
const mostKept = 1_000;

/** Tokens that were had for credentials, kept in this process until they nearly expire. */
export function createTokenCache(now: () => number = Date.now) {
  const kept = new Map<string, { token: Promise<AccessToken>; goodUntil: number }>();

  return {
    /** The token of these credentials. Callers that come while it is being had wait for the same one. */
    async get(credentials: readonly string[], ask: () => Promise<AccessToken>): Promise<string> {
      const key = nameOf(credentials);
      const known = kept.get(key);
      if (known !== undefined && now() < known.goodUntil) return (await known.token).token;
      const asked = { token: ask(), goodUntil: Number.POSITIVE_INFINITY };
      kept.delete(key);
      kept.set(key, asked);
      if (kept.size > mostKept) kept.delete([...kept.keys()][0] ?? "");
      try {
        const { token, lifetimeMs } = await asked.token;
        asked.goodUntil = now() + lifetimeMs - marginMs;
        return token;
      } catch (error) {
        if (kept.get(key) === asked) kept.delete(key);
        throw error;
      }
    },

    /** A token that was refused; one that has taken its place since stays. */
    async forget(credentials: readonly string[], refused: string): Promise<void> {
      const key = nameOf(credentials);
      const known = kept.get(key);
      if (known !== undefined && (await known.token).token === refused) kept.delete(key);
    },
  };
}

/** Credentials are no keys of a map: a dump of it would show them. */
function nameOf(credentials: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(credentials)).digest("base64");
}
