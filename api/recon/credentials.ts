import { z } from "zod";
import { settingName } from "../../core/setting-name.ts";
import { sealCredentials, type CredentialsOwner } from "../../rules/recon/platform-credentials.ts";
import { ApiError } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";

export const credentials = z
  .record(
    z.string().regex(/^[A-Z][A-Z0-9_]{2,60}$/, "must be named as the setting is"),
    z
      .string()
      .min(1)
      .max(4_000)
      .regex(/^[^\u0000]*$/, "must be text"),
  )
  .refine((given) => Object.keys(given).length > 0 && Object.keys(given).length <= 10, "must be one to ten")
  .describe("by their setting names, such as REDDIT_CLIENT_ID; stored encrypted, never shown");

/** Bound to their owner, and of the owner's platform alone. */
export function sealGiven(
  { config }: Pick<ServerParts, "config">,
  owner: CredentialsOwner,
  given: Record<string, string>,
): Buffer {
  const key = config.credentialsKey;
  if (key === null)
    throw new ApiError("unavailable", "credentials cannot be kept: CREDENTIALS_ENCRYPTION_KEY is not set");
  const beginning = `${settingName(owner.platform)}_`;
  const foreign = Object.keys(given).find((name) => !name.startsWith(beginning));
  if (foreign !== undefined)
    throw new ApiError("validation_error", "body is not valid", {
      [`credentials.${foreign}`]: `must begin with ${beginning}`,
    });
  return sealCredentials(key, owner, given);
}
