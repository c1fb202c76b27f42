import { randomBytes } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import pg from "pg";

export interface OldDatabase {
  url: string;
  client: pg.Client;
  drop(): Promise<void>;
}

/** For tests only: a database as an earlier version left it, with all migrations up to the one that is to be tried. */
export async function databaseBefore(migration: RegExp): Promise<OldDatabase> {
  const urlOf = (database: string) =>
    Object.assign(new URL(process.env["TEST_DATABASE_URL"] ?? ""), { pathname: `/${database}` }).href;
  const name = `test_${randomBytes(6).toString("hex")}`;
  const administer = async (statement: string) => {
    const admin = new pg.Client({ connectionString: urlOf("postgres") });
    await admin.connect();
    await admin.query(statement).finally(() => admin.end());
  };
  await administer(`create database ${name}`);
  const client = new pg.Client({ connectionString: urlOf(name) });
  await client.connect();
  const folder = await mkdtemp(path.join(os.tmpdir(), "migrations-"));
  try {
    await cp(fileURLToPath(new URL("../schema/migrations/", import.meta.url)), folder, { recursive: true });
    const file = path.join(folder, "meta/_journal.json");
    const journal = JSON.parse(await readFile(file, "utf8")) as { entries: { tag: string }[] };
    const place = journal.entries.findIndex(({ tag }) => migration.test(tag));
    if (place < 0) throw new Error(`no migration is named like ${migration.source}`);
    await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, place) }));
    await migrate(drizzle(client), {
      migrationsFolder: folder,
      migrationsSchema: "ops",
      migrationsTable: "migrations",
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    url: urlOf(name),
    client,
    drop: async () => {
      await client.end();
      await administer(`drop database if exists ${name} with (force)`);
    },
  };
}
