import { z } from "zod";
import { id, money, text, wholeNumber } from "../fields.ts";

/** More rows than this are cut off, with or without the flag that says so. */
export const mostRows = 10_000;

/** A field of the key is never blank: a blank one is a field that the vendor has moved or renamed. */
export function named<Field extends z.ZodType<string>>(field: Field) {
  return field.refine((value) => value.trim() !== "", "is empty");
}

export const statsRow = z.object({
  columns: z.array(z.object({ column_type: z.string(), id: named(id), label: text.nullish() })),
  reporting: z.looseObject({
    total_click: wholeNumber,
    cv: wholeNumber,
    event: wholeNumber,
    payout: money,
    revenue: money,
    profit: money,
  }),
});
type StatsRow = z.output<typeof statsRow>;

export const statsTable = z
  .object({ table: z.array(statsRow).nullable(), incomplete_results: z.boolean().nullish() })
  .transform((body) => ({
    rows: body.table ?? [],
    isCut: body.incomplete_results === true || (body.table ?? []).length >= mostRows,
  }));

const grain = ["affiliate", "advertiser", "offer", "currency"] as const;
/**
 * What a day that is too long is split by, in this order: an affiliate that is still too long by offer, and where there are
 * too many even to list, by what is left.
 */
const dimensions = ["affiliate", "offer", "advertiser"] as const;
type Dimension = (typeof dimensions)[number];

/**
 * The table report filters by these alone, and its paging is not documented. Spans of hours would answer a part of a row
 * each, and to add them up means to trust that no adjustment lies outside of all of them.
 */
export const noSmallerPart = `Everflow answers ${mostRows} rows at most and can split a day by affiliate, offer and advertiser only, so nothing of the day was stored`;

/** Of the rows of a part of the day, or of which smaller parts it has. */
export interface Question {
  list: Dimension | null;
  /** Several values of one dimension mean any of them. */
  filter: Partial<Record<Dimension, string[]>>;
  /** The report knows no column for the currency: all amounts come converted into the one that was asked for. */
  isConverted?: boolean;
}
export const wholeDay: Question = { list: null, filter: {} };
export const grainOf = ({ isConverted }: Question) =>
  isConverted === true ? grain.filter((column) => column !== "currency") : grain;

export const columnOf = (row: StatsRow, type: string) => row.columns.find((column) => column.column_type === type);
export const valuesOf = (rows: StatsRow[], dimension: Dimension) =>
  new Set(rows.map((row) => columnOf(row, dimension)?.id ?? ""));
export const isPart = (row: StatsRow) => dimensions.every((type) => columnOf(row, type) !== undefined);

/** What to list in order to split a part: the first dimension that does not split its rows yet, or the one after a list that was too long. */
export function splitBy({ filter, list }: Question): Dimension | null {
  const left = dimensions.filter((type) => filter[type] === undefined);
  return left[list === null ? 0 : left.indexOf(list) + 1] ?? null;
}

/** A part whose rows are still too many although it is a group: its halves. */
export function halves(question: Question): Question[] | null {
  for (const [dimension, values] of Object.entries(question.filter)) {
    if (values.length < 2) continue;
    const middle = Math.ceil(values.length / 2);
    return [values.slice(0, middle), values.slice(middle)].map((half) => ({
      ...question,
      filter: { ...question.filter, [dimension]: half },
    }));
  }
  return null;
}

/** Few calls for a day: reports with many different values may be asked for 1,000 times an hour. */
const groupsOfList = 8;
const mostInGroup = 100;

export function groups(values: readonly string[]): string[][] {
  const size = Math.min(Math.ceil(values.length / groupsOfList), mostInGroup);
  return Array.from({ length: Math.ceil(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size),
  );
}

/** A filter that the vendor reads otherwise than we do would lose rows: each value is answered, and no other. */
export function misread(rows: StatsRow[], filter: Question["filter"]): string | null {
  for (const dimension of dimensions) {
    const asked = filter[dimension];
    if (asked === undefined) continue;
    const answered = valuesOf(rows, dimension);
    const missing = asked.find((value) => !answered.has(value));
    if (missing !== undefined) return `no row of ${dimension} ${missing}, which its list has`;
    const foreign = [...answered].find((value) => !asked.includes(value));
    if (foreign !== undefined)
      return `rows of ${dimension} ${foreign}, which was not asked for: its filter is not read`;
  }
  return null;
}
