import { draws } from "./draws.ts";
import { addDays, daysFromTo } from "../core/days.ts";
import { timeClasses, type ClickTimes, type Repeats } from "../rules/findings/affiliates.ts";
import type { Records } from "../rules/findings/find.ts";
import { lookDays } from "../rules/findings/kinds.ts";

const to = "2026-03-28";
const window = { from: addDays(to, 1 - lookDays.window), to };
const days = daysFromTo(addDays(to, 1 - lookDays.history), to);

/** What is planted of each kind; all else is noise. */
export const plantedOfEach = 3;

/** Numbers from 0 to 1, the same for the same seed. */
function uniformOf(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * Made-up records whose truth is known: affiliates that differ among themselves more than chance would make them, sources with
 * weekly cycles, prices that wander and counts that vary, and among them `plantedOfEach` of each kind, or none.
 */
export function findingWorld(seed: number, plants = true): { records: Records; planted: Set<string> } {
  const { uniform, normal, gamma, poisson } = draws(uniformOf(seed));
  const planted = new Set<string>();
  const beta = (share: number, alike: number) => {
    const one = gamma(share * alike);
    return one / (one + gamma((1 - share) * alike));
  };
  const binomial = (n: number, share: number) => {
    let count = 0;
    for (let i = 0; i < n; i += 1) if (uniform() < share) count += 1;
    return count;
  };
  const plant = (at: number, identity: string) => {
    const isOne = plants && at >= 0 && at < plantedOfEach;
    if (isOne) planted.add(identity);
    return isOne;
  };

  const clickTimes = Array.from({ length: 24 }, (_, at): ClickTimes => {
    const subject = `affiliate/${1000 + at}`;
    const odd = plant(at, `click_times ${subject}`);
    const all = odd ? 150 + Math.floor(uniform() * 400) : Math.floor(40 * Math.exp(uniform() * 4));
    const early = binomial(all, beta(0.02, 60));
    const minute = early + binomial(all - early, odd && at !== 1 ? 0.5 : beta(0.06, 40));
    const late = binomial(all - minute, odd && at === 1 ? 0.65 : beta(0.12, 30));
    return {
      ...{ subject, name: subject, currency: "USD", all, medianSeconds: 1_000 },
      classes: timeClasses.map((_class, place) => [0, early, minute, late][place] ?? 0),
    };
  });
  const repeats = Array.from({ length: 20 }, (_, at): Repeats => {
    const subject = `affiliate/${2000 + at}`;
    const odd = plant(at, `repeat_addresses ${subject}`);
    const all = odd ? 200 + Math.floor(uniform() * 300) : Math.floor(40 * Math.exp(uniform() * 3.5));
    return { ...{ subject, name: subject, currency: "USD", all }, repeats: binomial(all, odd ? 0.42 : beta(0.06, 40)) };
  });

  const sources = Array.from({ length: 60 }, (_, at) => {
    const subject = `source/${at}`;
    const parts = plant(at, `parted_ways ${subject}`);
    const unclicked = plant(at - plantedOfEach, `spend_without_clicks ${subject}`);
    const unspent = plant(at - 2 * plantedOfEach, `clicks_without_spend ${subject}`);
    const special = parts || unclicked || unspent;
    const level = special ? 1_000 + uniform() * 2_000 : 15 * Math.exp(uniform() * 6);
    const cpc = 0.2 + uniform();
    const price = special ? 8 + uniform() * 10 : 5 + uniform() * 40;
    const weekend = 0.6 + uniform() * 0.8;
    let wander = 0;
    const own = days.map((date, index) => {
      wander = 0.7 * wander + 0.12 * normal();
      const isWeekend = [0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay());
      const spend = Math.round(level * (isWeekend ? weekend : 1) * Math.exp(0.25 * normal()) * 100) / 100;
      const ago = days.length - index;
      const odd = special && (ago === 4 || ago === 9);
      const clicks = poisson((spend / cpc) * gamma(25) * 0.04);
      const conversions = poisson(((spend / price) * Math.exp(-wander) * gamma(30)) / 30);
      return {
        date,
        spend: odd && unspent ? 0 : spend,
        clicks: odd && unclicked ? 0 : clicks,
        conversions: odd && parts ? Math.floor(conversions / 10) : odd && unspent ? 0 : conversions,
      };
    });
    return { subject, name: subject, currency: "USD", countedBy: "Redtrack", days: own };
  });
  return {
    planted,
    records: {
      ...{ conversions: window, spend: window, performance: null, paidTwice: [], campaigns: [] },
      ...{ sources, clickTimes, repeats },
    },
  };
}
