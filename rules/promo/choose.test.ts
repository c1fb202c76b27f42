import { describe, expect, test } from "@jest/globals";
import {
  choose as chooseOne,
  weightByRate,
  selectionModes,
  type CandidateOffer,
  type SelectionMode,
} from "./choose.ts";
import { sampleBeta, seededRandom, type Random } from "./random.ts";

const variation = (id: number, weight = 1, impressions = 0, clicks = 0) => ({ id, weight, impressions, clicks });
const offer = (id: number, weight: number, variations = [variation(id * 10)]): CandidateOffer => ({
  id,
  weight,
  impressions: variations.reduce((sum, one) => sum + one.impressions, 0),
  clicks: variations.reduce((sum, one) => sum + one.clicks, 0),
  variations,
});

function choose(offers: readonly CandidateOffer[], mode: SelectionMode, random: Random) {
  const choice = chooseOne(offers, mode, random);
  return choice && { offerId: choice.offer.id, variationId: choice.variation.id, reason: choice.reason };
}

/** How often each offer or variation was chosen. */
function counts(offers: CandidateOffer[], mode: SelectionMode, times: number, of: "offerId" | "variationId") {
  const random = seededRandom("counts");
  const seen: Record<number, number> = {};
  for (let n = 0; n < times; n++) {
    const id = choose(offers, mode, random)?.[of] ?? 0;
    seen[id] = (seen[id] ?? 0) + 1;
  }
  return seen;
}

test("a seed repeats a choice, and other seeds choose otherwise", () => {
  const offers = [offer(1, 10, [variation(11), variation(12)]), offer(2, 10, [variation(21), variation(22)])];
  for (const mode of selectionModes) {
    const chosen = Array.from({ length: 40 }, (_, n) => choose(offers, mode, seededRandom(String(n))));
    const again = Array.from({ length: 40 }, (_, n) => choose(offers, mode, seededRandom(String(n))));
    expect(again).toEqual(chosen);
    expect(new Set(chosen.map((one) => one?.variationId)).size).toBe(4);
  }
});

test("fixed weights: the document's 10, 5 and 1 are chosen 10, 5 and 1 times of 16, whatever was clicked", () => {
  const offers = [offer(1, 10, [variation(10, 1, 1_000, 900)]), offer(2, 5), offer(3, 1)];
  const seen = counts(offers, "fixed", 16_000, "offerId");
  expect(Math.round((seen[1] ?? 0) / 1_000)).toBe(10);
  expect(Math.round((seen[2] ?? 0) / 1_000)).toBe(5);
  expect(Math.round((seen[3] ?? 0) / 1_000)).toBe(1);
  expect(choose(offers, "fixed", () => 0)).toEqual({
    offerId: 1,
    variationId: 10,
    reason: "offer 1 by weight 10 of 16; variation 10 by weight 1 of 1",
  });
});

test("variations are chosen by weight within their offer", () => {
  const seen = counts([offer(1, 1, [variation(11, 3), variation(12, 1)])], "fixed", 4_000, "variationId");
  expect(Math.round((seen[11] ?? 0) / 1_000)).toBe(3);
});

test("performance: an offer with 20 % CTR counts 1.2 times, one with 5 % 1.05 times, one never shown as it is", () => {
  expect(weightByRate(variation(1, 10, 100, 20))).toBeCloseTo(12);
  expect(weightByRate(variation(1, 10, 100, 5))).toBeCloseTo(10.5);
  expect(weightByRate(variation(1, 10))).toBe(10);
  const chosen = choose([offer(1, 10, [variation(11, 1, 100, 20)])], "performance", () => 0.5);
  expect(chosen?.reason).toBe(
    "offer 1 by weight 12 of 12, each weight × (1 + CTR/100); variation 11 by weight 1.2 of 1.2, each weight × (1 + CTR/100)",
  );
});

describe("Thompson sampling", () => {
  test("shows the better variation most of the time and keeps trying the new one", () => {
    const variations = [variation(11, 1, 10_000, 500), variation(12, 1, 10_000, 100), variation(13, 1, 20, 0)];
    const seen = counts([offer(1, 1, variations)], "thompson", 2_000, "variationId");
    expect(seen[12] ?? 0).toBe(0);
    expect(seen[13] ?? 0).toBeGreaterThan(300);
    expect(seen[11] ?? 0).toBeGreaterThan(500);
  });

  test("says what it drew", () => {
    const chosen = choose([offer(1, 1, [variation(11, 1, 10_000, 500)]), offer(2, 9)], "thompson", seededRandom("2"));
    expect(chosen?.reason).toMatch(
      /^offer \d drew a click rate of [\d.]+ %, the highest of 2; variation \d+ drew a click rate of [\d.]+ %, the highest of 1$/,
    );
  });

  test("clicks that somebody posts neither take a text or its offer out of the selection nor bring it to the front", () => {
    const impossible = variation(12, 1, 10, 5_000);
    const offers = [offer(1, 1, [variation(11, 1, 100_000, 100), impossible])];
    const seen = counts(offers, "thompson", 1_000, "variationId");
    expect(seen[12] ?? 0).toBeGreaterThan(400);
    expect(seen[11] ?? 0).toBeGreaterThan(400);
    expect(choose(offers, "thompson", seededRandom("a"))?.reason).toContain(
      "(variation 12 has more clicks than impressions, so its rate is not used)",
    );
    // A new offer that one click was posted to, beside two that are known.
    const known = [offer(1, 1, [variation(11, 1, 1_000, 50)]), offer(2, 1, [variation(21, 1, 1_000, 50)])];
    const beside = counts([...known, offer(3, 1, [variation(31, 1, 0, 1)])], "thompson", 1_500, "offerId");
    for (const id of [1, 2, 3]) expect(beside[id] ?? 0).toBeGreaterThan(350);
  });

  test("goes by the weights where no rate can be true", () => {
    const offers = [offer(1, 3, [variation(11, 1, 1, 2)]), offer(2, 1, [variation(21, 1, 1, 2)])];
    const seen = counts(offers, "thompson", 4_000, "offerId");
    expect(Math.round((seen[1] ?? 0) / 1_000)).toBe(3);
  });
});

test("posting clicks cannot raise a performance weight above twice the weight", () => {
  expect(weightByRate(variation(1, 10, 10, 10))).toBe(20);
  expect(weightByRate(variation(1, 10, 10, 11))).toBe(10);
  const offers = [offer(1, 10, [variation(11, 1, 10, 11)])];
  expect(choose(offers, "performance", () => 0)?.reason).toContain("offer 1 has more clicks than impressions");
  expect(choose(offers, "fixed", () => 0)?.reason).not.toContain("more clicks");
});

test.each(selectionModes)("%s: a weight of 0 is never shown, and an offer without a variation neither", (mode) => {
  const offers = [
    offer(1, 0),
    offer(2, 5, [variation(21, 0)]),
    offer(3, 1, []),
    offer(4, 1, [variation(41), variation(42, 0)]),
  ];
  expect(counts(offers, mode, 200, "variationId")).toEqual({ 41: 200 });
  expect(choose(offers.slice(0, 3), mode, () => 0)).toBeNull();
  expect(choose([], mode, () => 0)).toBeNull();
});

test("a random number at its very end chooses the last, not none", () => {
  expect(choose([offer(1, 0.1), offer(2, 0.2)], "fixed", () => 1)?.offerId).toBe(2);
});

test.each([
  [1, 1],
  [2, 30],
  [51, 951],
  [1_000_001, 99_000_001],
])("draws from Beta(%d, %d) have its mean and spread", (a, b) => {
  const random = seededRandom(`${a}/${b}`);
  const drawn = Array.from({ length: 20_000 }, () => sampleBeta(random, a, b));
  const mean = drawn.reduce((sum, one) => sum + one, 0) / drawn.length;
  const variance = drawn.reduce((sum, one) => sum + (one - mean) ** 2, 0) / drawn.length;
  const expected = a / (a + b);
  const spread = Math.sqrt((a * b) / ((a + b) ** 2 * (a + b + 1)));
  expect(Math.abs(mean - expected)).toBeLessThan(4 * (spread / Math.sqrt(drawn.length)));
  expect(Math.sqrt(variance) / spread).toBeCloseTo(1, 1);
});
