import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import { addDays, isDay } from "../../core/days.ts";
import { ApiError } from "./errors.ts";

/** Text from outside that goes into a query: Postgres has no NUL, and nothing we store is longer. */
export const word = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\u0000]*$/, "must be text");

/** As an exchange detects it; pt-BR and pt_BR are one. */
export const languageTag = z
  .string()
  .regex(/^[A-Za-z]{2,3}(?:[_-][A-Za-z0-9]{2,8})?$/, "must be a language, such as pt or pt_BR")
  .transform((tag) => tag.toLowerCase().replace("-", "_"));

export const day = z.string().refine(isDay, "must be a day, YYYY-MM-DD");

/** For a query with a first and a last day: `refine(inOrder, orderError)`. */
export const inOrder = ({ from, to }: { from?: string | undefined; to?: string | undefined }) =>
  from === undefined || to === undefined || from <= to;
export const orderError = { path: ["from"], error: "must not be after `to`" };

/** A grid of days answers with every one of them. */
const mostDays = 400;
export const fewDays = ({ from, to }: { from: string; to: string }) =>
  !isDay(from) || !isDay(to) || addDays(from, mostDays) > to;
export const tooManyDays = { path: ["from"], error: `must be at most ${mostDays} days before \`to\`` };

/** Where a page of a list begins: `next` of the one before. It holds what the list is sorted by. */
export const placeInList = z.string().max(4_000).optional();

/** What every list takes. */
export const paging = z.object({
  limit: wholeNumber({ most: 500 }).default(50).describe("how many items, 500 at most; 50 when left out"),
  cursor: placeInList.describe("`next` of the page before"),
});

/** What every list answers. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next: z.string().nullable().describe("the cursor of the next page; null on the last one"),
  });
}

/**
 * One page of rows that were read with one more than asked for: the extra one says that there is more. The cursor is
 * the place of the last row, so rows that come and go meanwhile neither repeat nor hide others.
 */
export function toPage<Row, Item>(
  rows: Row[],
  limit: number,
  placeOf: (row: Row) => unknown,
  toItem: (row: Row) => Item,
): { items: Item[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next =
    rows.length > limit && last !== undefined ? Buffer.from(JSON.stringify(placeOf(last))).toString("base64url") : null;
  return { items: shown.map(toItem), next };
}

/** A shape for each of a few names, made once: to make one takes longer than to read with it. */
export function byName<Name extends string, Shape>(
  names: readonly Name[],
  shapeOf: (name: Name) => Shape,
): Record<Name, Shape> {
  return Object.fromEntries(names.map((name) => [name, shapeOf(name)])) as Record<Name, Shape>;
}

/** Where to go on from. A cursor of another list, or a made-up one, is the caller's mistake. */
export function readCursor<Place extends z.ZodType>(cursor: string | undefined, place: Place): z.output<Place> | null {
  if (cursor === undefined) return null;
  try {
    return place.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch {
    throw badCursor();
  }
}

export const badCursor = () =>
  new ApiError("validation_error", "querystring is not valid", { cursor: "must be `next` of a page of this list" });
