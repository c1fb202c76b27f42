import { sqlState, type Queryable } from "../../schema/database.ts";
import { ApiError, Unavailable } from "./errors.ts";

/** With what `reading` takes to be sure, still within the second in which a caller wants to hear it. */
const suspectAfterMs = 150;

/**
 * Waits for a transaction as long as Postgres answers others: one that is merely slow may take its time, and one whose
 * server fell silent is given up. It may have been committed all the same, so what is waited for must bear a repeat.
 */
export async function whileAwake<Result>(reading: Queryable, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => void reading.query("select 1").catch(reject), suspectAfterMs);
  });
  try {
    return await Promise.race([work, silence]);
  } catch (error) {
    if (sqlState(error) !== null || error instanceof ApiError || error instanceof TypeError) throw error;
    // Whatever Postgres did not say itself is about reaching it.
    throw new Unavailable("the database does not answer; try again soon", error);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
    silence.catch(() => undefined);
  }
}
