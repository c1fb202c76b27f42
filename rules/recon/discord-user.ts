import { hkdfSync } from "node:crypto";
import { hmacSha256 } from "../../core/crypto.ts";

/**
 * By what an affiliate's Discord account is known again without its id being kept. Keyed, as ids are moments in time
 * and all that ever were are soon tried; by client, so that two clients cannot find out that they know the same person.
 */
export function hashDiscordUser(hashingKey: Buffer, { client, userId }: { client: string; userId: string }): string {
  const key = Buffer.from(hkdfSync("sha256", hashingKey, "", "discord user", 32));
  return hmacSha256(key, `${client}/${userId}`);
}
