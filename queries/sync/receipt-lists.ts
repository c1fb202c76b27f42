import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export interface ReceiptRow {
  receiptId: number;
  source: string;
  slice: string;
  timezone: string;
  fetchedAt: Date;
  committedAt: Date;
  outcome: string;
  pages: number;
  fetched: number;
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
  quarantined: number;
  quarantinedTotal: string;
  total: string;
  vendorTotal: string | null;
  contentHash: string;
  runId: string;
  /** False: the run is not among the runs, by age or because its reading was made up; there is no page of it. */
  hasRun: boolean;
  workflowId: string;
  workflowRunId: string;
  attempt: number;
  origin: StoredOrigin;
}

/** Of each row that is shown: as a question of being it would be answered for all runs at once, which takes longer. */
export const hasRun = `(select true from ops.runs u where u._client_id = r._client_id and u.run_id = r.run_id limit 1) is not null as "hasRun"`;

const receiptColumns = `r.receipt_id as "receiptId", r.source, r.slice, r.timezone, r.fetched_at as "fetchedAt", r.committed_at as "committedAt", r.outcome,
  r.pages, r.fetched, r.inserted, r.updated, r.unchanged, r.withdrawn, r.quarantined, r.quarantined_total as "quarantinedTotal", r.total,
  r.vendor_total as "vendorTotal", r.content_hash as "contentHash", r.run_id as "runId", r.workflow_id as "workflowId",
  r.workflow_run_id as "workflowRunId", r.attempt, r.origin, ${hasRun}`;

export interface LedgerFilter {
  client: string;
  source?: string | undefined;
  day?: string | undefined;
  runId?: string | undefined;
}

/**
 * A table of the ledger, or its rows of a day: to which a slice belongs by the ledger, whatever its name. They are few,
 * and are looked up first (`offset 0`): on its way through an order Postgres would meet them late.
 */
export function ledgerTable(table: string, row: string, { day }: Pick<LedgerFilter, "day">): string {
  if (day === undefined) return `${table} ${row}`;
  const slices = "from ops.slices s where s._client_id = :client and s.day = :day";
  return `(select * from ${table} t where t._client_id = :client and t.slice = any(array(select s.slice ${slices}))
              and (t.source, t.slice) in (select s.source, s.slice ${slices}) offset 0) ${row}`;
}

export const ledgerValues = ({ client, source, day, runId }: LedgerFilter) => ({
  client,
  source: source ?? null,
  day: day ?? null,
  runId: runId ?? null,
});

const inReceipts =
  "r._client_id = :client and (:source::text is null or r.source = :source) and (:runId::text is null or r.run_id = :runId)";

/** The newest first, or by what a reading found. */
export const receiptOrders = {
  by: {
    receiptId: [],
    slice: [{ sql: "r.slice", type: "text" }],
    total: [{ sql: "r.total", type: "number" }],
    inserted: [{ sql: "r.inserted", type: "whole" }],
    updated: [{ sql: "r.updated", type: "whole" }],
  },
  then: [{ sql: "r.receipt_id", type: "whole" }],
  usual: "-receiptId",
} satisfies Orders;

export function listReceipts(
  database: Queryable,
  { order, limit, ...filter }: LedgerFilter & { order?: Order; limit: number },
): Promise<Placed<ReceiptRow>[]> {
  return readOrdered<ReceiptRow>(database, {
    columns: receiptColumns,
    from: ledgerTable("ops.receipts", "r", filter),
    ...{ where: inReceipts, values: ledgerValues(filter), orders: receiptOrders, order, limit },
  });
}

/** All that the filters of the list leave. Their totals are no sum: a day that was read twice would be in it twice. */
export const countReceipts = (database: Queryable, filter: LedgerFilter) =>
  countUpTo(database, {
    name: "receipts",
    parts: {
      inserted: "sum(inserted)",
      updated: "sum(updated)",
      withdrawn: "sum(withdrawn)",
      quarantined: "sum(quarantined)",
      unreconciled: "count(*) filter (where outcome = 'unreconciled')",
    },
    columns: "inserted, updated, withdrawn, quarantined, outcome",
    from: ledgerTable("ops.receipts", "r", filter),
    ...{ where: inReceipts, values: ledgerValues(filter) },
  });

/** A receipt with its place among those of its slice. */
export interface FoundReceipt extends ReceiptRow {
  day: string;
  state: string;
  /** What stands now of this slice; another than this one when it was read again. */
  latestReceiptId: number | null;
  previousReceiptId: number | null;
  previousTotal: string | null;
}

/** Null when this client has no such receipt. */
export async function findReceiptOf(
  database: Queryable,
  { client, receiptId }: { client: string; receiptId: number },
): Promise<FoundReceipt | null> {
  const { rows } = await database.query<FoundReceipt>(
    `select ${receiptColumns}, s.day, f.state, s.receipt_id as "latestReceiptId", b.receipt_id as "previousReceiptId", b.total as "previousTotal"
       from ops.receipts r
       join ops.slices s on s._client_id = $1 and s.source = r.source and s.slice = r.slice
       join ops.freshness f on f._client_id = $1 and f.source = s.source and f.day = s.day
       left join lateral (
            select p.receipt_id, p.total from ops.receipts p
             where p._client_id = $1 and p.source = r.source and p.slice = r.slice and p.fetch_seq < r.fetch_seq and p.outcome not in ('emptied', 'shrunk')
             order by p.fetch_seq desc limit 1) b on true
      where r._client_id = $1 and r.receipt_id = $2
      limit 1`,
    [client, receiptId],
  );
  return rows[0] ?? null;
}
