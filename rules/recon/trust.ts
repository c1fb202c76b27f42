import type { Level, Verdict } from "./compare.ts";

export { trustAlertBelow } from "./trust-threshold.ts";

/** What a verdict means for trust: a claim that cannot be checked says nothing, and being a little off is honest. */
export function trustOf(verdict: Verdict, level: Level | null): { countsForTrust: boolean; isAccurate: boolean } {
  const countsForTrust = verdict === "MATCHED" || verdict === "DISCREPANCY";
  return { countsForTrust, isAccurate: countsForTrust && (verdict === "MATCHED" || level === "LOW") };
}
