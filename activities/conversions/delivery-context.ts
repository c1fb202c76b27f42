import { originOf } from "../../core/origin.ts";
import { settingName } from "../../core/setting-name.ts";
import type { Account, Config } from "../../settings/config.ts";
import type { Redact } from "../../core/redact.ts";
import { presentAt } from "../../core/present.ts";
import type { Destination } from "../../connectors/destinations/destination.ts";
import { destinations, findDestination } from "../../connectors/destinations/registry.ts";
import { routingOf } from "../../connectors/destinations/routing.ts";
import { personsGoTo } from "../../rules/conversions/person-destinations.ts";
import type { Ledger, Routing } from "../../queries/conversions/delivery-ledger.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import type { Database } from "../../schema/database.ts";
import { invalidInput } from "../shared/failures.ts";
import { clientNamed, unknownClient } from "../shared/input.ts";
import type { RateGate } from "../shared/rate-gate.ts";

/** What every activity of a delivery needs. */
export interface DeliveryContext {
  database: Database;
  config: Config;
  gate: RateGate;
  redact: Redact;
}

/** Ranges are civil days of this zone, as everywhere. */
export const timezone = "America/New_York";

/** Every configured account that the input means. */
export function accountsOf(
  config: Config,
  { client, destination }: { client?: string | undefined; destination?: string | undefined },
): Account[] {
  if (client !== undefined) clientNamed(config, client);
  if (destination !== undefined && client !== undefined) return [accountOf(config, { client, destination })];
  if (destination !== undefined) destinationNamed(destination);
  return [...config.accounts.values()].filter(
    (account) =>
      account.secrets !== null &&
      account.isDestination &&
      (client === undefined || account.client === client) &&
      (destination === undefined || account.vendor === destination),
  );
}

export function accountOf(config: Config, { client, destination }: Ledger): Account {
  destinationNamed(destination);
  const account = config.accounts.get(`${destination}/${client}`);
  if (account === undefined) throw unknownClient(config, client);
  if (account.secrets === null)
    throw invalidInput(`client ${client} has no ${destination}: set ${account.missing.join(", ")}`);
  return account;
}

export function destinationNamed(name: string): Destination {
  const found = findDestination(name);
  if (found === undefined)
    throw invalidInput(
      `unknown destination "${name}": there are ${destinations.map((known) => known.name).join(", ")}`,
    );
  return found;
}

export const ledgerOf = (account: Account) => ({
  client: account.client,
  destination: account.vendor,
});

export const keysOf = (account: Account) => ({ secrets: account.secrets ?? {}, settings: account.settings });

export function routingFor({ vendor, settings, baseUrl }: Account): Routing {
  const setting = (name: string) => settings[settingName(vendor, name)] ?? "";
  return {
    ...routingOf({ feeds: setting("FEEDS"), types: setting("TYPES") }),
    corrects: destinationNamed(vendor).corrects,
    origin: originOf({ baseUrl }),
  };
}

/** What age means for an account's deliveries: the vendor's own rules, and where personal data goes. */
export function ageRulesOf(config: Config, { vendor, client }: Account) {
  const { ageLimitMs, repeatMs } = destinationNamed(vendor);
  return { ageLimitMs, repeatMs, sentTo: personsGoTo(config.accounts, client) };
}

export const alertOf = ({ client, destination }: Ledger) => ({ client, area: "delivery", subject: destination });

/** The destination's present. Only the sandbox's can differ from ours. */
export async function nowAt(database: Database, { vendor, settings }: Account): Promise<Date> {
  return presentAt(settings[settingName(vendor, "CLOCK")], await databaseNow(database));
}
