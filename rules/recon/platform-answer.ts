import type { ConnectorErrorKind } from "../../core/connector-error-kind.ts";

/** What a platform counts of one post, in the words all platforms share. Null is "cannot be known", never zero. */
export interface UnifiedMetrics {
  views: number | null;
  clicks: number | null;
  conversions: number | null;
  /** Decimal text. */
  spend: string | null;
  currency: string | null;
  /** Numbers that say something of a post without verifying a claim: a score, comments, likes. */
  hints: Record<string, number>;
  /** The platform's ids of what contains the post, the narrowest first: its numbers are in theirs, too. Left out where it says nothing of it. */
  partOf?: readonly string[];
  /** The fields of the answer that we know and that describe no person. */
  raw: unknown;
}

export type PlatformAnswer =
  | { kind: "metrics"; metrics: UnifiedMetrics }
  /** There will be numbers, but not yet; null leaves the wait to the asker. */
  | { kind: "not_ready"; reason: string; retryAfterMs: number | null }
  | { kind: "deleted"; reason: string }
  | { kind: "unknown_post"; reason: string };

/** There is nothing to judge by yet. */
export interface Waits {
  kind: "waits";
  /** As the affiliate may read it. */
  reason: string;
  /** As an operator should. */
  detail: string | null;
  retryAfterMs: number | null;
  needsAPerson: boolean;
  /** What the platform's account met with; null when nothing went wrong. */
  error: ConnectorErrorKind | null;
}

/** What the platform says of a post, and a remark on the affiliate's token where it did not help. */
export type Asked = Waits | { kind: "answered"; answer: PlatformAnswer; note: string | null };
