import { prepared, type Queryable, type Session } from "../../schema/database.ts";
import { named } from "../shared/named.ts";
import type { MergeAttempt, MergeContent, Receipt, SliceOf } from "./shapes.ts";
import type { Held } from "./stored.ts";

/** Takes the next fetch number. Not a clock: clocks lie. The moment beside it is the database's. */
export async function takeFetchNumber(database: Queryable): Promise<{ fetchSeq: number; fetchedAt: Date }> {
  const { rows } = await database.query<{ seq: number; at: Date }>(
    prepared("select nextval('ops.fetch_seq') as seq, clock_timestamp() as at", []),
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
  return nothingDone({
    ...content,
    fetched: content.rows.length + content.quarantined.length,
    quarantined: content.quarantined.length,
  });
}

/** The same of an answer whose rows are only counted. */
export function nothingDone(
  content: Pick<Receipt, "fetched" | "quarantined" | "quarantinedTotal" | "total" | "vendorTotal">,
): Receipt {
  return {
    receiptId: null,
    outcome: "superseded",
    isFinal: false,
    fetched: content.fetched,
    inserted: 0,
    updated: 0,
    unchanged: 0,
    withdrawn: 0,
    quarantined: content.quarantined,
    quarantinedTotal: content.quarantinedTotal,
    total: content.total,
    vendorTotal: content.vendorTotal,
  };
}

/** What an attempt of this run left of the slice, if one committed: a day is not asked for, and paid for, once more. */
export async function findReceiptOfRun(
  database: Queryable,
  { client, source, day, workflowRunId }: Omit<SliceOf, "timezone"> & { workflowRunId: string },
): Promise<Receipt | null> {
  const { rows } = await database.query<{ fetchSeq: number }>(
    `select fetch_seq as "fetchSeq" from ops.receipts
      where _client_id = $1 and source = $2 and slice = $3 and workflow_run_id = $4 order by fetch_seq desc limit 1`,
    [client, source, day, workflowRunId],
  );
  return rows[0] === undefined ? null : findReceipt(database, rows[0].fetchSeq);
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
    target: SliceOf;
    content: Pick<MergeContent, "pages" | "contentHash">;
    attempt: MergeAttempt;
    receipt: Omit<Receipt, "receiptId">;
    /** What the table has to hold of the slice from now on. */
    stands: Held;
  },
): Promise<number> {
  const { text, values } = named(
    `with receipt as (
     insert into ops.receipts (_client_id, source, slice, timezone, fetch_seq, fetched_at, outcome, pages, fetched, inserted, updated, unchanged,
                               withdrawn, quarantined, quarantined_total, total, vendor_total, content_hash, run_id, workflow_id, workflow_run_id, attempt, origin)
     values (:client, :source, :day::text, :timezone, :fetchSeq, :fetchedAt, :outcome, :pages, :fetched, :inserted, :updated, :unchanged, :withdrawn,
             :quarantined, :quarantinedTotal, :total, :vendorTotal, :contentHash, :runId, :workflowId, :workflowRunId, :attempt, :origin)
     returning *
   )
   insert into ops.slices as s (_client_id, source, slice, day, timezone, receipt_id, fetch_seq, fetched_at, is_final, outcome, rows, total, content_hash, run_id, origin)
   select :client, :source, :day::text, (:day::text)::date, :timezone, receipt_id, :fetchSeq, :fetchedAt, :isFinal, :outcome, :standingRows,
           :standingTotal, :contentHash, :runId, :origin from receipt
   on conflict on constraint slices_key do update
     set receipt_id = excluded.receipt_id, fetch_seq = excluded.fetch_seq, fetched_at = excluded.fetched_at, is_final = excluded.is_final,
         outcome = excluded.outcome, timezone = excluded.timezone, run_id = excluded.run_id, failure = null, failure_type = null, failed_at = null,
         rows = excluded.rows, total = excluded.total,
         origin = case when excluded.outcome in ('emptied', 'shrunk') then s.origin else excluded.origin end,
         content_hash = case when excluded.outcome in ('emptied', 'shrunk') then s.content_hash else excluded.content_hash end
   returning receipt_id as "receiptId"`,
    {
      client: target.client,
      source: target.source,
      day: target.day,
      timezone: target.timezone,
      fetchSeq: attempt.fetchSeq,
      fetchedAt: attempt.fetchedAt,
      outcome: receipt.outcome,
      pages: content.pages,
      fetched: receipt.fetched,
      inserted: receipt.inserted,
      updated: receipt.updated,
      unchanged: receipt.unchanged,
      withdrawn: receipt.withdrawn,
      quarantined: receipt.quarantined,
      quarantinedTotal: receipt.quarantinedTotal,
      total: receipt.total,
      vendorTotal: receipt.vendorTotal,
      contentHash: content.contentHash,
      runId: attempt.runId,
      workflowId: attempt.workflowId,
      workflowRunId: attempt.workflowRunId,
      attempt: attempt.attempt,
      isFinal: receipt.isFinal,
      standingRows: stands.rows,
      standingTotal: stands.total,
      origin: attempt.origin,
    },
  );
  const { rows } = await session.query<{ receiptId: number }>(prepared(text, values));
  const [row] = rows;
  if (row === undefined) throw new Error("the receipt was not written");
  return row.receiptId;
}
