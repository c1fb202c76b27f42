import type { Session } from "../../schema/database.ts";
import type { WatchState } from "./saved-questions.ts";

export interface WatchedQuestion {
  name: string;
  updatedAt: Date;
  watchState: WatchState;
  askedTo: string | null;
  answerRows: string[] | null;
}

/** One that is still watched, locked to the end of the transaction: two runs do not both say the same. */
export async function lockWatched(
  session: Session,
  of: { client: string; questionId: number },
): Promise<WatchedQuestion | null> {
  const { rows } = await session.query<WatchedQuestion>(
    `select name, updated_at as "updatedAt", watch_state as "watchState", asked_to as "askedTo", answer_rows as "answerRows"
       from rtb.questions where _client_id = $1 and question_id = $2 and is_watched for update`,
    [of.client, of.questionId],
  );
  return rows[0] ?? null;
}

/** What was answered, and where the question stands since then. */
export async function recordWatch(
  session: Session,
  of: {
    client: string;
    questionId: number;
    records: string;
    askedTo: string;
    state: WatchState;
    rows: readonly string[];
    hash: string;
    isAlerted: boolean;
  },
): Promise<void> {
  await session.query(
    `update rtb.questions
        set asked_at = now(), asked_to = $3, asked_records = $4, watch_state = $5, answer_rows = $6, answer_hash = $7,
            alerted_at = case when $8 then now() else alerted_at end
      where _client_id = $1 and question_id = $2`,
    [of.client, of.questionId, of.askedTo, of.records, of.state, JSON.stringify(of.rows), of.hash, of.isAlerted],
  );
}
