import { openSealed, seal, type KeyRing } from "../../core/crypto.ts";

/** Whose credentials: the client's own for a platform, or those of one of its affiliates. */
export interface CredentialsOwner {
  client: string;
  platform: string;
  affiliateId: string | null;
}

/** Bound to their owner: copied to another row, they open nothing there. */
export const credentialsContext = ({ client, platform, affiliateId }: CredentialsOwner) =>
  `platform credentials/${client}/${platform}/${affiliateId ?? "own"}`;

/** Secrets and settings by their names as settings, as `recon.platform_config` and `recon.affiliate_tokens` keep them. */
export function sealCredentials(key: KeyRing, owner: CredentialsOwner, credentials: Record<string, string>): Buffer {
  return seal(key, Buffer.from(JSON.stringify(credentials)), credentialsContext(owner));
}

/** Null when they were sealed under another key or for another owner. */
export function openCredentials(
  key: KeyRing,
  owner: CredentialsOwner,
  sealed: Uint8Array,
): Record<string, string> | null {
  try {
    return JSON.parse(openSealed(key, sealed, credentialsContext(owner)).toString("utf8")) as Record<string, string>;
  } catch {
    return null;
  }
}
