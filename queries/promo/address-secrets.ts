import type { Queryable } from "../../schema/database.ts";

/** The month's sealed secret: the one that is there, else the one that is offered. Of several who offer one wins for all. */
export async function keepSecret(
  database: Queryable,
  { month, sealed }: { month: string; sealed: Buffer },
): Promise<Buffer> {
  const { rows } = await database.query<{ sealed: Buffer }>(
    `with made as (insert into ops.address_secrets (month, sealed) values ($1, $2) on conflict (month) do nothing returning sealed)
     select sealed from made union all select sealed from ops.address_secrets where month = $1 limit 1`,
    [month, sealed],
  );
  // Another call has just made it: its row is not in our snapshot.
  return rows[0]?.sealed ?? keepSecret(database, { month, sealed });
}

/** One that nobody can open any more, its key being gone, is as good as none. */
export async function replaceSecret(
  database: Queryable,
  { month, unreadable, sealed }: { month: string; unreadable: Buffer; sealed: Buffer },
): Promise<void> {
  await database.query("update ops.address_secrets set sealed = $3 where month = $1 and sealed = $2", [
    month,
    unreadable,
    sealed,
  ]);
}

/** With its secret a month's hashes lose the last way back to the addresses. */
export async function deleteSecretsBefore(database: Queryable, month: string): Promise<number> {
  const { rowCount } = await database.query("delete from ops.address_secrets where month < $1", [month]);
  return rowCount ?? 0;
}
