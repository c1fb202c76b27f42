import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/node-postgres";
import { migrate } from "drizzle-orm/node-postgres/migrator";
import type pg from "pg";
import { sha256 } from "../core/crypto.ts";
import { sqlState, withConnection, type Queryable } from "./database.ts";
import { commentsOfTables } from "./tables.ts";

const folder = new URL("./migrations/", import.meta.url);
const views = new URL("./views/", import.meta.url);
const grants = "./grants.sql";
const lockName = "signal-room migrations";

export interface Migrated {
  /** Migrations that this call applied. */
  applied: number;
}

export interface MigrateOptions {
  /** Called with the session it waits for. */
  onWait?: (message: string) => void;
  /** How long one try waits for a lock: whoever asks for the table meanwhile waits behind it. */
  lockTimeoutMs?: number;
  tries?: number;
}

/** Another session holds what a change needs, for longer than is sensible to wait. */
export class MigrationBlocked extends Error {
  constructor(holders: string) {
    super(
      `The database was not changed: ${holders}. End that session, or wait until it has finished, then run it again.`,
    );
    this.name = "MigrationBlocked";
  }
}

/**
 * Brings a database to today's shape: tables by migration, then those views, comments and grants whose text has changed.
 * With nothing to do it takes no lock that a reader could be in the way of. Safe to call from several processes at once;
 * the second one waits and finds nothing to do.
 */
export async function migrateDatabase(url: string, options: MigrateOptions = {}): Promise<Migrated> {
  const { onWait = () => undefined, lockTimeoutMs = 3_000, tries = 10 } = options;
  return withConnection({ url, name: "signal-room migrate" }, async (client) => {
    // The migrator takes no lock of its own. Another migration may take its time: this wait has no limit.
    await client.query("select pg_advisory_lock(hashtextextended($1, 0))", [lockName]);
    await client.query("select set_config('lock_timeout', $1, false)", [String(lockTimeoutMs)]);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await bringUpToDate(client);
      } catch (error) {
        // 55P03: the lock was not to be had in time. All that this try did is undone.
        if (stateOf(error) !== "55P03") throw error;
        await client.query("rollback");
        const holders = await describeHolders(client);
        if (attempt >= tries) throw new MigrationBlocked(holders);
        onWait(`waiting for a lock, try ${attempt} of ${tries}: ${holders}`);
        await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 500 * attempt)));
      }
    }
  });
}

async function bringUpToDate(client: pg.Client): Promise<Migrated> {
  const before = await countApplied(client);
  if ((await pendingMigrations(client)) > 0)
    await migrate(drizzle(client), {
      migrationsFolder: fileURLToPath(folder),
      migrationsSchema: "ops",
      migrationsTable: "migrations",
    });
  const applied = (await countApplied(client)) - before;
  await client.query("begin");
  await applyTexts(client, applied > 0);
  await client.query("commit");
  return { applied };
}

/** A migration may have dropped what views, comments and grants are about: after one, all of them are run again. */
async function applyTexts(client: pg.Client, all: boolean): Promise<void> {
  const { rows } = await client.query<{ file: string; hash: string }>("select file, hash from ops.applied_sql");
  const known = new Map(rows.map(({ file, hash }) => [file, hash]));
  let changed = 0;
  const apply = async (file: string, text: string, anyway: boolean) => {
    // Roles may be made by hand, and later: then there is something to grant.
    const hashNow = async () => sha256(`${text}\n${file === grants ? await rolesThere(client) : ""}`);
    if (!anyway && known.get(file) === (await hashNow())) return;
    changed += 1;
    await client.query(text);
    const hash = await hashNow();
    await client.query(
      `insert into ops.applied_sql (file, hash) values ($1, $2)
       on conflict (file) do update set hash = excluded.hash, applied_at = now()`,
      [file, hash],
    );
  };
  for (const file of (await readdir(views)).filter((name) => name.endsWith(".sql")).sort())
    await apply(`./views/${file}`, await read(`./views/${file}`), all);
  await apply("./comments.sql", await read("./comments.sql"), all);
  await apply("comments of tables", await commentsOfTables(), all);
  // A view that was replaced has lost whose rights it reads with.
  await apply(grants, await read(grants), changed > 0);
}

function read(file: string): Promise<string> {
  return readFile(new URL(file, import.meta.url), "utf8");
}

async function rolesThere(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    "select rolname as name from pg_roles where rolname in ('signal_room_writer', 'signal_room_reader', 'signal_room_client_reader') order by 1",
  );
  return rows.map(({ name }) => name).join(" ");
}

/** Drizzle wraps what Postgres said. */
function stateOf(error: unknown): string | null {
  return sqlState(error) ?? (error instanceof Error ? sqlState(error.cause) : null);
}

/** Who holds locks on our tables, in words that say what to look for. */
async function describeHolders(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ who: string }>(
    `select format('%s (process %s, user %s) holds locks on %s since %s, %s', coalesce(nullif(a.application_name, ''), 'a session'),
              a.pid, a.usename, string_agg(distinct l.relation::regclass::text, ', '), to_char(a.xact_start, 'HH24:MI:SS'), a.state) as who
       from pg_locks l
       join pg_class c on c.oid = l.relation
       join pg_namespace n on n.oid = c.relnamespace and n.nspname not in ('pg_catalog', 'information_schema')
       join pg_stat_activity a on a.pid = l.pid
      where l.granted and l.pid <> pg_backend_pid() and l.database = (select oid from pg_database where datname = current_database())
      group by a.pid, a.application_name, a.usename, a.xact_start, a.state
      order by a.xact_start limit 3`,
  );
  return rows.length === 0 ? "another session held a lock for a moment" : rows.map(({ who }) => who).join("; ");
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
