import { z } from "zod";
import type { CreativeFacts } from "./creative-facts.ts";

/** A creative as the catalogue stores it. Documents may have been put by people: whatever is not as expected counts for nothing. */
export interface StoredCreative {
  id: string;
  format: string | null;
  declaredClickUrls: unknown;
  destinationUrlsParsed: unknown;
  htmlSnippet: string | null;
  vastXml: string | null;
  creativeAttributes: unknown;
  advertiserName: string | null;
  languages: unknown;
}

const word = z
  .union([z.string(), z.number().transform(String)])
  .nullish()
  .catch(null)
  .transform((text) => (text === undefined || text === "" ? null : text));
const words = z.array(z.unknown()).catch([]);
const attributes = z
  .looseObject({
    headline: word,
    body: word,
    callToAction: word,
    detectedAdvertisers: z
      .array(z.looseObject({ brandId: word, brandName: word, advertiserName: word }).catch(nobody))
      .catch([]),
    detectedProductCategories: words,
  })
  .catch({ headline: null, body: null, callToAction: null, detectedAdvertisers: [], detectedProductCategories: [] });
const places = z.array(z.looseObject({ url: word, kind: word }).catch({ url: null, kind: null })).catch([]);

function nobody() {
  return { brandId: null, brandName: null, advertiserName: null };
}

const textsIn = (value: unknown): string[] =>
  words.parse(value).filter((one): one is string => typeof one === "string" && one !== "");

/** What clustering looks at. What is spent on it comes from the records. */
export function factsOfStored(
  stored: StoredCreative,
  spend: CreativeFacts["spend"],
  genres: ReadonlyMap<string, string> = new Map(),
): CreativeFacts {
  const { headline, body, callToAction, detectedAdvertisers, detectedProductCategories } = attributes.parse(
    stored.creativeAttributes ?? {},
  );
  const isNative = headline !== null || body !== null || callToAction !== null;
  const declared = textsIn(stored.declaredClickUrls);
  // Where nothing is declared, what the exchange found on clicking says where it leads; of a native it is its own link.
  const parsed = declared.length > 0 && !isNative ? [] : places.parse(stored.destinationUrlsParsed ?? []);
  return {
    id: stored.id,
    format: stored.format,
    declaredUrls: [...declared, ...parsed.flatMap(({ url, kind }) => (url === null || kind === "none" ? [] : [url]))],
    htmlSnippet: stored.htmlSnippet,
    vastXml: stored.vastXml,
    native: isNative ? { headline, body, callToAction } : null,
    advertiserName: stored.advertiserName,
    detectedBrands: detectedAdvertisers.map(({ brandId, brandName, advertiserName }) => ({
      brandId,
      brandName,
      advertiserName,
    })),
    languages: textsIn(stored.languages),
    genre: detectedProductCategories.flatMap((category) => genres.get(String(category)) ?? [])[0] ?? null,
    spend,
  };
}
