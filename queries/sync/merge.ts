import { prepared, type Session } from "../../schema/database.ts";
import { assertUnmixed } from "../shared/origins.ts";
import { recoverSlice } from "./recovery.ts";
import { quarantineRows } from "./quarantine-rows.ts";
import { superseded, writeReceipt } from "./receipts.ts";
import type {
  Differences,
  MergeAttempt,
  MergeContent,
  MergeOutcome,
  MergeTarget,
  Receipt,
  RowDifference,
} from "./shapes.ts";
import { withIncoming } from "./slice-statement.ts";
import { moveBetween, readHeld, type Held } from "./stored.ts";
import { isAllQuarantined, isEmptied, isReconciled, isShort, isShrunk } from "./trust.ts";

/**
 * Merges one slice by key and writes its receipt, all in the caller's transaction. Merging the same content again
 * writes nothing but a receipt that says so; an older fetch than the one stored does nothing at all.
 */
export async function mergeSlice(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  attempt: MergeAttempt,
): Promise<MergedSlice> {
  const sliceId = [target.client, target.source, target.day];
  await session.query(prepared("select pg_advisory_xact_lock(hashtextextended($1, 0))", [sliceId.join("/")]));
  // Read in a statement of its own: only now does the snapshot hold what the lock's last owner committed.
  const known = await readKnown(session, sliceId);
  if (known.fetchSeq !== null && known.fetchSeq > attempt.fetchSeq) return { ...superseded(content), books: null };

  await assertUnmixed(session, target, attempt.origin);
  const written = await writeRows(session, target, content, {
    ...attempt,
    storedRows: known.rows,
    wasAccepted: known.quarantined && known.fetchSeq !== null && known.outcome !== "emptied",
  });
  const { doubted, differences } = written;
  // An answer that was not accepted resolves nothing either.
  if (content.quarantined.length > 0 || (known.quarantined && doubted === null))
    await quarantineRows(session, target, content, attempt);
  if (known.failed && doubted === null) await recoverSlice(session, sliceId);

  const { inserted, updated, unchanged, withdrawn } = differences;
  const outcome: MergeOutcome =
    doubted ?? (!isReconciled(content) ? "unreconciled" : inserted + updated + withdrawn > 0 ? "changed" : "unchanged");
  const receipt = {
    outcome,
    isFinal: attempt.isFinal && doubted === null && !isShort(content),
    fetched: content.rows.length + content.quarantined.length,
    inserted,
    updated,
    unchanged,
    withdrawn,
    quarantined: content.quarantined.length,
    quarantinedTotal: content.quarantinedTotal,
    total: content.total,
    vendorTotal: content.vendorTotal,
  };
  const held = await readHeld(session, target);
  // What a complete answer leaves is its own rows and nothing else; what one in parts leaves, only the table knows.
  const expected =
    doubted !== null
      ? { rows: known.rows, total: known.total }
      : target.answers === "complete" && !isShort(content)
        ? { rows: content.rows.length, total: content.total }
        : held;
  const receiptId = await writeReceipt(session, { target, content, attempt, receipt, stands: expected });
  return { ...receipt, receiptId, books: { expected, held } };
}

/** A receipt, and beside it what should be in the table now and what is; null where nothing was done. */
export type MergedSlice = Receipt & { books: { expected: Held; held: Held } | null };

interface Written {
  /** Why the answer was not accepted and nothing was written. */
  doubted: "emptied" | "shrunk" | null;
  differences: Omit<Differences, "totalBefore">;
}

async function writeRows(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  attempt: MergeAttempt & { storedRows: number; wasAccepted: boolean },
): Promise<Written> {
  const nothing = { inserted: 0, updated: 0, unchanged: attempt.storedRows, withdrawn: 0 };
  if (isEmptied(target, content, attempt) || isAllQuarantined(target, content, attempt))
    return { doubted: "emptied", differences: nothing };
  const statement = await withIncoming(session, partialIfShort(target, content), content.rows);
  await session.query("savepoint before_rows");
  const { moved, ...differences } = await statement.write(attempt);
  if (isShrunk(differences.withdrawn, attempt.storedRows, attempt)) {
    await session.query("rollback to savepoint before_rows");
    return { doubted: "shrunk", differences: nothing };
  }
  await session.query("release savepoint before_rows");
  if (moved.length > 0) await moveBetween(session, target, moved);
  return { doubted: null, differences };
}

/** What an answer does not hold that is short of the vendor's own total may only be missing from it. */
function partialIfShort(target: MergeTarget, content: MergeContent): MergeTarget {
  return isShort(content) ? { ...target, answers: "partial" } : target;
}

/** The same comparison without keeping anything: what merging this content would change, in rows and in money. */
export async function previewSlice(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  believing: Pick<MergeAttempt, "acceptEmpty" | "mostWithdrawnPercent">,
): Promise<Differences & { doubted: Written["doubted"] }> {
  const found = await (await withIncoming(session, partialIfShort(target, content), content.rows)).preview();
  const storedRows = (await readHeld(session, target)).rows;
  const doubted = isEmptied(target, content, { ...believing, storedRows })
    ? "emptied"
    : isShrunk(found.withdrawn, storedRows, believing)
      ? "shrunk"
      : null;
  // What a real run would keep, the preview must not call withdrawn.
  return doubted === null
    ? { ...found, doubted }
    : { ...found, inserted: 0, updated: 0, withdrawn: 0, unchanged: storedRows, doubted };
}

/** Row by row: what the vendor says now against what is stored. */
export async function compareRows(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
): Promise<RowDifference[]> {
  return (await withIncoming(session, target, content.rows)).differences();
}

export interface Known {
  fetchSeq: number | null;
  outcome: string | null;
  contentHash: string | null;
  rows: number;
  total: string;
  failed: boolean;
  quarantined: boolean;
}

/** What is stored of a slice, as its latest receipt left it. */
export async function readKnown(session: Session, sliceId: string[]): Promise<Known> {
  const { rows } = await session.query<Known>(
    prepared(
      `select s.fetch_seq as "fetchSeq", s.outcome, s.content_hash as "contentHash", s.rows, s.total,
            exists (select from ops.run_failures f where f._client_id = $1 and f.source = $2 and f.slice = $3 and f.recovered_at is null) as failed,
            exists (select from ops.quarantine q where q._client_id = $1 and q.source = $2 and q.slice = $3 and q.resolved_at is null) as quarantined
       from ops.slices s where s._client_id = $1 and s.source = $2 and s.slice = $3`,
      sliceId,
    ),
  );
  return (
    rows[0] ?? {
      fetchSeq: null,
      outcome: null,
      contentHash: null,
      rows: 0,
      total: "0",
      failed: false,
      quarantined: false,
    }
  );
}
