import type { Verdict } from "./spend-rules.ts";

export type RuleStanding = "normal" | "suspected" | "firing";

export interface RuleState {
  state: RuleStanding;
  /** The last day that was judged. */
  day: string;
  firedAt: Date | null;
}

export interface Step {
  state: RuleStanding;
  /** What is to be told: an alert that opens, one that closes, or nothing. */
  tell: "fire" | "resolve" | null;
}

const cooldownMs = 24 * 3_600_000;

/**
 * From one judged day to the next. An alert opens on a change and not on each day of it: at once where it is far beyond,
 * else when a second day says the same; it closes below another threshold, and opens again after 24 hours at the earliest.
 */
export function step(before: RuleState | null, verdict: Verdict | null, now: Date): Step {
  const state = before?.state ?? "normal";
  if (verdict === null) return { state, tell: null };
  if (state === "firing") return verdict.isClear ? { state: "normal", tell: "resolve" } : { state, tell: null };
  if (!verdict.isOver) return { state: "normal", tell: null };
  const isCool = before?.firedAt == null || now.getTime() - before.firedAt.getTime() >= cooldownMs;
  if (isCool && (verdict.isUrgent || state === "suspected")) return { state: "firing", tell: "fire" };
  return { state: "suspected", tell: null };
}
