import { existsSync } from "node:fs";
import path from "node:path";
import type { loadOffers } from "../../queries/promo/load.ts";
import { listOffers } from "../../queries/promo/offers.ts";
import type { Database } from "../../schema/database.ts";
import { projectRoot } from "../../settings/environment.ts";
import { loadOffersFile } from "../shared/offers-file.ts";

/** At a first start of a database of our own: a few made-up offers, so that there is something to select. */
export async function loadExampleOffers(
  database: Database,
  { client }: { client: string },
): Promise<Awaited<ReturnType<typeof loadOffers>> | null> {
  const file = path.join(projectRoot(), "examples", "promo.json");
  const known = await listOffers(database, { client, withArchived: true, afterId: null, limit: 1 });
  return existsSync(file) && known.length === 0 ? loadOffersFile(database, { client, file, origin: "sandbox" }) : null;
}
