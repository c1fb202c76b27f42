import type { Http } from "../http.ts";
import type { Vendor } from "../source.ts";

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
  /** The fields of the answer that we know and that describe no person. */
  raw: unknown;
}

export type PlatformAnswer =
  | { kind: "metrics"; metrics: UnifiedMetrics }
  /** There will be numbers, but not yet; null leaves the wait to the asker. */
  | { kind: "not_ready"; reason: string; retryAfterMs: number | null }
  | { kind: "deleted"; reason: string }
  | { kind: "unknown_post"; reason: string };

/** Where posts are published and counted: a post's URL and credentials in, its metrics out. */
export interface Platform {
  /** As campaigns and API paths name it. */
  name: string;
  vendor: Vendor;
  /** Hosts a post's URL may have, share links included; a submitted URL with another is never asked for. */
  hosts: readonly string[];
  /** What it can tell for certain, given the right credentials. */
  verifies: readonly ("views" | "clicks" | "conversions")[];
  /** Throws ConnectorError for what concerns the account and not the post. */
  fetchMetrics(ask: {
    http: Http;
    post: { url: string; postId: string | null; postedAt: string | null };
    /** The account's secrets and settings, by their names as settings. */
    credentials: Record<string, string>;
  }): Promise<PlatformAnswer>;
}
