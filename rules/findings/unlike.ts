import { median } from "../../core/quantiles.ts";
import { knownShare, robustScale, studentTail } from "./robust.ts";

/** One of several that are alike: how many it has, and how many of these are of a kind. */
export interface Share {
  subject: string;
  all: number;
  those: number;
}

export interface Unlike extends Share {
  share: number;
  /** The median of the others' shares. */
  usual: number;
  others: number;
  /** How likely the others' own spread and chance together would make a share as large. */
  p: number;
}

/** With fewer others it is not known how much they differ among themselves. */
export const fewestOthers = 4;
/** Others with so few say nothing of how much they differ. */
const fewestOfOthers = 20;

/** Anscombe's transform: what chance makes of it is the same for large and small shares, about 1 / (4n + 2). */
const transformed = ({ all, those }: Share) => Math.asin(Math.sqrt((those + 3 / 8) / (all + 3 / 4)));
const chanceOf = ({ all }: Share) => 1 / (4 * all + 2);

/**
 * Each against the others, by median and a deviation that a few do not move: the others differ among themselves more than chance alone would
 * make them, and a second one that is odd must not hide the first. Student's t, because of few others little is known.
 */
export function unlikeOthers(shares: readonly Share[]): Unlike[] {
  return shares.map((one) => {
    const others = shares.filter(({ subject, all }) => subject !== one.subject && all >= fewestOfOthers);
    const share = one.all === 0 ? 0 : one.those / one.all;
    const usual = median(others.map(({ all, those }) => those / all));
    const p = others.length < fewestOthers ? 1 : upperTail(one, others);
    return { ...one, share, usual, others: others.length, p };
  });
}

function upperTail(one: Share, others: readonly Share[]): number {
  const values = others.map(transformed);
  const middle = median(values);
  const spread = robustScale(values, middle) ** 2;
  // The deviation holds what chance does to the others as well; what is left is how they differ.
  const between = Math.max(0, spread - median(others.map(chanceOf)));
  const ofMiddle = (Math.PI / 2) * (Math.max(spread, median(others.map(chanceOf))) / others.length);
  const z = (transformed(one) - middle) / Math.sqrt(between + chanceOf(one) + ofMiddle);
  return studentTail(z, Math.max(2, knownShare * (others.length - 1)));
}
