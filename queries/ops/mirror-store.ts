import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { markEverything } from "./mirror-marks.ts";

export interface KnownStore {
  identity: string;
  shape: string;
}

export async function readStore(database: Queryable): Promise<KnownStore | null> {
  const { rows } = await database.query<KnownStore>("select identity, shape from ops.mirror_store");
  return rows[0] ?? null;
}

/** From here on copies are those of another column store, which has none yet: every day is to be mirrored. */
export function beginStore(database: Database, { identity, shape }: KnownStore): Promise<void> {
  return inTransaction(database, async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended('mirror store', 0))");
    await session.query("delete from ops.mirror_versions");
    await session.query(
      `insert into ops.mirror_store (identity, shape) values ($1, $2)
       on conflict (one) do update set identity = excluded.identity, shape = excluded.shape, known_at = now()`,
      [identity, shape],
    );
    await markEverything(session);
  });
}
