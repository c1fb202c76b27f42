import { z } from "zod";
import { isDay, sameTimeOn } from "./days.ts";

/** A day that counts as today, or an instant at which the clock stands still. */
export const present = z
  .union([z.string().refine(isDay), z.iso.datetime({ offset: true })])
  .meta({ description: "a day, YYYY-MM-DD, or an instant, ISO 8601" });

/** The zone whose time of day a mock server keeps when another day counts as today. */
const zone = "America/New_York";

/** What a mock server's clock shows when ours shows `now`; without a setting, the same. */
export function presentAt(setting: string | undefined | null, now: Date): Date {
  if (setting === undefined || setting === null) return now;
  return isDay(setting) ? sameTimeOn(setting, now, zone) : new Date(setting);
}
