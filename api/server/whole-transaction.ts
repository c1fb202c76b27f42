import type { Queryable } from "../../schema/database.ts";
import { unlessGivenUp } from "../../core/deadline.ts";
import { orUnavailable } from "./reading.ts";

/** With what `reading` takes to be sure, still within the second in which a caller wants to hear it. */
const suspectAfterMs = 150;

/**
 * Waits for a transaction as long as Postgres answers others: one that is merely slow may take its time, and one whose
 * server fell silent is given up. It may have been committed all the same, so what is waited for must bear a repeat.
 */
export async function whileAwake<Result>(reading: Queryable, work: Promise<Result>): Promise<Result> {
  try {
    return await unlessGivenUp(work, suspectAfterMs, () => reading.query("select 1"));
  } catch (error) {
    throw orUnavailable(error);
  }
}
