import { createSeal, type Seal } from "../../core/seal.ts";
import type { Config } from "../../settings/config.ts";

/** What rejected lines and rows of vendors are sealed with: the key of credentials, or another that there is. */
export function quarantineSeal({
  credentialsKey,
  identityKey,
  payloadKey,
}: Pick<Config, "credentialsKey" | "identityKey" | "payloadKey">): Seal {
  return createSeal([credentialsKey, identityKey, payloadKey], "quarantine");
}
