import type { StoredOrigin } from "../../core/origin.ts";
import { bestFirst, bestOf, type Best, type Counts } from "./rate.ts";

/** What was counted of an offer, a variation, or a day of one. Clicks are of people; `rawClicks` are all. */
export interface Figures extends Counts {
  rawClicks: number;
  botClicks: number;
  repeatClicks: number;
}

/** A variation with its offer; the variation is null where the offer has none. */
export interface VariationFigures extends Figures {
  offerId: number;
  offerName: string;
  offerType: string;
  origin: StoredOrigin;
  variationId: number | null;
  textPreview: string | null;
  ctaText: string | null;
  tone: string | null;
  approved: boolean | null;
}

export interface RankedVariation extends VariationFigures {
  id: number;
}

export interface RankedOffer extends Figures {
  id: number;
  name: string;
  offerType: string;
  origin: StoredOrigin;
  /** Of the variations that were read. */
  best: Best;
}

export function addFigures(all: readonly Figures[]): Figures {
  const sum = (of: (one: Figures) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    impressions: sum(({ impressions }) => impressions),
    clicks: sum(({ clicks }) => clicks),
    rawClicks: sum(({ rawClicks }) => rawClicks),
    botClicks: sum(({ botClicks }) => botClicks),
    repeatClicks: sum(({ repeatClicks }) => repeatClicks),
  };
}

const isIdle = ({ impressions, rawClicks }: Figures) => impressions === 0 && rawClicks === 0;

/** Offers with any activity, and all variations, also those nobody was shown yet; the best rate first. */
export function rankOffers(rows: readonly VariationFigures[]): {
  total: Figures;
  offers: RankedOffer[];
  variations: RankedVariation[];
} {
  const ofOffers = new Map<number, [VariationFigures, ...VariationFigures[]]>();
  for (const row of rows) {
    const own = ofOffers.get(row.offerId);
    if (own === undefined) ofOffers.set(row.offerId, [row]);
    else own.push(row);
  }
  const withId = (own: readonly VariationFigures[]) =>
    own.flatMap((row) => (row.variationId === null ? [] : [{ ...row, id: row.variationId }]));
  const offers = [...ofOffers].map(([id, own]) => ({
    id,
    name: own[0].offerName,
    offerType: own[0].offerType,
    origin: own[0].origin,
    ...addFigures(own),
    best: bestOf(withId(own)),
  }));
  return {
    total: addFigures(rows),
    offers: bestFirst(offers.filter((one) => !isIdle(one))),
    variations: bestFirst(withId(rows)),
  };
}
