import type { StoredOrigin } from "../../core/origin.ts";
import type { Figures } from "../../rules/promo/rank.ts";

export interface OfferRow extends Figures {
  offerId: number;
  name: string;
  offerType: string;
  slug: string;
  destinationUrl: string;
  clickIdParameter: string | null;
  landingUrl: string | null;
  weight: number;
  active: boolean;
  archived: boolean;
  origin: StoredOrigin;
  createdAt: Date;
  updatedAt: Date;
  variations: VariationRow[];
}

export interface VariationRow extends Figures {
  variationId: number;
  offerId: number;
  textContent: string;
  ctaText: string | null;
  tone: string | null;
  lengthCategory: string | null;
  approved: boolean;
  weight: number;
  createdAt: Date;
  updatedAt: Date;
}

/** What a person says of an offer. */
export interface NewOffer {
  name: string;
  offerType: string;
  slug: string;
  destinationUrl: string;
  clickIdParameter: string | null;
  landingUrl: string | null;
  weight: number;
  active: boolean;
}

export interface NewVariation {
  textContent: string;
  ctaText: string | null;
  tone: string | null;
  lengthCategory: string | null;
  approved: boolean;
  weight: number;
}
