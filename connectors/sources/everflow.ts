import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { isCurrency } from "../../core/currency.ts";
import { addDays, endOfDay, startOfDay } from "../../core/days.ts";
import { conversions, dailyStats } from "../../schema/everflow.ts";
import { ConnectorError } from "../errors.ts";
import {
  count,
  epochSeconds,
  epochSecondsOrNone,
  id,
  impersonal,
  money,
  text,
  unknownFields,
  unknownNames,
} from "../fields.ts";
import { defineSource, type Slice, type Vendor } from "../source.ts";
import {
  columnOf,
  noSmallerPart,
  grainOf,
  groups,
  halves,
  isPart,
  misread,
  mostRows,
  named,
  splitBy,
  statsRow,
  statsTable,
  wholeDay,
  type Question,
  valuesOf,
} from "./everflow-parts.ts";

/** What Everflow calls the zone that all our days are in: the pair is checked against its own list before the first pull. */
const zone = { id: 80, name: "America/New_York" };

const secrets = z.object({ EVERFLOW_API_KEY: z.string().min(1).meta(about("A network key.")) });
type Secrets = z.output<typeof secrets>;

const timezones = z.object({ timezones: z.array(z.object({ timezone_id: count, timezone: z.string() })) });

/** The quota is the network's, shared by all its keys: 30 calls a second, of which 10 may be reports under way. */
const everflow = {
  name: "everflow",
  baseUrl: "https://api.eflow.team/v1",
  pace: { intervalMs: 34, concurrent: 10 },
  secrets,
  // The window is a second wide.
  quota: (headers) => (headers.get("x-ratelimit-remaining") === "0" ? { waitMs: 1_000 } : null),
  // No Retry-After is documented; an older page speaks of a window of 30 s.
  unhintedWaitMs: 30_000,
  probe: (secrets) => ({ path: "/meta/timezones", headers: keyHeader(secrets) }),
  check: (answer) => {
    const parsed = timezones.safeParse(answer);
    if (!parsed.success) return "the list of time zones has another shape";
    const found = parsed.data.timezones.find((candidate) => candidate.timezone_id === zone.id)?.timezone;
    if (found === zone.name) return null;
    const now = parsed.data.timezones.find((candidate) => candidate.timezone === zone.name)?.timezone_id;
    return `time zone ${zone.id} is ${found ?? "unknown"} there, not ${zone.name} (which is ${now ?? "not in its list"}): days would be cut elsewhere`;
  },
} satisfies Vendor<typeof secrets> as Vendor<typeof secrets>;

const keyHeader = (secrets: Secrets) => ({ "X-Eflow-API-Key": secrets.EVERFLOW_API_KEY });

/** What every report's request has in common. */
const reportRequest = (
  secrets: Secrets,
  path: string,
  body: { from: string; to: string } & Record<string, unknown>,
) => ({
  method: "POST" as const,
  path: `/networks/reporting/${path}`,
  headers: keyHeader(secrets),
  body: { timezone_id: zone.id, ...body },
});

/** Receipts sum this currency; the rows keep their own. Everflow also wants one named in every report. */
const mainCurrency = "USD";

/** An answer about another day than the one asked for must not be stored as this one's. */
function dayCheck({ day, timezone }: Slice): (at: Date, what: () => string) => void {
  const from = startOfDay(addDays(day, -1), timezone);
  const until = endOfDay(addDays(day, 1), timezone);
  return (at, what) => {
    if (at >= from && at < until) return;
    throw new ConnectorError("malformed", `${what()} is of ${at.toISOString().slice(0, 10)}, not of ${day}`);
  };
}

/** What affiliates did per day, at one grain: affiliate, advertiser, offer and currency. */
export const everflowDailyStats = defineSource({
  name: "everflow.daily_stats",
  vendor: everflow,
  slices: { timezone: zone.name },
  // As long as that of the conversions: an approval taken back changes both.
  window: { mode: "rolling", lookbackDays: 14 },
  schedule: {
    hours: { from: 7, to: 23 },
    minute: 0,
    comment: "hourly 7 to 23: today so far; the first run also reads the last 14 days again",
  },
  table: dailyStats,
  agreesWith: "everflow.conversions",
  amount: "payout",
  currency: { column: "currency", summed: mainCurrency },
  answers: "complete",
  keyedBy: "aggregate",
  body: statsTable,

  // One day at a time. With the currency among the columns each row stays in its own; without, it would be converted.
  request: ({ slice, secrets, cursor }: { slice: Slice; secrets: Secrets; cursor: Question | null }) => {
    const question = cursor ?? wholeDay;
    const { list, filter } = question;
    return reportRequest(secrets, "entity/table", {
      from: slice.day,
      to: slice.day,
      currency_id: mainCurrency,
      columns: [...(list === null ? grainOf(question) : [list]), "date"].map((column) => ({ column })),
      query: {
        // A value that is no text, under any other name, is no filter and answers everything.
        filters: Object.entries(filter).flatMap(([type, values]) =>
          values.map((value) => ({ resource_type: type, filter_id_value: value })),
        ),
        exclusions: [],
        metric_filters: [],
        settings: {},
      },
    });
  },

  // The day is the one asked for, and date.id within a day of it: whether it is midnight here or in UTC is not documented.
  rows: (body, slice) => {
    const assertDay = dayCheck(slice);
    return body.isCut || !body.rows.every(isPart)
      ? []
      : body.rows.map(({ columns, reporting }) => {
          const of = (type: string) => columns.find((column) => column.column_type === type);
          const date = epochSeconds.safeParse(of("date")?.id);
          if (date.success) assertDay(date.data, () => `a row of affiliate ${of("affiliate")?.id}`);
          const currency = of("currency")?.id ?? mainCurrency;
          if (!isCurrency(currency))
            throw new ConnectorError("malformed", `${slice.day}: a row's currency is none of ISO 4217`);
          return {
            date: slice.day,
            affiliateId: of("affiliate")?.id ?? "",
            affiliateName: of("affiliate")?.label ?? null,
            advertiserId: of("advertiser")?.id ?? "",
            advertiserName: of("advertiser")?.label ?? null,
            offerId: of("offer")?.id ?? "",
            offerName: of("offer")?.label ?? null,
            currency,
            clicks: reporting.total_click,
            conversions: reporting.cv,
            payout: reporting.payout,
            revenue: reporting.revenue,
            profit: reporting.profit,
            events: reporting.event,
            extra: unknownFields(reporting, statsRow.shape.reporting),
          };
        });
  },

  parts: (body, cursor: Question | null): Question[] => {
    const question = cursor ?? wholeDay;
    const { list, filter } = question;
    if (body.isCut) return (list === null ? halves(question) : null) ?? [{ ...question, list: splitBy(question) }];
    if (list === null) return [];
    return groups([...valuesOf(body.rows, list)].sort()).map((group) => ({
      ...question,
      list: null,
      filter: { ...filter, [list]: group },
    }));
  },

  // Whether this report has a column for the currency is not documented.
  instead: ({ kind }) =>
    kind === "rejected"
      ? {
          cursor: { ...wholeDay, isConverted: true },
          caveat: `the report refuses the column for the currency, so all amounts are stored as Everflow converts them into ${mainCurrency}`,
        }
      : null,

  cut: (body, _rowsSoFar, cursor: Question | null) => {
    const question = cursor ?? wholeDay;
    const { list, filter } = question;
    const where = Object.entries(filter)
      .map(([type, values]) => ` of ${type} ${values.length > 3 ? `${values.length} values` : values.join(", ")}`)
      .join("");
    const isLast = body.isCut && splitBy(question) === null;
    if (list !== null) {
      if (isLast) return `even the list of ${list}s${where} is: ${noSmallerPart}`;
      return !body.isCut && body.rows.length === 0 ? `more rows than ${mostRows}, yet no ${list}s${where}` : null;
    }
    if (isLast && halves(question) === null) return `more rows${where} than ${mostRows}: ${noSmallerPart}`;
    const missing =
      body.rows.length === 0
        ? undefined
        : grainOf(question).find((type) => body.rows.some((row) => columnOf(row, type) === undefined));
    if (missing !== undefined) return `rows${where} have no ${missing}`;
    return body.isCut ? null : misread(body.rows, filter);
  },
});

const party = <Kind extends string>(kind: Kind) =>
  z.object({ [`network_${kind}_id`]: id.nullish(), name: text.nullish() } as {
    [Name in `network_${Kind}_id`]: z.ZodOptional<z.ZodNullable<typeof id>>;
  } & { name: z.ZodOptional<z.ZodNullable<typeof text>> });

/** What is kept of a conversion. All else is left where it is: there are e-mails, addresses and devices in it. */
const conversionRow = z.looseObject({
  conversion_id: named(id),
  conversion_unix_timestamp: epochSeconds,
  click_unix_timestamp: epochSecondsOrNone.nullish(),
  status: named(text),
  is_event: z.boolean(),
  event: text.nullish(),
  payout: money,
  revenue: money,
  sale_amount: money.nullish(),
  payout_type: text.nullish(),
  revenue_type: text.nullish(),
  currency_id: named(text).refine(isCurrency, "expected a currency of ISO 4217"),
  transaction_id: impersonal,
  order_id: impersonal,
  coupon_code: impersonal,
  source_id: impersonal,
  sub1: impersonal,
  sub2: impersonal,
  sub3: impersonal,
  sub4: impersonal,
  sub5: impersonal,
  country: text.nullish(),
  is_scrub: z.boolean().nullish(),
  is_view_through: z.boolean().nullish(),
  error_code: id.nullish(),
  relationship: z.object({
    offer: party("offer").nullish(),
    // Whose conversion it is: without it a day's money would belong to no affiliate.
    affiliate: z.object({ network_affiliate_id: named(id), name: text.nullish() }),
    advertiser: party("advertiser").nullish(),
  }),
});

/** Documented, and not wanted: they do not count as news. */
const leftOut = [
  ...[
    "email",
    "session_user_ip",
    "conversion_user_ip",
    "http_user_agent",
    "idfa",
    "idfa_md5",
    "idfa_sha1",
    "google_ad_id",
    "android_id",
  ],
  ...[
    "adv1",
    "adv2",
    "adv3",
    "adv4",
    "adv5",
    "region",
    "city",
    "dma",
    "carrier",
    "platform",
    "os_version",
    "device_type",
    "brand",
    "browser",
    "language",
    "isp",
  ],
  ...["error_message", "referer", "notes", "url"],
];

const knownFields = new Set([...Object.keys(conversionRow.shape), ...leftOut]);

const conversionsPage = z.object({
  conversions: z.array(conversionRow).nullable(),
  paging: z.object({ page: count, page_size: count, total_count: count }),
});

/** The most rows a page may have. */
const perPage = 2_000;

/** Every conversion and event by its id, in its last known status; 365 days back at most. */
export const everflowConversions = defineSource({
  name: "everflow.conversions",
  vendor: everflow,
  slices: { timezone: zone.name },
  window: { mode: "rolling", lookbackDays: 14 },
  schedule: {
    hours: { from: 7, to: 23 },
    minute: 0,
    comment: "hourly 7 to 23: today so far; the first run also picks up statuses that changed in the last 14 days",
  },
  table: conversions,
  agreesWith: "everflow.daily_stats",
  amount: "payout",
  currency: { column: "currency", summed: mainCurrency },
  answers: "complete",
  keyedBy: "id",
  body: conversionsPage,

  request: ({ slice, secrets, cursor }) => ({
    ...reportRequest(secrets, "conversions", {
      from: `${slice.day} 00:00:00`,
      to: `${slice.day} 23:59:59`,
      show_conversions: true,
      show_events: true,
      query: { filters: [] },
    }),
    query: { page: cursor ?? 1, page_size: perPage },
  }),

  rows: (body, slice) => {
    const assertDay = dayCheck(slice);
    return (body.conversions ?? []).map((conversion) => {
      const { offer, affiliate, advertiser } = conversion.relationship;
      assertDay(conversion.conversion_unix_timestamp, () => `conversion ${conversion.conversion_id}`);
      return {
        conversionId: conversion.conversion_id,
        date: slice.day,
        convertedAt: conversion.conversion_unix_timestamp,
        clickedAt: conversion.click_unix_timestamp ?? null,
        status: conversion.status,
        isEvent: conversion.is_event,
        event: conversion.event ?? null,
        affiliateId: affiliate.network_affiliate_id,
        affiliateName: affiliate.name ?? null,
        advertiserId: advertiser?.network_advertiser_id ?? null,
        advertiserName: advertiser?.name ?? null,
        offerId: offer?.network_offer_id ?? null,
        offerName: offer?.name ?? null,
        currency: conversion.currency_id,
        payout: conversion.payout,
        revenue: conversion.revenue,
        saleAmount: conversion.sale_amount ?? null,
        payoutType: conversion.payout_type ?? null,
        revenueType: conversion.revenue_type ?? null,
        transactionId: conversion.transaction_id,
        orderId: conversion.order_id,
        couponCode: conversion.coupon_code,
        sourceId: conversion.source_id,
        sub1: conversion.sub1,
        sub2: conversion.sub2,
        sub3: conversion.sub3,
        sub4: conversion.sub4,
        sub5: conversion.sub5,
        country: conversion.country ?? null,
        isScrub: conversion.is_scrub ?? null,
        isViewThrough: conversion.is_view_through ?? null,
        errorCode: conversion.error_code ?? null,
        extra: unknownNames(conversion, knownFields),
      };
    });
  },

  // Never by the total: it grows while we read. A short page is the last one, by the size that was given, not asked.
  next: (body, cursor: number | null) => {
    const found = (body.conversions ?? []).length;
    return found > 0 && found >= Math.min(perPage, body.paging.page_size) ? (cursor ?? 1) + 1 : null;
  },
  vendorCount: (body) => body.paging.total_count,
});
