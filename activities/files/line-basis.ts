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
}

/** Reports are about creatives of which nothing need be known, but about no seat that nobody has named. */
const allFine: KnownCreatives = { stateOf: () => "fine" };

export async function readLineBasis(
  database: Queryable,
  { client, settings, mapping, at }: { client: string; settings: ClientIngestSettings; mapping: FileMapping; at: Date },
): Promise<LineBasis> {
  const { kind = "performance" } = mapping;
  const { currency, reportZone: zone, timezone, buyerId = null } = settings;
  if (kind === "performance")
    return {
      today: dayAt(at, timezone),
      zone,
      currency,
      buyerId,
      knownCreatives: await readKnownCreatives(database, { client, ...settings }),
    };
  const seat = buyerId ?? (await findOnlySeat(database, client));
  return { today: dayAt(at, zone), zone, currency, buyerId: seat, knownCreatives: allFine };
}
