import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { word } from "../../api/server/lists.ts";
import { addDays, dayAt } from "../../core/days.ts";
import type { At } from "../shared/web.ts";

export const usualDays = 7;
export const wasteQuery = {
  buyer_id: word.optional(),
  days: wholeNumber({ most: 365 }).optional(),
  /** Without today, which the reports of a day that is under way do not have. */
  end: z.enum(["yesterday"]).optional(),
};
export type WasteQuery = z.output<z.ZodObject<typeof wasteQuery>>;

/** What the JSON routes are asked: the days of the page, by the reports' clock. */
export function askedOf({ query: { days, end, buyer_id }, parts, viewer, now }: At<WasteQuery>) {
  const zone = parts.config.ingest.clients.get(viewer.client)?.reportZone ?? "UTC";
  return {
    days: days ?? usualDays,
    buyer_id,
    ...(end === undefined ? {} : { to: addDays(dayAt(now, zone), -1) }),
  };
}
