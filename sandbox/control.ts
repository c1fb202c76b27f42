import { z } from "zod";
import type { Accounts } from "./accounts.ts";
import { isCivilDay, isZone } from "./civil-day.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { Limiter } from "./limits.ts";
import type { Posts } from "./recon-model.ts";
import type { RequestLog } from "./request-log.ts";
import type { Vendor } from "./vendor.ts";

export interface PlayedVendor {
  vendor: Vendor;
  limiter: Limiter;
}

export interface ControlDeps {
  vendors: ReadonlyMap<string, PlayedVendor>;
  accounts: Accounts;
  clock: Clock;
  faults: Faults;
  log: RequestLog;
  posts: Posts;
}

export interface ControlRequest {
  method: string;
  url: URL;
  body: string;
}

export interface ControlAnswer {
  status: number;
  body: unknown;
}

const civilDay = z.string().refine(isCivilDay, "expected a day such as 2025-12-18");
const limit = z.int().positive().nullable();
const limitsBody = z.strictObject({
  vendor: z.string(),
  perMinute: limit.optional(),
  perSecond: limit.optional(),
  perTenSeconds: limit.optional(),
  countTwice: z.boolean().optional(),
  concurrent: limit.optional(),
});
const keyBody = z.strictObject({ vendor: z.string(), key: z.string().min(1) });
const clockBody = z.strictObject({
  now: z.iso.datetime({ offset: true }).nullable().default(null),
  today: civilDay.nullable().default(null),
});
const dumpQuery = z.strictObject({
  vendor: z.string(),
  client: z.string(),
  from: civilDay,
  to: civilDay,
  timezone: z.string().refine(isZone, "expected a time zone").default("America/New_York"),
  table: z.string().optional(),
});
const logQuery = z.strictObject({
  vendor: z.string().optional(),
  account: z.string().optional(),
  after: z.coerce.number().int().optional(),
});
const postsQuery = z.strictObject({ platform: z.string().optional() });
const faultsQuery = z.strictObject({ id: z.coerce.number().int().optional(), vendor: z.string().optional() });

/** The sandbox's own routes, under /_control. The system under test never calls them. */
export function createControl(deps: ControlDeps): (request: ControlRequest) => ControlAnswer {
  const { vendors, accounts, clock, faults, log, posts } = deps;
  const ofMockedPlatform = z.looseObject({
    platform: z.string().refine((name) => vendors.has(name), "the sandbox has no such platform"),
  });
  const ok = (body: unknown): ControlAnswer => ({ status: 200, body });
  const query = ({ url }: ControlRequest) => Object.fromEntries(url.searchParams);
  const body = (request: ControlRequest): unknown => JSON.parse(request.body === "" ? "{}" : request.body);
  const vendorNamed = (name: string) => {
    const found = vendors.get(name);
    if (found === undefined) throw new RangeError(`no vendor ${name}; there is ${[...vendors.keys()].join(", ")}`);
    return found;
  };

  const routes: Record<string, (request: ControlRequest) => ControlAnswer> = {
    "GET /": () => ok({ vendors: [...vendors.keys()], clock: clock.settings(), routes: Object.keys(routes) }),

    "GET /faults": (request) => ok(faults.list(faultsQuery.parse(query(request)).vendor)),
    "POST /faults": (request) => {
      const fault = faults.add(body(request));
      return { status: 201, body: fault };
    },
    "DELETE /faults": (request) => ok({ lifted: faults.lift(faultsQuery.parse(query(request))) }),

    "GET /log": (request) => ok(log.list(logQuery.parse(query(request)))),
    "DELETE /log": () => {
      log.clear();
      return ok({});
    },

    "GET /limits": () => ok(Object.fromEntries([...vendors].map(([name, { limiter }]) => [name, limiter.limits()]))),
    "PUT /limits": (request) => {
      const { vendor, ...change } = limitsBody.parse(body(request));
      const { limiter } = vendorNamed(vendor);
      const { perMinute, perSecond, perTenSeconds, countTwice, concurrent } = { ...limiter.limits(), ...change };
      limiter.set({
        perMinute: perMinute ?? null,
        perSecond: perSecond ?? null,
        ...(perTenSeconds === undefined ? {} : { perTenSeconds }),
        countTwice: countTwice ?? false,
        concurrent: concurrent ?? null,
      });
      return ok(limiter.limits());
    },

    "POST /keys": (request) => {
      const { vendor, key, client } = keyBody.extend({ client: z.string().min(1) }).parse(body(request));
      accounts.register(vendorNamed(vendor).vendor.name, key, client);
      return { status: 201, body: { client } };
    },
    "DELETE /keys": (request) => {
      const { vendor, key } = keyBody.parse(body(request));
      accounts.revoke(vendorNamed(vendor).vendor.name, key);
      return ok({});
    },

    "GET /posts": (request) => ok(posts.list(postsQuery.parse(query(request)).platform)),
    "POST /posts": (request) => {
      const given = body(request);
      const set = (one: unknown) => {
        ofMockedPlatform.parse(one);
        return posts.set(one);
      };
      return { status: 201, body: Array.isArray(given) ? given.map(set) : set(given) };
    },
    "DELETE /posts": () => {
      posts.clear();
      return ok({});
    },

    "GET /clock": () => ok(clock.settings()),
    "PUT /clock": (request) => {
      clock.set(clockBody.parse(body(request)));
      return ok(clock.settings());
    },
    "DELETE /clock": () => {
      clock.reset();
      return ok(clock.settings());
    },

    "GET /dump": (request) => {
      const { vendor, client, from, to, timezone: zone, table } = dumpQuery.parse(query(request));
      return ok(vendorNamed(vendor).vendor.dump({ client, from, to, zone, ...(table === undefined ? {} : { table }) }));
    },
  };

  for (const [name, { vendor }] of vendors) {
    for (const [place, answer] of Object.entries(vendor.control ?? {})) {
      const [method, path] = place.split(" ");
      routes[`${method} /${name}${path}`] = (request) => ok(answer(body(request)));
    }
  }

  return (request) => {
    const path = request.url.pathname.replace(/^\/_control\/?/, "/");
    const route = routes[`${request.method} ${path}`];
    if (route === undefined)
      return { status: 404, body: { error: `no ${request.method} ${path}`, routes: Object.keys(routes) } };
    try {
      return route(request);
    } catch (error) {
      if (error instanceof z.ZodError) return { status: 400, body: { error: z.prettifyError(error) } };
      if (error instanceof RangeError || error instanceof SyntaxError)
        return { status: 400, body: { error: error.message } };
      throw error;
    }
  };
}
