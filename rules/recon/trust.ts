import { metrics, type Claimed, type Level, type Verdict, type Verified } from "./compare.ts";

export { trustAlertBelow } from "./trust-threshold.ts";

/** The alert that a verdict opens, by its level. */
export const discrepancyAlerts = { MEDIUM: "medium_discrepancy", HIGH: "high_discrepancy" } as const;

/**
 * What a verdict means for trust: a claim that cannot be checked says nothing, and being a little off is honest. Nor does
 * one of next to nothing: whoever claims a view of each of a thousand posts has shown nothing.
 */
export function trustOf(
  { verdict, level }: { verdict: Verdict; level: Level | null },
  { claimed, verified }: { claimed: Claimed; verified: Verified },
): { countsForTrust: boolean; isAccurate: boolean } {
  const countsForTrust = verdict === "DISCREPANCY" || (verdict === "MATCHED" && saysSomething(claimed, verified));
  return { countsForTrust, isAccurate: countsForTrust && (verdict === "MATCHED" || level === "LOW") };
}

/** In some metric at least half of what the platform shows: a true claim may be old, and the numbers have grown since. */
function saysSomething(claimed: Claimed, verified: Verified): boolean {
  return metrics.some((metric) => {
    const shown = verified[metric];
    return shown !== null && claimed[metric] > 0n && 2n * claimed[metric] >= shown;
  });
}
