import { dayAt } from "../core/days.ts";
import { readAsOf } from "../queries/rtb-metrics.ts";
import { ensureFresh } from "../queries/rtb-rollups.ts";
import { withinMs } from "./deadline.ts";
import { isDatabaseAway } from "./errors.ts";
import type { ServerParts } from "./parts.ts";

/** The nightly refresh has usually moved the periods on; who comes before it waits for so long. */
const patienceMs = 3_000;

/** The civil day of a client now. */
export function todayOf({ config }: Pick<ServerParts, "config">, client: string): string {
  return dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC");
}

/**
 * The day that a client's periods end with: today, also when this is the first that is asked since midnight. While a merge
 * of a large file keeps the sums to itself it is still the day before, and answers say of which days they are.
 */
export async function currentDay(
  parts: Pick<ServerParts, "config" | "database" | "reading" | "logger">,
  client: string,
): Promise<string> {
  const today = todayOf(parts, client);
  // Asked first by the reader that knows within a second when Postgres is away.
  const asOf = await readAsOf(parts.reading, { client });
  if (asOf === null || asOf >= today) return asOf ?? today;
  try {
    await withinMs(patienceMs, ensureFresh(parts.database, { client, today }));
    return today;
  } catch (error) {
    if (isDatabaseAway(error)) throw error;
    parts.logger.warn({ client, asOf, error: (error as Error).message }, "the sums of a new day are not there yet");
    return asOf;
  }
}
