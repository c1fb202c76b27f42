import { z } from "zod";
import { conversionsOfDay, pulledRow } from "../anytrack-data.ts";
import { createSender } from "../anytrack-sender.ts";
import { presentMs } from "../clock.ts";
import { dayNumber, eachDay } from "../civil-day.ts";
import {
  isJsonObject,
  json,
  type JsonObject,
  type JsonValue,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
} from "../vendor.ts";

const zone = "America/New_York";
const pageSize = 100;

/** AnyTrack as of vendors.md, section 3: the collect address, the webhook's sender, and the reading API that only the document claims. */
// eslint-disable-next-line max-lines-per-function -- one mock vendor: short functions over the state of one server
export function createAnytrack(surroundings: Surroundings): Vendor {
  /** What the collect address took, by account and transaction: a repeat is taken and counted once. */
  const collected = new Map<string, JsonObject>();
  const sender = createSender(surroundings.clock);
  /** Where what the collect address took is posted to, as the vendor's own webhook does; nowhere until it is set. */
  let outgoing: string | null = null;
  return {
    name: "anytrack",
    secretParams: [],
    keyOf: ({ headers }) => /^Bearer (.+)$/.exec(headers["authorization"] ?? "")?.[1] ?? null,
    place: ({ url }) => ({
      from: url.searchParams.get("date_from")?.slice(0, 10) ?? null,
      to: url.searchParams.get("date_from")?.slice(0, 10) ?? null,
      page: Number(url.searchParams.get("cursor") ?? "1"),
    }),
    repage: (request) => request,
    handle: (request) => handle(request),
    limits: {
      documented: { perMinute: null, perSecond: null, countTwice: false },
      counts: ({ url }) => url.pathname === "/v1/conversions",
      headers: () => ({}),
    },
    refusals: {
      unauthorized: () => refuse(401, "Invalid API key"),
      rateLimited: (retryAfter) =>
        json(429, { error: "Too many requests" }, retryAfter === null ? {} : { "Retry-After": retryAfter }),
      error: refuse,
    },
    rowsOf: (body) => (isJsonObject(body) && Array.isArray(body["data"]) ? body["data"] : []),
    totalOf: () => null,
    dump: ({ client, from, to }) => days(from, to).flatMap((day) => conversionsOfDay(client, day).map(pulledRow)),
    control: {
      "GET /collected": () => [...collected.values()],
      "DELETE /collected": () => {
        collected.clear();
        return {};
      },
      "PUT /outgoing": (body) => {
        outgoing = z.strictObject({ url: z.url() }).parse(body).url;
        return {};
      },
      "GET /webhooks": () => sender.list(),
      "POST /webhooks": (body) => sender.start(body),
    },
  };

  function days(from: string, to: string): string[] {
    const today = surroundings.clock.today(zone);
    return dayNumber(from) > dayNumber(today) ? [] : eachDay(from, to < today ? to : today);
  }

  function handle(request: VendorRequest): VendorAnswer {
    const { pathname, searchParams } = request.url;
    const [, account = "", collect = "", integration = ""] = pathname.split("/");
    if (collect === "collect" && account !== "" && integration !== "") return take(request, account, integration);
    if (pathname !== "/v1/conversions" || request.method !== "GET") return refuse(404, "Not Found");
    if (request.client === null || (request.headers["x-account-id"] ?? "") === "")
      return refuse(401, "Invalid API key");
    const from = searchParams.get("date_from");
    const to = searchParams.get("date_to");
    // The probe asks without a range.
    if (from === null && to === null) return json(200, { data: [] });
    const [start, end] = [Date.parse(from ?? ""), Date.parse(to ?? "")];
    if (Number.isNaN(start) || Number.isNaN(end)) return refuse(400, "Invalid date range");
    const { client } = request;
    const rows = days(new Date(start).toISOString().slice(0, 10), new Date(end).toISOString().slice(0, 10))
      .flatMap((day) => conversionsOfDay(client, day))
      // Both ends count here: whoever asks for days has to know which day an edge belongs to.
      .filter(({ at }) => Date.parse(at) >= start && Date.parse(at) <= end);
    const page = Number(searchParams.get("cursor") ?? "1");
    const more = rows.length > page * pageSize;
    return json(200, {
      data: rows.slice((page - 1) * pageSize, page * pageSize).map(pulledRow),
      next_cursor: more ? String(page + 1) : null,
    });
  }

  /** GET with a query or POST with JSON; names count without case, `_` and `-`. */
  function take(request: VendorRequest, account: string, integration: string): VendorAnswer {
    let given: JsonValue;
    try {
      given =
        request.method === "GET"
          ? Object.fromEntries(request.url.searchParams)
          : (JSON.parse(request.body) as JsonValue);
    } catch {
      return refuse(400, "Invalid JSON");
    }
    if (!isJsonObject(given)) return refuse(400, "Invalid JSON");
    const fields = new Map(
      Object.entries(given).map(([name, value]) => [name.toLowerCase().replaceAll(/[_-]/g, ""), value]),
    );
    const has = (name: string) => typeof fields.get(name) === "string" && fields.get(name) !== "";
    if (!has("clickid") && !has("refid") && !has("email")) return refuse(400, "Missing click_id, ref_id and email");
    const value = Number(fields.get("value") ?? 0);
    if (Number.isNaN(value) || value < 0) return refuse(400, "Invalid value");
    const named = fields.get("eventname");
    const transaction = fields.get("transactionid");
    const key = `${account}/${integration}/${typeof transaction === "string" ? transaction : `#${collected.size}`}`;
    const earlier = collected.get(key);
    const times = typeof earlier?.["times"] === "number" ? earlier["times"] + 1 : 1;
    collected.set(key, {
      account,
      integration,
      event: typeof named === "string" ? named : value > 0 ? "Purchase" : "Lead",
      times,
      body: given,
    });
    if (outgoing !== null) sender.post(outgoing, outgoingBody(fields, presentMs(surroundings.clock.settings())));
    return json(200, { status: "ok" });
  }
}

/** The conversion, as the webhook sends it. */
function outgoingBody(fields: ReadonlyMap<string, JsonValue | undefined>, nowMs: number): JsonObject {
  const text = (name: string) => {
    const value = fields.get(name);
    return typeof value === "string" || typeof value === "number" ? String(value) : null;
  };
  const at = Date.parse(text("eventtime") ?? "");
  const moment = new Date(Number.isNaN(at) ? nowMs : at);
  return {
    assetId: "asset_sandbox",
    clickId: text("clickid"),
    eventName: text("eventname"),
    eventTime: moment.toISOString(),
    eventTimestamp: Math.floor(moment.getTime() / 1_000),
    eventValue: text("value"),
    currency: text("currency"),
    transactionId: text("transactionid"),
  };
}

function refuse(status: number, error: string): VendorAnswer {
  return json(status, { error });
}
