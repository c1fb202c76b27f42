import { expect, test } from "@jest/globals";
import { rankOffers, type VariationFigures } from "./rank.ts";

const row = (
  offerId: number,
  variationId: number | null,
  impressions: number,
  clicks: number,
  rawClicks = clicks,
): VariationFigures => ({
  offerId,
  offerName: `offer ${offerId}`,
  offerType: "affiliate",
  origin: "real",
  variationId,
  textPreview: null,
  ctaText: null,
  tone: null,
  approved: null,
  impressions,
  clicks,
  rawClicks,
  botClicks: rawClicks - clicks,
  repeatClicks: 0,
});

test("offers and variations come best first, an offer that did nothing is left out and a variation comes last, and each offer has its own best", () => {
  const { total, offers, variations } = rankOffers([
    row(1, 11, 2_000, 20),
    row(1, 12, 2_000, 200),
    row(2, 21, 100, 30),
    row(2, 22, 0, 0),
    row(3, 31, 0, 0, 4),
    row(4, null, 0, 0),
  ]);
  expect(total).toEqual({ impressions: 4_100, clicks: 250, rawClicks: 254, botClicks: 4, repeatClicks: 0 });
  expect(offers.map(({ id, clicks, best }) => [id, clicks, best.id])).toEqual([
    [2, 30, null],
    [1, 220, 12],
    [3, 0, null],
  ]);
  expect(variations.map(({ id }) => id)).toEqual([21, 12, 11, 22, 31]);
  expect(rankOffers([])).toEqual({
    total: { impressions: 0, clicks: 0, rawClicks: 0, botClicks: 0, repeatClicks: 0 },
    offers: [],
    variations: [],
  });
});
