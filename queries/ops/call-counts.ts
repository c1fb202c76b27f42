import type { Queryable } from "../../schema/database.ts";

export interface SetApart {
  /** How many calls had been set apart for this caller before. */
  before: number;
  /** Until counting starts again at zero. */
  leftMs: number;
}

/** Sets calls of one caller apart for one process, so that it need not ask for each. Null from a database that has no answer. */
export async function setCallsApart(
  database: Queryable,
  of: { caller: string; calls: number; windowMs: number },
): Promise<SetApart | null> {
  const { rows } = await database.query<SetApart>(
    `insert into ops.call_counts as c (caller, resets_at, calls) values ($1, clock_timestamp() + $3 * interval '1 ms', $2)
     on conflict (caller) do update
        set calls = case when c.resets_at <= clock_timestamp() then excluded.calls else c.calls + excluded.calls end,
            resets_at = case when c.resets_at <= clock_timestamp() then excluded.resets_at else c.resets_at end
     returning calls - $2 as before, greatest(0, extract(epoch from resets_at - clock_timestamp()) * 1000)::float8 as "leftMs"`,
    [of.caller, of.calls, of.windowMs],
  );
  return rows[0] ?? null;
}
