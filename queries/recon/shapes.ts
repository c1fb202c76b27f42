/** One attempt at one report, and which workflow is at it: what every step of its way is written down under. */
export interface ReportAttempt {
  client: string;
  reportId: string;
  attempt: number;
  workflowId: string | null;
}

/** Counts of posts and claims, as Postgres writes them: some are too large for a JS number. */
export interface Counts<Value> {
  views: Value;
  clicks: Value;
  conversions: Value;
}

/** What a person set for a platform, and what the affiliate lets us see there. */
export interface SealedAccess {
  mode: "real" | "sandbox" | null;
  sealedConfig: Buffer | null;
  sealedToken: Buffer | null;
}

export interface StoredVerdict {
  logId: string;
  verdict: string;
  level: string | null;
  reason: string;
}

export interface JudgedMetric {
  claimed: string;
  verified: string | null;
  difference: string | null;
  diffPct: string | null;
}

/** What the platform said, as it is stored. */
export interface FetchedNumbers {
  views: number | null;
  clicks: number | null;
  conversions: number | null;
  spend: string | null;
  currency: string | null;
  hints: unknown;
  raw: unknown;
}
