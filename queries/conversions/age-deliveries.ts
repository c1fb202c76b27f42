import type { Queryable } from "../../schema/database.ts";
import { abandonedAfter, changed, type Ledger } from "./delivery-ledger.ts";
import { deleteIdentities } from "./delivery-identities.ts";

/**
 * What age alone decides: too old, no longer held, unknown for longer than a repeat is recognised. Age
 * counts from the destination's own present; how long ago we sent something, from ours.
 */
export async function ageDeliveries(
  database: Queryable,
  ledger: Ledger,
  limits: { now: Date; ageLimitMs: number | null; repeatMs: number | null; sentTo: readonly string[] },
): Promise<{ expired: number; lost: number }> {
  const of = [ledger.client, ledger.destination];
  const where = "_client_id = $1 and destination = $2";
  const { rows: expired } =
    limits.ageLimitMs === null
      ? { rows: [] }
      : await database.query<{ key: string }>(
          `update ops.deliveries set state = 'expired', last_answer = 'not sent: too old for the destination', claim = null, held_until = null, updated_at = now()
            where ${where} and state in ('pending', 'held') and uncertain_since is null and event_time < $4::timestamptz - $3 * interval '1 millisecond' returning conversion_key as key`,
          [...of, limits.ageLimitMs, limits.now],
        );
  // What is sent to no destination any more needs no personal data.
  if (limits.sentTo.includes(ledger.destination))
    await deleteIdentities(
      database,
      { client: ledger.client, sentTo: limits.sentTo },
      expired.map(({ key }) => key),
    );
  // Perhaps sent, and the destination no longer recognises a repeat: sending again could count twice, so a person decides.
  const lost =
    limits.repeatMs === null
      ? 0
      : await changed(
          database,
          `update ops.deliveries set state = 'failed', last_answer = 'sent, but no answer came, and the destination would count a repeat as a new event',
                claim = null, uncertain_since = null, held_until = null, updated_at = now()
            where ${where} and uncertain_since < now() - $3 * interval '1 millisecond'
              and (state in ('pending', 'held') or (state = 'sending' and claimed_at < now() - ${abandonedAfter}))`,
          [...of, limits.repeatMs],
        );
  await changed(
    database,
    `update ops.deliveries set state = 'pending', held_until = null, updated_at = now() where ${where} and state = 'held' and held_until <= now()`,
    of,
  );
  return { expired: expired.length, lost };
}

/** How many wait to be sent, and until when the destination is closed to us. */
export async function readWaiting(
  database: Queryable,
  ledger: Ledger,
): Promise<{ waiting: number; heldUntil: Date | null }> {
  const { rows } = await database.query<{ waiting: number; heldUntil: Date | null }>(
    `select count(*) filter (where state = 'pending' or (state = 'sending' and claimed_at < now() - ${abandonedAfter}))::int as waiting,
            max(held_until) filter (where state = 'held') as "heldUntil"
       from ops.deliveries where _client_id = $1 and destination = $2 and state in ('pending', 'sending', 'held')`,
    [ledger.client, ledger.destination],
  );
  return rows[0] ?? { waiting: 0, heldUntil: null };
}

/** Nothing more today: what waits is held until the account's day is over. */
export async function holdDeliveries(
  database: Queryable,
  ledger: Ledger,
  hold: { until: Date; answer: string },
): Promise<number> {
  return changed(
    database,
    `update ops.deliveries set state = 'held', held_until = $3, last_answer = left($4, 500), updated_at = now()
      where _client_id = $1 and destination = $2 and state = 'pending'`,
    [ledger.client, ledger.destination, hold.until, hold.answer],
  );
}

export async function countFailed(database: Queryable, ledger: Ledger): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    "select count(*)::int from ops.deliveries where _client_id = $1 and destination = $2 and state = 'failed'",
    [ledger.client, ledger.destination],
  );
  return rows[0]?.count ?? 0;
}
