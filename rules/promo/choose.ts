import { isImpossible, type Counts } from "./rate.ts";
import { sampleBeta, type Random } from "./random.ts";

export const selectionModes = ["fixed", "performance", "thompson"] as const;
export type SelectionMode = (typeof selectionModes)[number];

/** What can be chosen: an active offer, or an approved variation of it. */
export interface Candidate extends Counts {
  id: number;
  weight: number;
}

export interface CandidateOffer extends Candidate {
  variations: readonly Candidate[];
}

export interface Choice<Offer extends CandidateOffer> {
  offer: Offer;
  variation: Offer["variations"][number];
  reason: string;
}

/** An offer, then a variation of it; null when nothing can be shown. A weight of 0 is never shown, in any mode. */
export function choose<Offer extends CandidateOffer>(
  offers: readonly Offer[],
  mode: SelectionMode,
  random: Random,
): Choice<Offer> | null {
  const shown = offers
    .map((offer) => ({ ...offer, variations: offer.variations.filter(({ weight }) => weight > 0) }))
    .filter(({ weight, variations }) => weight > 0 && variations.length > 0);
  if (shown.length === 0) return null;
  const offer = pick("offer", shown, mode, random);
  const variation = pick("variation", offer.one.variations, mode, random);
  return { offer: offer.one, variation: variation.one, reason: `${offer.reason}; ${variation.reason}` };
}

interface Picked<T> {
  one: T;
  reason: string;
}

type Kind = "offer" | "variation";

/** One of at least one. */
function pick<T extends Candidate>(kind: Kind, all: readonly T[], mode: SelectionMode, random: Random): Picked<T> {
  const impossible = all.filter(isImpossible).map(({ id }) => id);
  const picked = pickBy(kind, all, mode, random);
  if (impossible.length === 0 || mode === "fixed") return picked;
  const but = `${kind} ${impossible.join(", ")} has more clicks than impressions, so its rate is not used`;
  return { ...picked, reason: `${picked.reason} (${but})` };
}

function pickBy<T extends Candidate>(kind: Kind, all: readonly T[], mode: SelectionMode, random: Random): Picked<T> {
  if (mode === "performance") {
    const picked = byWeight(kind, all, weightByRate, random);
    return { ...picked, reason: `${picked.reason}, each weight × (1 + CTR/100)` };
  }
  const known = mode === "thompson" ? all.filter((one) => !isImpossible(one)) : [];
  return known.length > 0
    ? bySampling(kind, { all, known }, random)
    : byWeight(kind, all, ({ weight }) => weight, random);
}

/** The document's formula; a rate that cannot be true counts like none. */
export function weightByRate(one: Candidate): number {
  const known = one.impressions > 0 && !isImpossible(one);
  return known ? one.weight * (1 + one.clicks / one.impressions) : one.weight;
}

function byWeight<T extends Candidate>(
  kind: Kind,
  all: readonly T[],
  weigh: (one: T) => number,
  random: Random,
): Picked<T> {
  const total = all.reduce((sum, one) => sum + weigh(one), 0);
  let left = random() * total;
  let chosen = all[0] as T;
  for (const one of all) {
    chosen = one;
    left -= weigh(one);
    if (left < 0) break;
  }
  return { one: chosen, reason: `${kind} ${chosen.id} by weight ${brief(weigh(chosen))} of ${brief(total)}` };
}

/**
 * Thompson sampling: a draw from what is known of each rate, prior Beta(1, 1); the highest is shown. What has more clicks
 * than impressions draws as another does, chosen by chance: anybody can post clicks, and they shall neither take a text
 * out of the selection nor bring it to the front.
 */
function bySampling<T extends Candidate>(
  kind: Kind,
  { all, known }: { all: readonly T[]; known: readonly T[] },
  random: Random,
): Picked<T> {
  const drawn = all.map((one) => {
    const { clicks, impressions } = isImpossible(one) ? (known[Math.floor(random() * known.length)] as T) : one;
    return { one, rate: sampleBeta(random, 1 + clicks, 1 + impressions - clicks) };
  });
  const best = drawn.reduce((first, other) => (other.rate > first.rate ? other : first));
  return {
    one: best.one,
    reason: `${kind} ${best.one.id} drew a click rate of ${brief(best.rate * 100)} %, the highest of ${drawn.length}`,
  };
}

function brief(value: number): string {
  return String(Math.round(value * 100) / 100);
}
