import type { StoredOrigin } from "../../core/origin.ts";
import { percentSql, ratioSql, type Figures } from "./metrics.ts";

export const creativeSorts = ["spend", "cpc", "cpm", "id"] as const;
export type CreativeSort = (typeof creativeSorts)[number];
export const tiers = ["high", "medium", "low", "zero"] as const;
export type Tier = (typeof tiers)[number];

/** What a creative did in a period; null ratios where there is nothing to divide by. */
export type PeriodFigures = Figures & {
  /** In percent, of the days that are over against as many before; null where nothing was spent then. */
  trend: number | null;
  tier: Tier;
};

export type CreativeFigures = PeriodFigures & {
  /** Where most was spent, and its share of all spend in percent; null without spend in a known country. */
  topGeography: string | null;
  topGeographyShare: number | null;
};

export interface CreativeRow {
  /** Our own number for it, which no other creative of the client has. */
  id: string;
  /** As its exchange calls it: one of another seat may have the same. */
  creativeId: string;
  buyerId: string | null;
  format: string | null;
  width: number | null;
  height: number | null;
  canonicalSize: string | null;
  sizeCategory: string | null;
  googleBuyersUrl: string | null;
  isStub: boolean;
  advertiserName: string | null;
  languages: string[] | null;
  approvalStatus: string | null;
  lastSeenAt: Date | null;
  vanishedAt: Date | null;
  origin: StoredOrigin;
  createdAt: Date;
  updatedAt: Date;
  /** The exchange names a picture of it. */
  hasPreview: boolean;
  /** What came of fetching the picture that it has now; null where that was not tried. */
  thumbnail: StoredThumbnail | null;
}

export interface StoredThumbnail {
  state: "stored" | "refused" | "failed";
  /** Why there is none, or why it could not be fetched again. */
  reason: string | null;
  hash: string | null;
}

/** What lists of creatives call one by, as readCreativeName reads it: its id, and its seat where another has the same. */
export const nameSql = (c: string) =>
  `case when ${c}.buyer_id is not null and exists (
             select from rtb.creatives o where o._client_id = ${c}._client_id and o.creative_id = ${c}.creative_id and o.id <> ${c}.id)
        then 'buyers/' || ${c}.buyer_id || '/creatives/' || ${c}.creative_id else ${c}.creative_id end`;

export interface CampaignOf {
  campaignId: number;
  campaignName: string;
}

const campaignsJson =
  "json_agg(json_build_object('campaignId', g.campaign_id, 'campaignName', g.campaign_name) order by g.campaign_id)";

/** The campaigns of a creative `c`, as JSON. */
export const campaignsSql = (c: string) =>
  `(select coalesce(${campaignsJson}, '[]')
      from rtb.campaign_creatives k join rtb.campaigns g on g._client_id = k._client_id and g.campaign_id = k.campaign_id
     where k._client_id = ${c}._client_id and k.creative_id = ${c}.id)`;

/** The same for all creatives of the table `page` at once: asked for one by one they are half of a long list's time. */
export const campaignsOfPageSql = (client: string) =>
  `select k.creative_id, ${campaignsJson} as campaigns
     from page p
     join rtb.campaign_creatives k on k._client_id = ${client} and k.creative_id = p.creative_id
     join rtb.campaigns g on g._client_id = ${client} and g.campaign_id = k.campaign_id
    group by k.creative_id`;

/** Languages of a creative `c`, one a row; what people put there instead of a list is none. */
export const languagesSql = (c: string) =>
  `jsonb_array_elements_text(case when jsonb_typeof(${c}.languages) = 'array' then ${c}.languages else '[]' end)`;
/** pt_BR and pt-br are one. */
export const tagSql = (tag: string) => `replace(lower(${tag}), '-', '_')`;

/** What makes an answer long, and a list of cards does not show. */
export interface HeavyFields {
  declaredClickUrls: unknown;
  destinationUrlsParsed: unknown;
  htmlSnippet: string | null;
  vastXml: string | null;
  creativeAttributes: unknown;
}

export const lightColumns = `c.id::text as id, c.creative_id as "creativeId", c.buyer_id as "buyerId", c.format, c.width, c.height, c.canonical_size as "canonicalSize",
  c.size_category as "sizeCategory", c.google_buyers_url as "googleBuyersUrl", c.is_stub as "isStub", c.advertiser_name as "advertiserName", c.languages,
  c.approval_status as "approvalStatus", c.last_seen_at as "lastSeenAt", c.vanished_at as "vanishedAt", c.origin, c.created_at as "createdAt", c.updated_at as "updatedAt",
  c.preview_url is not null as "hasPreview",
  (select json_build_object('state', t.state, 'reason', t.reason, 'hash', t.content_hash) from rtb.creative_thumbnails t
    where t._client_id = c._client_id and t.creative_id = c.id and t.source_url = c.preview_url and c.vanished_at is null) as thumbnail`;
export const heavyColumns = `c.declared_click_urls as "declaredClickUrls", c.destination_urls_parsed as "destinationUrlsParsed", c.html_snippet as "htmlSnippet",
  c.vast_xml as "vastXml", c.creative_attributes as "creativeAttributes"`;

/** Values of a statement, each under its number. */
export function createValues(): { values: unknown[]; put: (value: unknown) => string } {
  const values: unknown[] = [];
  return { values, put: (value) => `$${values.push(value)}` };
}

export type Put = (value: unknown) => string;

const tierOf = `case when coalesce(p.whole, 0) <= 0 then 'zero' when p.whole >= t.high_from then 'high' when p.whole <= t.low_to then 'low' else 'medium' end`;

export const figureColumns = `round(coalesce(p.spend, 0), 2) as spend, coalesce(p.impressions, 0)::text as impressions, coalesce(p.clicks, 0)::text as clicks,
  ${ratioSql.cpc("p.spend", "p.clicks")} as cpc, ${ratioSql.cpm("p.spend", "p.impressions")} as cpm,
  ${percentSql("(p.ended - p.previous)", "p.previous")}::float8 as trend, ${tierOf} as tier`;
