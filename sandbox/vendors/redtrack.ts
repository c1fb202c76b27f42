import { dayNumber, isCivilDay, isZone } from "../civil-day.ts";
import { reportRow, reportTotal, type GroupField } from "../redtrack-columns.ts";
import { byCampaign, type SpendRow } from "../redtrack-rows.ts";
import { dumpRow, spendBetween } from "../redtrack-model.ts";
import { trafficSources } from "../redtrack-sources.ts";
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

const ACCOUNT_ZONE = "America/New_York";
const DEFAULT_PAGE_SIZE = 100;
const LARGEST_PAGE = 1_000;
const groupFields: readonly GroupField[] = ["source", "date", "campaign"];

// Groups RedTrack knows but whose figures this mock server does not have. `hour` is not among them: it is `hour_of_day`.
const OTHER_GROUPS =
  /^(offer|landing|network|country|region|city|os|browser|device|hour_of_day|day_of_week|sub([1-9]|1\d|20)|rt_(source|medium|campaign|adgroup|ad|placement|keyword))$/;

/** RedTrack's reading API as of vendors.md, section 1. */
export function createRedtrack(surroundings: Surroundings): Vendor {
  return {
    name: "redtrack",
    secretParams: ["api_key"],
    // The documented X-API-KEY header alone gives 401.
    keyOf: ({ url }) => url.searchParams.get("api_key"),
    place: ({ url }) => ({
      from: url.searchParams.get("date_from"),
      to: url.searchParams.get("date_to"),
      page: Number(url.searchParams.get("page") ?? "1"),
    }),
    repage,
    handle: (request) => handle(surroundings, request),
    limits: {
      documented: { perMinute: 20, perSecond: 2, countTwice: true },
      counts: ({ method, url }) => method === "GET" && url.pathname === "/report",
      headers: (usage): Record<string, string> =>
        usage.limits.perMinute === null
          ? {}
          : {
              "X-RateLimit-Limit-Minute": String(usage.limits.perMinute),
              "X-RateLimit-Remaining-Minute": String(usage.remainingThisMinute),
              "RateLimit-Reset": String(usage.secondsToNextMinute),
            },
    },
    refusals: {
      unauthorized: () => refuse(401, "Unauthorized"),
      rateLimited: (retryAfter) =>
        json(429, { message: "API rate limit exceeded" }, retryAfter === null ? {} : { "Retry-After": retryAfter }),
      error: refuse,
    },
    rowsOf: (body) => {
      const items = isJsonObject(body) ? body["items"] : body;
      return Array.isArray(items) ? items : [];
    },
    totalOf: (body) => (isJsonObject(body) && isJsonObject(body["total"]) ? body["total"] : null),
    dump: (query) => spendBetween(surroundings, query).map(dumpRow),
  };
}

function refuse(status: number, error: string): VendorAnswer {
  return json(status, { error });
}

function repage(request: VendorRequest, { page, pageSize }: { page?: number; pageSize?: number }): VendorRequest {
  const url = new URL(request.url);
  if (page !== undefined) url.searchParams.set("page", String(page));
  const asked = Number(url.searchParams.get("per") ?? DEFAULT_PAGE_SIZE);
  if (pageSize !== undefined) url.searchParams.set("per", String(Math.min(asked, pageSize)));
  return { ...request, url };
}

function handle(surroundings: Surroundings, request: VendorRequest): VendorAnswer {
  const { pathname } = request.url;
  // POST /report is a 404 as well.
  if (request.method !== "GET" || (pathname !== "/report" && pathname !== "/sources")) return refuse(404, "Not Found");
  if (request.client === null) return refuse(401, "Unauthorized");
  if (pathname === "/report") return report(surroundings, request.client, request.url.searchParams);
  return json(
    200,
    trafficSources(request.client).map(({ id, name, alias }) => ({ id, title: name, alias })),
  );
}

function report(surroundings: Surroundings, client: string, query: URLSearchParams): VendorAnswer {
  const fields = (query.get("group") ?? "").split(",");
  const group = fields.filter((field): field is GroupField => groupFields.some((known) => known === field));
  if (group.length < fields.length) {
    const known = fields.every((field) => group.some((one) => one === field) || OTHER_GROUPS.test(field));
    if (known) return refuse(400, `The sandbox has no figures by ${fields.join(",")}`);
    return refuse(500, "Problem with loading report");
  }
  const from = query.get("date_from") ?? "";
  const to = query.get("date_to") ?? "";
  const zone = query.get("timezone") ?? ACCOUNT_ZONE;
  const page = Number(query.get("page") ?? 1);
  const per = Number(query.get("per") ?? DEFAULT_PAGE_SIZE);
  if (!isCivilDay(from) || !isCivilDay(to) || from > to) return refuse(400, "Invalid date_from or date_to");
  if (!isZone(zone)) return refuse(400, "Invalid timezone");
  if (!Number.isInteger(page) || page < 1) return refuse(400, "Invalid page");
  if (!Number.isInteger(per) || per < 1 || per > LARGEST_PAGE) return refuse(400, "Invalid per");

  const wanted = query.get("source_id")?.split(",");
  const ofSources = spendBetween(surroundings, { client, from, to, zone }).filter(
    (row) => wanted === undefined || wanted.includes(row.sourceId),
  );
  const spend = group.includes("campaign") ? ofSources.flatMap(byCampaign) : ofSources;
  const rows = sorted(grouped(spend, group), query);
  const items = rows.slice((page - 1) * per, page * per);
  // Nothing found is null on some days and [] on others.
  const shown: JsonValue = items.length === 0 && dayNumber(from) % 2 === 0 ? null : items;
  return json(200, query.get("total") === "true" ? { items: shown, total: reportTotal(rows, spend) } : shown);
}

function grouped(spend: readonly SpendRow[], group: readonly GroupField[]): JsonObject[] {
  const groups = new Map<string, [SpendRow, ...SpendRow[]]>();
  for (const row of spend) {
    const place = JSON.stringify([
      group.includes("date") ? row.date : "",
      group.includes("source") ? row.sourceId : "",
      group.includes("campaign") ? row.campaign?.id : "",
    ]);
    const members = groups.get(place);
    if (members === undefined) groups.set(place, [row]);
    else members.push(row);
  }
  return [...groups.values()].map((members) => reportRow(members, group));
}

/** By up to three columns; what is equal in all of them stays in the vendor's own order. */
function sorted(rows: readonly JsonObject[], query: URLSearchParams): JsonObject[] {
  const columns = (query.get("sortby") ?? "clicks").split(",").slice(0, 3);
  const sign = query.get("direction") === "asc" ? 1 : -1;
  return rows.toSorted((a, b) => {
    for (const column of columns) {
      const order = compare(a[column], b[column]);
      if (order !== 0) return sign * order;
    }
    return 0;
  });
}

function compare(a: JsonValue | undefined, b: JsonValue | undefined): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [String(a), String(b)];
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
