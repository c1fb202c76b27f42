import { clickUrls, plainLine, vastClickUrls, vastText, visibleText } from "../rtb/creative-content.ts";
import { landingKey, readLanding, type Landing } from "../rtb/landing.ts";

/** What the catalogue knows of a creative, as far as it helps to say what it advertises. */
export interface CreativeFacts {
  /** Unique over all seats: an id of the vendor's is unique per buyer only. */
  id: string;
  /** HTML, VIDEO or NATIVE. */
  format: string | null;
  declaredUrls: readonly string[];
  htmlSnippet: string | null;
  vastXml: string | null;
  native: NativeTexts | null;
  advertiserName: string | null;
  detectedBrands: readonly { brandId: string | null; brandName: string | null; advertiserName: string | null }[];
  /** Two characters or five: `pt`, `pt_BR`. */
  languages: readonly string[];
  /** What kind of thing it sells, where the vendor's category says; a word for people. */
  genre: string | null;
  /** Where its money goes: two letters of a country, and an amount. Of one currency. */
  spend: readonly { country: string; amount: string }[];
}

export interface NativeTexts {
  headline?: string | null;
  body?: string | null;
  callToAction?: string | null;
  advertiserName?: string | null;
  clickLinkUrl?: string | null;
}

/** A creative as the grouping sees it. */
export interface Item {
  id: string;
  format: string;
  /** Two letters; `und` where nothing says which. */
  language: string;
  landings: Landing[];
  brandId: string | null;
  brandName: string | null;
  /** In small letters, without the legal form. */
  advertiser: string | null;
  headline: string | null;
  text: string;
  genre: string | null;
  spend: CreativeFacts["spend"];
}

const mostText = 600;

export function toItem(facts: CreativeFacts): Item {
  const { htmlSnippet, vastXml, native } = facts;
  const brand = facts.detectedBrands.find(({ brandId }) => brandId !== null) ?? null;
  const detected = facts.detectedBrands.find(({ advertiserName }) => advertiserName !== null)?.advertiserName ?? null;
  const headline = native?.headline ?? (vastXml === null ? null : vastText(vastXml));
  const html = htmlSnippet === null ? "" : visibleText(htmlSnippet);
  const text = [headline, native?.body, native?.callToAction, native?.advertiserName, html]
    .filter((part): part is string => typeof part === "string" && part !== "")
    .map(plainLine)
    .join(" ");
  const own = headline === null || headline === "" ? html.slice(0, 120) : plainLine(headline);
  return {
    id: facts.id,
    format: facts.format?.toUpperCase() ?? "UNKNOWN",
    language: languageOf(facts.languages),
    landings: landingsOf(facts),
    brandId: brand?.brandId ?? null,
    brandName: brand?.brandName ?? null,
    advertiser: advertiserKey(facts.advertiserName ?? detected),
    headline: own === "" ? null : own,
    text: text.slice(0, mostText),
    genre: facts.genre,
    spend: facts.spend,
  };
}

/** Declared addresses first; those that say the same once. */
function landingsOf({ declaredUrls, htmlSnippet, vastXml, native }: CreativeFacts): Landing[] {
  const urls = [
    ...declaredUrls,
    ...(htmlSnippet === null ? [] : clickUrls(htmlSnippet)),
    ...(vastXml === null ? [] : vastClickUrls(vastXml)),
    ...(typeof native?.clickLinkUrl === "string" ? [native.clickLinkUrl] : []),
  ];
  const known = new Map<string, Landing>();
  for (const url of [...new Set(urls)].slice(0, 20)) {
    const landing = readLanding(url);
    const key = `${landing.kind} ${landingKey(landing) ?? landing.url ?? landing.host ?? ""}`;
    if (landing.kind !== "none" && !known.has(key)) known.set(key, landing);
  }
  return [...known.values()];
}

/** A creative in several languages has no one of them. */
function languageOf(codes: readonly string[]): string {
  const families = new Set(
    codes.map((code) => code.slice(0, 2).toLowerCase()).filter((code) => /^[a-z]{2}$/.test(code)),
  );
  const [only] = families;
  return families.size === 1 && only !== undefined ? only : "und";
}

const legalForm = /[\s,.]+(?:inc|ltd|llc|gmbh|ag|sa|sas|srl|bv|ab|oy|plc|pte|pty|co|corp|group|limited|ltda|kg)\.?$/;

/** `HARBOR REELS LTD.` and `Harbor Reels` are one; null where nothing is left. */
export function advertiserKey(name: string | null): string | null {
  if (name === null) return null;
  const plain = plainLine(name).toLocaleLowerCase("en").replace(legalForm, "").trim();
  return plain === "" ? null : plain.slice(0, 120);
}
