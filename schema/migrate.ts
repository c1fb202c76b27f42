import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import { withConnection, type Queryable } from "./database.ts";
import { commentsOfTables } from "./tables.ts";

const folder = new URL("./migrations/", import.meta.url);
const views = new URL("./views/", import.meta.url);
const lockName = "signal-room migrations";

export interface Migrated {
  /** Migrations that this call applied. */
  applied: number;
}

/**
 * Brings a database to today's shape: tables by migration, then views, comments and grants, which are made anew each
 * time. Safe to call from several processes at once; the second one waits and finds nothing to do.
 */
export async function migrateDatabase(url: string): Promise<Migrated> {
  return withConnection({ url, name: "signal-room migrate" }, async (client) => {
    // The migrator takes no lock of its own.
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [lockName]);
    const before = await countApplied(client);
    await migrate(drizzle(client), {
      migrationsFolder: fileURLToPath(folder),
      migrationsSchema: "ops",
      migrationsTable: "migrations",
    });
    await client.query("begin");
    for (const file of (await readdir(views)).filter((name) => name.endsWith(".sql")).sort()) {
      await client.query(await readFile(new URL(file, views), "utf8"));
    }
    await client.query(await readFile(new URL("./comments.sql", import.meta.url), "utf8"));
    await client.query(await commentsOfTables());
    await client.query(await readFile(new URL("./grants.sql", import.meta.url), "utf8"));
    await client.query("commit");
    return { applied: (await countApplied(client)) - before };
  });
}

/** How many migrations the code has that this database has not seen. */
export async function pendingMigrations(client: Queryable): Promise<number> {
  const journal = JSON.parse(await readFile(new URL("meta/_journal.json", folder), "utf8")) as { entries: unknown[] };
  return journal.entries.length - (await countApplied(client));
}

async function countApplied(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ there: boolean }>("select to_regclass('ops.migrations') is not null as there");
  if (rows[0]?.there !== true) return 0;
  const applied = await client.query<{ count: string }>("select count(*) from ops.migrations");
  return Number(applied.rows[0]?.count);
}
