import { dayAt } from "../../core/days.ts";
import { ensureFresh } from "../../queries/rtb/rollups.ts";
import { withinMs } from "../../core/deadline.ts";
import { isDatabaseAway } from "../server/errors.ts";
import type { ServerParts } from "../server/parts.ts";

/** The nightly refresh has usually moved the periods on; who comes before it waits for so long. */
const patienceMs = 3_000;

/** The civil day of a client now. */
export function todayOf({ config }: Pick<ServerParts, "config">, client: string): string {
  return dayAt(new Date(), config.ingest.clients.get(client)?.timezone ?? "UTC");
}

/**
 * Sums up to today, in a statement that says itself which day they end with: whoever asks first after midnight moves the
 * periods on and asks again. While a merge of a large file keeps the sums to itself it is still the day before, and
 * answers say of which days they are.
 */
export async function readUpToToday<Found extends { asOf: string | null } | null>(
  parts: Pick<ServerParts, "config" | "database" | "logger">,
  client: string,
  read: (asOf: string) => Promise<Found>,
): Promise<{ asOf: string; found: Found }> {
  const today = todayOf(parts, client);
  const found = await read(today);
  const known = found?.asOf ?? today;
  if (known === today) return { asOf: today, found };
  // A clock that is behind does not turn periods back.
  const asOf = known > today ? known : await moveOn(parts, { client, today, known });
  return { asOf, found: await read(asOf) };
}

async function moveOn(
  { database, logger }: Pick<ServerParts, "database" | "logger">,
  { client, today, known }: { client: string; today: string; known: string },
): Promise<string> {
  try {
    await withinMs(patienceMs, ensureFresh(database, { client, today }));
    return today;
  } catch (error) {
    if (isDatabaseAway(error)) throw error;
    logger.warn({ client, asOf: known, error: (error as Error).message }, "the sums of a new day are not there yet");
    return known;
  }
}
