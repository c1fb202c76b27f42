import { importPKCS8, SignJWT } from "jose";
import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import { canonicalSize } from "../../rules/rtb/sizes.ts";
import { readLanding } from "../../rules/rtb/landing.ts";
import { previewUrl } from "../../rules/rtb/preview.ts";
import { ConnectorError } from "../errors.ts";
import { id, text } from "../fields.ts";
import type { Http } from "../http.ts";
import type { PageRequest, Refusal, Vendor } from "../source.ts";

const scope = "https://www.googleapis.com/auth/realtime-bidding";
/** Google takes no assertion that lives longer. */
const assertionSeconds = 3_600;
/** A token is given up so long before its end: a page that is under way still reads with it. */
const spareMs = 60_000;
const creativesPerPage = 1_000;
const buyersPerPage = 500;

const serviceAccount = z.object({
  client_email: z.string().min(3),
  private_key: z.string().includes("PRIVATE KEY"),
  token_uri: z.url().default("https://oauth2.googleapis.com/token"),
});

const secrets = z.object({
  AUTHORIZED_BUYERS_KEY: z
    .string()
    .refine((key) => accountOf(key) !== null, "must be the JSON of a service account's key, on one line")
    .meta(
      about(
        "The key of a service account that is a user of the Authorized Buyers account: its JSON file, on one line.",
      ),
    ),
});
type Secrets = Record<string, string>;

function accountOf(key: string): z.output<typeof serviceAccount> | null {
  try {
    return serviceAccount.safeParse(JSON.parse(key)).data ?? null;
  } catch {
    return null;
  }
}

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
  classify,
  unhintedWaitMs: 60_000,
  probe: (given) => tokenRequest(given, new Date()),
};

/** Errors as Google's APIs write them; those of the token endpoint are OAuth's. */
function classify(status: number, body: unknown): Refusal {
  const oauth = z.object({ error: z.string(), error_description: z.string().optional() }).safeParse(body).data;
  if (oauth !== undefined) {
    const message = `${oauth.error}${oauth.error_description === undefined ? "" : `: ${oauth.error_description}`}`;
    // A deleted key, a clock that is wrong, an account that is none: a person must look.
    return { kind: status >= 500 ? "unavailable" : "unauthorized", message, code: oauth.error };
  }
  const found = googleError.safeParse(body).data?.error;
  const message = found?.message ?? "no reason given";
  const code = found?.status ?? String(status);
  if (status === 401 || status === 403) return { kind: "unauthorized", message, code };
  if (status === 429) {
    const retryAfterMs = waitOf(found?.details ?? []);
    return { kind: "rate_limited", message, code, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  }
  return { kind: status === 408 || status >= 500 ? "unavailable" : "rejected", message, code };
}

const googleError = z.object({
  error: z.object({
    message: z.string().default(""),
    status: z.string().optional(),
    details: z.array(z.looseObject({ retryDelay: z.string().optional() })).default([]),
  }),
});

/** `12s` or `1.5s`, as durations are written there. */
function waitOf(details: readonly { retryDelay?: string | undefined }[]): number | null {
  for (const { retryDelay } of details) {
    const seconds = /^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(retryDelay ?? "")?.[1];
    if (seconds !== undefined) return Math.ceil(Number(seconds) * 1_000);
  }
  return null;
}

async function tokenRequest({ AUTHORIZED_BUYERS_KEY: key = "" }: Secrets, now: Date): Promise<PageRequest> {
  const account = accountOf(key);
  if (account === null) throw new ConnectorError("unauthorized", "AUTHORIZED_BUYERS_KEY is no service account's key");
  const issued = Math.floor(now.getTime() / 1_000);
  const assertion = await new SignJWT({ scope })
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .setIssuer(account.client_email)
    .setAudience(account.token_uri)
    .setIssuedAt(issued)
    .setExpirationTime(issued + assertionSeconds)
    .sign(await importPKCS8(account.private_key, "RS256").catch(unreadable));
  return {
    method: "POST",
    at: "token",
    path: "/token",
    form: { grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion },
  };
}

function unreadable(): never {
  throw new ConnectorError("unauthorized", "the private key in AUTHORIZED_BUYERS_KEY cannot be read");
}

const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.unknown().transform(Number) });

/** Asks with a token, which is fetched when it is needed and once again when it is refused. */
export interface Exchange {
  ask(request: PageRequest): Promise<unknown>;
}

interface Token {
  text: string;
  untilMs: number;
}

/** Of an account's key as it was read from the settings: a token is good for an hour, and every page would ask for one. */
const tokens = new WeakMap<Secrets, Token>();

export function openExchange(http: Http, given: Secrets, now: () => Date): Exchange {
  const tokenNow = async () => {
    const token = tokens.get(given);
    if (token !== undefined && now().getTime() < token.untilMs) return token.text;
    const answer = read(tokenAnswer, await http.json(await tokenRequest(given, now())), "token");
    tokens.set(given, { text: answer.access_token, untilMs: now().getTime() + answer.expires_in * 1_000 - spareMs });
    return answer.access_token;
  };
  const once = async (request: PageRequest) =>
    http.json({ ...request, headers: { ...request.headers, authorization: `Bearer ${await tokenNow()}` } });
  return {
    async ask(request) {
      try {
        return await once(request);
      } catch (error) {
        // Tokens end early when keys are rotated or clocks differ. A second refusal is meant.
        if (!(error instanceof ConnectorError) || error.code !== "UNAUTHENTICATED") throw error;
        tokens.delete(given);
        return once(request);
      }
    },
  };
}

function read<Shape extends z.ZodType>(shape: Shape, body: unknown, what: string): z.output<Shape> {
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
function nextOf(token: string | undefined, seen: Set<string>): string | null {
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
