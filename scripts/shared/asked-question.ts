import { readFile } from "node:fs/promises";
import { z } from "zod";
import { wholeNumber } from "../../core/whole-number.ts";
import {
  comparedWith,
  dimensions,
  limits,
  metrics,
  question,
  subjects,
  type Question,
} from "../../rules/intelligence/question.ts";
import { readCondition, readFields, type ConditionField } from "../../rules/intelligence/question-fields.ts";
import { describeIssues } from "../../core/typed.ts";
import { CommandError, exitCodes } from "./failures.ts";

/** The flags that say a question, with what each means. */
export const questionFlags = [
  ["--metric <name>", `what is measured: ${metrics.join(", ")}; flags instead of a sentence or a saved question`],
  ["--of <subject>", `what there is a row for each of: ${subjects.join(", ")}`],
  [
    "--where <condition>",
    `leaves out rows, as country=BR,IN or format!=VIDEO; can be repeated. By ${dimensions.join(", ")}`,
  ],
  ["--compare <with>", `what each row is held against: ${comparedWith.join(", ")}`],
  ["--slice <condition>", "the part of each row that is compared, as os=ios; means --compare slice"],
  ["--against <condition>", "the other part, as os=android; all the rest when left out"],
  ["--above <far>", "how far above: 50% or 0.10; with --compare value the number"],
  ["--below <far>", "how far below, in the same way"],
  ["--days <number>", `the last complete days, ${limits.days} at most; 28 when left out`],
  ["--from <day>", "the first day, instead of --days"],
  ["--to <day>", "the last day"],
  ["--least-impressions <number>", "leaves out what has fewer, on either side"],
  ["--least-clicks <number>", "leaves out what has fewer, on either side"],
  ["--clear", "only rows of which chance is no explanation"],
] as const;

const number = wholeNumber({ least: 0 });
export const flagShape = {
  metric: z.string().optional(),
  of: z.string().optional(),
  where: z.array(z.string()).default([]),
  compare: z.string().optional(),
  slice: z.string().optional(),
  against: z.string().optional(),
  above: z.string().optional(),
  below: z.string().optional(),
  days: number.optional(),
  from: z.string().optional(),
  to: z.string().optional(),
  leastImpressions: number.optional(),
  leastClicks: number.optional(),
  clear: z.boolean().optional(),
};
export type Flags = z.output<z.ZodObject<typeof flagShape>>;

const wrong = (message: string) => new CommandError(exitCodes.usage, message);

/** The question that flags say; null where none does. */
export function questionOfFlags(flags: Flags, limit: number | undefined): Question | null {
  if (flags.metric === undefined && flags.of === undefined) return null;
  const far = flags.above ?? flags.below ?? "";
  const isValue = flags.compare === "value" || (flags.compare === undefined && flags.slice === undefined && far !== "");
  const percent = /^(.+)%$/.exec(far.replaceAll(" ", ""))?.[1];
  const read = readFields({
    subject: flags.of ?? "",
    metric: flags.metric ?? "",
    conditions: flags.where.map(conditionOf),
    compare_with: isValue ? "value" : flags.slice === undefined ? (flags.compare ?? "none") : "slice",
    above_or_below: flags.below === undefined ? "above" : "below",
    value: isValue ? (percent ?? far) : "",
    percent: isValue ? "" : (percent ?? ""),
    amount: isValue || percent !== undefined ? "" : far,
    slice: flags.slice === undefined ? [] : [conditionOf(flags.slice)],
    against: flags.against === undefined ? [] : [conditionOf(flags.against)],
    ...{ days: flags.days ?? 0, from: flags.from ?? "", to: flags.to ?? "" },
    ...{ least_impressions: flags.leastImpressions ?? 0, least_clicks: flags.leastClicks ?? 0 },
    ...{ only_clear: flags.clear ?? false, limit: limit ?? 0 },
  });
  if (!read.ok) throw wrong(read.problem);
  return read.question;
}

function conditionOf(written: string): ConditionField {
  const condition = readCondition(written);
  if (condition === null) throw wrong(`${written} is no condition: write it as country=BR,IN or format!=VIDEO`);
  return condition;
}

/** A question in its typed form, from a file. */
export async function questionOfFile(file: string): Promise<Question> {
  const text = await readFile(file, "utf8").catch(() => {
    throw wrong(`${file} cannot be read`);
  });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw wrong(`${file} is not JSON`);
  }
  const read = question.safeParse(parsed);
  if (!read.success) throw wrong(`${file}: ${describeIssues(read.error).join("; ")}`);
  return read.data;
}
