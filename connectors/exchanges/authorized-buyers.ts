import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { canonicalSize } from "../../rules/rtb/sizes.ts";
import { readLanding } from "../../rules/rtb/landing.ts";
import { previewUrl } from "../../rules/rtb/preview.ts";
import { ConnectorError } from "../errors.ts";
import { id, text } from "../fields.ts";
import type { Http } from "../http.ts";
import {
  classifyGoogle,
  isServiceAccount,
  notServiceAccount,
  openGoogle,
  tokenRequest,
  type GoogleIdentity,
} from "../google-token.ts";
import type { PageRequest, Vendor } from "../source.ts";

const scope = "https://www.googleapis.com/auth/realtime-bidding";
const creativesPerPage = 1_000;
const buyersPerPage = 500;

const secrets = z.object({
  AUTHORIZED_BUYERS_KEY: z
    .string()
    .refine(isServiceAccount, notServiceAccount)
    .meta(
      about(
        "The key of a service account that is a user of the Authorized Buyers account: its JSON file, on one line.",
      ),
    ),
});
type Secrets = Record<string, string>;

/** Google's Real-time Bidding API, v1. Its quota is not published: one request a second, once a day, is far below any. */
export const authorizedBuyers: Vendor<typeof secrets> = {
  name: "authorized_buyers",
  title: "Google Authorized Buyers",
  baseUrl: "https://realtimebidding.googleapis.com",
  addresses: { token: "https://oauth2.googleapis.com" },
  optional: true,
  isPlayed: true,
  pace: { intervalMs: 1_000, concurrent: 1 },
  secrets,
  classify: classifyGoogle,
  unhintedWaitMs: 60_000,
  probe: (given) => tokenRequest(identityOf(given), new Date()),
};

const identityOf = (given: Secrets): GoogleIdentity => ({
  ...{ secrets: given, key: given["AUTHORIZED_BUYERS_KEY"] ?? "", setting: "AUTHORIZED_BUYERS_KEY", scope },
});

/** Asks with a token, which is fetched when it is needed and once again when it is refused. */
export interface Exchange {
  ask(request: PageRequest): Promise<unknown>;
}

export function openExchange(http: Http, given: Secrets, now: () => Date): Exchange {
  return openGoogle({ http, now, identity: identityOf(given) });
}

export function read<Shape extends z.ZodType>(shape: Shape, body: unknown, what: string): z.output<Shape> {
  const parsed = shape.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ConnectorError("malformed", `${what}: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`);
}

export interface ExchangeSeat {
  buyerId: string;
  displayName: string | null;
  bidderAccountId: string | null;
  /** How many creatives its list has, as the exchange counts them; null where it does not say. */
  activeCreatives?: number | null;
}

const buyers = z.object({
  buyers: z
    .array(
      z.object({
        name: z.string().regex(/^buyers\/.{1,128}$/),
        displayName: text.optional(),
        bidder: z.string().optional(),
        activeCreativeCount: z.coerce.number().int().min(0).nullish().catch(null),
      }),
    )
    .default([]),
  nextPageToken: z.string().optional(),
});

/** All seats that the account may see. */
export async function readSeats(exchange: Exchange): Promise<ExchangeSeat[]> {
  const seats: ExchangeSeat[] = [];
  const seen = new Set<string>();
  for (let pageToken: string | null = ""; pageToken !== null;) {
    const query: Record<string, string | number> = {
      pageSize: buyersPerPage,
      ...(pageToken === "" ? {} : { pageToken }),
    };
    const page: z.output<typeof buyers> = read(buyers, await exchange.ask({ path: "/v1/buyers", query }), "buyers");
    for (const { name, displayName, bidder, activeCreativeCount } of page.buyers)
      seats.push({
        buyerId: name.slice("buyers/".length),
        displayName: displayName ?? null,
        bidderAccountId: bidder?.replace(/^bidders\//, "") ?? null,
        activeCreatives: activeCreativeCount ?? null,
      });
    pageToken = nextOf(page.nextPageToken, seen);
  }
  return seats;
}

/** A token that was there before leads in a circle. */
export function nextOf(token: string | undefined, seen: Set<string>): string | null {
  if (token === undefined || token === "") return null;
  if (seen.has(token)) throw new ConnectorError("malformed", "a page leads back to an earlier one");
  seen.add(token);
  return token;
}

const list = z.array(z.string()).default([]);
/** Only looked at for a thumbnail: an odd one must not keep its creative out. */
const image = z.looseObject({ url: z.unknown().optional() }).optional().catch(undefined);
const imageSize = z.looseObject({ width: z.unknown().optional(), height: z.unknown().optional() });
const creative = z.looseObject({
  creativeId: id,
  creativeFormat: z.string().optional(),
  advertiserName: z.string().optional(),
  declaredClickThroughUrls: list,
  declaredAttributes: list,
  dealIds: list,
  html: imageSize.extend({ snippet: z.string().optional() }).optional(),
  video: z.looseObject({ videoUrl: z.string().optional(), videoVastXml: z.string().optional() }).optional(),
  native: z
    .looseObject({
      headline: z.string().optional(),
      body: z.string().optional(),
      callToAction: z.string().optional(),
      clickLinkUrl: z.string().optional(),
      image,
      logo: image,
      appIcon: image,
    })
    .optional(),
  creativeServingDecision: z
    .looseObject({
      detectedAdvertisers: z
        .array(z.looseObject({ advertiserName: z.string().optional(), brandName: z.string().optional() }))
        .default([]),
      detectedClickThroughUrls: list,
      detectedDomains: list,
      detectedLanguages: list,
      detectedProductCategories: z.array(z.unknown().transform(String)).default([]),
      networkPolicyCompliance: z.looseObject({ status: z.string().optional() }).optional(),
    })
    .optional(),
});
const creativesPage = z.object({ creatives: z.array(creative).default([]), nextPageToken: z.string().optional() });

/** A creative as its exchange describes it. */
export interface ExchangeCreative {
  creativeId: string;
  buyerId: string;
  format: string | null;
  width: number | null;
  height: number | null;
  canonicalSize: string | null;
  sizeCategory: string | null;
  declaredClickUrls: string[];
  destinationUrlsParsed: unknown[];
  googleBuyersUrl: string;
  htmlSnippet: string | null;
  vastXml: string | null;
  creativeAttributes: unknown;
  advertiserName: string | null;
  languages: string[];
  approvalStatus: string | null;
  previewUrl: string | null;
}

export interface CreativesPage {
  creatives: ExchangeCreative[];
  /** Null after the last page. */
  next: string | null;
}

/** One page of a seat's active creatives. The list is a snapshot, made with its first page and kept for five hours. */
export async function readCreatives(
  exchange: Exchange,
  { buyerId, pageToken }: { buyerId: string; pageToken: string | null },
): Promise<CreativesPage> {
  const answer = await exchange.ask({
    path: `/v1/buyers/${encodeURIComponent(buyerId)}/creatives`,
    // Without FULL neither markup nor declared fields are there.
    query: { view: "FULL", pageSize: creativesPerPage, ...(pageToken === null ? {} : { pageToken }) },
  });
  const page = read(creativesPage, answer, `creatives of buyer ${buyerId}`);
  if (page.nextPageToken !== undefined && page.nextPageToken === pageToken)
    throw new ConnectorError("malformed", "a page leads back to itself");
  const creatives = page.creatives.map((one) => described(one, buyerId));
  const ids = new Set(creatives.map(({ creativeId }) => creativeId));
  if (ids.size !== creatives.length) throw new ConnectorError("duplicate_key", "a page names one creative twice");
  return { creatives, next: page.nextPageToken || null };
}

function described(one: z.output<typeof creative>, buyerId: string): ExchangeCreative {
  const { html, video, native, creativeServingDecision: decision } = one;
  const { width, height } = html === undefined ? vastSize(video?.videoVastXml ?? "") : sizeOf(html);
  const format = one.creativeFormat ?? null;
  const size = canonicalSize({ width, height, format });
  const clickUrls = one.declaredClickThroughUrls;
  const links = [...clickUrls, ...(native?.clickLinkUrl === undefined ? [] : [native.clickLinkUrl])];
  const advertiser = one.advertiserName ?? decision?.detectedAdvertisers[0]?.advertiserName;
  return {
    creativeId: one.creativeId,
    buyerId,
    format,
    width,
    height,
    canonicalSize: size?.canonical ?? null,
    sizeCategory: size?.category ?? null,
    declaredClickUrls: clickUrls,
    destinationUrlsParsed: [...new Set([...links, ...(decision?.detectedClickThroughUrls ?? [])])].map(readLanding),
    googleBuyersUrl: `https://authorized-buyers.google.com/buyers/${encodeURIComponent(buyerId)}/creatives/${encodeURIComponent(one.creativeId)}`,
    htmlSnippet: html?.snippet ?? null,
    vastXml: video?.videoVastXml ?? null,
    creativeAttributes: {
      declaredAttributes: one.declaredAttributes,
      dealIds: one.dealIds,
      ...(video?.videoUrl === undefined ? {} : { videoUrl: video.videoUrl }),
      ...(native === undefined
        ? {}
        : { headline: native.headline, body: native.body, callToAction: native.callToAction }),
      detectedAdvertisers: decision?.detectedAdvertisers ?? [],
      detectedDomains: decision?.detectedDomains ?? [],
      detectedProductCategories: decision?.detectedProductCategories ?? [],
    },
    advertiserName: advertiser ?? null,
    languages: decision?.detectedLanguages ?? [],
    approvalStatus: decision?.networkPolicyCompliance?.status ?? null,
    previewUrl: previewUrl({ native, vast: video?.videoVastXml }),
  };
}

/** What is absent is zero there; numbers and texts both occur. */
function sizeOf({ width, height }: { width?: unknown; height?: unknown }): {
  width: number | null;
  height: number | null;
} {
  const pixels = (value: unknown) => {
    const number = value === undefined ? 0 : Number(String(value));
    return Number.isSafeInteger(number) && number >= 0 && number <= 100_000 ? number : null;
  };
  return { width: pixels(width), height: pixels(height) };
}

/** A video has no size of its own in the API: that of its largest file. */
function vastSize(vast: string): { width: number | null; height: number | null } {
  let best: { width: number; height: number } | null = null;
  for (const [tag] of vast.matchAll(/<MediaFile\b[^>]{0,2000}>/g)) {
    const width = Number(/\bwidth\s*=\s*["'](\d{1,5})["']/.exec(tag)?.[1] ?? "0");
    const height = Number(/\bheight\s*=\s*["'](\d{1,5})["']/.exec(tag)?.[1] ?? "0");
    if (width > 0 && height > 0 && (best === null || width * height > best.width * best.height))
      best = { width, height };
  }
  return best ?? { width: null, height: null };
}
