import { sql } from "drizzle-orm";
import { bigint, boolean, check, date, jsonb, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { clientColumn, instant } from "./columns.ts";
import { describeTable } from "./describe.ts";
import { rtb } from "./rtb.ts";

/** Questions that people keep. One that is watched is asked again when records or the day have changed. */
export const questions = rtb.table(
  "questions",
  {
    ...clientColumn,
    questionId: bigint("question_id", { mode: "number" }).generatedAlwaysAsIdentity(),
    name: text("name").notNull(),
    question: jsonb("question").notNull(),
    isWatched: boolean("is_watched").notNull().default(false),
    createdBy: text("created_by").notNull(),
    createdAt: instant("created_at").notNull().defaultNow(),
    updatedBy: text("updated_by").notNull(),
    updatedAt: instant("updated_at").notNull().defaultNow(),
    watchState: text("watch_state").notNull().default("quiet"),
    askedAt: instant("asked_at"),
    askedTo: date("asked_to"),
    askedRecords: text("asked_records"),
    answerHash: text("answer_hash"),
    answerRows: jsonb("answer_rows").$type<string[]>(),
    alertedAt: instant("alerted_at"),
  },
  (table) => [
    primaryKey({ name: "questions_id", columns: [table.clientId, table.questionId] }),
    uniqueIndex("questions_name").on(table.clientId, sql`lower(${table.name})`),
    check("questions_watch_state", sql`${table.watchState} in ('quiet', 'suspected', 'holding')`),
  ],
);

describeTable(questions, "Questions about performance that people have saved, in their typed form.", {
  questionId: "Number of the question.",
  name: "What people call it: once per client, whatever its capitals.",
  question: "The question as JSON: subject, metric, conditions, comparison, period, floor. No part of it is SQL.",
  isWatched: "It is asked again when records or the day have changed, and an alert says what its answer gained.",
  createdBy: "Who saved it: the subject of a token or session.",
  createdAt: "When.",
  updatedBy: "Who last changed it.",
  updatedAt: "When.",
  watchState:
    "quiet: the last answer was empty; suspected: it has rows that chance may explain; holding: an alert was raised.",
  askedAt: "When it was last asked by itself; null before that.",
  askedTo: "The last day of that answer.",
  askedRecords: "Of which state of the records that answer is: another state, another text.",
  answerHash: "SHA-256 of that answer; null before the first.",
  answerRows: "What the rows of that answer are about, by their keys, as JSON.",
  alertedAt: "When an alert was last raised for it; null if none was.",
});
