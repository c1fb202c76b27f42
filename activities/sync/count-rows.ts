import { metricMeter } from "@temporalio/activity";
import type { Receipt } from "../../queries/sync/shapes.ts";

/** For the metrics of workers: what a receipt did to the rows of its slice. */
export function countRows(tags: { client: string; source: string }, receipt: Receipt): void {
  const rows = metricMeter.createCounter("signal_room_rows", "rows", "Rows merged, by what happened to them");
  for (const change of ["inserted", "updated", "unchanged", "withdrawn"] as const)
    rows.add(receipt[change], { ...tags, change });
  metricMeter
    .createCounter("signal_room_slices", "slices", "Slices merged, by outcome")
    .add(1, { ...tags, outcome: receipt.outcome });
}
