import { bestNeedsImpressions, intervalOf, type Counts } from "./rate.ts";

/** The days that are compared: the last complete ones, and those before them. */
export const recentDays = 7;
export const pastDays = 28;

export type CtrVerdict = "collapsed" | "normal" | "unknown";

/** An offer against its own past: it has collapsed at half of its rate or less, where chance does not explain it. */
export function judgeCtr({ past, recent }: { past: Counts; recent: Counts }): CtrVerdict {
  if (past.impressions < bestNeedsImpressions || recent.impressions < bestNeedsImpressions) return "unknown";
  const before = intervalOf(past);
  const now = intervalOf(recent);
  if (before === null || now === null) return "unknown";
  const isHalf = 2 * recent.clicks * past.impressions <= past.clicks * recent.impressions;
  return isHalf && now.high < before.low ? "collapsed" : "normal";
}
