import { canStore } from "../../queries/ops/server.ts";
import { sqlState, type Database } from "../../schema/database.ts";
import { whyUnavailable } from "../../schema/sql-states.ts";

/** What could not be stored is not there to be read: a full disk would look like a quiet morning. Null when all is well. */
export async function whyNothingIsStored(database: Database): Promise<string | null> {
  try {
    await canStore(database);
    return null;
  } catch (error) {
    const state = sqlState(error);
    if (state === null || !state.startsWith("53")) return null;
    return whyUnavailable(state);
  }
}
