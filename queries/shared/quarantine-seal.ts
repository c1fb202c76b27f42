import { createSeal, type Seal } from "../../core/seal.ts";
import type { Config } from "../../settings/config.ts";

/** What rejected lines and rows of vendors are sealed with: the key of credentials, or another that there is. */
export function quarantineSeal({
  credentialsKey,
  identityKey,
  payloadKey,
  hashingKey,
}: Pick<Config, "credentialsKey" | "identityKey" | "payloadKey" | "hashingKey">): Seal {
  const rings = [credentialsKey, identityKey, payloadKey].filter((ring) => ring !== null);
  // The previous ones last: they open, and seal nothing.
  const keys = [...rings.map(({ current }) => current), ...rings.map(({ previous }) => previous)];
  return createSeal(keys, "quarantine", hashingKey ?? undefined);
}
