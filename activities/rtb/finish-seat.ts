import { countMissing, finishReading } from "../../queries/rtb/seat-sync.ts";
import type { ReadingOfSeat, SeatsContext } from "./shapes.ts";

export type FinishedSeat =
  { outcome: "read_again" } | { outcome: "synced"; vanished: number } | { outcome: "emptied"; missing: number };

/**
 * What follows from a list that was read to its end. Pages may move while they are read: what is missing is looked for in a
 * second reading before it counts as vanished. An empty list after a full one marks nothing; a person decides.
 */
export async function finishSeat(
  { database }: SeatsContext,
  { isSecond, ...reading }: ReadingOfSeat & { isSecond: boolean },
): Promise<FinishedSeat> {
  const { missing, seen } = await countMissing(database, reading);
  if (missing > 0 && !isSecond) return { outcome: "read_again" };
  const isEmptied = missing > 0 && seen === 0;
  const { vanished } = await finishReading(database, { ...reading, marks: !isEmptied });
  return isEmptied ? { outcome: "emptied", missing } : { outcome: "synced", vanished };
}
