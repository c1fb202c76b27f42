import { z } from "zod";
import type { NamedRow, QuestionAnswer } from "../../queries/intelligence/run-question.ts";
import { watchStates, type SavedQuestion } from "../../queries/intelligence/saved-questions.ts";
import { sideWords, inWords } from "../../rules/intelligence/question-words.ts";
import { instant, iso, money, storedOrigin, text } from "../server/shapes.ts";

/** As it came in, filled up: it can be sent again. Its shape is that of the body which asks it. */
export const wholeQuestion = z
  .record(z.string(), z.unknown())
  .describe("the question in its full form, as it can be sent again; see docs/asking.md");

const row = z.object({
  key: z.string().describe("what the row is about: our number of a campaign or creative; empty where it is not known"),
  name: text.describe("what people call it; null where it is not known"),
  value: z.string().describe("the metric: spend to the cent, CTR in percent, ratios with four places"),
  other: text.describe("what it is held against, in the same way; null without a comparison or for a number"),
  percent: text.describe("how far apart, as a share of the other side"),
  difference: text.describe("how far apart, in the metric itself"),
  low: text.describe("with 90 % confidence what was asked about lies between this"),
  high: text.describe("and this; null where nothing is uncertain, or too little is known"),
  isClear: z.boolean().nullable().describe("whether chance is no explanation; null where nothing is uncertain"),
  impressions: z.number(),
  clicks: z.number(),
  spend: money,
  otherImpressions: z.number().nullable(),
  otherClicks: z.number().nullable(),
  otherSpend: money.nullable(),
  origin: storedOrigin,
});
export type AnsweredRow = z.infer<typeof row>;

const span = z.object({ from: z.string(), to: z.string() });

export const answered = z.object({
  question: wholeQuestion,
  words: z.string().describe("the question as a sentence: what was asked, and nothing else"),
  value: z.string().describe("what `value` of the rows is called"),
  other: text.describe("what `other` of the rows is called; null where there is none"),
  days: span
    .extend({
      before: span.nullable().describe("the days that they are compared with; null for others"),
      withRows: z.number().describe("days of these that files have rows of"),
      without: z.array(z.string()).describe("days that no file has rows of, 31 at most"),
      recordsAt: z
        .string()
        .nullable()
        .describe("when records last changed: a file that comes later may correct any of these days"),
    })
    .nullable()
    .describe("complete days only; null where no day that is over has rows"),
  rows: z.array(row),
  matched: z.number().describe("parts that the question holds of, listed or not"),
  compared: z.number().describe("parts that were compared"),
  belowFloor: z.number().describe("parts below the floor: left out, so that noise is not answered"),
  withoutFigure: z.number().describe("parts with nothing to divide by"),
  unknown: z.array(z.string()).describe("values of conditions that nothing is called by: misspelt, or gone"),
  origin: storedOrigin,
});
export type Answered = z.infer<typeof answered>;

export const toAnswer = (answer: QuestionAnswer): Answered => {
  const { question, words, days, rows, unknown, origin, ...counts } = answer;
  return {
    ...{ question, words, ...sideWords(question) },
    days: days === null ? null : toDays(days),
    rows: rows.map(toRow),
    ...{ ...counts, unknown, origin },
  };
};

const mostDaysNamed = 31;

function toDays({
  from,
  to,
  before,
  withRows,
  missing,
  recordsAt,
}: NonNullable<QuestionAnswer["days"]>): Answered["days"] {
  return {
    from,
    to,
    before,
    withRows: withRows.length,
    without: missing.slice(0, mostDaysNamed),
    recordsAt: iso(recordsAt),
  };
}

const toRow = ({ subject, sums, otherSums, amount, ...rest }: NamedRow): AnsweredRow => ({
  ...rest,
  key: subject,
  difference: amount,
  impressions: Number(sums.impressions),
  clicks: Number(sums.clicks),
  spend: sums.spend,
  otherImpressions: otherSums === null ? null : Number(otherSums.impressions),
  otherClicks: otherSums === null ? null : Number(otherSums.clicks),
  otherSpend: otherSums === null ? null : otherSums.spend,
});

export const saved = z.object({
  questionId: z.number(),
  name: z.string(),
  question: wholeQuestion,
  words: z.string(),
  isWatched: z.boolean().describe("asked again when records or the day have changed; an alert says what is new"),
  watchState: z
    .enum(watchStates)
    .describe("quiet: the last answer was empty; suspected: chance may explain it; holding: an alert is open"),
  askedAt: instant.nullable().describe("when it was last asked by itself"),
  askedTo: text.describe("the last day of that answer"),
  alertedAt: instant.nullable(),
  createdBy: z.string(),
  createdAt: instant,
  updatedBy: z.string(),
  updatedAt: instant,
});
export type SavedItem = z.infer<typeof saved>;

export const toSaved = (row: SavedQuestion): SavedItem => ({
  questionId: row.questionId,
  name: row.name,
  question: row.question,
  words: inWords(row.question),
  isWatched: row.isWatched,
  watchState: row.watchState,
  askedAt: iso(row.askedAt),
  askedTo: row.askedTo,
  alertedAt: iso(row.alertedAt),
  createdBy: row.createdBy,
  createdAt: row.createdAt.toISOString(),
  updatedBy: row.updatedBy,
  updatedAt: row.updatedAt.toISOString(),
});
