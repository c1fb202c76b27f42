import { identityOf, type Identity } from "../rules/intelligence/find-opportunities.ts";
import {
  windowDays,
  windowWeeks,
  type Breakdown,
  type CampaignTraits,
  type CampaignWindow,
  type CellSums,
} from "../rules/intelligence/opportunity-cells.ts";
import { seededRandom } from "../rules/promo/random.ts";
import { draws, type Draws } from "./draws.ts";

const geographies = ["BR", "IE", "US", "IN", "PT", "DE", "AO"];
const sizes = ["300x250", "320x50", "728x90", "160x600", "320x480"];
const genres = ["Puzzle", "Strategy", "Casino", "Finance", "Shopping"];
const formats = ["HTML", "VIDEO", "NATIVE"];
const creativesEach = 6;
const peersEach = 6;
const plantedSize = "970x250";
/** How far down a planted price is. */
const planted = { geography: 0.6, creative: 0.55, campaign: 0.6, size: 0.65 };

/** Clicks that are not known yet on the night after a day, and the night after that: vendors restate. */
const late = [0.08, 0.03];

export interface WorldSettings {
  /** Campaigns in which every part costs the same. */
  noise: number;
  /** Of each of the four types. */
  plantedEach: number;
  nights: number;
  /** How much more clicks vary than chance alone would make them. */
  dispersion?: number;
  /** How far prices of a part wander from day to day: a standard deviation of the logarithm. */
  wander?: number;
  /** How much of a day's wandering is left on the next. */
  persistence?: number;
}

type Kind = "noise" | "geography" | "creative" | "campaign" | "gap" | "peer";

/** Of each day. */
interface Days {
  clicks: Float64Array;
  spend: Float64Array;
}

/** Sums up to each day: those of any window are differences. */
interface Running extends Days {
  squares: Float64Array;
}

interface Part {
  campaignId: number;
  subject: string;
  own: Running;
  rest: Running;
}

/**
 * Made-up campaigns over a window and as many nights more. In most, only chance, weekly cycles and prices that wander, some of
 * them in all campaigns at once, make parts look cheap; in some, one part really is. The last days are restated.
 */
export class AdviceWorld {
  /** What is to be found. */
  readonly planted = new Set<string>();
  /** Truly cheaper without being planted as such: a planted size makes its creative and its campaign cheaper, too. */
  readonly #alsoTrue = new Set<string>();
  readonly #parts: Record<Breakdown, Part[]> = { geography: [], creative: [], size: [], campaign: [] };
  readonly #traits = new Map<number, CampaignTraits>();
  readonly #draws: Draws;
  readonly #settings: Required<WorldSettings>;
  /** By day and geography: prices that move in all campaigns at once. */
  readonly #market: number[][];

  constructor(seed: string, settings: WorldSettings) {
    this.#draws = draws(seededRandom(seed));
    this.#settings = { dispersion: 1.5, wander: 0.08, persistence: 0.5, ...settings };
    const market = this.#wandering(geographies.length);
    this.#market = Array.from({ length: windowDays + settings.nights }, market);
    const campaigns = kindsOf(settings).map(({ kind, genre }, i) => this.#add(i + 1, kind, genre));
    const total = this.#empty();
    for (const days of campaigns) add(total, days);
    campaigns.forEach((days, i) => {
      this.#part("campaign", { campaignId: i + 1, subject: "" }, days, total);
    });
  }

  isTrue(identity: Identity): boolean {
    const name = identityOf(identity);
    return this.planted.has(name) || this.#alsoTrue.has(name);
  }

  /** What would be read on a night, the first being 0. */
  window(night: number): CampaignWindow {
    const end = windowDays + night;
    const cells = (breakdown: Breakdown) =>
      this.#parts[breakdown].map(({ own, rest, ...of }) => ({ ...of, own: sumsOf(own, end), rest: sumsOf(rest, end) }));
    return {
      traits: this.#traits,
      cells: {
        geography: cells("geography"),
        creative: cells("creative"),
        size: cells("size"),
        campaign: cells("campaign"),
      },
    };
  }

  #empty(): Days {
    const length = windowDays + this.#settings.nights;
    return { clicks: new Float64Array(length), spend: new Float64Array(length) };
  }

  #part(breakdown: Breakdown, of: { campaignId: number; subject: string }, own: Days, whole: Days): void {
    this.#parts[breakdown].push({ ...of, own: running(own), rest: running(without(whole, own)) });
  }

  #pick<One>(all: readonly One[]): One {
    const one = all[Math.floor(this.#draws.uniform() * all.length)];
    if (one === undefined) throw new Error("there is nothing to pick from");
    return one;
  }

  #add(campaignId: number, kind: Kind, genre: string | null): Days {
    const creativeSizes = Array.from({ length: creativesEach }, (_, i) =>
      kind === "peer" && i === 0 ? plantedSize : this.#pick(sizes),
    );
    this.#traits.set(campaignId, {
      genre: genre ?? this.#pick(genres),
      format: genre === null ? this.#pick(formats) : "HTML",
      sizes: new Set(creativeSizes),
    });
    this.#note(campaignId, kind);
    const shares = this.#shares(kind);
    const whole = this.#empty();
    const byGeography = geographies.map(() => this.#empty());
    const byCreative = creativeSizes.map(() => this.#empty());
    this.#fill(kind, shares, { whole, byGeography, byCreative });
    byGeography.forEach((days, i) => {
      this.#part("geography", { campaignId, subject: geographies[i] ?? "" }, days, whole);
    });
    byCreative.forEach((days, i) => {
      this.#part("creative", { campaignId, subject: String(campaignId * 100 + i) }, days, whole);
    });
    for (const size of new Set(creativeSizes)) {
      const days = this.#empty();
      byCreative.forEach((one, i) => {
        if (creativeSizes[i] === size) add(days, one);
      });
      this.#part("size", { campaignId, subject: size }, days, whole);
    }
    return whole;
  }

  /** What is true of a campaign of this kind. */
  #note(campaignId: number, kind: Kind): void {
    const lastCreative = String(campaignId * 100 + creativesEach - 1);
    const truths: Record<Kind, Identity | null> = {
      noise: null,
      geography: { type: "undervalued_geo", campaignId, subject: geographies.at(-1) ?? "" },
      creative: { type: "neglected_creative", campaignId, subject: lastCreative },
      campaign: { type: "high_cpc_low_spend", campaignId, subject: "" },
      gap: { type: "size_gap", campaignId, subject: plantedSize },
      peer: null,
    };
    const truth = truths[kind];
    if (truth !== null) this.planted.add(identityOf(truth));
    if (kind === "noise" || kind === "gap") return;
    this.#alsoTrue.add(identityOf({ type: "high_cpc_low_spend", campaignId, subject: "" }));
    if (kind === "peer")
      this.#alsoTrue.add(identityOf({ type: "neglected_creative", campaignId, subject: String(campaignId * 100) }));
  }

  #shares(kind: Kind): { daily: number; geographies: number[]; creatives: number[] } {
    const { normal, gamma } = this.#draws;
    const byGeography = geographies.map(() => 0.1 + gamma(1));
    const byCreative = Array.from({ length: creativesEach }, () => 0.1 + gamma(1));
    if (kind === "geography") byGeography[geographies.length - 1] = 0.035 * sum(byGeography.slice(0, -1));
    if (kind === "creative") byCreative[creativesEach - 1] = 0.0085 * sum(byCreative.slice(0, -1));
    if (kind === "peer") byCreative[0] = 0.3 * sum(byCreative.slice(1));
    const times: Record<Kind, number> = { noise: 1, geography: 3, creative: 9, campaign: 0.25, gap: 2, peer: 2 };
    return {
      // Small enough to be in the lowest quarter, large enough for the floors.
      daily: kind === "campaign" ? 14 + 4 * normal() ** 2 : 60 * Math.exp(0.8 * normal()) * times[kind],
      geographies: byGeography.map((share) => share / sum(byGeography)),
      creatives: byCreative.map((share) => share / sum(byCreative)),
    };
  }

  #fill(
    kind: Kind,
    shares: { daily: number; geographies: number[]; creatives: number[] },
    { whole, byGeography, byCreative }: { whole: Days; byGeography: Days[]; byCreative: Days[] },
  ): void {
    const { uniform, gamma, poisson } = this.#draws;
    const { dispersion } = this.#settings;
    const ofCampaign = this.#wandering(1);
    const ofGeographies = this.#wandering(byGeography.length);
    const ofCreatives = this.#wandering(byCreative.length);
    for (let day = 0; day < whole.clicks.length; day += 1) {
      const week = 1 + 0.25 * Math.sin((2 * Math.PI * day) / 7 + 1);
      const dear = 0.5 * (1 + 0.1 * Math.sin((2 * Math.PI * day) / 7 + 2)) * Math.exp(ofCampaign()[0] ?? 0);
      const dearGeographies = ofGeographies();
      const dearCreatives = ofCreatives();
      for (const [g, geography] of byGeography.entries())
        for (const [c, creative] of byCreative.entries()) {
          const share = (shares.geographies[g] ?? 0) * (shares.creatives[c] ?? 0);
          const spend = Math.round(shares.daily * week * share * (0.8 + 0.4 * uniform()) * 1e6) / 1e6;
          const price =
            dear *
            Math.exp((this.#market[day]?.[g] ?? 0) + (dearGeographies[g] ?? 0) + (dearCreatives[c] ?? 0)) *
            cheapness(kind, g, c);
          const mean = spend / price;
          // A gamma of this scale makes the variance of the count `dispersion` times its mean.
          const clicks = poisson(dispersion > 1 ? gamma(mean / (dispersion - 1)) * (dispersion - 1) : mean);
          for (const days of [whole, geography, creative]) {
            days.clicks[day] = (days.clicks[day] ?? 0) + clicks;
            days.spend[day] = (days.spend[day] ?? 0) + spend;
          }
        }
    }
  }

  /** Prices that wander: each day keeps some of what the day before had. */
  #wandering(count: number): () => number[] {
    const { wander, persistence } = this.#settings;
    let now = Array.from({ length: count }, () => 0);
    return () =>
      (now = now.map(
        (before) => persistence * before + wander * Math.sqrt(1 - persistence ** 2) * this.#draws.normal(),
      ));
  }
}

/** Noise first, then the planted: a missing size needs campaigns like it that have the size. */
function kindsOf({ noise, plantedEach }: WorldSettings): { kind: Kind; genre: string | null }[] {
  const many = (kind: Kind, count: number, genre: string | null) =>
    Array.from({ length: count }, () => ({ kind, genre }));
  return [
    ...many("noise", noise, null),
    ...many("geography", plantedEach, null),
    ...many("creative", plantedEach, null),
    ...many("campaign", plantedEach, null),
    ...Array.from({ length: plantedEach }, (_, i) => [
      ...many("gap", 1, `Planted ${i}`),
      ...many("peer", peersEach, `Planted ${i}`),
    ]).flat(),
  ];
}

function cheapness(kind: Kind, geography: number, creative: number): number {
  if (kind === "campaign") return planted.campaign;
  if (kind === "geography" && geography === geographies.length - 1) return planted.geography;
  if (kind === "creative" && creative === creativesEach - 1) return planted.creative;
  return kind === "peer" && creative === 0 ? planted.size : 1;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

function add(to: Days, { clicks, spend }: Days): void {
  clicks.forEach((count, day) => {
    to.clicks[day] = (to.clicks[day] ?? 0) + count;
    to.spend[day] = (to.spend[day] ?? 0) + (spend[day] ?? 0);
  });
}

const without = (whole: Days, part: Days): Days => ({
  clicks: whole.clicks.map((count, day) => count - (part.clicks[day] ?? 0)),
  spend: whole.spend.map((amount, day) => Math.max(0, amount - (part.spend[day] ?? 0))),
});

const squared = (clicks: number, spend: number) => (spend > 1e-9 ? clicks ** 2 / spend : 0);

function running({ clicks, spend }: Days): Running {
  const upTo = (of: (day: number) => number) => {
    const sums = new Float64Array(clicks.length + 1);
    for (let day = 0; day < clicks.length; day += 1) sums[day + 1] = (sums[day] ?? 0) + of(day);
    return sums;
  };
  return {
    clicks: upTo((day) => clicks[day] ?? 0),
    spend: upTo((day) => spend[day] ?? 0),
    squares: upTo((day) => squared(clicks[day] ?? 0, spend[day] ?? 0)),
  };
}

const between = (sums: Float64Array, from: number, to: number) => (sums[to] ?? 0) - (sums[from] ?? 0);

function sumsOf({ clicks, spend, squares }: Running, end: number): CellSums {
  const start = end - windowDays;
  const amount = between(spend, start, end);
  const missing = late.map((share, back) => share * between(clicks, end - back - 1, end - back));
  const known = (from: number, to: number) => between(clicks, from, to) - (to === end ? sum(missing) : 0);
  const dayOf = (back: number, count: number) => squared(count, between(spend, end - back - 1, end - back));
  const restated = missing.map((count, back) => {
    const all = between(clicks, end - back - 1, end - back);
    return dayOf(back, all) - dayOf(back, all - count);
  });
  let weekSquares = 0;
  for (let to = end; to > start; to -= 7) weekSquares += squared(known(to - 7, to), between(spend, to - 7, to));
  return {
    clicks: known(start, end),
    spend: amount,
    spendText: amount.toFixed(6),
    // What a thousand impressions cost is the same everywhere.
    impressions: Math.round(amount * 500),
    days: windowDays,
    recentDays: 7,
    squares: between(squares, start, end) - sum(restated),
    weeks: windowWeeks,
    weekSquares,
  };
}
