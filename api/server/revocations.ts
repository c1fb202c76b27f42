import { readRevokedTokens } from "../../queries/ops/tokens.ts";
import type { Queryable } from "../../schema/database.ts";
import type { AuthSettings } from "./auth.ts";
import { withinMs } from "../../core/deadline.ts";
import { ApiError, Unavailable } from "./errors.ts";

/** How long a revoked token may still be let in by a process that does not know of it yet. */
const freshMs = 2_000;
/** While Postgres does not answer, what was read last is good enough for a minute, and nobody waits long for better. */
const staleMs = 60_000;
const patienceMs = 60;
/** A process that has read nothing yet lets nobody in, and says so within the second. */
const firstPatienceMs = 500;

/** Which tokens were revoked: the list is short, so each process keeps it and reads it again every two seconds. */
export function createRevocations(reading: Queryable): AuthSettings["isRevoked"] {
  let known: { tokens: Set<string>; readAtMs: number } | null = null;
  let underWay: Promise<Set<string>> | null = null;

  const read = async (): Promise<Set<string>> => {
    const tokens = await readRevokedTokens(reading);
    known = { tokens, readAtMs: Date.now() };
    return tokens;
  };
  const list = async (): Promise<Set<string>> => {
    const ageMs = known === null ? Infinity : Date.now() - known.readAtMs;
    if (known !== null && ageMs < freshMs) return known.tokens;
    underWay ??= read().finally(() => (underWay = null));
    const good = known !== null && ageMs < staleMs ? known.tokens : null;
    return withinMs(good === null ? firstPatienceMs : patienceMs, underWay).catch((error: unknown) => {
      if (good !== null) return good;
      throw error instanceof ApiError ? error : new Unavailable("the database does not answer; try again soon", error);
    });
  };

  return async ({ id, hash }) => {
    const tokens = await list();
    return tokens.has(hash) || (id !== null && tokens.has(id));
  };
}
