import { countMissing, finishReading, noteSync } from "../../queries/rtb/seat-sync.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { judgeList } from "../../rules/rtb/seat-lists.ts";
import { seatSubject } from "./note-failure.ts";
import type { ReadingOfSeat, SeatsContext } from "./shapes.ts";

export type FinishedSeat =
  | { outcome: "read_again" }
  | { outcome: "synced"; vanished: number }
  | { outcome: "emptied" | "short"; missing: number };

/**
 * What follows from a list that was read to its end. Pages may move while they are read: what is missing is looked for in a
 * second reading before it counts as vanished. A list that is empty or short marks nothing where the exchange itself counts more;
 * where more than half is gone at once, a person is told in any case.
 */
export async function finishSeat(
  { database }: SeatsContext,
  {
    isSecond,
    activeCreatives = null,
    ...reading
  }: ReadingOfSeat & { isSecond: boolean; activeCreatives?: number | null },
): Promise<FinishedSeat> {
  const { missing, seen, gone } = await countMissing(database, reading);
  if (missing > 0 && !isSecond) return { outcome: "read_again" };
  const { outcome, told } = judgeList({ missing, seen, activeCreatives });
  const { vanished } = await finishReading(database, { ...reading, marks: outcome === "synced" });
  await noteSync(database, { ...reading, outcome, reason: told });
  const subject = seatSubject(reading);
  await settleAlerts(database, { ...subject, kinds: ["seat_sync_failed"], notes: "the seat was synced" });
  if (told !== null)
    await raiseAlert(database, {
      ...subject,
      kind: "seat_shrunk",
      severity: "warning",
      message: `Seat ${reading.buyerId}: ${told}`,
      details: { outcome, missing, seen, activeCreatives },
    });
  else if (gone <= seen)
    await settleAlerts(database, { ...subject, kinds: ["seat_shrunk"], notes: "most of its creatives are listed" });
  return outcome === "synced" ? { outcome, vanished } : { outcome, missing };
}
