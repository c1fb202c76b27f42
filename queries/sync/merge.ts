import type { PgTable } from "drizzle-orm/pg-core";
import { sameCents, subtractMoney, sumMoney } from "../../core/money.ts";
import { sha256 } from "../../core/crypto.ts";
import type { Session } from "../../schema/database.ts";
import { healSlice } from "./healing.ts";
import { superseded, writeReceipt, type MergeOutcome, type Receipt } from "./receipts.ts";
import { withIncoming, type Amount, type Differences, type RowDifference } from "./slice-statement.ts";
import type { StagedRows } from "./staged-rows.ts";

/** Which slice of which feed, and how its table is merged. */
export interface MergeTarget {
  client: string;
  source: string;
  slice: string;
  day: string;
  timezone: string;
  table: PgTable;
  answers: "complete" | "partial";
  keyedBy: "aggregate" | "id";
}

/** A slice read whole, ready to be stored. */
export interface MergeContent {
  rows: Record<string, unknown>[] | StagedRows;
  setAside: { reason: string; amount: string; content: unknown }[];
  pages: number;
  total: string;
  setAsideTotal: string;
  vendorTotal: string | null;
  contentHash: string;
}

/** Who reads, and when the reading began by the database's clock. */
export interface MergeAttempt {
  fetchSeq: number;
  fetchedAt: Date;
  isFinal: boolean;
  runId: string;
  workflowId: string;
  workflowRunId: string;
  attempt: number;
  /** An operator has said that an empty answer is true. */
  acceptEmpty: boolean;
}

/**
 * Less money than the vendor's own total: rows may be missing from the answer. What it does not hold is then not
 * taken for withdrawn, and the day not for final.
 */
function isShort({
  total,
  setAsideTotal,
  vendorTotal,
}: Pick<MergeContent, "total" | "setAsideTotal" | "vendorTotal">): boolean {
  if (vendorTotal === null) return false;
  const sum = sumMoney([total, setAsideTotal]);
  return !sameCents(sum, vendorTotal) && subtractMoney(vendorTotal, sum)[0] !== "-";
}

/** Do the stored and the set-aside rows add up to the vendor's own total? */
export function isReconciled(content: Pick<MergeContent, "total" | "setAsideTotal" | "vendorTotal">): boolean {
  return (
    content.vendorTotal === null || sameCents(sumMoney([content.total, content.setAsideTotal]), content.vendorTotal)
  );
}

/**
 * Merges one slice by key and writes its receipt, all in the caller's transaction. Merging the same content again
 * writes nothing but a receipt that says so; an older reading than the one stored does nothing at all.
 */
export async function mergeSlice(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  attempt: MergeAttempt,
): Promise<Receipt> {
  const sliceId = [target.client, target.source, target.slice];
  await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [sliceId.join("/")]);
  // Read in a statement of its own: only now does the snapshot hold what the lock's last owner committed.
  const known = await readKnown(session, sliceId);
  if (known.fetchSeq !== null && known.fetchSeq > attempt.fetchSeq) return superseded(content);

  const emptied =
    content.rows.length === 0 &&
    content.setAside.length === 0 &&
    known.rows > 0 &&
    target.answers === "complete" &&
    !attempt.acceptEmpty;
  const differences = emptied
    ? { inserted: 0, updated: 0, unchanged: known.rows, withdrawn: 0 }
    : await withIncoming(session, isShort(content) ? { ...target, answers: "partial" } : target, content.rows).then(
        (statement) => statement.write(attempt),
      );
  // An empty answer that is not believed resolves nothing either.
  if (content.setAside.length > 0 || (known.quarantined && !emptied))
    await quarantineRows(session, target, content, attempt);
  if (known.failed && !emptied) await healSlice(session, sliceId);

  const outcome: MergeOutcome = emptied
    ? "emptied"
    : !isReconciled(content)
      ? "unreconciled"
      : differences.inserted + differences.updated + differences.withdrawn > 0
        ? "changed"
        : "unchanged";
  const isFinal = attempt.isFinal && !emptied && !isShort(content);
  const { inserted, updated, unchanged, withdrawn } = differences;
  const receipt = {
    outcome,
    isFinal,
    fetched: content.rows.length + content.setAside.length,
    inserted,
    updated,
    unchanged,
    withdrawn,
    setAside: content.setAside.length,
    setAsideTotal: content.setAsideTotal,
    total: content.total,
    vendorTotal: content.vendorTotal,
  };
  return { ...receipt, receiptId: await writeReceipt(session, target, content, attempt, receipt) };
}

/** The same comparison without keeping anything: what merging this content would change, in rows and in money. */
export async function previewSlice(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  amount: Amount,
): Promise<Differences> {
  return (await withIncoming(session, target, content.rows)).preview(amount);
}

/** Row by row: what the vendor says now against what is stored. */
export async function compareRows(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
): Promise<RowDifference[]> {
  return (await withIncoming(session, target, content.rows)).differences();
}

interface Known {
  fetchSeq: number | null;
  rows: number;
  failed: boolean;
  quarantined: boolean;
}

async function readKnown(session: Session, sliceId: string[]): Promise<Known> {
  const { rows } = await session.query<Known>(
    `select s.fetch_seq as "fetchSeq", s.rows,
            exists (select from ops.run_failures f where f._client_id = $1 and f.source = $2 and f.slice = $3 and f.healed_at is null) as failed,
            exists (select from ops.quarantine q where q._client_id = $1 and q.source = $2 and q.slice = $3 and q.resolved_at is null) as quarantined
       from ops.slices s where s._client_id = $1 and s.source = $2 and s.slice = $3`,
    sliceId,
  );
  return rows[0] ?? { fetchSeq: null, rows: 0, failed: false, quarantined: false };
}

/** Rows that could not be attributed stay open until a later reading of the slice no longer has them. */
async function quarantineRows(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  attempt: MergeAttempt,
): Promise<void> {
  const texts = content.setAside.map((row) => JSON.stringify(row.content));
  // Two equal rows are two rows: the place among its equals is part of what tells them apart.
  const seen = new Map<string, number>();
  const hashes = texts.map((text, index) => {
    const place = (seen.get(text) ?? 0) + 1;
    seen.set(text, place);
    return sha256(`${content.setAside[index]?.reason}\n${place}\n${text}`);
  });
  await session.query(
    `update ops.quarantine set resolved_at = now()
      where _client_id = $1 and source = $2 and slice = $3 and resolved_at is null and content_hash <> all($4)`,
    [target.client, target.source, target.slice, hashes],
  );
  if (texts.length === 0) return;
  await session.query(
    `insert into ops.quarantine (_client_id, source, slice, reason, amount, content, content_hash, run_id)
     select $1, $2, $3, reason, amount, content, hash, $4
       from unnest($5::text[], $6::numeric[], $7::text[], $8::text[]) as t(reason, amount, content, hash) order by hash
     on conflict (_client_id, source, slice, content_hash) where resolved_at is null do update set last_seen_at = now()`,
    [
      target.client,
      target.source,
      target.slice,
      attempt.runId,
      content.setAside.map((row) => row.reason),
      content.setAside.map((row) => row.amount),
      texts,
      hashes,
    ],
  );
}
