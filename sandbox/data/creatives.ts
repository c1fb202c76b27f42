import { apportion } from "../apportion.ts";
import { chance } from "../chance.ts";
import type { JsonObject } from "../vendor.ts";
import { linkOf, pick, pickKind, type Draw } from "./creative-links.ts";
import { products as sandboxProducts, type Product } from "./creative-products.ts";
import { languages, verticals } from "./creative-words.ts";

/** The seats of one bidder, as `buyers.list` names them. */
export const seats = [
  { buyerId: "731100201", displayName: "Harbour Media - Apps", billingIds: ["1500731001", "1500731002"] },
  { buyerId: "731100202", displayName: "Harbour Media - Brands", billingIds: ["1500731003"] },
] as const;

export const bidderId = "731100200";

export interface MadeCreative {
  buyerId: string;
  creativeId: string;
  /** What it advertises: the answer that a grouping is measured against. Nothing in `wire` is made from a grouping. */
  product: string;
  /** Language in two letters. */
  language: string;
  /** The API's own resource, as `view=FULL` answers it: what is empty is absent, int64 is text. */
  wire: JsonObject;
}

export interface MakeOptions {
  /** Another seed makes other creatives, the same on every machine. */
  seed?: string;
  count?: number;
  products?: readonly Product[];
  /** Updates lie in the 120 days before this one. */
  today?: string;
  /** Few brands are detected, agencies enter their own name, and hardly a text names its product. */
  poor?: boolean;
}

/** Creatives of two seats. Some ids are in both: an id is unique per buyer only. */
export function makeCreatives(options: MakeOptions = {}): MadeCreative[] {
  const { seed = "rtb", count = 652, products = sandboxProducts, today = "2026-03-01", poor = false } = options;
  const shares = apportion(
    count,
    products.map(({ weight }) => weight),
    Math.min(2, Math.floor(count / products.length)),
  );
  const made = products.flatMap((product, at) =>
    Array.from({ length: shares[at] ?? 0 }, (_, number) =>
      makeCreative(product, { draw: (question) => chance(seed, product.name, number, question), number, today, poor }),
    ),
  );
  return withSharedIds(made);
}

interface Making {
  draw: Draw;
  number: number;
  today: string;
  poor: boolean;
}

interface Copy {
  headline: string;
  body: string;
  call: string;
}

function makeCreative(product: Product, { draw, number, today, poor }: Making): MadeCreative {
  const language = pick(product.languages, draw("language"));
  const seat = seats[product.seat === 2 ? Math.floor(draw("seat") * 2) : product.seat] ?? seats[0];
  const creativeId = idOf(product, number, draw);
  const link = linkOf(product, pickKind(product.links, draw("kind")), draw);
  const copy = copyOf(product, language, draw, poor);
  const roll = draw("format");
  const content =
    roll < 0.58
      ? htmlContent(product, link, copy, draw)
      : roll < 0.8
        ? videoContent(product, link, copy, draw)
        : nativeContent(product, link, copy, draw);
  const advertiserName = advertiserOf(product, draw, poor);
  // Most declare the address; of the rest it stands in the content, or nowhere.
  const declared = link !== null && draw("declared") < 0.86 ? [declaredUrl(link, draw)] : [];
  return {
    buyerId: seat.buyerId,
    creativeId,
    product: product.name,
    language,
    wire: {
      name: `buyers/${seat.buyerId}/creatives/${creativeId}`,
      accountId: seat.buyerId,
      creativeId,
      version: 1 + Math.floor(draw("version") * 4),
      ...(advertiserName === null ? {} : { advertiserName }),
      ...(declared.length === 0 ? {} : { declaredClickThroughUrls: declared }),
      ...(draw("ssl") < 0.9 ? { declaredAttributes: ["CREATIVE_TYPE_HTML", "SSL"].slice(roll < 0.58 ? 0 : 1) } : {}),
      ...content,
      apiUpdateTime: moment(today, draw("updated")),
      creativeServingDecision: decisionOf(product, { language, link, draw, today, poor }),
    },
  };
}

/** Most are Google's 19 digits, past what a JS number holds; some are what a trafficker typed. */
function idOf({ name }: Product, number: number, draw: Draw): string {
  if (draw("id") < 0.12) return `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_")}-${number}-v${1 + (number % 3)}`;
  const digits = (question: string, length: number) =>
    String(Math.floor(draw(question) * 10 ** length)).padStart(length, "0");
  return `9${digits("id/a", 9)}${digits("id/b", 9)}`;
}

function copyOf({ name, vertical }: Product, language: string, draw: Draw, poor: boolean): Copy {
  const spoken = languages[language];
  const things = verticals[vertical]?.things[language];
  if (spoken === undefined || things === undefined) throw new RangeError(`${vertical} has no words in ${language}`);
  const thing = pick(things, draw("thing"));
  const written = (text: string) => text.replaceAll("{name}", name).replaceAll("{thing}", thing);
  const texts = (all: readonly string[]) =>
    poor && draw("named") < 0.8 ? all.filter((text) => !text.includes("{name}")) : all;
  return {
    headline: written(pick(texts(spoken.headlines), draw("headline"))),
    body: written(pick(texts(spoken.bodies), draw("body"))),
    call: pick(spoken.calls, draw("call")),
  };
}

/** Agencies enter their own name, and some enter nothing. */
function advertiserOf({ advertiser }: Product, draw: Draw, poor: boolean): string | null {
  const roll = draw("advertiser") * (poor ? 0.18 : 1);
  if (roll < 0.06) return null;
  if (roll < 0.13) return "Harbour Media";
  return roll < 0.25 ? advertiser.toUpperCase() : advertiser;
}

function declaredUrl(link: string, draw: Draw): string {
  const roll = draw("declared/as");
  if (roll < 0.12) return `%%CLICK_URL_UNESC%%${link}`;
  if (roll < 0.17) return `\${CLICK_URL}${link}`;
  return roll < 0.2 ? `[CLICK_URL]${encodeURIComponent(link)}` : link;
}

const htmlSizes = [
  ...[
    [300, 250],
    [300, 250],
    [300, 250],
    [728, 90],
    [320, 50],
    [320, 50],
    [160, 600],
    [300, 600],
    [970, 250],
  ],
  ...[
    [320, 100],
    [320, 480],
    [480, 320],
    [336, 280],
    [301, 251],
    [727, 90],
    [500, 500],
    [1, 1],
    [0, 0],
    [1080, 1920],
  ],
] as const satisfies readonly (readonly [number, number])[];

function htmlContent({ name }: Product, link: string | null, { headline, body, call }: Copy, draw: Draw): JsonObject {
  const [width, height] = pick(htmlSizes, draw("size"));
  const target = `%%CLICK_URL_ESC%%${link === null ? "" : encodeURIComponent(link)}`;
  // Half of them lie in a folder of the product, half under a number.
  const folder =
    draw("folder") < 0.5 ? name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-") : String(draw("folder")).slice(2, 9);
  const words =
    draw("words") < 0.75 ? `<h2>${escaped(headline)}</h2><p>${escaped(body)}</p><b>${escaped(call)}</b>` : "";
  const snippet =
    `<script>var cb="%%CACHEBUSTER%%";</script><a href="${target}" target="_blank">` +
    `<img src="https://cdn.mediabridge.example/${folder}/${width}x${height}.jpg" alt="${escaped(headline)}">${words}</a>` +
    `<img src="https://px.mediabridge.example/i?c=%%CREATIVE_ID%%&amp;e=%%AUCTION_ID%%" width="1" height="1">`;
  return {
    creativeFormat: "HTML",
    // A number here, where int64 fields are text; zero is absent.
    html: { snippet, ...(width === 0 ? {} : { width }), ...(height === 0 ? {} : { height }) },
  };
}

const videoSizes = [
  ...[
    [1920, 1080],
    [1280, 720],
    [640, 360],
    [1080, 1920],
    [1080, 1920],
    [720, 1280],
    [1080, 1080],
    [1080, 1350],
  ],
] as const satisfies readonly (readonly [number, number])[];

function videoContent({ name }: Product, link: string | null, { headline }: Copy, draw: Draw): JsonObject {
  const [width, height] = pick(videoSizes, draw("size"));
  const seconds = pick([6, 15, 30], draw("seconds"));
  const file = `https://cdn.mediabridge.example/v/${Math.floor(draw("file") * 1e9)}.mp4`;
  const videoMetadata = {
    duration: `${seconds}s`,
    ...(seconds > 6 ? { skipOffset: "5s" } : {}),
    isValidVast: true,
    vastVersion: "VAST_VERSION_3_0",
    mediaFiles: [{ mimeType: "VIDEO_MP4", bitrate: "1500" }],
  };
  // The API has no width and height of a video: they are in the VAST, or nowhere.
  if (draw("vast") < 0.12) return { creativeFormat: "VIDEO", video: { videoUrl: file, videoMetadata } };
  const clicks =
    link === null
      ? ""
      : `<VideoClicks><ClickThrough><![CDATA[%%CLICK_URL_UNESC%%${link}]]></ClickThrough></VideoClicks>`;
  // Some bring a picture to show beside the video: the only one that VAST has.
  const companion =
    draw("companion") < 0.35
      ? `<Creative><CompanionAds><Companion width="300" height="250"><StaticResource creativeType="image/jpeg"><![CDATA[${pictureOf("c", draw)}]]></StaticResource></Companion></CompanionAds></Creative>`
      : "";
  const title = draw("title") < 0.4 ? `${headline} | ${name}` : headline;
  const videoVastXml =
    `<VAST version="3.0"><Ad id="1"><InLine><AdSystem>mediabridge</AdSystem><AdTitle><![CDATA[${title}]]></AdTitle>` +
    `<Creatives><Creative><Linear><Duration>00:00:${String(seconds).padStart(2, "0")}</Duration>${clicks}` +
    `<MediaFiles><MediaFile delivery="progressive" type="video/mp4" width="${width}" height="${height}"><![CDATA[${file}]]></MediaFile></MediaFiles>` +
    `</Linear></Creative>${companion}</Creatives></InLine></Ad></VAST>`;
  return { creativeFormat: "VIDEO", video: { videoVastXml, videoMetadata } };
}

/** Most lie where the exchange says; of some the file is gone, is none, or its host leads somewhere else. */
function pictureOf(folder: string, draw: Draw): string {
  const roll = draw("picture");
  const host = "https://cdn.mediabridge.example";
  if (roll < 0.06) return `${host}/hostile/${pick(["gone", "page", "script", "inside", "large"], roll / 0.06)}.jpg`;
  return `${host}${roll < 0.2 ? "/moved" : ""}/${folder}/${Math.floor(draw("file") * 1e9)}.jpg`;
}

function nativeContent(product: Product, link: string | null, { headline, body, call }: Copy, draw: Draw): JsonObject {
  const image = pictureOf("n", draw);
  const isApp = product.bundle !== undefined;
  return {
    creativeFormat: "NATIVE",
    native: {
      headline,
      body,
      callToAction: call,
      ...(draw("native/advertiser") < 0.7 ? { advertiserName: product.name } : {}),
      image: { url: image, width: 1200, height: 627 },
      ...(isApp ? { appIcon: { url: image, width: 128, height: 128 }, starRating: 4.5 } : {}),
      ...(link === null ? {} : { clickLinkUrl: link }),
    },
  };
}

interface Deciding {
  language: string;
  link: string | null;
  draw: Draw;
  today: string;
  poor: boolean;
}

/** What Google found out itself: often the brand, mostly the language, now and then the wrong one. */
function decisionOf(
  { brandId, advertiser, name, vertical }: Product,
  { language, link, draw, today, poor }: Deciding,
): JsonObject {
  const code = pick(languages[language]?.codes ?? [language], draw("code"));
  const brand = poor ? 0.44 + draw("brand") * 0.6 : draw("brand");
  const detected =
    brand < 0.5
      ? { advertiserName: advertiser, brandId, brandName: name }
      : brand < 0.52
        ? { advertiserName: "Harbour Media", brandId: "88000", brandName: "Harbour Media" }
        : brand < 0.7
          ? { advertiserName: advertiser }
          : null;
  const status = draw("status");
  const host = link === null ? null : hostOf(link);
  return {
    ...(detected === null
      ? {}
      : { detectedAdvertisers: [{ advertiserId: String(Number(brandId) + 10_000), ...detected }] }),
    ...(host === null || draw("domains") < 0.25 ? {} : { detectedDomains: [host] }),
    ...(draw("detected") < 0.12 ? {} : { detectedLanguages: [code] }),
    ...(draw("category") < 0.8 ? { detectedProductCategories: [Number(verticals[vertical]?.category ?? 0)] } : {}),
    lastStatusUpdate: moment(today, draw("updated") * 0.9),
    networkPolicyCompliance:
      status < 0.9
        ? { status: "APPROVED" }
        : status < 0.95
          ? { status: "PENDING_REVIEW" }
          : {
              status: "DISAPPROVED",
              topics: [
                {
                  policyTopic: "DESTINATION_NOT_WORKING",
                  helpCenterUrl: "https://support.google.com/authorizedbuyers",
                },
              ],
            },
  };
}

const hostOf = (link: string) => /^https:\/\/([^/?]+)/.exec(link)?.[1] ?? null;

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

/** Up to 120 days before midnight of the day. */
function moment(today: string, drawn: number): string {
  return new Date(Date.parse(`${today}T00:00:00Z`) - Math.floor(drawn * 120 * 86_400) * 1_000).toISOString();
}

/** One in twenty of the second seat takes the id of a creative of the first. */
function withSharedIds(made: readonly MadeCreative[]): MadeCreative[] {
  const first = made.filter(({ buyerId }) => buyerId === seats[0].buyerId);
  let ofSecond = 0;
  return made.map((creative) => {
    if (creative.buyerId === seats[0].buyerId) return creative;
    ofSecond += 1;
    const twin = ofSecond % 20 === 0 ? first[ofSecond] : undefined;
    if (twin === undefined) return creative;
    const { creativeId } = twin;
    return {
      ...creative,
      creativeId,
      wire: { ...creative.wire, creativeId, name: `buyers/${creative.buyerId}/creatives/${creativeId}` },
    };
  });
}
