import { settingInForce, settingName } from "../../core/setting-name.ts";
import type { Account } from "../../settings/config.ts";
import { createRateGate } from "../../activities/shared/rate-gate.ts";
import { gatedHttp } from "../../activities/shared/with-vendor.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { findDestination } from "../../connectors/destinations/registry.ts";
import { vendors } from "../../connectors/registry.ts";
import type { Vendor } from "../../connectors/source.ts";
import type { Database } from "../../schema/database.ts";
import type { CommandContext } from "../shared/command-line.ts";
import { accountOrigin } from "../shared/account-origin.ts";
import { fail, type Finding, ok, probeTimeoutMs, warn } from "./findings.ts";

/** The vendor's cheapest call, at the account's pace. */
export async function examineKey(
  context: CommandContext,
  account: Account,
  database: Database | null,
): Promise<Finding[]> {
  const where = `${accountOrigin(account)}, ${new URL(account.baseUrl).host}`;
  const vendor = vendors.find((candidate) => candidate.name === account.vendor);
  if (account.secrets === null && vendor?.optional === true)
    return [ok(`${account.name}: not configured, and not needed (${account.missing.join(", ")})`)];
  if (account.secrets === null)
    return [
      warn(
        `${account.name}: ${where}`,
        `set ${account.missing.join(", ")}, or this client goes without ${account.vendor}`,
      ),
    ];
  if (vendor === undefined) return [];
  if (database === null)
    return [
      warn(`${account.name}: the key was not tried (${where})`, "the pace is kept in Postgres, which does not answer"),
    ];
  try {
    await probe(context, account, vendor, database);
    return [ok(`${account.name}: the key works (${where})`)];
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const settings = Object.keys(account.secrets)
      .map((name) => settingInForce(context.env, name, account.client))
      .join(", ");
    if (error.kind === "unauthorized")
      return [
        fail(`${account.name}: the key is refused (${where}): ${error.message}`, `set ${settings} to a key that works`),
      ];
    if (error.kind === "rate_limited" || error.kind === "quota_spent")
      return [warn(`${account.name}: the vendor asks to wait (${where})`, "try again later; workers keep to its hint")];
    return [
      fail(
        `${account.name}: ${error.message} (${where})`,
        `is ${settingInForce(context.env, `${settingName(account.vendor)}_BASE_URL`, account.client)} right? Is the vendor up?`,
      ),
    ];
  }
}

async function probe({ redact }: CommandContext, account: Account, vendor: Vendor, database: Database): Promise<void> {
  const secrets = account.secrets ?? {};
  const signal = AbortSignal.timeout(probeTimeoutMs);
  const http = gatedHttp({ gate: createRateGate(database), redact }, { vendor, account }, { signal });
  try {
    const answer = await http.json(await vendor.probe(secrets, account.settings));
    const problem = vendor.check?.(answer) ?? null;
    if (problem !== null) throw new ConnectorError("malformed", problem);
    await findDestination(vendor.name)?.checkAccount?.({ http, secrets, settings: account.settings });
  } catch (error) {
    throw signal.aborted
      ? new ConnectorError(
          "unavailable",
          `no answer within ${probeTimeoutMs / 1_000} s, waiting for the account's turn included`,
        )
      : error;
  }
}
