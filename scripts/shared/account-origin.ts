import type { Account, Config } from "../../settings/config.ts";

/** Who answers for an account: nobody, the mock vendors, or the vendor. Said the same way wherever it is said. */
export function accountOrigin(
  account: Account,
  config: Pick<Config, "sandboxUrl">,
): "off (no key)" | "sandbox" | "real" {
  if (account.secrets === null) return "off (no key)";
  return new URL(account.baseUrl).origin === new URL(config.sandboxUrl).origin ? "sandbox" : "real";
}
