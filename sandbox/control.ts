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

type Routes = Record<string, (request: ControlRequest) => ControlAnswer>;

const ok = (body: unknown): ControlAnswer => ({ status: 200, body });
const queryOf = ({ url }: ControlRequest) => Object.fromEntries(url.searchParams);
const bodyOf = ({ body }: ControlRequest): unknown => JSON.parse(body === "" ? "{}" : body);

/** The sandbox's own routes, under /_control. The system under test never calls them. */
export function createControl(deps: ControlDeps): (request: ControlRequest) => ControlAnswer {
  const { vendors, clock } = deps;
  const routes: Routes = {
    "GET /": () => ok({ vendors: [...vendors.keys()], clock: clock.settings(), routes: Object.keys(routes) }),
    ...faultRoutes(deps),
    ...logRoutes(deps),
    ...limitRoutes(deps),
    ...keyRoutes(deps),
    ...postRoutes(deps),
    ...clockRoutes(deps),
    ...dumpRoutes(deps),
  };

  for (const [name, { vendor }] of vendors) {
    for (const [place, answer] of Object.entries(vendor.control ?? {})) {
      const [method, path] = place.split(" ");
      routes[`${method} /${name}${path}`] = (request) => ok(answer(bodyOf(request)));
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

function faultRoutes({ faults }: ControlDeps): Routes {
  return {
    "GET /faults": (request) => ok(faults.list(faultsQuery.parse(queryOf(request)).vendor)),
    "POST /faults": (request) => {
      const fault = faults.add(bodyOf(request));
      return { status: 201, body: fault };
    },
    "DELETE /faults": (request) => ok({ lifted: faults.lift(faultsQuery.parse(queryOf(request))) }),
  };
}

function logRoutes({ log }: ControlDeps): Routes {
  return {
    "GET /log": (request) => ok(log.list(logQuery.parse(queryOf(request)))),
    "DELETE /log": () => {
      log.clear();
      return ok({});
    },
  };
}

function limitRoutes({ vendors }: ControlDeps): Routes {
  return {
    "GET /limits": () => ok(Object.fromEntries([...vendors].map(([name, { limiter }]) => [name, limiter.limits()]))),
    "PUT /limits": (request) => {
      const { vendor, ...change } = limitsBody.parse(bodyOf(request));
      const { limiter } = vendorNamed(vendors, vendor);
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
  };
}

function keyRoutes({ vendors, accounts }: ControlDeps): Routes {
  return {
    "POST /keys": (request) => {
      const { vendor, key, client } = keyBody.extend({ client: z.string().min(1) }).parse(bodyOf(request));
      accounts.register(vendorNamed(vendors, vendor).vendor.name, key, client);
      return { status: 201, body: { client } };
    },
    "DELETE /keys": (request) => {
      const { vendor, key } = keyBody.parse(bodyOf(request));
      accounts.revoke(vendorNamed(vendors, vendor).vendor.name, key);
      return ok({});
    },
  };
}

function postRoutes({ vendors, posts }: ControlDeps): Routes {
  const ofMockedPlatform = z.looseObject({
    platform: z.string().refine((name) => vendors.has(name), "the sandbox has no such platform"),
  });
  return {
    "GET /posts": (request) => ok(posts.list(postsQuery.parse(queryOf(request)).platform)),
    "POST /posts": (request) => {
      const given = bodyOf(request);
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
  };
}

function clockRoutes({ clock }: ControlDeps): Routes {
  return {
    "GET /clock": () => ok(clock.settings()),
    "PUT /clock": (request) => {
      clock.set(clockBody.parse(bodyOf(request)));
      return ok(clock.settings());
    },
    "DELETE /clock": () => {
      clock.reset();
      return ok(clock.settings());
    },
  };
}

function dumpRoutes({ vendors }: ControlDeps): Routes {
  return {
    "GET /dump": (request) => {
      const { vendor, client, from, to, timezone: zone, table } = dumpQuery.parse(queryOf(request));
      return ok(
        vendorNamed(vendors, vendor).vendor.dump({ client, from, to, zone, ...(table === undefined ? {} : { table }) }),
      );
    },
  };
}

function vendorNamed(vendors: ControlDeps["vendors"], name: string) {
  const found = vendors.get(name);
  if (found === undefined) throw new RangeError(`no vendor ${name}; there is ${[...vendors.keys()].join(", ")}`);
  return found;
}
