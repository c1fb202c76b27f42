import { z } from "zod";
import { bidderId } from "./data/creatives.ts";
import { isJsonObject, json, type JsonObject, type VendorAnswer, type VendorRequest } from "./vendor.ts";

const MOST_CONFIGS = 10;
const MOST_PER_PAGE = 100;
const OUTPUT_ONLY = new Set(["name", "billingId", "state", "invalidGeoIds"]);
const WHOLE_NUMBERS = new Set(["minimumViewabilityDecile"]);
/** Lists of which single members are added and removed, where they lie, and how many there may be. */
const TARGETED: Record<string, { path: readonly string[]; field: string; most: number }> = {
  Apps: { path: ["appTargeting", "mobileAppTargeting"], field: "appIds", most: 30_000 },
  Publishers: { path: ["publisherTargeting"], field: "publisherIds", most: 10_000 },
  Sites: { path: ["webTargeting"], field: "sites", most: 50_000 },
};

type Failure = (code: number, status: string, message: string, details?: JsonObject[]) => VendorAnswer;

/** What a bidder is asked for where nothing is capped, in requests a second. */
const DEMAND_QPS = 2_000;

const ofClient = z.strictObject({ client: z.string() });
const troubleBody = ofClient.extend({
  /** On which requests it strikes: those that change something, or those that read. */
  on: z.enum(["write", "read"]),
  /** lost: accepted, and the line breaks; hangs: accepted, and no answer ends; late: answered 503, and accepted after all, later. */
  kind: z.enum(["refused", "unavailable", "quota", "reset", "lost", "hangs", "late"]),
  times: z.int().positive().default(1),
  /** So many requests of that kind go well before. */
  after: z.int().min(0).default(0),
  lateMs: z.int().positive().default(300),
});
const handBody = ofClient.extend({
  configId: z.string(),
  /** Fields to set, at the top of the configuration; null unsets. State counts too. */
  set: z.record(z.string(), z.json()),
  /** Done when so many more requests of the client were answered; at once where neither is said. */
  afterRequests: z.int().positive().optional(),
  /** Done by the clock. */
  afterMs: z.int().positive().optional(),
});
const trafficBody = ofClient.extend({ demandQps: z.number().min(0).optional(), factor: z.number().min(0).optional() });
const resetBody = ofClient.extend({ configs: z.array(z.record(z.string(), z.json())).max(MOST_CONFIGS).optional() });

type Trouble = z.output<typeof troubleBody>;
type Hand = z.output<typeof handBody>;

/** One look or write as it took effect: what tests hold the end against. */
interface Arrived {
  at: number;
  /** So many entries were here when the request came: of one that took effect late, fewer than stand before it. */
  cameAfter: number;
  by: "us" | "hand";
  configId: string;
  what: string;
  fields: JsonObject;
}

interface Bidder {
  configs: Map<string, JsonObject>;
  next: number;
  troubles: Trouble[];
  hands: Hand[];
  journal: Arrived[];
  /** Of the late request that takes effect now. */
  cameAfter: number | null;
  demandQps: number;
  factor: number;
}

const start: readonly JsonObject[] = [
  {
    displayName: "Apps, worldwide",
    maximumQps: "1200",
    geoTargeting: { excludedIds: ["2643"] },
    includedFormats: ["HTML", "NATIVE", "VAST"],
    includedEnvironments: ["APP"],
    includedCreativeDimensions: [
      { width: "300", height: "250" },
      { width: "320", height: "50" },
      { width: "320", height: "480" },
      { width: "728", height: "90" },
    ],
    publisherTargeting: { targetingMode: "EXCLUSIVE", values: ["pub-9000000000000007"] },
    minimumViewabilityDecile: 3,
  },
];

/** `pretargetingConfigs` of one bidder, apart for each client: it has no etag, and no percentage. */
// eslint-disable-next-line max-lines-per-function -- one resource: short functions over the state of one bidder
export function createPretargeting(failure: Failure) {
  const bidders = new Map<string, Bidder>();
  const made = (configs: readonly JsonObject[] = start): Bidder => {
    const bidder: Bidder = {
      ...{ configs: new Map(), next: 1, troubles: [], hands: [], journal: [], cameAfter: null },
      ...{ demandQps: DEMAND_QPS, factor: 1 },
    };
    for (const config of configs) add(bidder, config);
    return bidder;
  };
  const bidderOf = (client: string) => {
    const known = bidders.get(client) ?? made();
    bidders.set(client, known);
    return known;
  };

  function add(bidder: Bidder, { state = "ACTIVE", ...given }: JsonObject): JsonObject {
    const id = String(7_310_000 + bidder.next);
    const config = {
      ...given,
      name: `bidders/${bidderId}/pretargetingConfigs/${id}`,
      billingId: String(1_500_740_000 + bidder.next),
      state,
    };
    bidder.next += 1;
    bidder.configs.set(id, config);
    return config;
  }

  const noted = (bidder: Bidder, entry: Omit<Arrived, "at" | "cameAfter">) =>
    bidder.journal.push({ at: Date.now(), cameAfter: bidder.cameAfter ?? bidder.journal.length, ...entry });

  /** Whether the request is for these, and the answer. */
  function handle(request: VendorRequest, client: string): VendorAnswer | null {
    const [, bidderName, id, verb] =
      /^\/v1\/bidders\/([^/]+)\/pretargetingConfigs(?:\/([^/:]+))?(?::(\w+))?$/.exec(request.url.pathname) ?? [];
    if (bidderName === undefined) return null;
    if (bidderName !== bidderId) return failure(403, "PERMISSION_DENIED", "The caller does not have permission");
    const bidder = bidderOf(client);
    const answer = underTrouble(bidder, request, () => answerTo(bidder, request, { id, verb }));
    playHands(bidder);
    return answer;
  }

  function underTrouble(bidder: Bidder, { method }: VendorRequest, work: () => VendorAnswer): VendorAnswer {
    const on = method === "GET" ? "read" : "write";
    const trouble = bidder.troubles.find((one) => one.on === on);
    if (trouble === undefined) return work();
    if (trouble.after > 0) {
      trouble.after -= 1;
      return work();
    }
    trouble.times -= 1;
    if (trouble.times <= 0) bidder.troubles.splice(bidder.troubles.indexOf(trouble), 1);
    const away = () => failure(503, "UNAVAILABLE", "The service is currently unavailable.");
    switch (trouble.kind) {
      case "refused":
        return failure(400, "FAILED_PRECONDITION", "The request was refused");
      case "unavailable":
        return away();
      case "quota":
        return failure(429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Requests'", [
          { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1s" },
        ]);
      case "reset":
        return { ...away(), pace: { kind: "reset" } };
      case "lost":
        return { ...work(), pace: { kind: "reset" } };
      case "hangs":
        return { ...work(), pace: { kind: "never_ending", ms: 50 } };
      case "late": {
        const cameAfter = bidder.journal.length;
        const takeEffect = () => {
          bidder.cameAfter = cameAfter;
          work();
          bidder.cameAfter = null;
        };
        setTimeout(takeEffect, trouble.lateMs).unref();
        return away();
      }
    }
  }

  function answerTo(
    bidder: Bidder,
    request: VendorRequest,
    { id, verb }: { id: string | undefined; verb: string | undefined },
  ): VendorAnswer {
    const { method, url } = request;
    if (id === undefined) {
      if (method === "GET") return list(bidder, url.searchParams);
      return method === "POST" ? create(bidder, bodyOf(request)) : unknown();
    }
    const config = bidder.configs.get(id);
    if (config === undefined) return failure(404, "NOT_FOUND", "Requested entity was not found.");
    if (method === "GET") {
      noted(bidder, { by: "us", configId: id, what: "read", fields: {} });
      return json(200, config);
    }
    if (method === "DELETE") {
      bidder.configs.delete(id);
      noted(bidder, { by: "us", configId: id, what: "delete", fields: {} });
      return json(200, {});
    }
    if (method === "PATCH")
      return patch(bidder, id, { body: bodyOf(request), mask: url.searchParams.get("updateMask") ?? "" });
    if (method !== "POST") return unknown();
    if (verb === "activate" || verb === "suspend")
      return changed(bidder, id, verb, { state: verb === "activate" ? "ACTIVE" : "SUSPENDED" });
    const [, change, dimension = ""] = /^(add|remove)Targeted(\w+)$/.exec(verb ?? "") ?? [];
    const targeted = TARGETED[dimension];
    if (targeted === undefined) return unknown();
    return changeTargeted(bidder, id, { ...targeted, isAdding: change === "add", body: bodyOf(request) });
  }

  const unknown = () => failure(404, "NOT_FOUND", "Method not found.");
  const invalid = (message: string) => failure(400, "INVALID_ARGUMENT", message);

  function list(bidder: Bidder, query: URLSearchParams): VendorAnswer {
    const pageSize = Math.min(MOST_PER_PAGE, Number(query.get("pageSize") ?? "10"));
    const from = Number(query.get("pageToken") ?? "0");
    if (!Number.isInteger(pageSize) || pageSize < 1 || !Number.isInteger(from)) return invalid("pageSize, pageToken");
    const configs = [...bidder.configs.values()];
    noted(bidder, { by: "us", configId: "", what: "read", fields: {} });
    return json(200, {
      pretargetingConfigs: configs.slice(from, from + pageSize),
      ...(from + pageSize < configs.length ? { nextPageToken: String(from + pageSize) } : {}),
    });
  }

  const isNamed = (bidder: Bidder, name: unknown, but?: string) =>
    [...bidder.configs].some(([id, one]) => id !== but && one["displayName"] === name);

  function create(bidder: Bidder, body: JsonObject): VendorAnswer {
    if (bidder.configs.size >= MOST_CONFIGS) return invalid("The bidder has the maximum of 10 pretargeting configs.");
    if (isNamed(bidder, body["displayName"])) return invalid("The display name is in use.");
    const given = Object.fromEntries(Object.entries(body).filter(([field]) => !OUTPUT_ONLY.has(field)));
    const config = add(bidder, asStored(given));
    noted(bidder, { by: "us", configId: idOf(config), what: "create", fields: asStored(given) });
    return json(200, config);
  }

  function patch(bidder: Bidder, id: string, { body, mask }: { body: JsonObject; mask: string }): VendorAnswer {
    const paths = mask.split(",").filter((path) => path !== "");
    if (paths.length === 0) return invalid("updateMask is required");
    const denied = paths.find((path) => OUTPUT_ONLY.has(path.split(".")[0] ?? ""));
    if (denied !== undefined) return invalid(`${denied} is output only`);
    if (paths.includes("displayName") && isNamed(bidder, body["displayName"], id))
      return invalid("The display name is in use.");
    const next = structuredClone(bidder.configs.get(id) ?? {});
    for (const path of paths) setAt(next, path.split("."), valueAt(body, path.split(".")));
    return changed(bidder, id, `patch ${paths.join(",")}`, asStored(next));
  }

  function changed(bidder: Bidder, id: string, what: string, fields: JsonObject): VendorAnswer {
    const isWhole = what.startsWith("patch");
    const config = isWhole ? fields : { ...bidder.configs.get(id), ...fields };
    bidder.configs.set(id, config);
    noted(bidder, { by: "us", configId: id, what, fields: config });
    return json(200, config);
  }

  function changeTargeted(
    bidder: Bidder,
    id: string,
    change: { path: readonly string[]; field: string; most: number; isAdding: boolean; body: JsonObject },
  ): VendorAnswer {
    const { path, field, most, isAdding, body } = change;
    const given = body[field];
    if (!Array.isArray(given) || given.length === 0) return invalid(field);
    const next = structuredClone(bidder.configs.get(id) ?? {});
    const now = valueAt(next, path);
    const old = isJsonObject(now) ? now : {};
    const values = Array.isArray(old["values"]) ? old["values"] : [];
    const mode = body["targetingMode"];
    if (isAdding && values.length > 0 && mode !== old["targetingMode"])
      return invalid("The targeting mode is not that of the existing values.");
    if (isAdding && mode !== "INCLUSIVE" && mode !== "EXCLUSIVE") return invalid("targetingMode");
    const rest = isAdding ? [...new Set([...values, ...given])] : values.filter((one) => !given.includes(one));
    if (rest.length > most) return invalid(`${field}: at most ${most}`);
    const targetingMode = isAdding ? mode : old["targetingMode"];
    setAt(next, path, rest.length === 0 ? undefined : { targetingMode: targetingMode ?? null, values: rest });
    return changed(bidder, id, `patch ${path.join(".")}`, next);
  }

  /** A person at Google's own pages. */
  function playHands(bidder: Bidder): void {
    for (const hand of [...bidder.hands]) {
      hand.afterRequests = (hand.afterRequests ?? 1) - 1;
      if (hand.afterRequests > 0) continue;
      bidder.hands.splice(bidder.hands.indexOf(hand), 1);
      playHand(bidder, hand);
    }
  }

  function playHand(bidder: Bidder, { configId, set }: Hand): void {
    // "clone": the newest, whatever its number.
    const id = configId === "newest" ? [...bidder.configs.keys()].at(-1) : configId;
    const config = id === undefined ? undefined : bidder.configs.get(id);
    if (id === undefined || config === undefined) return;
    const next = { ...config };
    for (const [field, value] of Object.entries(set)) {
      if (value === null) delete next[field];
      else next[field] = value;
    }
    bidder.configs.set(id, next);
    noted(bidder, { by: "hand", configId: id, what: Object.keys(set).join(","), fields: set });
  }

  /** What the active configurations let through: each up to its cap, all together up to what there is. */
  function qpsOf({ configs, demandQps, factor }: Bidder): number {
    const active = [...configs.values()].filter(({ state }) => state === "ACTIVE");
    const allowed = active.reduce((sum, { maximumQps }) => sum + Number(maximumQps ?? demandQps), 0);
    return Math.min(demandQps, allowed) * factor;
  }

  return {
    handle,
    control: {
      "POST /pretargeting/state": (body: unknown) => {
        const bidder = bidderOf(ofClient.parse(body).client);
        return { configs: [...bidder.configs.values()], journal: bidder.journal, qps: qpsOf(bidder) };
      },
      "POST /pretargeting/reset": (body: unknown) => {
        const { client, configs } = resetBody.parse(body);
        bidders.set(client, made(configs));
        return {};
      },
      "POST /pretargeting/trouble": (body: unknown) => {
        const trouble = troubleBody.parse(body);
        bidderOf(trouble.client).troubles.push(trouble);
        return {};
      },
      "POST /pretargeting/hand": (body: unknown) => {
        const hand = handBody.parse(body);
        const bidder = bidderOf(hand.client);
        if (hand.afterMs !== undefined) setTimeout(() => playHand(bidder, hand), hand.afterMs).unref();
        else if (hand.afterRequests === undefined) playHand(bidder, hand);
        else bidder.hands.push(hand);
        return {};
      },
      /** How much the bidder is asked for, and which share of it comes. */
      "POST /pretargeting/traffic": (body: unknown) => {
        const { client, demandQps, factor } = trafficBody.parse(body);
        const bidder = bidderOf(client);
        bidder.demandQps = demandQps ?? bidder.demandQps;
        bidder.factor = factor ?? bidder.factor;
        return { qps: qpsOf(bidder) };
      },
    },
  };
}

const bodyOf = ({ body }: VendorRequest): JsonObject => JSON.parse(body === "" ? "{}" : body) as JsonObject;
const idOf = ({ name }: JsonObject) => String(name).split("/").at(-1) ?? "";

function valueAt(object: JsonObject, path: readonly string[]): JsonObject[string] | undefined {
  let at: JsonObject[string] | undefined = object;
  for (const name of path) at = isJsonObject(at) ? at[name] : undefined;
  return at;
}

/** What a mask names and the body lacks is unset; an object that loses its last field goes with it. */
function setAt(object: JsonObject, [name = "", ...rest]: readonly string[], value: JsonObject[string] | undefined) {
  if (rest.length === 0) {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) delete object[name];
    else object[name] = value;
    return;
  }
  const inner = isJsonObject(object[name]) ? object[name] : {};
  setAt(inner, rest, value);
  if (Object.keys(inner).length === 0) delete object[name];
  else object[name] = inner;
}

const asStored = (fields: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(fields).map(([field, value]) => [field, WHOLE_NUMBERS.has(field) ? Number(value) : value]),
  );
