import { median } from "../../core/quantiles.ts";
import { incompleteBeta } from "../shared/statistics.ts";

/** With the normal distribution, the median absolute deviation times this is the standard deviation. */
const madScale = 1.4826;
/** Beyond so many deviations a value is no noise of the others, and says nothing of how much they vary. */
const leftOutFrom = 3;
/** What leaving them out takes from the normal distribution. */
const leftOutLoss = 0.986;
/** How much of what a standard deviation knows is left. */
export const knownShare = 0.8;

/** How much values vary around their middle, whatever a few of them do. */
export function robustScale(values: readonly number[], middle: number): number {
  const off = values.map((value) => Math.abs(value - middle));
  const first = madScale * median(off);
  const kept = off.filter((one) => one <= leftOutFrom * first);
  const squares = kept.reduce((sum, one) => sum + one ** 2, 0);
  return Math.sqrt(squares / Math.max(1, kept.length - 1)) / leftOutLoss;
}

/** How much of Student's distribution lies above t. */
export function studentTail(t: number, freedom: number): number {
  const half = incompleteBeta(freedom / (freedom + t * t), freedom / 2, 0.5) / 2;
  return t >= 0 ? half : 1 - half;
}
