import type { FileKind } from "../../rules/files/file-kinds.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { refuseUnknownSeats } from "../rtb/seats.ts";
import { takeTurn } from "./merge-file.ts";
import type { ReportTarget } from "./merge-report.ts";
import { storeOf } from "./stores.ts";

class Undone extends Error {}

/** Work of which nothing stays, whatever it writes. */
export async function undone<Result>(database: Database, work: (session: Session) => Promise<Result>): Promise<Result> {
  let done: { result: Result } | undefined;
  try {
    await inTransaction(database, async (session) => {
      done = { result: await work(session) };
      throw new Undone();
    });
  } catch (error) {
    if (!(error instanceof Undone) || done === undefined) throw error;
    return done.result;
  }
  throw new Error("what was to be undone was committed");
}

/**
 * Throws what would refuse staged lines on their way into the tables. A report is merged as it would be, because what it
 * takes away is known only then; of ad performance seats alone can be refused. For a transaction that is undone.
 */
export async function foreseeRefusal(
  session: Session,
  kind: FileKind,
  target: Omit<ReportTarget, "fileId">,
): Promise<void> {
  if (kind === "performance") return refuseUnknownSeats(session, target.client, "named");
  await storeOf(kind).merge(session, { ...target, fileId: await takeTurn(session, target.client) });
}
