import type { FileMapping } from "../../connectors/files/mapping.ts";
import { dayAt } from "../../core/days.ts";
import { readKnownCreatives, type KnownCreatives } from "../../queries/files/known-creatives.ts";
import { findOnlySeat } from "../../queries/rtb/seats.ts";
import type { Queryable } from "../../schema/database.ts";
import type { ClientIngestSettings } from "../../settings/files.ts";

/** What of the client the lines of a file are checked against. */
export interface LineBasis {
  /** The last civil day allowed: of the client, and of reports in the zone that they are exported in. */
  today: string;
  zone: string;
  currency: string;
  /** Whose the lines are that do not say so. */
  buyerId: string | null;
  knownCreatives: KnownCreatives;
  /** Days of a warehouse, of which no file may bring performance. */
  others?: { from: string | null; owner: string };
}

/** Reports are about creatives of which nothing need be known, but about no seat that nobody has named. */
const allFine: KnownCreatives = { stateOf: () => "fine" };

export async function readLineBasis(
  database: Queryable,
  of: {
    client: string;
    settings: ClientIngestSettings;
    mapping: FileMapping;
    at: Date;
    /** The lines are the owner's own. */
    isOwners?: boolean;
  },
): Promise<LineBasis> {
  const { client, settings, mapping, at, isOwners = false } = of;
  const { kind = "performance" } = mapping;
  const { currency, reportZone: zone, timezone, buyerId = null, owner } = settings;
  if (kind === "performance")
    return {
      today: dayAt(at, timezone),
      zone,
      currency,
      buyerId,
      knownCreatives: await readKnownCreatives(database, { client, ...settings }),
      ...(owner === undefined || isOwners ? {} : { others: { from: owner.from, owner: owner.vendor } }),
    };
  const seat = buyerId ?? (await findOnlySeat(database, client));
  return { today: dayAt(at, zone), zone, currency, buyerId: seat, knownCreatives: allFine };
}
