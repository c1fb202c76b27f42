import rateLimit, {
  normalizeIP,
  type FastifyRateLimitStore,
  type FastifyRateLimitStoreCtor,
} from "@fastify/rate-limit";
import type { FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import { sha256 } from "../../core/crypto.ts";
import { setCallsApart } from "../../queries/ops/call-counts.ts";
import type { Queryable } from "../../schema/database.ts";
import { withinMs } from "../../core/deadline.ts";
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
 * The caller is the token, the affiliate's key or the session where it has proved to be one, else the address; of IPv6
 * the network, which one caller has whole. What nobody knows counts against the address that tries it.
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
  countProvenKeys(api);
  api.setNotFoundHandler({ preHandler: api.rateLimit() }, () => {
    throw notFound("address");
  });
}

/** Of a limit of a route's own: the plugin hands a limit made by hand no route to be told by. */
interface OwnLimit {
  max: number;
  timeWindow: number;
  routeInfo?: Pick<RouteOptions, "method" | "url">;
  limitOf?: string;
}

const nameOf = ({ method, url }: Pick<RouteOptions, "method" | "url">) => `${String(method)} ${url}`;

/**
 * A key is nobody's until it was looked up, and its first calls count against their addresses. Once it has proved good
 * they count against the key as well: else an affiliate had its limit once more per address and process.
 */
function countProvenKeys(api: Api): void {
  const ofAll = api.createRateLimit();
  const ofRoutes = new Map<string, typeof ofAll>();
  api.addHook("onRoute", (route) => {
    const own = route.config?.rateLimit as OwnLimit | undefined;
    if (typeof own !== "object") return;
    const options: OwnLimit = { max: own.max, timeWindow: own.timeWindow, limitOf: nameOf(route) };
    ofRoutes.set(nameOf(route), api.createRateLimit(options));
  });
  api.addHook("preParsing", async (request: FastifyRequest, reply: FastifyReply) => {
    if (request.affiliate === null || request.affiliateKey?.isKnown !== false) return;
    request.affiliateKey.isKnown = true;
    const { url = "" } = request.routeOptions;
    const count = ofRoutes.get(nameOf({ method: request.method, url })) ?? ofAll;
    const counted = await count(request);
    if (counted.isAllowed || !counted.isExceeded) return;
    reply.header("retry-after", counted.ttlInSeconds);
    throw new ApiError("rate_limited", `too many requests; try again in ${counted.ttlInSeconds} seconds`);
  });
}

function callerName({ caller, affiliateKey, sessionHash, ip }: FastifyRequest): string {
  if (sessionHash !== null) return `session ${sessionHash}`;
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
  const children = new Map<string, FastifyRateLimitStore>();
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
      const { routeInfo, limitOf } = options as OwnLimit;
      const own = limitOf ?? (routeInfo === undefined ? "" : nameOf(routeInfo));
      const child = children.get(own) ?? new (countingStore({ ...of, name: own }))({});
      children.set(own, child);
      return child;
    }
  };
}
