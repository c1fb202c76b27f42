import { choose, selectionModes, type CandidateOffer, type SelectionMode } from "../rules/promo/choose.ts";
import { seededRandom } from "../rules/promo/random.ts";

interface Arm {
  offerId: number;
  variationId: number;
  /** The share of recipients who really click. */
  rate: number;
  /** The first send at which it exists. */
  from: number;
}

/** Three offers, eight texts; the best is added after 2,000 sends: a mode that never tries the new never finds it. */
export const arms: readonly Arm[] = [
  { offerId: 1, variationId: 11, rate: 0.02, from: 0 },
  { offerId: 1, variationId: 12, rate: 0.035, from: 0 },
  { offerId: 1, variationId: 13, rate: 0.05, from: 0 },
  { offerId: 2, variationId: 21, rate: 0.01, from: 0 },
  { offerId: 2, variationId: 22, rate: 0.04, from: 0 },
  { offerId: 3, variationId: 31, rate: 0.03, from: 0 },
  { offerId: 3, variationId: 32, rate: 0.06, from: 0 },
  { offerId: 3, variationId: 33, rate: 0.1, from: 2_000 },
];

/** Clicks that the best text would have had more, in expectation, after each of so many sends to one reader. */
export function regretOf(mode: SelectionMode, sends: number, seed: string): number[] {
  const random = seededRandom(`${seed}/${mode}`);
  const seen = new Map(arms.map(({ variationId }) => [variationId, { impressions: 0, clicks: 0 }]));
  const regret: number[] = [];
  let total = 0;
  for (let send = 0; send < sends; send += 1) {
    const known = arms.filter(({ from }) => from <= send);
    const chosen = choose(offersOf(known, seen), mode, random);
    const arm = known.find(({ variationId }) => variationId === chosen?.variation.id);
    if (arm === undefined) throw new Error("nothing was chosen");
    const counts = countsOf(seen, arm.variationId);
    counts.impressions += 1;
    if (random() < arm.rate) counts.clicks += 1;
    total += Math.max(...known.map(({ rate }) => rate)) - arm.rate;
    regret.push(total);
  }
  return regret;
}

/** The mean over runs with different seeds, per mode. */
export function meanRegrets(sends: number, runs: number): Record<SelectionMode, number[]> {
  const mean = (mode: SelectionMode) => {
    const all = Array.from({ length: runs }, (_, run) => regretOf(mode, sends, String(run)));
    return Array.from({ length: sends }, (_, send) => all.reduce((sum, one) => sum + (one[send] ?? 0), 0) / runs);
  };
  const [fixed, performance, thompson] = selectionModes;
  return { fixed: mean(fixed), performance: mean(performance), thompson: mean(thompson) };
}

type Seen = ReadonlyMap<number, { impressions: number; clicks: number }>;

function countsOf(seen: Seen, variationId: number) {
  const counts = seen.get(variationId);
  if (counts === undefined) throw new Error(`variation ${variationId} is not one of the arms`);
  return counts;
}

function offersOf(known: readonly Arm[], seen: Seen): CandidateOffer[] {
  return [...new Set(known.map(({ offerId }) => offerId))].map((id) => {
    const variations = known
      .filter(({ offerId }) => offerId === id)
      .map(({ variationId }) => ({ id: variationId, weight: 1, ...countsOf(seen, variationId) }));
    return {
      id,
      weight: 1,
      impressions: variations.reduce((sum, one) => sum + one.impressions, 0),
      clicks: variations.reduce((sum, one) => sum + one.clicks, 0),
      variations,
    };
  });
}
