import { Big } from "big.js";
import { windowWeeks } from "./opportunity-cells.ts";
import type { Exposure } from "../shared/statistics.ts";

/** A week's, rounded to the cent. */
export interface Savings {
  /** What is spent there now. */
  current: string;
  /** What it would be raised to. */
  target: string;
  /** What the clicks of the raise would cost less than elsewhere. */
  weekly: string;
  /** The same by the price that is at most to be feared, with 90 % confidence. */
  low: string;
}

type Spent = Exposure & { spendText: string };

interface More {
  own: Spent;
  rest: Spent;
  /** At most so many times what is spent now. */
  times: number;
  /** And at most so much a week. */
  atMost: Big;
  ratioBound: number;
}

/** (target − current) × (1 − price of the part / price of the rest): money exact, the low figure by a bound. */
export function moreOf({ own, rest, times, atMost, ratioBound }: More): Savings {
  const current = weekly(own.spendText);
  const raised = Number.isFinite(times) && current.times(times).lt(atMost) ? current.times(times) : atMost;
  const target = raised.gt(current) ? raised : current;
  const more = target.minus(current);
  // (S_g / c_g) / (S_r / c_r), of exact sums.
  const ratio = new Big(own.spendText).times(rest.clicks).div(new Big(rest.spendText).times(own.clicks));
  return savings({ current, target, more, ratio, ratioBound });
}

/** What a size would take at its peers' share, times how much cheaper it is there. */
export function sizeGapSavings(of: { whole: Spent; share: number; ratio: number; ratioBound: number }): Savings {
  const target = weekly(of.whole.spendText).times(of.share);
  return savings({
    current: new Big(0),
    target,
    more: target,
    ratio: new Big(of.ratio),
    ratioBound: of.ratioBound,
  });
}

export const weekly = (spend: string): Big => new Big(spend).div(windowWeeks);

interface Raise {
  current: Big;
  target: Big;
  more: Big;
  ratio: Big;
  ratioBound: number;
}

const savings = ({ current, target, more, ratio, ratioBound }: Raise): Savings => ({
  current: inCents(current),
  target: inCents(target),
  weekly: inCents(atLeastZero(more.times(new Big(1).minus(ratio)))),
  low: inCents(atLeastZero(more.times(1 - ratioBound))),
});

const atLeastZero = (amount: Big) => (amount.lt(0) ? new Big(0) : amount);
const inCents = (amount: Big) => amount.round(2, Big.roundHalfUp).toFixed(2);
