import { z } from "zod";
import { creativeSorts, tiers } from "../../queries/rtb/creative-shapes.ts";
import type { ListedCreative } from "../../queries/rtb/list-creatives.ts";
import { periods } from "../../queries/rtb/rollups.ts";
import { canonicalSize } from "../../rules/rtb/sizes.ts";
import { byName } from "../server/lists.ts";
import { instant, iso, storedOrigin, text } from "../server/shapes.ts";
import { creativeId, days, figures, name, ownNumber, trend } from "./shapes.ts";
import { toThumbnail } from "./thumbnail-shapes.ts";
import type { TopGeography } from "./top-geographies.ts";

const periodFigures = {
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
  creativeId: z.string().describe("as its exchange calls it; one of another seat may have the same"),
  buyerId: text,
  format: text,
  width: z.number().nullable(),
  height: z.number().nullable(),
  canonicalSize: text,
  sizeCategory: text,
  googleBuyersUrl: text,
  isStub: z.boolean().describe("true: known only because a file names it"),
  advertiserName: text,
  languages: z.array(z.string()).nullable().describe("as the exchange detected them"),
  approvalStatus: text.describe("APPROVED, DISAPPROVED, PENDING_REVIEW or another, as the exchange says"),
  lastSeenAt: instant.nullable().describe("when the exchange last listed it"),
  vanishedAt: instant.nullable().describe("since when the exchange lists it no longer"),
  thumbnailUrl: text.describe(
    "its picture, from this server; null where the client does not consent, or none was fetched",
  ),
  thumbnailNote: text.describe("why there is no picture, or why it could not be fetched again"),
  campaigns: z.array(z.object({ campaignId: z.number(), campaignName: z.string() })),
  origin: storedOrigin,
  createdAt: instant.describe("when it was first seen here"),
  updatedAt: instant,
};
const heavy = {
  declaredClickUrls: z.unknown().nullable(),
  destinationUrlsParsed: z.unknown().nullable(),
  htmlSnippet: text,
  vastXml: text,
  creativeAttributes: z.unknown().nullable(),
};
export const listed = z.object({
  ...light,
  ...z.object(heavy).partial().shape,
  performance: z.object(periodFigures),
});
export const found = z.object({
  ...light,
  ...heavy,
  performance: z.array(z.object(periodFigures)).describe("every period"),
});

/** Text of a creative may be long, but Postgres has no NUL. */
const content = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\u0000]*$/, "must be text")
    .nullable()
    .optional();
const pixels = z.number().int().min(0).max(100_000).nullable().optional();
const json = z
  .unknown()
  .refine((value) => value === undefined || !JSON.stringify(value).includes("\\u0000"), "must be text")
  .optional();
export const given = z.strictObject({
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

const place = z
  .string()
  .regex(/^\d+(\.\d+)?$/)
  .max(80)
  .nullable();
/** A place in one order is none in another. */
export const placeIn = byName(creativeSorts, (sort) =>
  byName(periods, (shown) => z.object({ sort: z.literal(sort), period: z.literal(shown), place, id: ownNumber })),
);

/** Field by field: objects that are made by leaving fields out are slow to make and slow to read. */
export function toListed(
  row: ListedCreative,
  shown: Pick<z.infer<typeof listed>["performance"], "period" | "from" | "to">,
  { top: { topGeography, topGeographyShare }, consents }: { top: TopGeography; consents: boolean },
): z.infer<typeof listed> {
  const { thumbnailUrl, thumbnailNote } = toThumbnail(row, consents);
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
    advertiserName: row.advertiserName,
    languages: row.languages,
    approvalStatus: row.approvalStatus,
    lastSeenAt: iso(row.lastSeenAt),
    vanishedAt: iso(row.vanishedAt),
    thumbnailUrl,
    thumbnailNote,
    campaigns: row.campaigns,
    origin: row.origin,
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

export function withSize(item: z.infer<typeof given>): z.infer<typeof given> {
  const { width, height, canonicalSize: named, sizeCategory: category, format = null } = item;
  if (named !== undefined || width == null || height == null) return item;
  const size = canonicalSize({ width, height, format });
  if (size === null) return item;
  return { ...item, canonicalSize: size.canonical, sizeCategory: category === undefined ? size.category : category };
}
