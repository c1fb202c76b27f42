import type { Database, Queryable, Statement } from "../../schema/database.ts";
import { sqlState } from "../../schema/database.ts";
import { unlessGivenUp, withinMs } from "../../core/deadline.ts";
import { ApiError, Unavailable } from "./errors.ts";

export interface Patience {
  /** A statement that takes longer makes us ask whether anybody is there at all. */
  suspectAfterMs: number;
  /** How long that question may take. */
  probeMs: number;
  /** What a statement may take while somebody is there. */
  statementMs: number;
}

const patience: Patience = { suspectAfterMs: 400, probeMs: 350, statementMs: 10_000 };

/**
 * Runs single statements, and knows within a second when Postgres is away: also when it took the connection and then
 * fell silent, which no timeout of the server's own would notice. A statement that is merely slow may take its time, and
 * so may one that waits for a connection: `probe` has one of its own, or a full pool would look like silence.
 */
export function createReading(
  database: Database,
  probe: Database = database,
  { suspectAfterMs, probeMs, statementMs }: Patience = patience,
): Queryable {
  // With its own limit, or a connection that went silent would be lost to the pool for as long as TCP waits.
  const run = (statement: Statement, limitMs: number, on = database) =>
    on.query({ ...statement, query_timeout: limitMs } as Statement);

  // All who doubt at one time are told by one question: many at once would wait for each other, and take that for silence.
  let asked: Promise<unknown> | null = null;
  const isThere = () => {
    // Its own limit is later than ours, which first reads what has come.
    asked ??= withinMs(probeMs, run({ text: "select 1" }, 2 * probeMs, probe)).finally(() => (asked = null));
    return asked;
  };

  const query = async (statement: string | Statement, values?: unknown[]) => {
    const whole = typeof statement === "string" ? { text: statement } : statement;
    const answer = run(values === undefined ? whole : { ...whole, values }, statementMs);
    try {
      return await unlessGivenUp(answer, suspectAfterMs, isThere);
    } catch (error) {
      throw orUnavailable(error);
    }
  };
  // pg's `query` is a list of overloads, some with callbacks; nobody here calls those.
  return { query: query as Database["query"] };
}

/** Whatever Postgres did not say itself, and we did not, is about reaching it. */
export function orUnavailable(error: unknown): unknown {
  if (sqlState(error) !== null || error instanceof ApiError || error instanceof TypeError) return error;
  return new Unavailable("the database does not answer; try again soon", error);
}
