import { z } from "zod";
import { creativeSorts, tiers, type CreativeRow } from "../../queries/rtb/creative-shapes.ts";
import { findCreative } from "../../queries/rtb/find-creative.ts";
import type { ListedCreative } from "../../queries/rtb/list-creatives.ts";
import { mergeCreatives } from "../../queries/rtb/merge-creatives.ts";
import { listSeats, mergeSeats } from "../../queries/rtb/seats.ts";
import { listSizes, readRtbStats } from "../../queries/rtb/statistics.ts";
import { daysOf } from "../../queries/rtb/metrics.ts";
import { periods } from "../../queries/rtb/rollups.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { byName, pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { readUpToToday } from "./day.ts";
import type { CreativeLists } from "./creative-lists.ts";
import { noTopGeography, type TopGeography } from "./top-geographies.ts";
import { counted, creativeId, days, figures, geography, iso, period, trend } from "./shapes.ts";
import { instant, number } from "../server/shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const mostMerged = 5_000;
const mergeBytes = 33_554_432;

const text = z.string().nullable();
const performance = {
  ...days,
  ...figures,
  trend,
  tier: z
    .enum(tiers)
    .describe("of all the spend in the period: high is the top quarter of those that spent, low the bottom quarter"),
  topGeography: text.describe("the country with the greatest spend; null without spend in a known one"),
  topGeographyShare: z.number().nullable().describe("its share of all the creative's spend, in percent"),
};
const light = {
  creativeId: z.string().describe("64 bits, so text"),
  buyerId: text,
  format: text,
  width: z.number().nullable(),
  height: z.number().nullable(),
  canonicalSize: text,
  sizeCategory: text,
  googleBuyersUrl: text,
  isStub: z.boolean().describe("nothing is known of it but that a file names it"),
  createdAt: instant,
  updatedAt: instant,
};
const heavy = {
  declaredClickUrls: z.unknown().nullable(),
  destinationUrlsParsed: z.unknown().nullable(),
  htmlSnippet: text,
  vastXml: text,
  creativeAttributes: z.unknown().nullable(),
};
const listed = z.object({
  ...light,
  ...z.object(heavy).partial().shape,
  performance: z.object(performance),
});
const found = z.object({
  ...light,
  ...heavy,
  performance: z.array(z.object(performance)).describe("every period"),
  campaigns: z.array(z.object({ campaignId: z.number(), campaignName: z.string() })),
});

/** Text of a creative may be long, but Postgres has no NUL. */
const content = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\u0000]*$/, "must be text")
    .nullable()
    .optional();
const name = word.trim().min(1).nullable().optional();
const pixels = z.number().int().min(0).max(100_000).nullable().optional();
const json = z
  .unknown()
  .refine((value) => value === undefined || !JSON.stringify(value).includes("\\u0000"), "must be text")
  .optional();
const given = z.strictObject({
  creativeId,
  buyerId: name,
  format: name,
  width: pixels,
  height: pixels,
  canonicalSize: name,
  sizeCategory: name,
  googleBuyersUrl: content(2_000),
  declaredClickUrls: z.array(z.string().max(4_000)).max(100).nullable().optional(),
  destinationUrlsParsed: json,
  htmlSnippet: content(1_000_000),
  vastXml: content(1_000_000),
  creativeAttributes: json,
});
const givenSeat = z.strictObject({ buyerId: word.trim().min(1), displayName: name, bidderAccountId: name });
const merged = z.object({ inserted: z.number(), updated: z.number(), unchanged: z.number() });
const seat = z.object({
  buyerId: z.string(),
  displayName: text,
  bidderAccountId: text,
  creativeCount: z.number(),
  lastSync: instant.nullable(),
});
const size = z.object({
  canonicalSize: text,
  sizeCategory: text,
  format: text,
  creatives: z.number(),
  spend: z.string().describe("of all days, a decimal, rounded to the cent"),
});
const stats = z.object({
  creatives: z.number(),
  stubs: z.number(),
  withPerformance: z.number(),
  seats: z.number(),
  campaigns: z.number(),
  rows: z.number().describe("records of performance"),
  firstDay: text,
  lastDay: text,
  ...figures,
});

const place = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .max(80)
  .nullable();
/** A place in one order is none in another. */
const placeIn = byName(creativeSorts, (sort) =>
  byName(periods, (shown) => z.object({ sort: z.literal(sort), period: z.literal(shown), place, creativeId })),
);

const yesNo = z.enum(["true", "false"]).default("false");

/** Creatives with what they brought, and whose they are. */
export function rtbCreativeRoutes(api: Api, parts: ServerParts, lists: CreativeLists): void {
  const { reading, database } = parts;

  api.get(
    "/creatives",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "Creatives with their performance, the greatest spend first",
        description:
          "Sorted by spend (the greatest first), by cpc or cpm (the cheapest first, those without a ratio last) or by id. With `geography`, only creatives with performance in that country in the period are listed, and spend, impressions, clicks, cpc, cpm, trend and order are those of that country; tier and top geography stay those of the whole creative.",
        querystring: paging.extend({
          sort: z.enum(creativeSorts).default("spend"),
          period,
          tier: z.enum(tiers).optional(),
          format: word.optional().describe("HTML, VIDEO, NATIVE or another; its case does not matter"),
          geography: geography.optional(),
          buyer_id: word.optional(),
          campaign: number.optional().describe("a campaign's number"),
          slim: yesNo.describe("leaves out markup, VAST, addresses and attributes"),
        }),
        response: { 200: pageOf(listed) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { limit, cursor, slim, buyer_id: buyerId, campaign: campaignId, ...filter } = request.query;
      const after = readCursor(cursor, placeIn[filter.sort][filter.period]);
      const { asOf, rows, tops } = await lists.listCreatives({
        ...filter,
        client,
        buyerId,
        campaignId,
        slim: slim === "true",
        after,
        limit: limit + 1,
      });
      const shown = { period: filter.period, ...daysOf(filter.period, asOf) };
      return toPage(
        rows,
        limit,
        (row) => ({ sort: filter.sort, period: filter.period, place: row.place, creativeId: row.creativeId }),
        (row) => toListed(row, shown, tops.get(row.creativeId) ?? noTopGeography),
      );
    },
  );

  api.get(
    "/creatives/:id",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "One creative with its performance in every period and its campaigns",
        params: z.object({ id: creativeId }),
        response: { 200: found },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const of = { client, creativeId: request.params.id };
      const { asOf, found: row } = await readUpToToday(parts, client, (day) =>
        findCreative(reading, { ...of, asOf: day }),
      );
      if (row === null) throw notFound("creative");
      return {
        ...row,
        ...dated(row),
        performance: row.performance.map((one) => ({ ...counted(one), ...daysOf(one.period, asOf) })),
      };
    },
  );

  api.put(
    "/creatives",
    {
      config: keepers,
      bodyLimit: mergeBytes,
      schema: {
        tags: ["creatives"],
        summary: "Merges creatives by id; the same call again changes nothing",
        description:
          "What is left out of an item stays as it is, null takes it away. A creative that only a file had named is a stub no longer. Without `canonicalSize`, a new width and height make one.",
        body: z.object({ items: z.array(given).min(1).max(mostMerged) }),
        response: { 200: merged },
      },
    },
    async (request) => {
      const { items } = request.body;
      assertUnique(items.map((item) => item.creativeId));
      return mergeCreatives(database, { client: callerOf(request).client, rows: items.map(withSize) });
    },
  );

  api.get(
    "/seats",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "Buyer accounts, and how many creatives each has",
        querystring: paging,
        response: { 200: pageOf(seat) },
      },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const after = readCursor(cursor, word);
      const rows = await listSeats(reading, { client: callerOf(request).client, after, limit: limit + 1 });
      return toPage(
        rows,
        limit,
        (row) => row.buyerId,
        (row) => ({ ...row, lastSync: iso(row.lastSync) }),
      );
    },
  );

  api.put(
    "/seats",
    {
      config: keepers,
      schema: {
        tags: ["creatives"],
        summary: "Merges buyer accounts by id; the same call again changes nothing",
        body: z.object({ items: z.array(givenSeat).min(1).max(mostMerged) }),
        response: { 200: merged },
      },
    },
    async (request) => {
      const { items } = request.body;
      assertUnique(items.map((item) => item.buyerId));
      return mergeSeats(database, { client: callerOf(request).client, rows: items });
    },
  );

  api.get(
    "/sizes",
    {
      config: readers,
      schema: {
        tags: ["creatives"],
        summary: "The sizes of creatives, the most frequent first",
        response: { 200: z.object({ items: z.array(size) }) },
      },
    },
    async (request) => ({ items: await listSizes(reading, { client: callerOf(request).client }) }),
  );

  api.get(
    "/stats",
    {
      config: readers,
      schema: { tags: ["creatives"], summary: "How much of everything there is", response: { 200: stats } },
    },
    async (request) => counted(await readRtbStats(reading, { client: callerOf(request).client })),
  );
}

/** Field by field: objects that are made by leaving fields out are slow to make and slow to read. */
function toListed(
  row: ListedCreative,
  shown: Pick<z.infer<typeof listed>["performance"], "period" | "from" | "to">,
  { topGeography, topGeographyShare }: TopGeography,
): z.infer<typeof listed> {
  return {
    creativeId: row.creativeId,
    buyerId: row.buyerId,
    format: row.format,
    width: row.width,
    height: row.height,
    canonicalSize: row.canonicalSize,
    sizeCategory: row.sizeCategory,
    googleBuyersUrl: row.googleBuyersUrl,
    isStub: row.isStub,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    declaredClickUrls: row.declaredClickUrls,
    destinationUrlsParsed: row.destinationUrlsParsed,
    htmlSnippet: row.htmlSnippet,
    vastXml: row.vastXml,
    creativeAttributes: row.creativeAttributes,
    performance: {
      period: shown.period,
      from: shown.from,
      to: shown.to,
      spend: row.spend,
      impressions: Number(row.impressions),
      clicks: Number(row.clicks),
      cpc: row.cpc,
      cpm: row.cpm,
      trend: row.trend,
      tier: row.tier,
      topGeography,
      topGeographyShare,
    },
  };
}

function dated({ createdAt, updatedAt }: Pick<CreativeRow, "createdAt" | "updatedAt">) {
  return { createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

function withSize(item: z.infer<typeof given>): z.infer<typeof given> {
  const { width, height, canonicalSize } = item;
  return canonicalSize !== undefined || width == null || height == null
    ? item
    : { ...item, canonicalSize: `${width}x${height}` };
}

/** Which of two of one key is meant, nobody can know. */
function assertUnique(keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const [item, key] of keys.entries()) {
    if (seen.has(key))
      throw new ApiError("validation_error", "body is not valid", { [`items.${item}`]: `${key} stands there twice` });
    seen.add(key);
  }
}
