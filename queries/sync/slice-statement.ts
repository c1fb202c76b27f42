import { getTableName } from "drizzle-orm";
import { prepared, type Session } from "../../schema/database.ts";
import { dataColumns, nameOf, quote, rowKey, type MergeColumn } from "../../schema/merge-key.ts";
import type { Differences, MergeAttempt, MergeTarget, RowDifference } from "./shapes.ts";
import { stageRows, type StagedRows } from "./staged-rows.ts";
import type { Moved } from "./stored.ts";

const plannedOnceRows = 500;

/**
 * The incoming rows, ready to be set beside the stored ones. Those of a small slice, and most are small, are parameters
 * of the one statement: few round trips, no temporary table. Those that were too many to hold are copied into one first.
 */
export async function withIncoming(
  session: Session,
  target: MergeTarget,
  rows: Record<string, unknown>[] | StagedRows,
): Promise<SliceStatement> {
  if (Array.isArray(rows)) return new SliceStatement(session, target, rows);
  await stageRows(session, dataColumns(target.table), rowKey(target.table), rows);
  return new SliceStatement(session, target, null);
}

/** What is to be done about the difference between the incoming rows and the stored ones, each a single statement. */
class SliceStatement {
  private readonly key: MergeColumn[];
  private readonly content: MergeColumn[];
  private readonly name: string;
  private readonly parameters: unknown[] = [];

  constructor(
    private readonly session: Session,
    private readonly target: MergeTarget,
    /** Null when they are in the temporary table `incoming`. */
    private readonly rows: Record<string, unknown>[] | null,
  ) {
    this.key = rowKey(target.table);
    this.content = dataColumns(target.table).slice(this.key.length);
    this.name = nameOf(target.table);
  }

  /** Keeps the ledger, writes what is new or changed, removes what was withdrawn; rows that are the same are not touched. */
  async write({ fetchSeq, runId }: MergeAttempt): Promise<Omit<Differences, "totalBefore"> & { moved: Moved[] }> {
    const difference = this.difference("for update of t", this.keptFirst());
    const client = this.parameter(this.target.client, "text");
    const slice = this.parameter(this.target.day, "text");
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
    return this.run(
      `${difference}, ledger as (
         insert into ops.restatements (_client_id, source, slice, row_key, kind, old, new, fetch_seq, run_id)
         select ${client}, ${source}, ${slice}, "#key", "#kind", "#old", "#new", ${seq}, ${run} from difference
       ), written as (
         insert into ${this.name} as t (_client_id, ${names(all)}, _slice, _loaded_at, _run_id)
         select ${client}, ${names(all)}, ${slice}, now(), ${run} from difference where "#kind" <> 'withdrawn'
         on conflict on constraint ${quote(`${getTableName(this.target.table)}_key`)} do update
           set ${assigned.map((name) => `${quote(name)} = excluded.${quote(name)}`).join(", ")}
       )${removed}`,
      `, ${this.moved(slice)} as moved`,
    );
  }

  async preview(): Promise<Differences> {
    const client = this.parameter(this.target.client, "text");
    const slice = this.parameter(this.target.day, "text");
    const { column, currency } = this.target.amount;
    const inCurrency =
      currency === undefined ? "" : ` and ${quote(currency.column)} = ${this.parameter(currency.summed, "text")}`;
    const total = `(select coalesce(sum(${quote(column)}), 0)::text from ${this.name} where _client_id = ${client} and _slice = ${slice}${inCurrency})`;
    return this.run(this.difference(""), `, ${total} as "totalBefore"`);
  }

  /** Rows that were stored under another day: those days have them no longer. */
  private moved(slice: string): string {
    const { column, currency } = this.target.amount;
    const old = (name: string) => `coalesce("#old" ->> '${name}', "#key" ->> '${name}')`;
    const inCurrency =
      currency === undefined
        ? ""
        : ` filter (where ${old(currency.column)} = ${this.parameter(currency.summed, "text")})`;
    return `(select coalesce(jsonb_agg(m), '[]') from (
        select "#was" as day, count(*)::int as rows, coalesce(sum((${old(column)})::numeric)${inCurrency}, 0)::text as total
          from difference where "#was" <> ${slice} group by 1) m)`;
  }

  async differences(): Promise<RowDifference[]> {
    const { rows } = await this.session.query<RowDifference>(
      `${this.difference("")}
       select "#kind" as kind, "#key"::text as key, "#old"::text as stored, "#new"::text as vendor from difference order by "#key"::text`,
      this.parameters,
    );
    return rows;
  }

  private async run<Result extends object>(common: string, also: string): Promise<Result> {
    const text = `${common}
       select count(*) filter (where "#kind" = 'first')::int as inserted,
              count(*) filter (where "#kind" = 'changed')::int as updated,
              count(*) filter (where "#kind" = 'withdrawn')::int as withdrawn,
              ((select count(*) from incoming) - count(*) filter (where "#kind" <> 'withdrawn'))::int as unchanged
              ${also}
         from difference`;
    // Planning costs a small slice more than running does, so a session plans once; a large one deserves its own plan.
    const small = this.rows !== null && this.rows.length <= plannedOnceRows;
    const values = this.parameters;
    const { rows } = await this.session.query<Result>(small ? prepared(text, values) : { text, values });
    return rows[0] as Result;
  }

  /**
   * Old beside new, for every row that differs, in key order: what is written is written in it. Stored rows are locked
   * first and in the same order, so that two merges that share rows wait for each other instead of deadlocking.
   */
  private difference(lock: string, keptFirst = this.content): string {
    const columns = [...this.key, ...this.content];
    const client = this.parameter(this.target.client, "text");
    const key = (alias: string) =>
      `jsonb_build_object(${this.key.map(({ name }) => `'${name}', ${alias}.${quote(name)}`).join(", ")})`;
    const same = `(${names(this.content, "t")}) is not distinct from (${names(this.content, "i")})`;
    const common = `
      with ${this.incoming(columns)} stored as materialized (
        select t.* from ${this.name} t join incoming i on ${this.matches("t", "i")}
         where t._client_id = ${client} order by ${names(this.key, "t")} ${lock}
      )`;
    // Each row whole: looking it up in `incoming` again is a join that the planner cannot estimate, and takes the square of the rows.
    const changed = `
      select ${names(columns, "i")}, case when t._client_id is null then 'first' else 'changed' end as "#kind", ${key("i")} as "#key",
             case when t._client_id is not null then ${amounts(this.content, "t")} end as "#old", case when t._client_id is null then ${amounts(keptFirst, "i")} else ${amounts(this.content, "i")} end as "#new", t._slice as "#was"
        from incoming i left join stored t on ${this.matches("t", "i")}
       where t._client_id is null or not (${same})`;
    const order = `order by ${this.key.map((_, index) => index + 1).join(", ")}`;
    if (this.target.answers === "partial") return `${common}, difference as materialized (${changed} ${order})`;
    const slice = this.parameter(this.target.day, "text");
    return `${common}, gone as materialized (
        select t.* from ${this.name} t
         where t._client_id = ${client} and t._slice = ${slice} and not exists (select from incoming i where ${this.matches("t", "i")})
         order by ${names(this.key, "t")} ${lock}
      ), difference as materialized (
        ${changed}
        union all
        select ${names(columns, "t")}, 'withdrawn', ${key("t")}, ${amounts(this.content, "t")}, null, null from gone t
        ${order}
      )`;
  }

  /**
   * What the ledger keeps of a row that is new. In a feed by id most rows come once and stay: their first entry has the
   * numbers alone, and the rest is in the table, or in the old content of the change that replaced it.
   */
  private keptFirst(): MergeColumn[] {
    if (this.target.keyedBy === "aggregate") return this.content;
    return this.content.filter(({ type }) => /^(?:numeric|bigint|integer|smallint)/.test(type));
  }

  private incoming(columns: MergeColumn[]): string {
    const { rows } = this;
    if (rows === null) return "";
    const arrays = columns.map((column) =>
      this.parameter(
        rows.map((row) => toParameter(row[column.property], column)),
        `${column.type}[]`,
      ),
    );
    return `incoming as materialized (select * from unnest(${arrays.join(", ")}) as t(${names(columns)})),`;
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
