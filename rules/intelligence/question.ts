import { z } from "zod";
import { nameOf } from "../../core/person-text.ts";
import { isDay } from "../../core/days.ts";
import { isCountry } from "./country-name.ts";

/** What a question is about: its answer has one row for each. */
export const subjects = [
  ...(["campaign", "creative", "genre", "format", "size", "country", "device", "os"] as const),
  ...(["placement", "seat", "advertiser", "weekday", "hour", "day"] as const),
] as const;
export type Subject = (typeof subjects)[number];

/** What parts are told apart by. A day is chosen by the period. */
export const dimensions = subjects.filter((one): one is Exclude<Subject, "day"> => one !== "day");
export type Dimension = (typeof dimensions)[number];

export const metrics = ["impressions", "clicks", "spend", "ctr", "cpc", "cpm"] as const;
export type Metric = (typeof metrics)[number];

/** A ratio is a count by what it was bought with; of the other metrics every digit is certain. */
export const ratios = {
  ctr: { count: "clicks", exposure: "impressions", times: 100 },
  cpc: { count: "clicks", exposure: "spend", times: 1 },
  cpm: { count: "impressions", exposure: "spend", times: 1_000 },
} as const;
export type Ratio = keyof typeof ratios;
export const isRatio = (metric: Metric): metric is Ratio => Object.hasOwn(ratios, metric);

export const weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export const systems = ["ios", "android"] as const;

/** How much one question may ask. */
export const limits = {
  conditions: 6,
  values: 50,
  valueLength: 200,
  days: 400,
  rows: 500,
  /** Parts that are compared: more are refused, with what to do. */
  parts: 20_000,
  /** Of the whole, as JSON text. */
  length: 8_000,
} as const;

const value = z
  .string()
  .trim()
  .min(1, "is empty")
  .max(limits.valueLength)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must be text on one line");

const shapesOf: Partial<
  Record<Dimension, { read: (text: string) => string; isValid: (text: string) => boolean; say: string }>
> = {
  country: {
    // Of other alphabets capitals may be two letters: ß is no South Sudan.
    read: (text) => (/^[a-z]{2}$/i.test(text) ? text.toUpperCase() : text),
    isValid: isCountry,
    say: "must be the two letters of a country, such as BR",
  },
  weekday: {
    read: (text) => text.toLowerCase(),
    isValid: (text) => (weekdays as readonly string[]).includes(text),
    say: `must be one of ${weekdays.join(", ")}`,
  },
  os: {
    read: (text) => text.toLowerCase(),
    isValid: (text) => (systems as readonly string[]).includes(text),
    say: `must be one of ${systems.join(", ")}`,
  },
  hour: {
    read: (text) => text,
    isValid: (text) => /^(1?\d|2[0-3])$/.test(text),
    say: "must be an hour from 0 to 23",
  },
  device: { read: (text) => text.toLowerCase(), isValid: () => true, say: "" },
  format: { read: (text) => text.toUpperCase(), isValid: () => true, say: "" },
};

/** Some values of a dimension, or all but these. */
const condition = z
  .strictObject({
    dimension: z.enum(dimensions),
    is: z.enum(["in", "not_in"]).default("in"),
    values: z.array(value).min(1, "names no value").max(limits.values),
  })
  .transform(({ dimension, is, values }, context) => {
    const shape = shapesOf[dimension];
    const read = [...new Set(values.map((text) => shape?.read(text) ?? text))];
    const wrong = read.find((text) => shape?.isValid(text) === false);
    if (wrong !== undefined)
      context.addIssue({ code: "custom", path: ["values"], message: `${shape?.say}, not ${wrong}` });
    return { dimension, is, values: read };
  });
export type Condition = z.output<typeof condition>;

const decimal = z
  .union([z.string(), z.number()])
  .transform(String)
  .pipe(z.string().regex(/^\d{1,12}(\.\d{1,6})?$/, "must be a number such as 2 or 0.35"));

/** How far apart: a share of what it is compared with, or so much of the metric itself. */
const by = z
  .union([z.strictObject({ percent: decimal }), z.strictObject({ amount: decimal })], {
    error: 'must be {"percent": "50"} or {"amount": "0.10"}',
  })
  .default({ percent: "0" });
const side = z.enum(["above", "below"]);

/** What each row is held against; rows that do not differ so are left out. */
const comparison = z.discriminatedUnion("with", [
  z.strictObject({ with: z.literal("value"), is: side, value: decimal }),
  z.strictObject({
    with: z.literal("slice"),
    slice: condition,
    /** Null: all that is not in the slice. */
    against: condition.nullable().default(null),
    is: side,
    by,
  }),
  z.strictObject({ with: z.literal("rest"), is: side, by }),
  z.strictObject({ with: z.literal("median"), is: side, by }),
  z.strictObject({ with: z.literal("period_before"), is: side, by }),
]);
export type Comparison = z.output<typeof comparison>;
export const comparedWith = ["value", "slice", "rest", "median", "period_before"] as const;

const day = z.string().refine(isDay, "must be a day, written YYYY-MM-DD");
const period = z.union(
  [
    z.strictObject({ days: z.number().int().min(1).max(limits.days) }),
    z
      .strictObject({ from: day, to: day })
      .refine(({ from, to }) => from <= to, "from must not be after to")
      .refine(({ from, to }) => lengthOf(from, to) <= limits.days, `must have at most ${limits.days} days`),
  ],
  { error: 'must be {"days": 28} or {"from": "2026-01-01", "to": "2026-01-31"}' },
);
export type Period = z.output<typeof period>;

const lengthOf = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;

const least = z.number().int().min(0).max(1e15).default(0);
const floor = z.strictObject({ impressions: least, clicks: least, spend: decimal.default("0") }).prefault({});

/** A question as it is saved, sent and shown: data, never SQL. Whatever is not in here cannot be asked. */
export const question = z
  .strictObject({
    subject: z.enum(subjects),
    metric: z.enum(metrics),
    where: z.array(condition).max(limits.conditions).default([]),
    compare: comparison.nullable().default(null),
    period: period.default({ days: 28 }),
    /** Of each row, and of each side that is compared. */
    floor,
    /** Only rows of which chance is not the explanation. */
    only_clear: z.boolean().default(false),
    sort: z.enum(["difference", "metric", "impressions", "clicks", "spend"]).optional(),
    direction: z.enum(["most", "least"]).default("most"),
    limit: z.number().int().min(1).max(limits.rows).default(50),
  })
  .superRefine(({ subject, metric, compare, only_clear: onlyClear, sort }, context) => {
    const complain = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (compare?.with === "slice") {
      for (const [name, part] of [["slice", compare.slice] as const, ["against", compare.against] as const])
        if (part?.dimension === subject)
          complain(["compare", name], `is of the subject itself: a ${subject} has no parts by ${subject}`);
    }
    if ((compare?.with === "slice" || compare?.with === "rest") && !isRatio(metric))
      complain(["metric"], "must be ctr, cpc or cpm here: parts of different size are compared by a ratio");
    if (compare?.with === "period_before" && subject === "day")
      complain(["compare", "with"], "a day has no period before it: ask about weekdays");
    if (onlyClear && (compare === null || !isRatio(metric)))
      complain(["only_clear"], "needs a comparison by ctr, cpc or cpm: all else is certain");
    if (compare !== null && compare.with !== "value" && compare.is === "below") {
      if ("percent" in compare.by && Number(compare.by.percent) >= 100)
        complain(["compare", "by"], "must be less than 100 % here: nothing is so far below what is not negative");
    }
    if (sort === "difference" && compare === null) complain(["sort"], "there is no difference without a comparison");
  });

export type Question = z.output<typeof question>;
export type QuestionInput = z.input<typeof question>;

/** What rows are put in order by, where the question does not say. */
export const sortOf = ({ sort, compare }: Question) => sort ?? (compare === null ? "metric" : "difference");

/** Names of saved questions: people find them again by these. */
export const questionName = nameOf({ least: 3, most: 120 });
