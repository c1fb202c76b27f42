import type { Database, Queryable, Session } from "../../schema/database.ts";

/**
 * A file's transaction takes as long as the file: the limits that hold for a slice would end it. Still limited, because a
 * worker that was stopped in the middle must not hold its locks for ever; one that died is noticed within a second.
 */
export async function allowLongWork(session: Session): Promise<void> {
  await session.query(
    "set local statement_timeout = '1h'; set local lock_timeout = '15min'; set local idle_in_transaction_session_timeout = '5min'",
  );
  // Not on every system a server runs on.
  await session.query(
    "do $$ begin set local client_connection_check_interval = '1s'; exception when others then null; end $$",
  );
}

/** The number by which another session can cancel what this one is doing. */
export async function backendOf(session: Session): Promise<number> {
  const { rows } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid ?? 0;
}

export async function cancelBackend(database: Database, pid: number): Promise<void> {
  await database.query("select pg_cancel_backend($1)", [pid]);
}

export interface WatchedFile {
  client: string;
  place: string;
  path: string;
  identity: string;
}

/** Of these files, those that were dealt with as they are now. */
export async function knownFiles(database: Queryable, files: readonly WatchedFile[]): Promise<Set<string>> {
  const { rows } = await database.query<WatchedFile>(
    `select w._client_id as client, w.place, w.path, w.identity
       from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as f(client, place, path, identity)
       join ops.watched_files w on w._client_id = f.client and w.place = f.place and w.path = f.path and w.identity = f.identity`,
    [
      files.map((file) => file.client),
      files.map((file) => file.place),
      files.map((file) => file.path),
      files.map((file) => file.identity),
    ],
  );
  return new Set(rows.map(nameOf));
}

export interface DealtWith extends WatchedFile {
  /** Of the file that it left in the ledger; null where it left none. */
  outcome: string | null;
  mapping: string | null;
  mappingVersion: string | null;
}

/** What lies at these places, as it was dealt with last. */
export async function dealtWithBefore(
  database: Queryable,
  places: readonly Omit<WatchedFile, "identity">[],
): Promise<DealtWith[]> {
  const { rows } = await database.query<DealtWith>(
    `with watched as (
       select w._client_id as client, w.place, w.path, w.identity, w.workflow_id
         from unnest($1::text[], $2::text[], $3::text[]) as p(client, place, path)
         join ops.watched_files w on w._client_id = p.client and w.place = p.place and w.path = p.path
     ), left_behind as (
       select distinct on (workflow_id) workflow_id, outcome, mapping, mapping_version
         from ops.files where workflow_id in (select workflow_id from watched) order by workflow_id, file_id desc
     )
     select client, place, path, identity, f.outcome, f.mapping, f.mapping_version as "mappingVersion"
       from watched left join left_behind f using (workflow_id)`,
    [places.map(({ client }) => client), places.map(({ place }) => place), places.map(({ path }) => path)],
  );
  return rows;
}

export const nameOf = ({ client, place, path, identity }: WatchedFile) => `${client}\n${place}\n${path}\n${identity}`;

export async function rememberFiles(
  database: Queryable,
  files: readonly (WatchedFile & { outcome: string; workflowId: string })[],
): Promise<void> {
  await database.query(
    `insert into ops.watched_files (_client_id, place, path, identity, outcome, workflow_id)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) order by 1, 2, 3
     on conflict on constraint watched_files_key do update
       set identity = excluded.identity, outcome = excluded.outcome, workflow_id = excluded.workflow_id, dealt_with_at = now()`,
    [
      files.map((file) => file.client),
      files.map((file) => file.place),
      files.map((file) => file.path),
      files.map((file) => file.identity),
      files.map((file) => file.outcome),
      files.map((file) => file.workflowId),
    ],
  );
}

/** Of these workflows, those that left a file in the ledger. */
export async function workflowsInLedger(database: Queryable, workflowIds: readonly string[]): Promise<Set<string>> {
  const { rows } = await database.query<{ id: string }>(
    "select distinct workflow_id as id from ops.files where workflow_id = any($1)",
    [workflowIds],
  );
  return new Set(rows.map(({ id }) => id));
}
