import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";
import { shownContent, type QuarantineEntry } from "./quarantine.ts";
import { ledgerTable, ledgerValues, type LedgerFilter } from "./receipt-lists.ts";

export interface QuarantinedRow extends Omit<QuarantineEntry, "client"> {
  runId: string;
  /** Who sent it: that of its file or of its day. */
  origin: StoredOrigin;
}

const originSql = `coalesce(
    (select f.origin from ops.files f where f._client_id = q._client_id and f.file_id = case when q.slice ~ '^file/[0-9]{1,9}$' then substr(q.slice, 6)::int end),
    (select s.origin from ops.slices s where s._client_id = q._client_id and s.source = q.source and s.slice = q.slice),
    'unknown')`;

export interface QuarantineListFilter extends Omit<LedgerFilter, "runId"> {
  open?: boolean | undefined;
  slice?: string | undefined;
}

const inList = `q._client_id = :client and (:source::text is null or q.source = :source)
        and (:open::boolean is null or (q.resolved_at is null) = :open) and (:slice::text is null or q.slice = :slice)`;

const valuesOf = ({ open, slice, ...filter }: QuarantineListFilter) => ({
  ...ledgerValues(filter),
  open: open ?? null,
  slice: slice ?? null,
});

/** The newest first, or file by file in the order of their lines. */
export const quarantineOrders = {
  by: {
    quarantineId: [],
    slice: [
      { sql: "q.slice", type: "text" },
      { sql: "coalesce(q.line, 0)", type: "whole" },
    ],
  },
  then: [{ sql: "q.quarantine_id", type: "whole" }],
  usual: "-quarantineId",
} satisfies Orders;

/** What a row holds is not shown by default. */
export function listQuarantine(
  database: Queryable,
  { order, limit, ...filter }: QuarantineListFilter & { order?: Order; limit: number },
): Promise<Placed<QuarantinedRow>[]> {
  return readOrdered<QuarantinedRow>(database, {
    columns: `q.quarantine_id as "quarantineId", q.source, q.slice, q.line, q.position, q.reason, q.amount, ${shownContent} as content, q.first_seen_at as "firstSeenAt",
            q.last_seen_at as "lastSeenAt", q.resolved_at as "resolvedAt", q.run_id as "runId", ${originSql} as origin`,
    from: ledgerTable("ops.quarantine", "q", filter),
    ...{ where: inList, values: valuesOf(filter), orders: quarantineOrders, order, limit },
  });
}

/** All that the filters of the list leave. */
export const countQuarantine = (database: Queryable, filter: QuarantineListFilter) =>
  countUpTo(database, {
    name: "entries",
    parts: {
      open: "count(*) filter (where resolved_at is null)",
      resolved: "count(resolved_at)",
    },
    columns: "q.resolved_at",
    ...{ from: ledgerTable("ops.quarantine", "q", filter), where: inList, values: valuesOf(filter) },
  });
