import { getTableName } from "drizzle-orm";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import { sameCents, subtractMoney, sumMoney } from "../core/money.ts";
import { sha256 } from "../core/crypto.ts";
import type { Session } from "../schema/database.ts";
import { bookkeeping, mergeColumns, mergeKey, type MergeColumn } from "../schema/merge-key.ts";
import { healSlice } from "./healing.ts";
import { superseded, writeReceipt, type MergeOutcome, type Receipt } from "./receipts.ts";

/** Which slice of which feed, and how its table is merged. */
export interface MergeTarget {
  client: string;
  source: string;
  slice: string;
  day: string;
  timezone: string;
  table: PgTable;
  answers: "complete" | "partial";
}

/** A slice read whole, ready to be stored. */
export interface MergeContent {
  rows: Record<string, unknown>[];
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

/** What a merge would do to a slice, or did. */
interface Differences {
  inserted: number;
  updated: number;
  unchanged: number;
  withdrawn: number;
  totalBefore: string;
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
    : await new SliceStatement(
        session,
        isShort(content) ? { ...target, answers: "partial" } : target,
        content.rows,
      ).write(attempt);
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

/** What a slice's total sums: a column, and of a table in several currencies the rows in one of them. */
export interface Amount {
  column: string;
  currency?: { column: string; summed: string };
}

/** The same comparison without keeping anything: what merging this content would change, in rows and in money. */
export async function previewSlice(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
  amount: Amount,
): Promise<Differences> {
  return new SliceStatement(session, target, content.rows).preview(amount);
}

/** One row that differs between the vendor and the table. */
export interface RowDifference {
  kind: "first" | "changed" | "withdrawn";
  key: string;
  stored: string | null;
  vendor: string | null;
}

/** Row by row: what the vendor says now against what is stored. */
export async function compareRows(
  session: Session,
  target: MergeTarget,
  content: MergeContent,
): Promise<RowDifference[]> {
  return new SliceStatement(session, target, content.rows).differences();
}

const plannedOnceRows = 500;

/**
 * The statements of one slice: the incoming rows beside the stored ones, and what to do about the difference. Each is
 * a single statement, so that small slices, which are most, cost few round trips and no temporary tables.
 */
class SliceStatement {
  private readonly key: MergeColumn[];
  private readonly content: MergeColumn[];
  private readonly name: string;
  private readonly parameters: unknown[] = [];

  constructor(
    private readonly session: Session,
    private readonly target: MergeTarget,
    private readonly rows: Record<string, unknown>[],
  ) {
    this.key = mergeKey(target.table).filter((column) => column.name !== "_client_id");
    const keyNames = new Set(this.key.map((column) => column.name));
    this.content = mergeColumns(target.table).filter(
      (column) => !keyNames.has(column.name) && !(bookkeeping as readonly string[]).includes(column.name),
    );
    const { schema } = getTableConfig(target.table);
    this.name = `${quote(schema ?? "public")}.${quote(getTableName(target.table))}`;
  }

  /** Keeps the ledger, writes what is new or changed, removes what was withdrawn; rows that are the same are not touched. */
  async write({ fetchSeq, runId }: MergeAttempt): Promise<Differences> {
    const difference = this.difference("for update of t");
    const client = this.parameter(this.target.client, "text");
    const slice = this.parameter(this.target.slice, "text");
    const source = this.parameter(this.target.source, "text");
    const seq = this.parameter(fetchSeq, "bigint");
    const run = this.parameter(runId, "text");
    const all = [...this.key, ...this.content];
    const assigned = [...this.content.map((column) => column.name), "_slice", "_loaded_at", "_run_id"];
    // Joined with what is gone alone, mostly nothing: with every difference, the planner may search them all for each stored row.
    const removed =
      this.target.answers === "partial"
        ? ""
        : `, removed as (
         delete from ${this.name} t using gone g where t._client_id = ${client} and t._slice = ${slice} and ${this.matches("t", "g")}
       )`;
    return this.count(
      `${difference}, ledger as (
         insert into ops.restatements (_client_id, source, slice, row_key, kind, old, new, fetch_seq, run_id)
         select ${client}, ${source}, ${slice}, "#key", "#kind", "#old", "#new", ${seq}, ${run} from difference order by "#key"::text
       ), written as (
         insert into ${this.name} as t (_client_id, ${names(all)}, _slice, _loaded_at, _run_id)
         select ${client}, ${names(all)}, ${slice}, now(), ${run} from difference where "#kind" <> 'withdrawn' order by ${names(this.key)}
         on conflict on constraint ${quote(`${getTableName(this.target.table)}_key`)} do update
           set ${assigned.map((name) => `${quote(name)} = excluded.${quote(name)}`).join(", ")}
       )${removed}`,
    );
  }

  async preview({ column, currency }: Amount): Promise<Differences> {
    const client = this.parameter(this.target.client, "text");
    const slice = this.parameter(this.target.slice, "text");
    const inCurrency =
      currency === undefined ? "" : ` and ${quote(currency.column)} = ${this.parameter(currency.summed, "text")}`;
    const total = `(select coalesce(sum(${quote(column)}), 0)::text from ${this.name} where _client_id = ${client} and _slice = ${slice}${inCurrency})`;
    return this.count(this.difference(""), total);
  }

  async differences(): Promise<RowDifference[]> {
    const { rows } = await this.session.query<RowDifference>(
      `${this.difference("")}
       select "#kind" as kind, "#key"::text as key, "#old"::text as stored, "#new"::text as vendor from difference order by "#key"::text`,
      this.parameters,
    );
    return rows;
  }

  private async count(common: string, totalBefore = "'0'"): Promise<Differences> {
    const text = `${common}
       select count(*) filter (where "#kind" = 'first')::int as inserted,
              count(*) filter (where "#kind" = 'changed')::int as updated,
              count(*) filter (where "#kind" = 'withdrawn')::int as withdrawn,
              ((select count(*) from incoming) - count(*) filter (where "#kind" <> 'withdrawn'))::int as unchanged,
              ${totalBefore} as "totalBefore"
         from difference`;
    // Planning costs a small slice more than running does, so a session plans once; a large one deserves its own plan.
    const small = this.rows.length <= plannedOnceRows;
    const named = small ? { name: sha256(text).slice(0, 32) } : {};
    const { rows } = await this.session.query<Differences>({ ...named, text, values: this.parameters });
    return rows[0] as Differences;
  }

  /**
   * Old beside new, for every row that differs. Stored rows are locked first and in key order, so that two merges that
   * share rows wait for each other instead of deadlocking.
   */
  private difference(lock: string): string {
    const columns = [...this.key, ...this.content];
    const arrays = columns.map((column) =>
      this.parameter(
        this.rows.map((row) => toParameter(row[column.property], column)),
        `${column.type}[]`,
      ),
    );
    const client = this.parameter(this.target.client, "text");
    const key = (alias: string) =>
      `jsonb_build_object(${this.key.map(({ name }) => `'${name}', ${alias}.${quote(name)}`).join(", ")})`;
    const same = `(${names(this.content, "t")}) is not distinct from (${names(this.content, "i")})`;
    const common = `
      with incoming as materialized (
        select * from unnest(${arrays.join(", ")}) as t(${names(columns)})
      ), stored as materialized (
        select t.* from ${this.name} t join incoming i on ${this.matches("t", "i")}
         where t._client_id = ${client} order by ${names(this.key, "t")} ${lock}
      )`;
    // Each row whole: looking it up in `incoming` again is a join that the planner cannot estimate, and takes the square of the rows.
    const changed = `
      select ${names(columns, "i")}, case when t._client_id is null then 'first' else 'changed' end as "#kind", ${key("i")} as "#key",
             case when t._client_id is not null then ${amounts(this.content, "t")} end as "#old", ${amounts(this.content, "i")} as "#new"
        from incoming i left join stored t on ${this.matches("t", "i")}
       where t._client_id is null or not (${same})`;
    if (this.target.answers === "partial") return `${common}, difference as materialized (${changed})`;
    const slice = this.parameter(this.target.slice, "text");
    return `${common}, gone as materialized (
        select t.* from ${this.name} t
         where t._client_id = ${client} and t._slice = ${slice} and not exists (select from incoming i where ${this.matches("t", "i")})
         order by ${names(this.key, "t")} ${lock}
      ), difference as materialized (
        ${changed}
        union all
        select ${names(columns, "t")}, 'withdrawn', ${key("t")}, ${amounts(this.content, "t")}, null from gone t
      )`;
  }

  private parameter(value: unknown, type: string): string {
    this.parameters.push(value);
    return `$${this.parameters.length}::${type}`;
  }

  private matches(one: string, other: string): string {
    return this.key
      .map(
        ({ name, notNull }) =>
          `${one}.${quote(name)} ${notNull ? "=" : "is not distinct from"} ${other}.${quote(name)}`,
      )
      .join(" and ");
  }
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

/** What the ledger keeps of a row: everything that may be restated. Numbers stay exact: jsonb holds numerics. */
function amounts(columns: MergeColumn[], alias: string): string {
  return `jsonb_build_object(${columns
    .filter((column) => column.name !== "_extra")
    .map(({ name }) => `'${name}', ${alias}.${quote(name)}`)
    .join(", ")})`;
}

function toParameter(value: unknown, column: MergeColumn): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  return column.type.startsWith("json") && typeof value !== "string" ? JSON.stringify(value) : value;
}

function names(columns: MergeColumn[], alias?: string): string {
  return columns.map(({ name }) => (alias === undefined ? quote(name) : `${alias}.${quote(name)}`)).join(", ");
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
