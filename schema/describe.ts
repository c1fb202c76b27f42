import { getTableColumns } from "drizzle-orm";
import { getTableConfig, type PgSchema, type PgTable } from "drizzle-orm/pg-core";

/** What the merge fills means the same in every table. */
const common: Record<string, string> = {
  _client_id: "The client the row belongs to.",
  _extra: "What else the vendor sent with the row.",
  _slice: "The slice the row came with.",
  _loaded_at: "When the row was last written.",
  _run_id: "The run that last wrote it.",
};

type Bookkeeping = "clientId" | "extra" | "slice" | "loadedAt" | "runId";

type Described<Table extends PgTable> = Record<Exclude<keyof Table["_"]["columns"], Bookkeeping>, string> &
  Partial<Record<Bookkeeping, string>>;

const statements: string[] = [];

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** What a Postgres schema holds, in words: a comment in the database, from where docs/tables.md has it. */
export function describeSchema(schema: PgSchema, text: string): void {
  statements.push(`comment on schema ${schema.schemaName} is ${quoted(text)};`);
}

/** The same for a table and each of its columns. A column without words does not compile. */
export function describeTable<Table extends PgTable>(table: Table, text: string, columns: Described<Table>): void {
  const { name, schema = "public" } = getTableConfig(table);
  statements.push(`comment on table ${schema}.${name} is ${quoted(text)};`);
  const words: Record<string, string | undefined> = columns;
  for (const [key, column] of Object.entries(getTableColumns(table)))
    statements.push(
      `comment on column ${schema}.${name}.${column.name} is ${quoted(words[key] ?? common[column.name] ?? "")};`,
    );
}

/** Every comment described so far, as SQL. */
export function describedComments(): string {
  return statements.join("\n");
}
