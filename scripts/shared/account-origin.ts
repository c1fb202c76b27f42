import { originOf, type Origin } from "../../core/origin.ts";
import type { Account } from "../../settings/config.ts";

/** What answers for an account: nothing, the sandbox, or the vendor. The same words everywhere. */
export function accountOrigin(account: Account): "off (no key)" | Origin {
  return account.secrets === null ? "off (no key)" : originOf(account);
}
