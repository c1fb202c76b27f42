import { z } from "zod";
import { periods } from "../../queries/rtb/rollups.ts";
import { ApiError } from "../server/errors.ts";
import { word } from "../server/lists.ts";
import { money } from "../server/shapes.ts";

/** As its exchange calls it: any text, and unique within its seat only. */
const idText = z
  .string()
  .min(1)
  .regex(/^[^\p{Cc}]*$/u, "must be a creative's id");
export const creativeId = idText.max(128);

/** An id, or `buyers/SEAT/creatives/ID`. */
export const creativeReference = idText.max(300);

/** Whose creative is meant, where several seats have one of the same id. */
export const seatOfCreative = word.optional().describe("the seat, where several have a creative of this id");

/** Our own number for a creative, in a place of a list. */
export const ownNumber = z.string().regex(/^-?\d{1,19}$/);

/** As files have it, whatever the caller's case. */
export const geography = z
  .string()
  .regex(/^[A-Za-z]{2}$/, "must be a country's two letters (ISO 3166)")
  .toUpperCase();

export const period = z
  .enum(periods)
  .default("7d")
  .describe("1d is yesterday; 7d and 30d end with the client's today; all is every stored day");

/** Which days the figures beside it are of. */
export const days = {
  period: z.enum(periods),
  from: z.string().nullable().describe("the first day; null for all"),
  to: z.string().nullable().describe("the last day; null for all"),
};

export const figures = {
  spend: money.describe("a decimal, rounded to the cent, in the client's currency"),
  impressions: z.number(),
  clicks: z.number(),
  cpc: z.string().nullable().describe("spend by clicks, a ratio of sums, four places; null without clicks"),
  cpm: z.string().nullable().describe("spend per thousand impressions, four places; null without impressions"),
};
export const trend = z
  .number()
  .nullable()
  .describe(
    "change of spend in percent, of the days of the period that are over (without today) against the same days a period earlier; null when nothing was spent then, and for all",
  );

/** Sums come as text, because they may have more digits than a number; counts of impressions do not get there. */
export function counted<Row extends { impressions: string; clicks: string }>(
  row: Row,
): Omit<Row, "impressions" | "clicks"> & { impressions: number; clicks: number } {
  return { ...row, impressions: Number(row.impressions), clicks: Number(row.clicks) };
}

export const name = word.trim().min(1).nullable().optional();

/** How many items a merge takes at once. */
export const mostMerged = 5_000;
export const merged = z.object({ inserted: z.number(), updated: z.number(), unchanged: z.number() });

/** Which of two of one key is meant, nobody can know. */
export function assertUnique(keys: readonly string[]): void {
  const seen = new Set<string>();
  for (const [item, key] of keys.entries()) {
    if (seen.has(key))
      throw new ApiError("validation_error", "body is not valid", { [`items.${item}`]: `${key} is given twice` });
    seen.add(key);
  }
}
