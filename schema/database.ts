import pg from "pg";
import { sha256 } from "../core/crypto.ts";

export type Database = pg.Pool;
export type Session = pg.PoolClient;
/** Anything that can run a statement: the pool, or one session inside a transaction. */
export type Queryable = Pick<pg.Pool | pg.PoolClient, "query">;

/** A statement with its values, and with a name if it is prepared. */
export type Statement = pg.QueryConfig<unknown[]>;

export type PoolMode = "session" | "transaction";

export interface DatabaseOptions {
  url: string;
  poolSize: number;
  /** Shown in pg_stat_activity. */
  name: string;
  statementTimeoutMs?: number;
  connectTimeoutMs?: number;
  /** Where a pooler between us and Postgres lends a connection for one transaction only: nothing may be expected of it after. */
  poolMode?: PoolMode;
  /** How long a connection without work is kept; zero keeps it. */
  idleMs?: number | undefined;
  onError?: (error: Error) => void;
}

const broken = new WeakSet<Error>();

/** The connection broke while a statement was under way: whether it was carried out is not known. */
export function isBrokenConnection(error: unknown): boolean {
  return error instanceof Error && broken.has(error);
}

const dateOid = 1082;
const bigintOid = 20;
const textDates = new Map<number, (text: string) => unknown>([
  // As text: the driver's default makes local midnight of it, which is another day in another zone.
  [dateOid, (text) => text],
  // Counts fit a JS number; ids that may not are text columns.
  [bigintOid, Number],
]);

/** What a connection is begun with, or, where that holds for no longer, each transaction. */
const timeoutsOf = ({ statementTimeoutMs = 120_000 }: DatabaseOptions) => ({
  statement_timeout: statementTimeoutMs,
  lock_timeout: 60_000,
  idle_in_transaction_session_timeout: 60_000,
});

/** How a transaction of a pool begins, where that is not by `begin` alone. */
const begins = new WeakMap<Database, string>();

/** A prepared statement stays with the connection that parsed it, and the next transaction has another. */
class UnpreparedClient extends pg.Client {
  override query = ((statement: unknown, ...rest: unknown[]) => {
    if (typeof statement === "object" && statement !== null && "name" in statement && !("submit" in statement))
      statement = { ...statement, name: undefined };
    return (super.query as (...all: unknown[]) => unknown)(statement, ...rest);
  }) as pg.Client["query"];
}

/** The only place that opens Postgres. Numerics stay text. */
export function openDatabase(options: DatabaseOptions): Database {
  const timeouts = timeoutsOf(options);
  const isLent = options.poolMode === "transaction";
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    application_name: options.name,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    idleTimeoutMillis: options.idleMs ?? 30_000,
    keepAlive: true,
    ...(isLent ? { Client: UnpreparedClient } : timeouts),
    types: {
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        textDates.get(oid) ??
        (pg.types.getTypeParser as (oid: number, format?: string) => (text: string) => unknown)(oid, format),
    } as pg.CustomTypesConfig,
  });
  if (isLent)
    begins.set(
      pool,
      ["begin", ...Object.entries(timeouts).map(([name, ms]) => `set local ${name} = ${ms}`)].join("; "),
    );
  // A connection that breaks while idle is an event, not a crash.
  pool.on("error", (error) => options.onError?.(error));
  // The driver's error for one that breaks in use has no code: the connection itself says which errors those are.
  pool.on("connect", (client) => client.on("error", (error) => broken.add(error)));
  return pool;
}

const mostPrepared = 200;
const namesOfTexts = new Map<string, string>();

/**
 * A statement that a connection parses once, and plans once where one plan is as good as another: short statements cost
 * less than their plan. A connection keeps each for as long as it lives, so texts beyond the first
 * few hundred are not prepared.
 */
export function prepared(text: string, values: unknown[]): Statement {
  let name = namesOfTexts.get(text);
  if (name === undefined && namesOfTexts.size < mostPrepared) {
    name = sha256(text).slice(0, 32);
    namesOfTexts.set(text, name);
  }
  return { text, values, ...(name === undefined ? {} : { name }) };
}

/** One connection of its own, outside any pool, for work that holds a session lock. */
export async function withConnection<Result>(
  options: Pick<DatabaseOptions, "url" | "name">,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: options.url, application_name: options.name });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A commit whose answer got lost: it may or may not have happened. */
export class CommitUnknown extends Error {
  constructor(override readonly cause: unknown) {
    super("the connection broke while committing; whether the commit happened has to be looked up");
    this.name = "CommitUnknown";
  }
}

/** Runs `work` in one READ COMMITTED transaction. A session that failed in a way that may have broken it is destroyed, not pooled. */
export async function inTransaction<Result>(
  database: Database,
  work: (session: Session) => Promise<Result>,
): Promise<Result> {
  const session = await database.connect();
  let broken: Error | undefined;
  const onError = (error: Error) => (broken = error);
  session.on("error", onError);
  let committing = false;
  try {
    await session.query(begins.get(database) ?? "begin");
    const result = await work(session);
    committing = true;
    await session.query("commit");
    return result;
  } catch (error) {
    if (committing && sqlState(error) === null) {
      broken = error as Error;
      throw new CommitUnknown(error);
    }
    // Of one that broke between two statements the driver says only that it is not to be used: why is what counts.
    const cause = broken !== undefined && isDrivers(error) ? broken : error;
    await session.query("rollback").catch((failure: Error) => (broken ??= failure));
    throw cause;
  } finally {
    session.off("error", onError);
    session.release(broken);
  }
}

/** No error of a kind of its own: the driver's, or of the stream that it was written to. */
function isDrivers(error: unknown): boolean {
  return error instanceof Error && error.name === "Error" && sqlState(error) === null;
}

/** The SQLSTATE of an error that Postgres itself reported. */
export function sqlState(error: unknown): string | null {
  return error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    /^[0-9A-Z]{5}$/.test(error.code) &&
    "severity" in error
    ? error.code
    : null;
}
