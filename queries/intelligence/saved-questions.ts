import { question, type Question } from "../../rules/intelligence/question.ts";
import { type Queryable, type Session, sqlState } from "../../schema/database.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export const watchStates = ["quiet", "suspected", "holding"] as const;
export type WatchState = (typeof watchStates)[number];

/** A question that somebody has saved. */
export interface SavedQuestion {
  questionId: number;
  name: string;
  question: Question;
  isWatched: boolean;
  createdBy: string;
  createdAt: Date;
  updatedBy: string;
  updatedAt: Date;
  watchState: WatchState;
  /** When it was last asked by itself, up to which day, and how many rows that answer had. */
  askedAt: Date | null;
  askedTo: string | null;
  /** Of which state of the records that answer is. */
  askedRecords: string | null;
  answerRows: string[] | null;
  alertedAt: Date | null;
}

const columns = `q.question_id as "questionId", q.name, q.question, q.is_watched as "isWatched", q.created_by as "createdBy", q.created_at as "createdAt",
  q.updated_by as "updatedBy", q.updated_at as "updatedAt", q.watch_state as "watchState", q.asked_at as "askedAt", q.asked_to as "askedTo", q.asked_records as "askedRecords",
  q.answer_rows as "answerRows", q.alerted_at as "alertedAt"`;

/** Read through its shape: what was saved by an earlier form of the language is filled up, not guessed at. */
const read = <Row extends SavedQuestion>(row: Row): Row => ({ ...row, question: question.parse(row.question) });

export const questionOrders = {
  by: {
    name: [{ sql: "lower(q.name)", type: "text" }],
    updatedAt: [{ sql: "q.updated_at", type: "moment" }],
  },
  then: [{ sql: "q.question_id", type: "whole" }],
  usual: "name",
} satisfies Orders;

export async function listQuestions(
  database: Queryable,
  { client, watched = null }: { client: string; watched?: boolean | null },
  { order, limit = 500 }: { order?: Order; limit?: number } = {},
): Promise<Placed<SavedQuestion>[]> {
  const rows = await readOrdered<SavedQuestion>(database, {
    ...{ columns, from: "rtb.questions q", orders: questionOrders, order, limit },
    where: "q._client_id = :client and (:watched::boolean is null or q.is_watched = :watched)",
    values: { client, watched },
  });
  return rows.map(read);
}

/** One by its number or, whatever its capitals, by its name; null when the client has none of it. */
export async function findQuestion(
  database: Queryable,
  { client, ...by }: { client: string } & ({ questionId: number } | { name: string }),
): Promise<SavedQuestion | null> {
  const [condition, value] =
    "questionId" in by ? ["q.question_id = $2", by.questionId] : ["lower(q.name) = lower($2)", by.name.trim()];
  const { rows } = await database.query<SavedQuestion>(
    `select ${columns} from rtb.questions q where q._client_id = $1 and ${condition}`,
    [client, value],
  );
  return rows[0] === undefined ? null : read(rows[0]);
}

/** More than one person keeps an eye on. */
export const mostQuestions = 500;

export type Saved = { ok: true; questionId: number } | { ok: false; problem: "name_taken" | "too_many" };
export type Changed =
  | { ok: true; questionId: number; asksAnother: boolean }
  | { ok: false; problem: "name_taken" }
  | { ok: false; problem: "changed_meanwhile"; by: string; at: Date };

interface Kept {
  client: string;
  name: string;
  question: Question;
  isWatched: boolean;
  actor: string;
}

/** Saves a new one under a name that no other of the client has. */
export async function saveQuestion(session: Session, of: Kept): Promise<Saved> {
  const { rows: counted } = await session.query<{ count: number }>(
    "select count(*)::int as count from rtb.questions where _client_id = $1",
    [of.client],
  );
  if ((counted[0]?.count ?? 0) >= mostQuestions) return { ok: false, problem: "too_many" };
  const { rows } = await session.query<{ id: number }>(
    `insert into rtb.questions (_client_id, name, question, is_watched, created_by, updated_by) values ($1, $2, $3, $4, $5, $5)
     on conflict (_client_id, lower(name)) do nothing returning question_id as id`,
    [of.client, of.name, JSON.stringify(of.question), of.isWatched, of.actor],
  );
  const [saved] = rows;
  return saved === undefined ? { ok: false, problem: "name_taken" } : { ok: true, questionId: saved.id };
}

/** Changes one. Asked for something else, its last answer says nothing any more. */
export async function changeQuestion(
  session: Session,
  of: Kept & { questionId: number; expectedUpdatedAt: Date | null },
): Promise<Changed | null> {
  const { rows } = await session.query<{ isSame: boolean; by: string; at: Date }>(
    `select question = $3::jsonb as "isSame", updated_by as by, updated_at as at from rtb.questions
      where _client_id = $1 and question_id = $2 for update`,
    [of.client, of.questionId, JSON.stringify(of.question)],
  );
  const [before] = rows;
  if (before === undefined) return null;
  const { isSame, by, at } = before;
  if (of.expectedUpdatedAt !== null && of.expectedUpdatedAt.getTime() !== at.getTime())
    return { ok: false, problem: "changed_meanwhile", by, at };
  try {
    await session.query("savepoint before_change");
    await session.query(
      `update rtb.questions q
          set name = $3, question = $4, is_watched = $5, updated_by = $6, updated_at = now(),
              watch_state = case when q.question = $4::jsonb and $5 then q.watch_state else 'quiet' end,
              asked_records = case when q.question = $4::jsonb and q.is_watched = $5 then q.asked_records end,
              answer_rows = case when q.question = $4::jsonb and $5 then q.answer_rows end
        where q._client_id = $1 and q.question_id = $2`,
      [of.client, of.questionId, of.name, JSON.stringify(of.question), of.isWatched, of.actor],
    );
    return { ok: true, questionId: of.questionId, asksAnother: !isSame };
  } catch (error) {
    if (sqlState(error) !== "23505") throw error;
    await session.query("rollback to savepoint before_change");
    return { ok: false, problem: "name_taken" };
  }
}

export async function deleteQuestion(
  session: Session,
  of: { client: string; questionId: number },
): Promise<{ name: string } | null> {
  const { rows } = await session.query<{ name: string }>(
    "delete from rtb.questions where _client_id = $1 and question_id = $2 returning name",
    [of.client, of.questionId],
  );
  return rows[0] ?? null;
}
