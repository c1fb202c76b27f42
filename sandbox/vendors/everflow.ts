import { z } from "zod";
import { clockTime } from "../../core/days.ts";
import { describeIssues } from "../../core/typed.ts";
import { dayNumber, eachDay, isCivilDay } from "../civil-day.ts";
import { LARGEST_PAGE, type Conversion } from "../everflow-data.ts";
import { conversionRow, statsColumns, statsRow, type StatsColumn } from "../everflow-answers.ts";
import {
  conversionsBetween,
  dumpConversion,
  dumpStats,
  letConversionsArrive,
  NETWORK_ZONE,
  secondOf,
  statsBetween,
  type Stats,
} from "../everflow-model.ts";
import {
  isJsonObject,
  json,
  type JsonObject,
  type Surroundings,
  type Vendor,
  type VendorAnswer,
  type VendorRequest,
  type WireRequest,
} from "../vendor.ts";

const REPORT = "/networks/reporting/entity/table";
const CONVERSIONS = "/networks/reporting/conversions";
const TIMEZONES = "/meta/timezones";

const MOST_ROWS = 10_000;
const DEFAULT_PAGE = 50;
/** Raw conversions go back this far, and no report spans more. */
const HISTORY_DAYS = 365;
/** A fault's own row limit travels in the address: the vendor has no such parameter. */
const CAP = "sandbox_cap";

const zones: readonly { id: number; name: string; offset: string }[] = [
  { id: 54, name: "America/Los_Angeles", offset: "-08:00" },
  { id: 67, name: "UTC", offset: "+00:00" },
  { id: 80, name: "America/New_York", offset: "-05:00" },
  { id: 90, name: "Europe/London", offset: "+00:00" },
];

const filters = z.array(z.record(z.string(), z.unknown())).default([]);
const moment = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$/)
  .refine((text) => isCivilDay(text.slice(0, 10)));
const range = z.looseObject({
  from: moment,
  to: moment,
  timezone_id: z.int(),
  query: z.looseObject({ filters }).default({ filters: [] }),
});
const reportBody = range.extend({
  currency_id: z.string().min(3),
  columns: z
    .array(z.looseObject({ column: z.string() }))
    .min(1)
    .max(10),
});
const conversionsBody = range.extend({
  show_conversions: z.boolean().default(true),
  show_events: z.boolean().default(true),
});

// Columns Everflow knows but whose figures this mock server does not have.
const OTHER_COLUMNS =
  /^(campaign|creative|event_name|offer_url|country|country_code|region|city|sub[1-5]|adv[1-5]|source_id|coupon_code|category|project_id|hour|week|month|year)$/;

/** Everflow's network API as of vendors.md, section 2. */
export function createEverflow(surroundings: Surroundings): Vendor {
  return {
    name: "everflow",
    secretParams: [],
    keyOf: ({ headers }) => headers["x-eflow-api-key"] ?? null,
    place: (request) => {
      const body = range.safeParse(parsed(request));
      const page = Number(request.url.searchParams.get("page") ?? "1");
      return body.success
        ? { from: body.data.from.slice(0, 10), to: body.data.to.slice(0, 10), page }
        : { from: null, to: null, page };
    },
    repage,
    handle: (request) => handle(surroundings, request),
    limits: {
      documented: { perMinute: null, perSecond: 30, countTwice: false, concurrent: 10 },
      counts: ({ url }) => url.pathname !== "/",
      isConcurrent: ({ url }) => url.pathname.startsWith("/networks/reporting/"),
      sayWhen: false,
      headers: ({ limits, remainingThisSecond }): Record<string, string> =>
        limits.perSecond === null
          ? {}
          : { "X-RateLimit-Limit": String(limits.perSecond), "X-RateLimit-Remaining": String(remainingThisSecond) },
    },
    refusals: {
      unauthorized: () => refuse(401, "Unauthorized"),
      rateLimited: (retryAfter) =>
        json(429, { error: "Too many requests" }, retryAfter === null ? {} : { "Retry-After": retryAfter }),
      error: refuse,
    },
    rowsOf: (body) => {
      const rows = isJsonObject(body) ? (body["conversions"] ?? body["table"]) : [];
      return Array.isArray(rows) ? rows : [];
    },
    totalOf: (body) => (isJsonObject(body) && isJsonObject(body["paging"]) ? body["paging"] : null),
    dump: (query) => {
      if (query.table === "conversions") return conversionsBetween(surroundings, query).map(dumpConversion);
      if (query.table === undefined || query.table === "daily_stats")
        return statsBetween(surroundings, query).map(dumpStats);
      throw new RangeError(`no table ${query.table}; there is daily_stats, conversions`);
    },
  };
}

function refuse(status: number, error: string): VendorAnswer {
  return json(status, { error });
}

function repage(request: VendorRequest, { page, pageSize }: { page?: number; pageSize?: number }): VendorRequest {
  const url = new URL(request.url);
  if (page !== undefined) url.searchParams.set("page", String(page));
  const asked = Number(url.searchParams.get("page_size") ?? DEFAULT_PAGE);
  if (pageSize !== undefined)
    url.searchParams.set(
      url.pathname === REPORT ? CAP : "page_size",
      String(url.pathname === REPORT ? pageSize : Math.min(asked, pageSize)),
    );
  return { ...request, url };
}

function parsed({ body }: WireRequest): unknown {
  try {
    return JSON.parse(body === "" ? "{}" : body);
  } catch {
    return null;
  }
}

function handle(surroundings: Surroundings, request: VendorRequest): VendorAnswer {
  const route = `${request.method} ${request.url.pathname}`;
  if (request.key === null) return refuse(401, "No Authentication Method Found");
  if (request.client === null) return refuse(401, "Unauthorized");
  if (route === `GET ${TIMEZONES}`)
    return json(200, {
      timezones: zones.map(({ id, name, offset }) => ({
        timezone_id: id,
        timezone: name,
        timezone_name: name.replaceAll("_", " "),
        utc_offset: offset,
      })),
    });
  if (route === `POST ${REPORT}`) return report(surroundings, request, request.client);
  if (route === `POST ${CONVERSIONS}`) return conversions(surroundings, request, request.client);
  return refuse(404, "Not Found");
}

function report(surroundings: Surroundings, request: VendorRequest, client: string): VendorAnswer {
  const body = reportBody.safeParse(parsed(request));
  if (!body.success) return refuse(400, describe(body.error));
  const { from, to, timezone_id: zoneId, currency_id: currency, query } = body.data;
  const asked = body.data.columns.map(({ column }) => column);
  const columns = asked.filter((column): column is StatsColumn => statsColumns.some((known) => known === column));
  if (columns.length < asked.length)
    return refuse(
      400,
      asked.every((column) => OTHER_COLUMNS.test(column) || statsColumns.some((known) => known === column))
        ? `The sandbox has no figures by ${asked.join(",")}`
        : "Invalid column",
    );
  const days = { from: from.slice(0, 10), to: to.slice(0, 10) };
  const problem = rangeProblem(days, zoneId);
  if (problem !== null) return refuse(400, problem);
  if (zoneId !== 80) return refuse(400, "The sandbox has daily figures in timezone_id 80 only");

  const wanted = wantedBy(query.filters);
  const groups = new Map<string, [Stats, ...Stats[]]>();
  for (const row of statsBetween(surroundings, { client, ...days }).filter(wanted)) {
    const place = columns.map((column) => placeOf(row, column)).join("/");
    const members = groups.get(place);
    if (members === undefined) groups.set(place, [row]);
    else members.push(row);
  }
  const rows = [...groups.values()].map((members) => statsRow(members, columns, currency));
  const most = Number(request.url.searchParams.get(CAP) ?? MOST_ROWS);
  return json(200, { table: rows.slice(0, most), incomplete_results: rows.length > most });
}

/** The same type twice means either, different types mean both. What is no filter to Everflow filters nothing. */
function wantedBy(list: readonly Record<string, unknown>[]): (row: Stats) => boolean {
  const values = new Map<string, string[]>();
  for (const { resource_type: type, filter_id_value: value } of list) {
    if (typeof type === "string" && typeof value === "string") values.set(type, [...(values.get(type) ?? []), value]);
  }
  return (row) =>
    [...values].every(
      ([type, ids]) =>
        !statsColumns.some((column) => column === type) || ids.includes(placeOf(row, type as StatsColumn)),
    );
}

function placeOf({ affiliate, offer, day }: Stats, column: StatsColumn): string {
  const places: Record<StatsColumn, string> = {
    affiliate: affiliate.id,
    advertiser: offer.advertiser.id,
    offer: offer.id,
    currency: offer.currency,
    date: day,
  };
  return places[column];
}

function conversions(surroundings: Surroundings, request: VendorRequest, client: string): VendorAnswer {
  const body = conversionsBody.safeParse(parsed(request));
  if (!body.success) return refuse(400, describe(body.error));
  const { from, to, timezone_id: zoneId } = body.data;
  const days = { from: from.slice(0, 10), to: to.slice(0, 10) };
  const problem = rangeProblem(days, zoneId);
  if (problem !== null) return refuse(400, problem);
  const zone = zones.find(({ id }) => id === zoneId)?.name ?? NETWORK_ZONE;
  if (dayNumber(surroundings.clock.today(zone)) - dayNumber(days.from) > HISTORY_DAYS)
    return refuse(400, `Conversions are available for the last ${HISTORY_DAYS} days only`);
  const { searchParams } = request.url;
  const page = Number(searchParams.get("page") ?? 1);
  const size = Number(searchParams.get("page_size") ?? DEFAULT_PAGE);
  if (!Number.isInteger(page) || page < 1) return refuse(400, "Invalid page");
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_PAGE)
    return refuse(400, `Invalid page_size, at most ${LARGEST_PAGE}`);

  const [first, last] = [instantOf(from, "00:00:00", zone), instantOf(to, "23:59:59", zone)];
  // The days are those of the network; another zone's reach into the ones beside.
  const reach = zone === NETWORK_ZONE ? days : { from: dayBeside(days.from, -1), to: dayBeside(days.to, 1) };
  const { show_conversions: base, show_events: events } = body.data;
  const found = shown(conversionsBetween(surroundings, { client, ...reach }), { base, events, first, last });
  const rows = found.slice((page - 1) * size, page * size).map((one) => conversionRow(one, client));
  letConversionsArrive(surroundings, client, eachDay(days.from, days.to));
  return json(200, {
    conversions: rows,
    paging: { page, page_size: size, total_count: found.length },
  } satisfies JsonObject);
}

interface Shown {
  base: boolean;
  events: boolean;
  first: number;
  last: number;
}

/** The last selection of each list: whoever pages through a day asks for the same one a hundred times. */
const selections = new WeakMap<readonly Conversion[], { of: string; found: readonly Conversion[] }>();

function shown(all: readonly Conversion[], wanted: Shown): readonly Conversion[] {
  const of = JSON.stringify(wanted);
  const known = selections.get(all);
  if (known?.of === of) return known.found;
  const found = all.filter(
    (one) =>
      (one.event === "Base" ? wanted.base : wanted.events) &&
      secondOf(one) >= wanted.first &&
      secondOf(one) <= wanted.last,
  );
  selections.set(all, { of, found });
  return found;
}

function rangeProblem({ from, to }: { from: string; to: string }, zoneId: number): string | null {
  if (from > to) return "from is after to";
  if (dayNumber(to) - dayNumber(from) > HISTORY_DAYS) return "The range is longer than one year";
  return zones.some(({ id }) => id === zoneId) ? null : "Invalid timezone_id";
}

function instantOf(text: string, timeOfDay: string, zone: string): number {
  const [day = "", time = timeOfDay] = text.split(" ");
  const [hour = 0, minute = 0, second = 0] = time.split(":").map(Number);
  return clockTime(day, hour, minute, zone).getTime() / 1_000 + second;
}

function dayBeside(day: string, step: number): string {
  return new Date((dayNumber(day) + step) * 86_400_000).toISOString().slice(0, 10);
}

function describe(error: z.ZodError): string {
  return `Bad request: ${describeIssues(error).join("; ")}`;
}
