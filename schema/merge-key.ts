import { getTableColumns, getTableName } from "drizzle-orm";
import { getTableConfig, type PgColumn, type PgTable } from "drizzle-orm/pg-core";

export interface MergeColumn {
  /** The name in TypeScript, the one a source's rows carry. */
  property: string;
  /** The name in Postgres. */
  name: string;
  type: string;
  notNull: boolean;
}

/** Columns that say where a row came from. The merge fills them; they never count as a change. */
export const bookkeeping = ["_client_id", "_slice", "_loaded_at", "_run_id"] as const;

/**
 * The columns of the one constraint named `<table>_key`: primary, or unique with nulls equal. It is declared there
 * and nowhere else.
 */
export function mergeKey(table: PgTable): MergeColumn[] {
  const { primaryKeys, uniqueConstraints } = getTableConfig(table);
  const wanted = `${getTableName(table)}_key`;
  const primary = primaryKeys.find((key) => key.getName() === wanted);
  const unique = uniqueConstraints.find((key) => key.getName() === wanted);
  const columns: { name: string }[] | undefined = primary?.columns ?? unique?.columns;
  if (columns === undefined) throw new Error(`table ${getTableName(table)} has no constraint "${wanted}" to merge by`);
  const all = mergeColumns(table);
  // Matched by name: drizzle's key columns are not the same objects as the table's.
  return columns.map((column) => {
    const found = all.find((candidate) => candidate.name === column.name);
    if (found === undefined) throw new Error(`key ${wanted} names a column ${column.name} that the table lacks`);
    return found;
  });
}

/** What a source's rows fill: the key's columns, then the others. */
export function dataColumns(table: PgTable): MergeColumn[] {
  const key = rowKey(table);
  const others = mergeColumns(table).filter(
    ({ name }) => !(bookkeeping as readonly string[]).includes(name) && !key.some((column) => column.name === name),
  );
  return [...key, ...others];
}

export function mergeColumns(table: PgTable): MergeColumn[] {
  return Object.entries(getTableColumns(table)).map(([property, column]: [string, PgColumn]) => ({
    property,
    name: column.name,
    type: column.getSQLType(),
    notNull: column.notNull,
  }));
}

/** The columns a source's rows must fill to identify a row: the merge key without the client. */
export function rowKey(table: PgTable): MergeColumn[] {
  return mergeKey(table).filter((column) => column.name !== "_client_id");
}

/** A table's whole name, as a statement needs it. */
export function nameOf(table: PgTable): string {
  return `${quote(getTableConfig(table).schema ?? "public")}.${quote(getTableName(table))}`;
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
