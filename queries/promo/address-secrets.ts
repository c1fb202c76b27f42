import type { Queryable } from "../../schema/database.ts";

/** The month's sealed secret: the one that is there, else the one that is offered. Of several who offer one wins for all. */
export async function keepSecret(
  database: Queryable,
  { month, sealed }: { month: string; sealed: Buffer },
): Promise<Buffer> {
  // Two statements: what another call has just made is not in the snapshot of the one that found it there.
  await database.query(
    "insert into ops.address_secrets (month, sealed) values ($1, $2) on conflict (month) do nothing",
    [month, sealed],
  );
  const { rows } = await database.query<{ sealed: Buffer }>("select sealed from ops.address_secrets where month = $1", [
    month,
  ]);
  const [kept] = rows as [{ sealed: Buffer }];
  return kept.sealed;
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
export async function deleteSecretsBefore(database: Queryable, month: string): Promise<void> {
  await database.query("delete from ops.address_secrets where month < $1", [month]);
}
