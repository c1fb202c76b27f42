import { prepared, type Queryable } from "../../schema/database.ts";

export interface TurnClaim {
  account: string;
  intervalMs: number;
  concurrent: number;
  lease: string;
  leaseMs: number;
}

/** Zero when the turn is ours, else the milliseconds to wait before asking again. */
export async function claimTurn(database: Queryable, claim: TurnClaim): Promise<number> {
  const { rows } = await database.query<{ wait: number }>(
    prepared("select ops.claim_turn($1, $2, $3, $4, $5) as wait", [
      claim.account,
      claim.intervalMs,
      claim.concurrent,
      claim.lease,
      claim.leaseMs,
    ]),
  );
  return rows[0]?.wait ?? 0;
}

export async function extendTurn(
  database: Queryable,
  claim: Pick<TurnClaim, "account" | "lease" | "leaseMs">,
): Promise<void> {
  await database.query(
    prepared(
      `update ops.rate_gate
        set leases = jsonb_set(leases, array[$2::text], to_jsonb(extract(epoch from clock_timestamp()) + $3::double precision / 1000))
      where account = $1 and leases ? $2`,
      [claim.account, claim.lease, claim.leaseMs],
    ),
  );
}

export interface TurnEnd {
  account: string;
  lease: string;
  /** What the vendor asked everybody to wait; null when it did not. */
  waitMs: number | null;
  /** No next request before this has passed, hint or not. */
  restMs: number;
}

/** Gives the place back, and moves everybody's next moment when the vendor asked for it. */
export async function endTurn(database: Queryable, turn: TurnEnd): Promise<void> {
  await database.query(
    prepared(
      // Only a hint is worth waiting for the disk: a place given back is free by itself, and callers queue at this row.
      `with haste as (
       select set_config('synchronous_commit', case when $3 > 0 then current_setting('synchronous_commit') else 'off' end, true))
     update ops.rate_gate
        set leases = leases - $2::text,
            next_at = greatest(next_at, clock_timestamp() + greatest($3::double precision, $4) * interval '1 millisecond'),
            held_until = case when $3 > 0
                              then greatest(coalesce(held_until, '-infinity'), clock_timestamp() + $3 * interval '1 millisecond')
                              else held_until end
       from haste
      where account = $1`,
      [turn.account, turn.lease, turn.waitMs ?? 0, turn.restMs],
    ),
  );
}

export interface GateState {
  account: string;
  waitMs: number;
  inFlight: number;
}

/** How long each account still has to wait, and how many requests are under way. */
export async function readGates(database: Queryable): Promise<GateState[]> {
  const { rows } = await database.query<GateState>(
    `select account,
            greatest(0, extract(epoch from next_at - clock_timestamp()) * 1000)::double precision as "waitMs",
            (select count(*)::int from jsonb_each(leases) where value::double precision > extract(epoch from clock_timestamp())) as "inFlight"
       from ops.rate_gate order by account`,
  );
  return rows;
}
