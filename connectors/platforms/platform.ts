import { z } from "zod";
import { about } from "../../core/about-setting.ts";
import type { PlatformAnswer, UnifiedMetrics } from "../../rules/recon/platform-answer.ts";
import { readPostUrl, type NamedAddresses, type PostAddresses } from "../../rules/recon/post-url.ts";
import type { Http } from "../http.ts";
import type { Vendor } from "../source.ts";

export type { PlatformAnswer, UnifiedMetrics } from "../../rules/recon/platform-answer.ts";

/** The setting `<VENDOR>_LINK_BASE_URL`. */
export const linkBaseUrl = z
  .url()
  .optional()
  .meta(
    about("Where a mock vendor serves the hosts of share links, as /<host>/<path> below it.", {
      clients: "shared",
      forTests: true,
      unset: "the hosts themselves",
    }),
  );

/** The metrics of a post that is there, and of which nothing can be verified; null by null what is not said. */
export const nothingVerified: Omit<UnifiedMetrics, "hints" | "raw"> = {
  views: null,
  clicks: null,
  conversions: null,
  spend: null,
  currency: null,
};

/** Where posts are published and counted: a post's URL and credentials in, its metrics out. */
export interface Platform {
  /** As campaigns and API paths name it. */
  name: string;
  vendor: Vendor;
  /** How it spells the addresses of posts. */
  addresses: PostAddresses;
  /** Hosts that may be asked where a share link leads; one that is not among them is never contacted. */
  hosts: readonly string[];
  /** What it reports for certain, given the right credentials. */
  verifies: readonly ("views" | "clicks" | "conversions")[];
  /** Which of an account's credentials an affiliate may bring; bringing one puts these of the client aside. */
  ownCredentials: readonly string[];
  /** Throws ConnectorError for what concerns the account and not the post. */
  fetchMetrics(ask: {
    http: Http;
    post: { url: string; postId: string | null; postedAt: string | null };
    /** The account's secrets and settings, by their names as settings, and whose they are. */
    credentials: Record<string, string>;
  }): Promise<PlatformAnswer>;
}

/** Said among the credentials when they are the affiliate's own: what they do not show, the affiliate does not have. */
export const ownedByAffiliate = { CREDENTIALS_OF: "affiliate" } as const;

export function areAffiliates(credentials: Record<string, string>): boolean {
  return credentials["CREDENTIALS_OF"] === ownedByAffiliate.CREDENTIALS_OF;
}

/** The post's id as it was kept, or read from its address once more. */
export function postIdOf(platform: NamedAddresses, post: { url: string; postId: string | null }): string | null {
  if (post.postId !== null) return post.postId;
  const read = readPostUrl(platform, post.url);
  return read.ok ? read.address.platformPostId : null;
}
