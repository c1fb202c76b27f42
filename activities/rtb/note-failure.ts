import { ApplicationFailure } from "@temporalio/activity";
import { raiseAlert } from "../../queries/ops/alerts.ts";
import { noteSync } from "../../queries/rtb/seat-sync.ts";
import { exchange, type SeatsContext } from "./shapes.ts";

export const seatSubject = ({ client, buyerId }: { client: string; buyerId: string | null }) => ({
  client,
  area: "rtb",
  subject: buyerId === null ? `${exchange.name} seats` : `${exchange.name} seat ${buyerId}`,
});

/** What ends a sync is told and stands at its seats; without a seat, at all that the exchange has named. */
export async function noteFailure(
  { database }: Pick<SeatsContext, "database">,
  of: { client: string; buyerId: string | null },
  error: unknown,
): Promise<never> {
  if (error instanceof ApplicationFailure && error.nonRetryable === true) {
    const reason = error.message.slice(0, 500);
    // The failure itself is what counts, whatever becomes of its note.
    await noteSync(database, { ...of, outcome: "failed", reason }).catch(() => undefined);
    await raiseAlert(database, {
      ...seatSubject(of),
      kind: "seat_sync_failed",
      severity: "warning",
      message: `Creatives were not synced: ${reason}`,
    }).catch(() => undefined);
  }
  throw error;
}
