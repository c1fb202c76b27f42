import { z } from "zod";
import { addDays, dayAt } from "../../core/days.ts";
import { day } from "../server/lists.ts";
import { money, storedOrigin } from "../server/shapes.ts";

const timezone = "America/New_York";
const rangeDays = 30;

export const range = z.object({
  from: day.optional().describe("30 days ago when left out"),
  to: day.optional().describe("today, in America/New_York, when left out"),
});

export const today = () => dayAt(new Date(), timezone);

/** The last 30 days where none are named. */
export function rangeOf({ from, to }: { from?: string | undefined; to?: string | undefined }): {
  from: string;
  to: string;
} {
  const last = to ?? (from !== undefined && from > today() ? from : today());
  return { from: from ?? addDays(last, 1 - rangeDays), to: last };
}

/** Of one currency of one origin; a list has several where it mixes them. */
export const total = z.object({
  origin: storedOrigin,
  conversions: z.number(),
  revenue: money.nullable(),
});
