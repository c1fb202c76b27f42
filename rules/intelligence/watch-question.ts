import type { AnswerRow } from "./question-answer.ts";

export type Watching = "quiet" | "suspected" | "holding";

/** What was known of a watched question after its last answer. */
export interface Watched {
  state: Watching;
  /** What the rows of that answer were about; null before the first. */
  rows: readonly string[] | null;
}

export interface WatchStep {
  state: Watching;
  /** What is to be said: an alert that opens, one that has more to say, one that closes, or nothing. */
  say: "open" | "more" | "close" | null;
  /** Keys of rows that the last answer did not have. */
  gained: string[];
}

/**
 * From one answer to the next; a day counts once, so that nothing flutters. Rows that chance may explain are waited for
 * until the next day has them, too; an alert closes when its answer is empty.
 */
export function watchStep(
  before: Watched,
  rows: readonly Pick<AnswerRow, "subject" | "isClear">[],
  { isNewDay }: { isNewDay: boolean },
): WatchStep {
  const known = new Set(before.rows ?? []);
  const gained = rows.map(({ subject }) => subject).filter((subject) => !known.has(subject));
  if (rows.length === 0) return { state: "quiet", say: before.state === "holding" ? "close" : null, gained: [] };
  if (before.state === "holding") return { state: "holding", say: gained.length > 0 ? "more" : null, gained };
  const isCertain = rows.some(({ isClear }) => isClear !== false);
  const isSecondDay = before.state === "suspected" && isNewDay;
  if (isCertain || isSecondDay) return { state: "holding", say: "open", gained: rows.map(({ subject }) => subject) };
  return { state: "suspected", say: null, gained: [] };
}

const mostNamed = 5;

/** What an alert says: the question's name, how many rows there are, and which of them are new. */
export function watchWords(of: { name: string; matched: number; gained: readonly string[]; to: string }): string {
  const named = of.gained.slice(0, mostNamed).join(", ");
  const more = of.gained.length > mostNamed ? ` and ${of.gained.length - mostNamed} more` : "";
  return `${of.name}: ${of.matched} ${of.matched === 1 ? "row" : "rows"} up to ${of.to}. New: ${named}${more}.`;
}

export const alertKind = "question_holds";

/** Where the alert of a question is found. */
export const questionAlert = (client: string, questionId: number) => ({
  ...{ client, area: "questions", kinds: [alertKind] },
  subject: `question/${questionId}`,
});
