import { authorizedBuyers } from "../../connectors/exchanges/authorized-buyers.ts";
import type { Vendor } from "../../connectors/source.ts";
import type { Redact } from "../../core/redact.ts";
import type { Database } from "../../schema/database.ts";
import type { Account, Config } from "../../settings/config.ts";
import { invalidInput } from "../shared/failures.ts";
import type { RateGate } from "../shared/rate-gate.ts";

/** What the activities of seats need. */
export interface SeatsContext {
  database: Database;
  config: Pick<Config, "accounts" | "clients" | "worker">;
  gate: RateGate;
  redact: Redact;
}

/** What the activities of thumbnails need. */
export interface ThumbnailContext {
  database: Database;
  config: Pick<Config, "accounts" | "clients" | "thumbnails">;
  gate: RateGate;
  redact: Redact;
}

export interface ReadingOfSeat {
  client: string;
  buyerId: string;
  /** Names one reading of the seat's list, over all of its pages. */
  syncId: string;
}

export interface PageOfSeat extends ReadingOfSeat {
  /** Null: the first. */
  pageToken: string | null;
}

export const exchange = authorizedBuyers as Vendor;

/** The client's account at the exchange, with its key. */
export function exchangeAccount(
  { config }: Pick<SeatsContext, "config">,
  client: string,
): Account & { secrets: Record<string, string> } {
  const account = config.accounts.get(`${exchange.name}/${client}`);
  if (account?.secrets == null)
    throw invalidInput(
      `client ${client} has no key for ${exchange.title}: set ${account?.missing.join(", ") ?? "its key"}`,
    );
  return { ...account, secrets: account.secrets };
}
