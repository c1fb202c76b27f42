import { sumMoney } from "../../core/money.ts";
import type { Session } from "../../schema/database.ts";
import { mergeStaged } from "../files/merge-file.ts";
import type { MergedFile } from "../files/merge-shapes.ts";
import { fileSources } from "../../rules/files/file-kinds.ts";
import { quarantineSlice } from "../files/quarantined-lines.ts";
import { assertUnmixed } from "../shared/origins.ts";
import { readKnown, type Known } from "../sync/merge.ts";
import { recoverSlice } from "../sync/recovery.ts";
import { nothingDone, writeReceipt } from "../sync/receipts.ts";
import type { MergeAttempt, MergeOutcome, Receipt, SliceOf } from "../sync/shapes.ts";
import { isAllQuarantined, isEmptied, isShrunk } from "../sync/trust.ts";
import { noteOthers, refuseOthersChanged, type OwnedDay } from "./owners.ts";

/** A day's answer of which the good lines are staged. */
export interface StagedDay {
  slice: SliceOf;
  owned: OwnedDay;
  fileId: number;
  /** The last civil day in the client's zone. */
  today: string;
  createStubs: boolean;
  counts: { lines: number; accepted: number; rejected: number };
  pages: number;
  contentHash: string;
  /** What is kept only where the lines are: the quarantined ones, and the file's receipt. */
  keep: (merged: MergedFile) => Promise<void>;
}

type Believing = Pick<MergeAttempt, "acceptEmpty" | "mostWithdrawnPercent">;

/**
 * Merges a day of which the warehouse is the owner, by the rules of any slice: an older fetch does nothing, an answer that
 * would take most of a day away is not believed, and there is a receipt of each fetch. The rows themselves are merged as
 * those of a file. The caller holds the client's lock.
 */
export async function mergeDay(session: Session, staged: StagedDay, attempt: MergeAttempt): Promise<Receipt> {
  const { slice, counts } = staged;
  const sliceId = [slice.client, slice.source, slice.day];
  await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [sliceId.join("/")]);
  // Read in a statement of its own: only now does the snapshot hold what the lock's last owner committed.
  const known = await readKnown(session, sliceId);
  const answered = {
    fetched: counts.lines,
    quarantined: counts.rejected,
    quarantinedTotal: "0",
    vendorTotal: null,
  };
  if (known.fetchSeq !== null && known.fetchSeq > attempt.fetchSeq)
    return nothingDone({ ...answered, total: known.total });
  await assertUnmixed(session, slice, attempt.origin);
  const { doubted, merged, readTotal } = await writeRows(session, staged, { ...attempt, known });
  if (known.failed && doubted === null) await recoverSlice(session, sliceId);
  const { inserted, updated, removed } = merged;
  const outcome: MergeOutcome = doubted ?? (inserted + updated + removed > 0 ? "changed" : "unchanged");
  const stands =
    doubted === null
      ? { rows: inserted + updated + merged.unchanged, total: merged.stored.spend }
      : { rows: known.rows, total: known.total };
  const receipt = {
    ...answered,
    outcome,
    isFinal: attempt.isFinal && doubted === null,
    inserted,
    updated,
    unchanged: doubted === null ? merged.unchanged : known.rows,
    withdrawn: removed,
    total: sumMoney([readTotal]),
  };
  const content = { pages: staged.pages, contentHash: staged.contentHash };
  const receiptId = await writeReceipt(session, { target: slice, content, attempt, receipt, stands });
  return { ...receipt, receiptId };
}

interface Written {
  /** Why the answer was not accepted and nothing was written. */
  doubted: "emptied" | "shrunk" | null;
  merged: MergedFile;
  /** What the answer sums to, also where it was not accepted. */
  readTotal: string;
}

async function writeRows(
  session: Session,
  staged: StagedDay,
  attempt: MergeAttempt & { known: Known },
): Promise<Written> {
  const { counts } = staged;
  const { known } = attempt;
  const stored = await readDay(session, staged.owned);
  const answer = { rows: { length: counts.accepted }, quarantined: { length: counts.rejected } };
  const believing = {
    ...attempt,
    storedRows: stored.rows,
    wasAccepted: known.contentHash === staged.contentHash && known.outcome !== "emptied",
  };
  const complete = { answers: "complete" } as const;
  if (isEmptied(complete, answer, believing) || isAllQuarantined(complete, answer, believing)) {
    // What could not be stored is what a person has to look at.
    if (counts.rejected > 0 && !(await isKept(session, staged))) await keep(session, staged, nothing);
    return { doubted: "emptied", merged: { ...nothing }, readTotal: "0" };
  }
  await session.query("savepoint before_rows");
  const { merged, others } = await writeOwned(session, staged, { believing: attempt, before: stored.total });
  const readTotal = merged.stored.spend;
  const doubted = isShrunk(merged.removed, stored.rows, attempt) ? "shrunk" : null;
  const isSame = merged.inserted + merged.updated + merged.removed + others === 0 && (await isKept(session, staged));
  if (doubted !== null || isSame) {
    // What the fetch before has left is the same to the line: its file stands for this one too.
    await session.query("rollback to savepoint before_rows");
    return { doubted, merged: doubted === null ? merged : { ...nothing }, readTotal };
  }
  await keep(session, staged, merged);
  await session.query("release savepoint before_rows");
  return { doubted, merged, readTotal };
}

const nothing: MergedFile = {
  ...{ inserted: 0, updated: 0, unchanged: 0, removed: 0, combined: 0, warning: null, days: 0, from: null, to: null },
  superseded: { lines: 0, impressions: "0", clicks: "0", spend: "0" },
  stored: { impressions: "0", clicks: "0", spend: "0" },
  origin: "real",
};

/** Does the latest file of the day hold the same already? Of a day without rows there need be none. */
async function isKept(session: Session, { owned, counts, contentHash }: StagedDay): Promise<boolean> {
  const { rows } = await session.query<{ sha256: string }>(
    "select sha256 from ops.files where _client_id = $1 and place = 'warehouse' and path = $2 order by file_id desc limit 1",
    [owned.client, owned.path],
  );
  return rows[0] === undefined ? counts.lines === 0 : rows[0].sha256 === contentHash;
}

/** Lines that an earlier fetch of the day could not store are those of this one, or are no longer there. */
async function keep(session: Session, staged: StagedDay, merged: MergedFile): Promise<void> {
  await resolveEarlier(session, staged);
  await staged.keep(merged);
}

/** What is stored of a day, by whomever. */
export async function readDay(session: Session, { client, day }: OwnedDay): Promise<{ rows: number; total: string }> {
  const { rows } = await session.query<{ rows: number; total: string }>(
    `select count(*)::int as rows, coalesce(sum(spend), 0)::text as total from rtb.performance_metrics
      where _client_id = $1 and date = $2::date`,
    [client, day],
  );
  return rows[0] ?? { rows: 0, total: "0" };
}

export async function writeOwned(
  session: Session,
  { owned, fileId, today, createStubs }: StagedDay,
  { believing, before }: { believing: Believing; before: string },
): Promise<{ merged: MergedFile; others: number }> {
  const others = await noteOthers(session, owned);
  const merged = await mergeStaged(session, {
    ...{ client: owned.client, fileId, today, createStubs, combine: "sum" },
    wholeDay: owned,
  });
  if (!believing.acceptEmpty) await refuseOthersChanged(session, owned, before);
  return { merged, others };
}

async function resolveEarlier(session: Session, { owned, fileId }: StagedDay): Promise<void> {
  const { rows } = await session.query<{ fileId: number }>(
    `select file_id as "fileId" from ops.files where _client_id = $1 and place = 'warehouse' and path = $2 and file_id <> $3 and rejected > 0`,
    [owned.client, owned.path, fileId],
  );
  if (rows.length === 0) return;
  await session.query(
    `update ops.quarantine set resolved_at = now()
      where _client_id = $1 and source = any($2) and slice = any($3) and resolved_at is null`,
    [owned.client, fileSources, rows.map((row) => quarantineSlice(row.fileId))],
  );
}

/** What merging a day would change, in rows and in money. To be called where nothing is kept. */
export async function previewDay(session: Session, staged: StagedDay, believing: Believing) {
  const before = await readDay(session, staged.owned);
  const { merged } = await writeOwned(session, staged, { believing, before: before.total });
  const isLeftEmpty = staged.counts.accepted === 0 && before.rows > 0 && !believing.acceptEmpty;
  const isDoubted = isLeftEmpty || isShrunk(merged.removed, before.rows, believing);
  return {
    before: before.total,
    after: isDoubted ? before.total : merged.stored.spend,
    merged: isDoubted ? nothing : merged,
    isDoubted,
  };
}
