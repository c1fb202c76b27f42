import { randomBytes } from "node:crypto";
import pg from "pg";
import { type Database, openDatabase, type Queryable } from "../schema/database.ts";
import { templateDatabase } from "./template-database.ts";

export interface TestDatabase {
  url: string;
  pool: Database;
  /** Closes the pool and removes the database, whoever is still connected to it. */
  drop(): Promise<void>;
}

/** A migrated database of this test file's own. */
export async function testDatabase(): Promise<TestDatabase> {
  const template = process.env["TEST_DATABASE_URL"];
  if (!template) throw new Error("TEST_DATABASE_URL is not set: is this test named *.db.test.ts or *.flow.test.ts?");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const urlOf = (database: string) => Object.assign(new URL(template), { pathname: `/${database}` }).href;
  await administer(urlOf("postgres"), `create database ${name} template ${templateDatabase}`);
  const url = urlOf(name);
  const pool = openDatabase({ url, poolSize: 10, name: "tests" });
  const drop = async () => {
    await pool.end();
    await administer(urlOf("postgres"), `drop database if exists ${name} with (force)`);
  };
  return { url, pool, drop };
}

async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, ssl: false });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Every row of every table as text, to look for what must be in none. */
export async function everyRow(database: Queryable): Promise<string> {
  const { rows: tables } = await database.query<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await database.query<{ row: string }>(`select to_jsonb(t)::text as row from ${name} t`);
    found.push(...rows.map(({ row }) => row));
  }
  return found.join("\n");
}
