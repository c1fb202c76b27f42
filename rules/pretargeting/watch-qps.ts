import { durationText } from "../../core/duration.ts";

/** What the bidder's own feed counted between two moments, over all of its seats. */
export interface FeedReading {
  /** Requests a second; null where no row is of that time. */
  qps: number | null;
  /** Since the last second that any row is about; null where there is none at all. */
  quietSeconds: number | null;
}

export type Verdict = "fine" | "fell" | "silent";

/** From this share of what there was before on, a fall is one. */
const fallShare = 0.5;

export function judgeQps(of: {
  baselineQps: number;
  reading: FeedReading;
  silentSeconds: number;
  /** The watch is over: by now something must have been counted since the change. */
  isLast: boolean;
}): Verdict {
  const { qps, quietSeconds } = of.reading;
  if (quietSeconds === null || quietSeconds > of.silentSeconds) return "silent";
  if (qps === null) return of.isLast ? "silent" : "fine";
  return qps <= of.baselineQps * fallShare ? "fell" : "fine";
}

/** A change that itself takes so much could not be distinguished from harm. */
export const takesTooMuch = (expectedShare: number | null) => expectedShare !== null && expectedShare >= fallShare;

/** Why nothing can be applied without looking; null when there is a feed. */
export function whyNoFeed({ qps, quietSeconds }: FeedReading, silentSeconds: number): string | null {
  if (quietSeconds === null)
    return "there is no QPS feed: send the bidder's own traffic to POST /api/v1/rtb/traffic, or a fall would not be seen";
  if (quietSeconds > silentSeconds)
    return `the QPS feed has been silent for ${durationText(quietSeconds)}, more than ${durationText(silentSeconds)}: a fall would not be seen`;
  if (qps === null || qps <= 0) return "the QPS feed counts nothing: a fall could not be seen";
  return null;
}
