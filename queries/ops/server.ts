import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";

export interface ServerFacts {
  /** 180004 for 18.4. */
  version: number;
  versionText: string;
  role: string;
  now: Date;
}

export async function readServer(database: Queryable): Promise<ServerFacts> {
  const { rows } = await database.query<ServerFacts>(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as "versionText", current_user::text as role, clock_timestamp() as now`,
  );
  const [facts] = rows;
  if (facts === undefined) throw new Error("Postgres says nothing of itself");
  return facts;
}

/** Fails where Postgres can store nothing more: one row of a table of its own makes it ask for a block of the disk. */
export async function canStore(database: Database): Promise<void> {
  await inTransaction(database, async (session) => {
    await session.query("create temporary table storable (content text) on commit drop");
    await session.query("insert into storable values ('')");
  });
}

/** What this role lacks of the rights that merging needs, and whether the analysts' role is there. */
export async function readRights(
  database: Queryable,
  schemas: readonly string[],
): Promise<{ missing: string[]; reader: boolean }> {
  const { rows } = await database.query<{ missing: string }>(
    `select format('%s on %s', lower(p.name), c.oid::regclass) as missing
       from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p(name)
      where n.nspname = any($1) and c.relkind in ('r', 'p') and c.relname <> 'migrations'
        and not (has_schema_privilege(n.oid, 'USAGE') and has_table_privilege(c.oid, p.name))
     union all
     select format('usage on %s', c.oid::regclass) from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = any($1) and case when c.relkind = 'S' then not has_sequence_privilege(c.oid, 'USAGE') else false end
     union all
     select 'create temporary tables' where not has_database_privilege(current_database(), 'TEMPORARY')`,
    [schemas],
  );
  const reader = await database.query<{ there: boolean }>(
    "select exists (select from pg_roles where rolname = 'signal_room_reader') as there",
  );
  return { missing: rows.map((row) => row.missing), reader: reader.rows[0]?.there ?? false };
}
