import type { CreativeFacts } from "../rules/intelligence/creative-facts.ts";
import type { MadeCreative } from "../sandbox/data/creatives.ts";
import type { JsonObject } from "../sandbox/vendor.ts";

interface Wire {
  creativeFormat?: string;
  declaredClickThroughUrls?: string[];
  advertiserName?: string;
  html?: { snippet: string };
  video?: { videoVastXml?: string };
  native?: Record<string, string>;
  creativeServingDecision?: {
    detectedAdvertisers?: { brandId?: string; brandName?: string; advertiserName?: string }[];
    detectedLanguages?: string[];
  };
}

/** A made-up creative as the catalogue has it. What it is made for is left out. */
export function factsOf({
  buyerId,
  creativeId,
  wire,
}: Pick<MadeCreative, "buyerId" | "creativeId"> & { wire: JsonObject }): CreativeFacts {
  const answer = wire as unknown as Wire;
  const decision = answer.creativeServingDecision;
  return {
    id: `${buyerId}/${creativeId}`,
    format: answer.creativeFormat ?? null,
    declaredUrls: answer.declaredClickThroughUrls ?? [],
    htmlSnippet: answer.html?.snippet ?? null,
    vastXml: answer.video?.videoVastXml ?? null,
    native: answer.native ?? null,
    advertiserName: answer.advertiserName ?? null,
    detectedBrands: (decision?.detectedAdvertisers ?? []).map(
      ({ brandId = null, brandName = null, advertiserName = null }) => ({
        brandId,
        brandName,
        advertiserName,
      }),
    ),
    languages: decision?.detectedLanguages ?? [],
    genre: null,
    spend: [],
  };
}
