import type { Database } from "../schema/database.ts";

export const periods = ["1d", "7d", "30d", "all"] as const;
export type Period = (typeof periods)[number];

export interface Refreshed {
  client: string;
  asOf: string;
  creatives: number;
  campaigns: number;
}

/** Computes all roll-ups of a client anew from the rows: nightly, on demand, and when a day has begun. */
export async function refreshAggregates(
  _database: Database,
  _of: { client: string; today: string },
): Promise<Refreshed> {
  return Promise.reject(new Error("roll-ups are not computed yet"));
}

/** Refreshes only when the client's day is over: what readers call first, so that yesterday's window is not shown as today's. */
export async function ensureFresh(_database: Database, _of: { client: string; today: string }): Promise<void> {
  return Promise.reject(new Error("roll-ups are not computed yet"));
}
