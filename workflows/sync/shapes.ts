import type { SliceResult } from "../../activities/sync/shapes.ts";

/** What a person types to pull one day of one source: `{"source": "redtrack.daily_spend", "day": "2025-12-18"}`. */
export interface SyncSliceInput {
  source: string;
  day: string;
  client?: string;
  /** The run that this slice belongs to; a slice started by hand is its own. */
  runId?: string;
  acceptEmpty?: boolean;
}

export type SliceSettled = { day: string } & (
  { state: "done"; result: SliceResult } | { state: "failed"; type: string; reason: string } | { state: "cancelled" }
);
