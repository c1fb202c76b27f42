import * as rules from "../../rules/recon/post-url.ts";
import { findPlatform, platforms } from "./registry.ts";

export const platformNames: readonly string[] = platforms.map(({ name }) => name);

/** Who is asked about a platform's posts; null where we do not know the platform. */
export const vendorOfPlatform = (platform: string): string | null => findPlatform(platform)?.vendor.name ?? null;

/** Reads a submitted address of a post, as the platform that was named spells them. */
export function readPostUrl(platform: string, text: string): rules.ReadPostUrl {
  const known = findPlatform(platform);
  return known === undefined
    ? { ok: false, problem: `is on a platform we do not know; there are ${platformNames.join(", ")}` }
    : rules.readPostUrl(known, text);
}

/** Which platform an address is on, by its host; null when none. */
export const platformOfUrl = (text: string): string | null => rules.platformOfUrl(platforms, text);
