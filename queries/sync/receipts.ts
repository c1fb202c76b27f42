import type { Queryable, Session } from "../../schema/database.ts";
import type { MergeAttempt, MergeContent, MergeTarget, Receipt } from "./shapes.ts";
import type { Held } from "./stored.ts";

/** Takes the next fetch number. Not a clock: clocks lie. The moment beside it is the database's. */
export async function takeFetchNumber(database: Queryable): Promise<{ fetchSeq: number; fetchedAt: Date }> {
  const { rows } = await database.query<{ seq: number; at: Date }>(
    "select nextval('ops.fetch_seq') as seq, clock_timestamp() as at",
  );
  const [row] = rows;
  if (row === undefined) throw new Error("ops.fetch_seq gave no number");
  return { fetchSeq: row.seq, fetchedAt: row.at };
}

/** The receipt that an attempt left, if it committed. */
export async function findReceipt(database: Queryable, fetchSeq: number): Promise<Receipt | null> {
  const { rows } = await database.query<Receipt>(
    `select r.receipt_id as "receiptId", r.outcome, s.is_final as "isFinal", r.fetched, r.inserted, r.updated, r.unchanged, r.withdrawn,
            r.quarantined as "quarantined", r.quarantined_total as "quarantinedTotal", r.total, r.vendor_total as "vendorTotal"
       from ops.receipts r join ops.slices s using (_client_id, source, slice)
      where r.fetch_seq = $1`,
    [fetchSeq],
  );
  return rows[0] ?? null;
}

/** An older fetch than the one stored: it did nothing, and left no receipt. */
export function superseded(content: MergeContent): Receipt {
  const fetched = content.rows.length + content.quarantined.length;
  return {
    receiptId: null,
    outcome: "superseded",
    isFinal: false,
    fetched,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    withdrawn: 0,
    quarantined: content.quarantined.length,
    quarantinedTotal: content.quarantinedTotal,
    total: content.total,
    vendorTotal: content.vendorTotal,
  };
}

/** The receipt, and the slice as it now stands. */
export async function writeReceipt(
  session: Session,
  {
    target,
    content,
    attempt,
    receipt,
    stands,
  }: {
    target: MergeTarget;
    content: MergeContent;
    attempt: MergeAttempt;
    receipt: Omit<Receipt, "receiptId">;
    /** What the table has to hold of the slice from now on. */
    stands: Held;
  },
): Promise<number> {
  const { rows } = await session.query<{ receiptId: number }>(
    `with receipt as (
       insert into ops.receipts (_client_id, source, slice, timezone, fetch_seq, fetched_at, outcome, pages, fetched, inserted, updated, unchanged,
                                 withdrawn, quarantined, quarantined_total, total, vendor_total, content_hash, run_id, workflow_id, workflow_run_id, attempt, origin)
       values ($1, $2, $3::text, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $26)
       returning *
     )
     insert into ops.slices as s (_client_id, source, slice, day, timezone, receipt_id, fetch_seq, fetched_at, is_final, outcome, rows, total, content_hash, run_id, origin)
     select $1, $2, $3::text, ($3::text)::date, $4, receipt_id, $5, $6, $23, $7, $24, $25, $18, $19, $26 from receipt
     on conflict on constraint slices_key do update
       set receipt_id = excluded.receipt_id, fetch_seq = excluded.fetch_seq, fetched_at = excluded.fetched_at, is_final = excluded.is_final,
           outcome = excluded.outcome, timezone = excluded.timezone, run_id = excluded.run_id, failure = null, failure_type = null, failed_at = null,
           rows = excluded.rows, total = excluded.total,
           origin = case when excluded.outcome in ('emptied', 'shrunk') then s.origin else excluded.origin end,
           content_hash = case when excluded.outcome in ('emptied', 'shrunk') then s.content_hash else excluded.content_hash end
     returning receipt_id as "receiptId"`,
    [
      target.client,
      target.source,
      target.day,
      target.timezone,
      attempt.fetchSeq,
      attempt.fetchedAt,
      receipt.outcome,
      content.pages,
      receipt.fetched,
      receipt.inserted,
      receipt.updated,
      receipt.unchanged,
      receipt.withdrawn,
      receipt.quarantined,
      receipt.quarantinedTotal,
      receipt.total,
      receipt.vendorTotal,
      content.contentHash,
      attempt.runId,
      attempt.workflowId,
      attempt.workflowRunId,
      attempt.attempt,
      receipt.isFinal,
      stands.rows,
      stands.total,
      attempt.origin,
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("the receipt was not written");
  return row.receiptId;
}
