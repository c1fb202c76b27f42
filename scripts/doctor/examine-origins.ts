import { originOf } from "../../core/origin.ts";
import type { Account } from "../../settings/config.ts";
import { feeds } from "../../connectors/registry.ts";
import { describeMixed, findMixed } from "../../queries/shared/origins.ts";
import type { Queryable } from "../../schema/database.ts";
import { fail, type Finding } from "./findings.ts";

/** Sources that are not fetched, because sandbox and real rows would mix. */
export async function examineOrigins(database: Queryable | null, accounts: Iterable<Account>): Promise<Finding[]> {
  const findings: Finding[] = [];
  if (database === null) return findings;
  for (const account of accounts) {
    if (account.secrets === null) continue;
    for (const source of feeds.filter(({ vendor }) => vendor.name === account.vendor)) {
      const feed = { client: account.client, source: source.name };
      const mixed = await findMixed(database, feed, originOf(account));
      if (mixed !== null) findings.push(fail(describeMixed(mixed), "until then this source is not fetched"));
    }
  }
  return findings;
}
