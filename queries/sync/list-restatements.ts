import { changedAmount } from "../../schema/changed-amount.ts";
import type { Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";
import { hasRun, ledgerTable, ledgerValues, type LedgerFilter } from "./receipt-lists.ts";

export interface RestatementRow {
  restatementId: number;
  source: string;
  slice: string;
  rowKey: Record<string, unknown>;
  kind: string;
  /** JSON text: parsed as it is, an amount would pass through a float. */
  old: string | null;
  new: string | null;
  runId: string;
  hasRun: boolean;
  receiptId: number | null;
  recordedAt: Date;
}

export interface RestatementFilter extends LedgerFilter {
  kind?: string | undefined;
  receiptId?: number | undefined;
  /** Recorded after this instant. */
  since?: string | undefined;
}

const inList = `r._client_id = :client and (:source::text is null or r.source = :source)
        and (:kind::text is null or r.kind = :kind) and (:runId::text is null or r.run_id = :runId) and (:since::timestamptz is null or r.recorded_at > :since)
        and (:receiptId::bigint is null or (r.source, r.slice, r.fetch_seq) = (select o.source, o.slice, o.fetch_seq from ops.receipts o where o._client_id = :client and o.receipt_id = :receiptId))`;

const valuesOf = ({ kind, receiptId, since, ...filter }: RestatementFilter) => ({
  ...ledgerValues(filter),
  kind: kind ?? null,
  receiptId: receiptId ?? null,
  since: since ?? null,
});

/** In the order in which they were recorded, or by what the row's first amount changed by. */
export const restatementOrders = {
  by: {
    recordedAt: [],
    slice: [{ sql: "r.slice", type: "text" }],
    change: [{ sql: changedAmount("r."), type: "number", canBeMissing: true }],
  },
  then: [{ sql: "r.restatement_id", type: "whole" }],
  usual: "-recordedAt",
} satisfies Orders;

export function listRestatements(
  database: Queryable,
  { order, limit, ...filter }: RestatementFilter & { order?: Order; limit: number },
): Promise<Placed<RestatementRow>[]> {
  return readOrdered<RestatementRow>(database, {
    columns: `r.restatement_id as "restatementId", r.source, r.slice, r.row_key as "rowKey", r.kind, r.old::text as old, r.new::text as new, r.run_id as "runId",
            ${hasRun}, p.receipt_id as "receiptId", r.recorded_at as "recordedAt"`,
    from: `${ledgerTable("ops.restatements", "r", filter)} left join ops.receipts p on p.fetch_seq = r.fetch_seq`,
    ...{ where: inList, values: valuesOf(filter), orders: restatementOrders, order, limit },
  });
}

/** All that the filters of the list leave. Their amounts are no sum: rows are of several currencies. */
export const countRestatements = (database: Queryable, filter: RestatementFilter) =>
  countUpTo(database, {
    name: "changes",
    parts: {
      first: "count(*) filter (where kind = 'first')",
      changed: "count(*) filter (where kind = 'changed')",
      withdrawn: "count(*) filter (where kind = 'withdrawn')",
    },
    columns: "r.kind",
    ...{ from: ledgerTable("ops.restatements", "r", filter), where: inList, values: valuesOf(filter) },
  });
