import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { Queryable } from "../../schema/database.ts";

/** The login of one client's reader. Row-level security takes the client from this very name: schema/grants.sql. */
export const readerOf = (client: string) => `signal_room_reader_${client}`;

/** Creates the reader of a client, or gives it a new password: the one before stops working. */
export async function issueReader(
  database: Queryable,
  { client, password }: { client: string; password: string },
): Promise<"created" | "rotated"> {
  const name = readerOf(client);
  const { rowCount } = await database.query("select from pg_roles where rolname = $1", [name]);
  const isNew = rowCount === 0;
  if (isNew) await run(database, "create role %I login", name);
  // As a verifier: the password itself is in no log of the server's.
  await run(database, "alter role %I password %L", name, scramVerifier(password));
  await run(database, "grant signal_room_client_reader to %I", name);
  // A session that was left open must not block a migration.
  await run(database, "alter role %I set idle_in_transaction_session_timeout = '5min'", name);
  await run(database, "alter role %I set statement_timeout = '5min'", name);
  await run(database, "alter role %I set default_transaction_read_only = on", name);
  return isNew ? "created" : "rotated";
}

/** False when there was none. Sessions that are open are ended. */
export async function removeReader(database: Queryable, client: string): Promise<boolean> {
  const name = readerOf(client);
  const { rowCount } = await database.query("select from pg_roles where rolname = $1", [name]);
  if (rowCount === 0) return false;
  await run(database, "alter role %I nologin", name);
  await run(database, "revoke signal_room_client_reader from %I", name);
  await run(database, "drop role %I", name);
  return true;
}

/** Statements about roles take no parameters: the server itself quotes what goes into them. */
async function run(database: Queryable, statement: string, ...values: string[]): Promise<void> {
  const { rows } = await database.query<{ text: string }>("select format($1, variadic $2::text[]) as text", [
    statement,
    values,
  ]);
  await database.query(rows[0]?.text ?? "");
}

const iterations = 4_096;

/** SCRAM-SHA-256 as Postgres stores it (RFC 5803). */
function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256");
  const keyed = (text: string) => createHmac("sha256", salted).update(text).digest();
  const storedKey = createHash("sha256").update(keyed("Client Key")).digest();
  return `SCRAM-SHA-256$${iterations}:${salt.toString("base64")}$${storedKey.toString("base64")}:${keyed("Server Key").toString("base64")}`;
}
