import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";
import { shownContent, type QuarantineEntry } from "./quarantine.ts";
import type { RunRow } from "./runs.ts";

export interface SliceRow {
  source: string;
  slice: string;
  day: string;
  timezone: string;
  isFinal: boolean;
  outcome: string | null;
  rows: number;
  total: string;
  fetchedAt: Date | null;
  receiptId: number | null;
  runId: string | null;
  failure: string | null;
  failureType: string | null;
  failedAt: Date | null;
  origin: StoredOrigin;
}

interface DayFilter {
  client: string;
  source?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  limit: number;
}

/** Newest day first. */
export async function listSlices(
  database: Queryable,
  filter: DayFilter & { failed?: boolean | undefined; after?: { day: string; source: string; slice: string } | null },
): Promise<SliceRow[]> {
  const { rows } = await database.query<SliceRow>(
    `select source, slice, day, timezone, is_final as "isFinal", outcome, rows, total, fetched_at as "fetchedAt", receipt_id as "receiptId",
            run_id as "runId", failure, failure_type as "failureType", failed_at as "failedAt", origin
       from ops.slices
      where _client_id = $1 and ($2::text is null or source = $2) and ($3::date is null or day >= $3) and ($4::date is null or day <= $4)
        and ($5::boolean is null or (failed_at is not null) = $5)
        and ($6::date is null or day < $6 or (day = $6 and (source, slice) > ($7, $8)))
      order by day desc, source, slice limit $9`,
    [
      filter.client,
      filter.source ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.failed ?? null,
      filter.after?.day ?? null,
      filter.after?.source ?? null,
      filter.after?.slice ?? null,
      filter.limit,
    ],
  );
  return rows;
}

/** `place` is the start to the microsecond: a JS date would lose three digits, and with them rows at a page's edge. */
export type ListedRun = RunRow & { place: string };

const runColumns = `run_id as "runId", _client_id as client, source, kind, workflow_id as "workflowId", scheduled_for as "scheduledFor",
  started_at as "startedAt", finished_at as "finishedAt", outcome, day_from as "from", day_to as "to", slices_planned as planned,
  slices_done as done, slices_failed as failed, inserted, updated, unchanged, withdrawn, reason,
  to_char(started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place`;

/** Newest run first. */
export async function listRuns(
  database: Queryable,
  filter: {
    client: string;
    source?: string | undefined;
    outcome?: string | undefined;
    after?: { startedAt: string; runId: string } | null;
    limit: number;
  },
): Promise<ListedRun[]> {
  const { rows } = await database.query<ListedRun>(
    `select ${runColumns} from ops.runs
      where _client_id = $1 and ($2::text is null or source = $2) and ($3::text is null or outcome = $3)
        and ($4::timestamptz is null or (started_at, run_id) < ($4, $5))
      order by started_at desc, run_id desc limit $6`,
    [
      filter.client,
      filter.source ?? null,
      filter.outcome ?? null,
      filter.after?.startedAt ?? null,
      filter.after?.runId ?? null,
      filter.limit,
    ],
  );
  return rows;
}

export interface RunFailureRow {
  slice: string;
  type: string;
  reason: string;
  failedAt: Date;
  recoveredAt: Date | null;
}

/** Null when this client has no such run. */
export async function findRun(
  database: Queryable,
  run: { client: string; runId: string },
): Promise<(ListedRun & { failures: RunFailureRow[] }) | null> {
  const { rows } = await database.query<ListedRun>(
    `select ${runColumns} from ops.runs where _client_id = $1 and run_id = $2`,
    [run.client, run.runId],
  );
  const [found] = rows;
  if (found === undefined) return null;
  const failures = await database.query<RunFailureRow>(
    `select slice, type, reason, failed_at as "failedAt", recovered_at as "recoveredAt" from ops.run_failures
      where _client_id = $1 and run_id = $2 order by slice`,
    [run.client, run.runId],
  );
  return { ...found, failures: failures.rows };
}

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

const hasRun = `exists (select from ops.runs u where u._client_id = r._client_id and u.run_id = r.run_id) as "hasRun"`;

const receiptColumns = `r.receipt_id as "receiptId", r.source, r.slice, r.timezone, r.fetched_at as "fetchedAt", r.committed_at as "committedAt", r.outcome,
  r.pages, r.fetched, r.inserted, r.updated, r.unchanged, r.withdrawn, r.quarantined, r.quarantined_total as "quarantinedTotal", r.total,
  r.vendor_total as "vendorTotal", r.content_hash as "contentHash", r.run_id as "runId", r.workflow_id as "workflowId",
  r.workflow_run_id as "workflowRunId", r.attempt, r.origin, ${hasRun}`;

interface LedgerFilter {
  client: string;
  source?: string | undefined;
  day?: string | undefined;
  runId?: string | undefined;
  afterId?: number | null;
  limit: number;
}

/** A slice belongs to a day by the ledger, whatever its name. */
const ofDay = (alias: string) =>
  `($3::date is null or (${alias}.source, ${alias}.slice) in (select s.source, s.slice from ops.slices s where s._client_id = $1 and s.day = $3))`;

/** Newest first. */
export async function listReceipts(database: Queryable, filter: LedgerFilter): Promise<ReceiptRow[]> {
  const { rows } = await database.query<ReceiptRow>(
    `select ${receiptColumns} from ops.receipts r
      where _client_id = $1 and ($2::text is null or source = $2) and ${ofDay("r")} and ($4::bigint is null or receipt_id < $4)
        and ($6::text is null or run_id = $6)
      order by receipt_id desc limit $5`,
    [
      filter.client,
      filter.source ?? null,
      filter.day ?? null,
      filter.afterId ?? null,
      filter.limit,
      filter.runId ?? null,
    ],
  );
  return rows;
}

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

/** Newest first. */
export async function listRestatements(
  database: Queryable,
  filter: LedgerFilter & { kind?: string | undefined; receiptId?: number | undefined; since?: string | undefined },
): Promise<RestatementRow[]> {
  const { rows } = await database.query<RestatementRow>(
    `select r.restatement_id as "restatementId", r.source, r.slice, r.row_key as "rowKey", r.kind, r.old::text as old, r.new::text as new, r.run_id as "runId",
            ${hasRun}, p.receipt_id as "receiptId", r.recorded_at as "recordedAt"
       from ops.restatements r
       left join ops.receipts p on p.fetch_seq = r.fetch_seq
      where r._client_id = $1 and ($2::text is null or r.source = $2) and ${ofDay("r")} and ($4::bigint is null or r.restatement_id < $4)
        and ($6::text is null or r.kind = $6) and ($7::text is null or r.run_id = $7) and ($9::timestamptz is null or r.recorded_at > $9)
        and ($8::bigint is null or (r.source, r.slice, r.fetch_seq) = (select o.source, o.slice, o.fetch_seq from ops.receipts o where o._client_id = $1 and o.receipt_id = $8))
      order by r.restatement_id desc limit $5`,
    [
      filter.client,
      filter.source ?? null,
      filter.day ?? null,
      filter.afterId ?? null,
      filter.limit,
      filter.kind ?? null,
      filter.runId ?? null,
      filter.receiptId ?? null,
      filter.since ?? null,
    ],
  );
  return rows;
}

export interface QuarantinedRow extends Omit<QuarantineEntry, "client"> {
  runId: string;
}

/** Newest first. What a row holds is not shown by default. */
export async function listQuarantine(
  database: Queryable,
  filter: LedgerFilter & { open?: boolean | undefined; slice?: string | undefined },
): Promise<QuarantinedRow[]> {
  const { rows } = await database.query<QuarantinedRow>(
    `select quarantine_id as "quarantineId", source, slice, line, reason, amount, ${shownContent} as content, first_seen_at as "firstSeenAt",
            last_seen_at as "lastSeenAt", resolved_at as "resolvedAt", run_id as "runId"
       from ops.quarantine q
      where _client_id = $1 and ($2::text is null or source = $2) and ${ofDay("q")} and ($4::bigint is null or quarantine_id < $4)
        and ($6::boolean is null or (resolved_at is null) = $6) and ($7::text is null or slice = $7)
      order by quarantine_id desc limit $5`,
    [
      filter.client,
      filter.source ?? null,
      filter.day ?? null,
      filter.afterId ?? null,
      filter.limit,
      filter.open ?? null,
      filter.slice ?? null,
    ],
  );
  return rows;
}
