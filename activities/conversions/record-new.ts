import type { Account } from "../../settings/config.ts";
import { readNewConversions, recordConversions } from "../../queries/conversions/record-deliveries.ts";
import type { Database } from "../../schema/database.ts";
import { destinationNamed, ledgerOf, routingFor } from "./delivery-context.ts";

/** Recorded per statement, and per run: the rest comes with the next. */
const recordedAtATime = 5_000;
const mostRecorded = 200_000;

/** Takes conversions of a range that the ledger does not know into it. */
export async function recordNew(
  database: Database,
  account: Account,
  range: { from: Date; to: Date | null },
): Promise<void> {
  const ledger = ledgerOf(account);
  const { eventName: nameOf } = destinationNamed(ledger.destination);
  const page = { ...range, limit: recordedAtATime, routing: routingFor(account) };
  for (let recorded = 0; recorded < mostRecorded; recorded += recordedAtATime) {
    const fresh = await readNewConversions(database, ledger, page);
    if (fresh.length > 0) {
      const named = fresh.map((one) => ({
        ...one,
        eventName: nameOf?.(one.eventName) ?? one.eventName,
      }));
      await recordConversions(database, ledger, named);
    }
    if (fresh.length < recordedAtATime) return;
  }
}
