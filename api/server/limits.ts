import rateLimit, {
  normalizeIP,
  type FastifyRateLimitStore,
  type FastifyRateLimitStoreCtor,
} from "@fastify/rate-limit";
import type { FastifyRequest, RouteOptions } from "fastify";
import { sha256 } from "../../core/crypto.ts";
import { setCallsApart } from "../../queries/ops/call-counts.ts";
import type { Queryable } from "../../schema/database.ts";
import { withinMs } from "./deadline.ts";
import { ApiError, notFound } from "./errors.ts";
import type { Api } from "./parts.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** A public route whose calls are counted over all processes all the same: one that takes a password. */
    countTogether?: boolean;
  }
}

const windowMs = 60_000;
/** Callers that are remembered; the one that was not seen for longest is let go of. */
const mostCallers = 10_000;
/** A process asks Postgres for a sixtieth of the limit at a time: one statement for ten calls at 600 a minute. */
const partsOfLimit = 60;
/** A process that was not told the others' count in time counts alone for as long. */
const aloneForMs = 2_000;

/** A caller's count is this process's own where a call must not wait for anybody: hooks, tracking, redirects, health. */
const alone = "alone ";

/**
 * The caller is the token, or the affiliate's key where it has proved to be one, else the address; of IPv6 the network,
 * which one caller has whole. Keys that nobody knows count against the address that tries them.
 */
export async function limitCallers(
  api: Api,
  { reading, requestsPerMinute }: { reading: Queryable; requestsPerMinute: number },
): Promise<void> {
  await api.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: windowMs,
    store: countingStore({ reading }),
    keyGenerator: (request: FastifyRequest) => {
      const { access, countTogether = access !== "public" } = request.routeOptions.config;
      return `${countTogether ? "" : alone}${callerName(request)}`;
    },
    errorResponseBuilder: (_request, { after }) =>
      new ApiError("rate_limited", `too many requests; try again in ${after}`),
  });
  api.setNotFoundHandler({ preHandler: api.rateLimit() }, () => {
    throw notFound("address");
  });
}

function callerName({ caller, affiliateKey, ip }: FastifyRequest): string {
  if (affiliateKey?.isKnown === true) return `key ${affiliateKey.hash}`;
  if (caller !== null) return `token ${caller.client}/${caller.role}/${caller.subject}`;
  return `address ${normalizeIP(ip)}`;
}

interface Count {
  endsAtMs: number;
  /** Calls in this window as far as they are known here: others' included when the last part was set apart. */
  calls: number;
  /** Calls that may still be made before the others are asked again. */
  left: number;
  asking: Promise<void> | null;
}

interface CountingStore {
  reading: Queryable;
  name?: string;
  /** How long a caller waits for the others' count. */
  patienceMs?: number;
}

/** One store per limit, told from the others by the route it is for and by how much it allows. */
export function countingStore(of: CountingStore): FastifyRateLimitStoreCtor {
  const { reading, name = "", patienceMs = 150 } = of;
  let countsAloneUntil = 0;
  const counts = new Map<string, Count>();

  const countOf = (key: string): Count => {
    const known = counts.get(key);
    const count =
      known !== undefined && (known.endsAtMs > Date.now() || known.asking !== null)
        ? known
        : { endsAtMs: Date.now() + windowMs, calls: 0, left: 0, asking: null };
    // Last in the map is last seen.
    counts.delete(key);
    counts.set(key, count);
    const [oldest] = counts.keys();
    if (counts.size > mostCallers && oldest !== undefined) counts.delete(oldest);
    return count;
  };

  const askOthers = async (key: string, count: Count, max: number): Promise<void> => {
    const calls = Math.max(1, Math.floor(max / partsOfLimit));
    try {
      const caller = sha256(`${name}\n${max}\n${key}`).slice(0, 40);
      const apart = await withinMs(patienceMs, setCallsApart(reading, { caller, calls, windowMs }));
      if (apart === null) throw new Error("nothing was counted");
      count.calls = apart.before;
      count.left = Math.min(calls, Math.max(0, max - apart.before));
      count.endsAtMs = Date.now() + apart.leftMs;
    } catch {
      countsAloneUntil = Date.now() + aloneForMs;
    }
  };

  const take = async (key: string, max: number): Promise<{ current: number; ttl: number }> => {
    const count = countOf(key);
    const isShared = !key.startsWith(alone);
    if (isShared && count.left === 0 && count.calls <= max && Date.now() >= countsAloneUntil) {
      count.asking ??= askOthers(key, count, max).finally(() => (count.asking = null));
      await count.asking;
      // Others who waited with us may have used up what was set apart.
      if (count.left === 0 && count.calls < max && Date.now() >= countsAloneUntil) return take(key, max);
    }
    count.calls += 1;
    count.left = Math.max(0, count.left - 1);
    return { current: count.calls, ttl: Math.max(1_000, count.endsAtMs - Date.now()) };
  };

  return class {
    incr(...[key, callback, , max]: Parameters<FastifyRateLimitStore["incr"]>) {
      take(key, max).then(
        (counted) => callback(null, counted),
        (error: unknown) => callback(error as Error),
      );
    }
    /** With the options of a limit of its own, which say what route it is for. */
    child(options: object): FastifyRateLimitStore {
      const { routeInfo } = options as { routeInfo?: Pick<RouteOptions, "method" | "url"> };
      return new (countingStore({ ...of, name: `${String(routeInfo?.method)} ${routeInfo?.url}` }))({});
    }
  };
}
