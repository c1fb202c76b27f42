import { isIP } from "node:net";
import { dayNumber } from "../civil-day.ts";
import { presentMs } from "../clock.ts";
import {
  isJsonObject,
  json,
  type JsonObject,
  type JsonValue,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
  type WireRequest,
} from "../vendor.ts";

const MOST_EVENTS = 1_000;
const OLDEST_SECONDS = 7 * 86_400;
const REPEAT_MS = 48 * 3_600_000;
const OLDEST_VERSION = 22;
const HASHED = ["em", "ph", "ge", "db", "fn", "ln", "ct", "st", "zp", "country", "external_id"];
const CLEAR = ["client_ip_address", "client_user_agent", "fbc", "fbp", "subscription_id", "lead_id"];
const ACTION_SOURCES = new Set([
  "website",
  "app",
  "email",
  "phone_call",
  "chat",
  "physical_store",
  "system_generated",
  "business_messaging",
  "other",
]);
const CURRENCIES = new Set(Intl.supportedValuesOf("currency"));

interface HeldEvent {
  event: JsonObject;
  receivedAtMs: number;
  /** How often it was sent, the first time included. */
  received: number;
}

/** Why an event is refused, in Meta's numbers. */
interface Refused {
  code: number;
  subcode?: number;
  message: string;
}

/** Meta's Conversions API as of vendors.md, section 4: strict about every event, and one bad event refuses the call. */
// eslint-disable-next-line max-lines-per-function -- one mock vendor: short functions over the state of one server
export function createMeta({ clock }: Surroundings): Vendor {
  // By client, then by name and id.
  const held = new Map<string, Map<string, HeldEvent[]>>();
  const tested = new Map<string, number>();

  function take(client: string, event: JsonObject): void {
    const events = held.get(client) ?? new Map<string, HeldEvent[]>();
    held.set(client, events);
    const nowMs = presentMs(clock.settings());
    // An event without an id is always a new one.
    const key =
      event["event_id"] === undefined
        ? `no id ${events.size}`
        : JSON.stringify([event["event_name"], event["event_id"]]);
    const same = events.get(key) ?? [];
    events.set(key, same);
    const repeated = same.find(({ receivedAtMs }) => nowMs - receivedAtMs < REPEAT_MS);
    if (repeated === undefined) same.push({ event, receivedAtMs: nowMs, received: 1 });
    else repeated.received += 1;
  }

  function events(request: VendorRequest, client: string): VendorAnswer {
    const body = parsed(request.body);
    const data = isJsonObject(body) ? body["data"] : undefined;
    if (!isJsonObject(body) || !Array.isArray(data) || data.length === 0)
      return refuse({ code: 100, message: "(#100) The parameter data is required" });
    if (data.length > MOST_EVENTS) return refuse({ code: 100, subcode: 2804008, message: "(#100) Too many events" });
    const nowSeconds = presentMs(clock.settings()) / 1_000;
    for (const event of data) {
      const problem = isJsonObject(event)
        ? problemOf(event, nowSeconds)
        : { code: 100, message: "(#100) Param data must be an array of objects" };
      if (problem !== null) return refuse(problem);
    }
    if (body["test_event_code"] === undefined) for (const event of data) take(client, event as JsonObject);
    else tested.set(client, (tested.get(client) ?? 0) + data.length);
    return json(200, { events_received: data.length, messages: [], fbtrace_id: trace() });
  }

  return {
    name: "meta",
    secretParams: ["access_token"],
    keyOf,
    place: () => ({ from: null, to: null, page: 1 }),
    repage: (request) => request,
    handle: (request) => {
      const [, version = "", pixel = "", edge] = request.url.pathname.split("/");
      const major = Number(/^v(\d+)\.\d+$/.exec(version)?.[1] ?? 0);
      if (major < OLDEST_VERSION)
        return refuse({ code: 2635, message: "(#2635) You are calling a deprecated version of the Ads API" });
      if (request.client === null) return unauthorized();
      if (!/^(\d{5,}|sandbox-.+)$/.test(pixel))
        return refuse({
          code: 100,
          subcode: 33,
          message: `Unsupported request. Object with ID '${pixel}' does not exist`,
        });
      if (request.method === "GET" && edge === undefined) return json(200, { id: pixel });
      if (request.method === "POST" && edge === "events") return events(request, request.client);
      return refuse({ code: 100, message: "Unsupported request" });
    },
    limits: {
      documented: { perMinute: null, perSecond: null, countTwice: false },
      counts: ({ method }) => method === "POST",
      headers: () => ({}),
    },
    refusals: {
      unauthorized,
      // Throttling comes as 400, and says nothing about when to come back.
      rateLimited: () =>
        refuse({ code: 80004, subcode: 2446079, message: "(#80004) There have been too many calls to this account" }),
      error: (status, text) =>
        json(status, {
          error: {
            message: text,
            type: "OAuthException",
            code: status >= 500 ? 2 : 100,
            is_transient: status >= 500,
            fbtrace_id: trace(),
          },
        }),
    },
    rowsOf: () => [],
    totalOf: () => null,
    dump: ({ client, from, to }) =>
      [...(held.get(client)?.values() ?? [])]
        .flat()
        .filter(({ event }) => {
          const day = dayNumber(new Date(Number(event["event_time"]) * 1_000).toISOString().slice(0, 10));
          return day >= dayNumber(from) && day <= dayNumber(to);
        })
        .map(({ event, received }) => ({ ...event, received })),
  };
}

function keyOf({ headers, url, body }: WireRequest): string | null {
  const bearer = /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const inQuery = url.searchParams.get("access_token");
  if (inQuery !== null) return inQuery;
  const sent = parsed(body);
  const inBody = isJsonObject(sent) ? sent["access_token"] : undefined;
  return typeof inBody === "string" ? inBody : null;
}

function problemOf(event: JsonObject, nowSeconds: number): Refused | null {
  const invalid = (message: string, subcode?: number): Refused => ({
    code: 100,
    ...(subcode === undefined ? {} : { subcode }),
    message: `(#100) Invalid parameter: ${message}`,
  });
  const name = event["event_name"];
  const time = event["event_time"];
  if (typeof name !== "string" || name === "" || name.length > 50) return invalid("event_name");
  if (typeof time !== "number" || !Number.isInteger(time)) return invalid("event_time must be Unix seconds");
  if (nowSeconds - time > OLDEST_SECONDS) return invalid("event_time is older than seven days", 2804003);
  if (time - nowSeconds > 60) return invalid("event_time lies in the future", 2804004);
  if (event["event_id"] !== undefined && typeof event["event_id"] !== "string")
    return invalid("event_id must be a string");
  const source = event["action_source"];
  if (typeof source !== "string" || !ACTION_SOURCES.has(source)) return invalid("action_source");
  const user = event["user_data"];
  if (!isJsonObject(user)) return invalid("user_data is required");
  const problem = userProblem(user);
  if (problem !== null) return invalid(`user_data: ${problem}`);
  if (!identifies(user)) return invalid("not enough customer information", 2804050);
  if (source === "website" && typeof event["event_source_url"] !== "string")
    return invalid("event_source_url is required for website events");
  return purchaseProblem(name, event["custom_data"]);
}

function userProblem(user: JsonObject): string | null {
  for (const [field, value] of Object.entries(user)) {
    if (HASHED.includes(field)) {
      const hashes = Array.isArray(value) ? value : [value];
      // A value in clear, upper-case hex, another hash: none of them would ever match.
      if (hashes.length === 0 || !hashes.every((hash) => typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash)))
        return `${field} must be SHA-256 in lower-case hex`;
      if (hashes.includes(HASH_OF_NOTHING)) return `${field} is the hash of an empty value`;
    } else if (CLEAR.includes(field)) {
      if (typeof value !== "string" || value === "") return `${field} must be text`;
      if (/^[0-9a-f]{64}$/.test(value)) return `${field} must not be hashed`;
    } else {
      return `unknown key ${field}`;
    }
  }
  const { client_ip_address: ip, fbc, fbp } = user;
  if (typeof ip === "string" && isIP(ip) === 0) return "client_ip_address is no address";
  if (typeof fbc === "string" && !/^fb\.\d\.\d{13}\..+$/.test(fbc)) return "fbc has another form";
  if (typeof fbp === "string" && !/^fb\.\d\.\d{13}\.\d+$/.test(fbp)) return "fbp has another form";
  return null;
}

const HASH_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

function identifies(user: JsonObject): boolean {
  const has = (...fields: string[]) => fields.every((field) => user[field] !== undefined);
  return (
    ["em", "ph", "external_id", "fbc", "fbp"].some((field) => has(field)) ||
    has("client_ip_address", "client_user_agent") ||
    has("fn", "ln")
  );
}

function purchaseProblem(name: string, custom: JsonValue | undefined): Refused | null {
  const data = isJsonObject(custom) ? custom : {};
  const { value, currency } = data;
  if (value !== undefined && (typeof value !== "number" || value < 0))
    return { code: 100, subcode: 2804019, message: "(#100) Invalid parameter: custom_data.value must be a number" };
  if (currency !== undefined && (typeof currency !== "string" || !CURRENCIES.has(currency)))
    return { code: 100, subcode: 2804009, message: "(#100) Invalid parameter: custom_data.currency must be ISO 4217" };
  if (name !== "Purchase") return null;
  if (value === undefined)
    return { code: 100, subcode: 2804019, message: "(#100) Invalid parameter: a Purchase needs custom_data.value" };
  return currency === undefined
    ? { code: 100, subcode: 2804009, message: "(#100) Invalid parameter: a Purchase needs custom_data.currency" }
    : null;
}

function unauthorized(): VendorAnswer {
  return json(401, {
    error: {
      message: "Invalid OAuth access token - Cannot parse access token",
      type: "OAuthException",
      code: 190,
      fbtrace_id: trace(),
    },
  });
}

function refuse({ code, subcode, message }: Refused): VendorAnswer {
  return json(400, {
    error: {
      message,
      type: "OAuthException",
      code,
      ...(subcode === undefined ? {} : { error_subcode: subcode }),
      is_transient: false,
      error_user_title: "Ungültiger Parameter",
      error_user_msg: "Bitte prüfe die gesendeten Daten.",
      fbtrace_id: trace(),
    },
  });
}

let traces = 0;
const trace = () => `A${(traces += 1).toString(36).padStart(10, "0")}`;

function parsed(body: string): JsonValue {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    return null;
  }
}
