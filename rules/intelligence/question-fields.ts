import { z } from "zod";
import { describeIssues } from "../../core/typed.ts";
import { question, type Question } from "./question.ts";

const conditionField = z.object({
  dimension: z.string().max(100),
  is: z.string().max(100).default("in"),
  values: z.array(z.string().max(1_000)).max(200),
});
export type ConditionField = z.infer<typeof conditionField>;

const text = z.string().max(200).default("");
const whole = z.number().catch(Number.NaN);

/**
 * A question as flat fields, as a form, flags and a model write it: what is left empty is not said. It is read into the
 * language and checked there; nothing is checked here.
 */
export const questionFields = z.object({
  subject: text,
  metric: text,
  conditions: z.array(conditionField).max(50).default([]),
  compare_with: text,
  above_or_below: text,
  value: text,
  percent: text,
  amount: text,
  slice: z.array(conditionField).max(5).default([]),
  against: z.array(conditionField).max(5).default([]),
  days: whole.default(0),
  from: text,
  to: text,
  least_impressions: whole.default(0),
  least_clicks: whole.default(0),
  least_spend: text,
  only_clear: z.boolean().default(false),
  sort: text,
  direction: text,
  limit: whole.default(0),
});
export type QuestionFields = z.infer<typeof questionFields>;

export type ReadQuestion = { ok: true; question: Question } | { ok: false; problem: string };

/** The question that fields say, or what is wrong with them. */
export function readFields(given: z.input<typeof questionFields>): ReadQuestion {
  const fields = questionFields.parse(given);
  const parsed = question.safeParse({
    subject: fields.subject,
    metric: fields.metric,
    where: fields.conditions,
    compare: compareOf(fields),
    ...(periodOf(fields) ?? {}),
    floor: {
      impressions: fields.least_impressions,
      clicks: fields.least_clicks,
      ...(fields.least_spend === "" ? {} : { spend: fields.least_spend }),
    },
    only_clear: fields.only_clear,
    ...(fields.sort === "" ? {} : { sort: fields.sort }),
    ...(fields.direction === "" ? {} : { direction: fields.direction }),
    ...(fields.limit === 0 ? {} : { limit: fields.limit }),
  });
  if (!parsed.success) return { ok: false, problem: describeIssues(parsed.error).join("; ") };
  return { ok: true, question: parsed.data };
}

function compareOf({ compare_with: kind, above_or_below: side, ...fields }: QuestionFields): unknown {
  if (kind === "" || kind === "none") return null;
  const is = side === "" ? "above" : side;
  if (kind === "value") return { with: kind, is, value: fields.value };
  const { percent, amount } = fields;
  const by = amount !== "" ? { amount } : percent !== "" ? { percent } : undefined;
  if (kind !== "slice") return { with: kind, is, by };
  const [slice] = fields.slice;
  const [against = null] = fields.against;
  return { with: kind, is, by, slice, against };
}

function periodOf({ days, from, to }: QuestionFields): object | null {
  if (from !== "" || to !== "") return { period: { from, to } };
  return days === 0 ? null : { period: { days } };
}

/** The other way round, for a form that shows a question to be changed. */
export function fieldsOf(asked: Question): QuestionFields {
  const { compare, period, floor } = asked;
  const by = compare !== null && compare.with !== "value" ? compare.by : {};
  return questionFields.parse({
    subject: asked.subject,
    metric: asked.metric,
    conditions: asked.where,
    compare_with: compare?.with ?? "none",
    above_or_below: compare?.is ?? "above",
    value: compare?.with === "value" ? compare.value : "",
    percent: "percent" in by ? by.percent : "",
    amount: "amount" in by ? by.amount : "",
    slice: compare?.with === "slice" ? [compare.slice] : [],
    against: compare?.with === "slice" && compare.against !== null ? [compare.against] : [],
    ...("days" in period ? { days: period.days } : period),
    least_impressions: floor.impressions,
    least_clicks: floor.clicks,
    least_spend: Number(floor.spend) === 0 ? "" : floor.spend,
    only_clear: asked.only_clear,
    sort: asked.sort ?? "",
    direction: asked.direction,
    limit: asked.limit,
  });
}

/** `country=BR,IN` or `format!=VIDEO`, as a flag says it; null for what is none. */
export function readCondition(written: string): ConditionField | null {
  const [, dimension, not, values] = /^\s*([a-z]+)\s*(!?)=(.*)$/s.exec(written) ?? [];
  if (dimension === undefined || values === undefined) return null;
  return { dimension, is: not === "!" ? "not_in" : "in", values: splitValues(values) };
}

export const splitValues = (values: string): string[] =>
  values
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
