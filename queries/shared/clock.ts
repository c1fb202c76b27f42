import type { Queryable } from "../../schema/database.ts";

/** The database's clock: the one that decides what is final. */
export async function databaseNow(database: Queryable): Promise<Date> {
  const { rows } = await database.query<{ now: Date }>("select clock_timestamp() as now");
  return rows[0]?.now ?? new Date();
}
