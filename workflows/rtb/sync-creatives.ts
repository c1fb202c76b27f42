import { ApplicationFailure, setCurrentDetails, uuid4 } from "@temporalio/workflow";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";
import { atExchange, seatRecords } from "./seat-calls.ts";

export interface SyncedSeat {
  buyerId: string;
  /** emptied, short: the list was not believed, and nothing marked. */
  outcome: "synced" | "emptied" | "short";
  listed: number;
  inserted: number;
  updated: number;
  /** Were marked as vanished, and are listed again. */
  returned: number;
  /** Are listed no longer. */
  vanished: number;
}

/** How often a list is begun again when the exchange keeps it no longer. */
const mostReadings = 4;

/** Brings the creatives of one seat, or of all seats of a client, up to what the exchange lists. */
export async function syncCreatives(
  input: { client?: string; buyerId?: string } = {},
): Promise<{ client: string; seats: SyncedSeat[] }> {
  const { client, buyerId, vendor } = await seatRecords().planSeats({ input, takesSeat: true }).catch(planFailure);
  note([{ key: clientIdKey, value: client }]);
  const { seats: listed } = await atExchange(vendor).pullSeats({ client });
  const wanted = listed.filter((one) => buyerId === null || one.buyerId === buyerId);
  if (buyerId !== null && wanted.length === 0)
    throw ApplicationFailure.nonRetryable(`client ${client} has no seat ${buyerId} at the exchange`, "InvalidInput");
  const seats: SyncedSeat[] = [];
  for (const seat of wanted) {
    seats.push(
      await syncSeat(vendor, { client, buyerId: seat.buyerId, activeCreatives: seat.activeCreatives ?? null }),
    );
    setCurrentDetails(seats.map(describe).join("\n\n"));
  }
  return { client, seats };
}

async function syncSeat(
  vendor: string,
  { activeCreatives, ...of }: { client: string; buyerId: string; activeCreatives: number | null },
): Promise<SyncedSeat> {
  const { pullCreatives } = atExchange(vendor);
  const { finishSeat } = seatRecords();
  // Both readings have one name: what either of them names is there.
  const reading = { ...of, syncId: uuid4() };
  const counts = { listed: 0, inserted: 0, updated: 0, returned: 0 };
  let isSecond = false;
  for (let readings = 0; readings < mostReadings; readings += 1) {
    counts.listed = 0;
    let pageToken: string | null = null;
    let isLost = false;
    do {
      const page = await pullCreatives.executeWithOptions({ summary: `seat ${of.buyerId}` }, [
        { ...reading, pageToken },
      ]);
      counts.listed += page.listed;
      for (const what of ["inserted", "updated", "returned"] as const) counts[what] += page[what];
      ({ next: pageToken, isLost } = page);
    } while (pageToken !== null);
    if (isLost) continue;
    const finished = await finishSeat({ ...reading, isSecond, activeCreatives });
    isSecond = true;
    if (finished.outcome === "read_again") continue;
    const vanished = finished.outcome === "synced" ? finished.vanished : 0;
    return { buyerId: of.buyerId, outcome: finished.outcome, ...counts, vanished };
  }
  throw ApplicationFailure.nonRetryable(
    `the exchange gave up its list of seat ${of.buyerId} ${mostReadings} times before it was read to the end`,
    "ResponseMalformed",
  );
}

function describe({ buyerId, outcome, listed, inserted, updated, returned, vanished }: SyncedSeat): string {
  if (outcome === "emptied")
    return `Seat ${buyerId}: the list is empty, and was not before. Nothing was marked as vanished.`;
  if (outcome === "short")
    return `Seat ${buyerId}: ${listed} listed, and the exchange counts far more. Nothing was marked as vanished.`;
  return `Seat ${buyerId}: ${listed} listed, ${inserted} new, ${updated} changed, ${returned} returned, ${vanished} vanished`;
}
