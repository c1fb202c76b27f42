import type { Account, Config } from "../../settings/config.ts";

/** What answers for an account: nothing, the sandbox, or the vendor. The same words everywhere. */
export function accountOrigin(
  account: Account,
  config: Pick<Config, "sandboxUrl">,
): "off (no key)" | "sandbox" | "real" {
  if (account.secrets === null) return "off (no key)";
  return new URL(account.baseUrl).origin === new URL(config.sandboxUrl).origin ? "sandbox" : "real";
}
