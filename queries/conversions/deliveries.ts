import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { forgetIdentities } from "./delivery-identities.ts";

/** One client's ledger at one destination. */
export interface Ledger {
  client: string;
  destination: string;
}

export interface Deliverable {
  conversionKey: string;
  /** Of one order, one conversion goes to a destination. */
  orderKey: string | null;
  /** What the feed calls it. */
  eventName: string;
  eventTime: Date;
  value: string | null;
  currency: string | null;
}

/**
 * The ledger has this order under another feed's key. Whatever became of it there: it is that key that is sent, tried
 * again or redelivered, as a destination could not tell that the two are one.
 */
const knownByAnotherFeed = (one: string) =>
  `exists (select from ops.deliveries t where t._client_id = $1 and t.destination = $2 and t.order_key = ${one}.order_key
                        and split_part(t.conversion_key, ':', 1) <> split_part(${one}.conversion_key, ':', 1))`;

/** Conversions of a range that the ledger does not know yet, in their order of time. */
export async function readNewConversions(
  database: Queryable,
  ledger: Ledger,
  range: { from: Date; to: Date | null; limit: number },
): Promise<Deliverable[]> {
  const { rows } = await database.query<Deliverable>(
    `select c.conversion_key as "conversionKey", c.order_key as "orderKey", c.event_name as "eventName", c.event_time as "eventTime", c.value, c.currency
       from ops.deliverable_conversions c
      where c._client_id = $1 and c.event_time >= $3 and ($4::timestamptz is null or c.event_time < $4) and not c.is_twin
        and not exists (select from ops.deliveries d where d._client_id = c._client_id and d.destination = $2 and d.conversion_key = c.conversion_key)
        and not ${knownByAnotherFeed("c")}
      order by c.event_time, c.conversion_key
      limit $5`,
    [ledger.client, ledger.destination, range.from, range.to, range.limit],
  );
  return rows;
}

/**
 * Takes conversions into the ledger under the names they will be sent by. One that is known stays as it is. One at a time
 * per destination: of two feeds with one order, the second must see what the first has written.
 */
export async function recordConversions(
  database: Database,
  ledger: Ledger,
  named: readonly Deliverable[],
): Promise<number> {
  return inTransaction(database, async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended('deliveries ' || $1 || '/' || $2, 0))", [
      ledger.client,
      ledger.destination,
    ]);
    return changed(
      session,
      `insert into ops.deliveries (_client_id, destination, conversion_key, order_key, event_id, event_name, event_time, value, currency)
       select $1, $2, n.conversion_key, n.order_key, n.conversion_key, n.name, n.at, n.value, n.currency
         from unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::numeric[], $8::text[]) n(conversion_key, order_key, name, at, value, currency)
        where not ${knownByAnotherFeed("n")}
        order by n.conversion_key
       on conflict do nothing`,
      [
        ledger.client,
        ledger.destination,
        named.map((one) => one.conversionKey),
        named.map((one) => one.orderKey),
        named.map((one) => one.eventName),
        named.map((one) => one.eventTime),
        named.map((one) => one.value),
        named.map((one) => one.currency),
      ],
    );
  });
}

/**
 * What the clock decides without asking anybody: too old, no longer held, unknown for longer than a repeat is told. Age
 * counts from the destination's own present; how long ago we sent something, from ours.
 */
export async function ageDeliveries(
  database: Queryable,
  ledger: Ledger,
  limits: { now: Date; ageMs: number | null; repeatMs: number | null },
): Promise<{ expired: number; lost: number }> {
  const of = [ledger.client, ledger.destination];
  const where = "_client_id = $1 and destination = $2";
  const { rows: expired } =
    limits.ageMs === null
      ? { rows: [] }
      : await database.query<{ key: string }>(
          `update ops.deliveries set state = 'expired', last_answer = 'not sent: too old for the destination', claim = null, held_until = null, updated_at = now()
            where ${where} and state in ('pending', 'held') and uncertain_since is null and event_time < $4::timestamptz - $3 * interval '1 millisecond' returning conversion_key as key`,
          [...of, limits.ageMs, limits.now],
        );
  // What no destination will be told any more needs nobody to be known.
  if (ledger.destination === "meta")
    await forgetIdentities(
      database,
      ledger.client,
      expired.map(({ key }) => key),
    );
  // Sent perhaps, and the destination has forgotten since: sending again could count twice, so a person decides.
  const lost =
    limits.repeatMs === null
      ? 0
      : await changed(
          database,
          `update ops.deliveries set state = 'failed', last_answer = 'sent, but no answer came, and a repeat would no longer be told from a new event',
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

/** A batch nobody has worked at for this long may be taken over: its attempt ended long before. */
const abandonedAfter = "interval '30 minutes'";

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

export interface Claimed {
  conversionKey: string;
  orderKey: string | null;
  eventId: string;
  eventName: string;
  eventTime: Date;
  value: string | null;
  currency: string | null;
  orderId: string | null;
  clickId: string | null;
  /** It may have been sent before, and nobody knows how that ended. */
  uncertain: boolean;
  /** The feed still says it may be delivered. */
  deliverable: boolean;
}

/**
 * Takes the next batch in hand. The same claim gets its own rows back, so that an attempt that died is repeated with
 * what it had; amounts are read anew, as a feed may have corrected them.
 */
export async function claimBatch(
  database: Database,
  ledger: Ledger,
  batch: { claim: string; limit: number },
): Promise<Claimed[]> {
  return inTransaction(database, async (session) => {
    const due = async (which: string, values: unknown[]) => {
      const { rows } = await session.query<{ key: string; uncertain: boolean }>(
        `select conversion_key as key, uncertain_since is not null as uncertain from ops.deliveries
          where _client_id = $1 and destination = $2 and state in ('pending', 'sending') and ${which}
          order by event_time, conversion_key limit $3 for update skip locked`,
        [ledger.client, ledger.destination, batch.limit, ...values],
      );
      return rows;
    };
    const mine = await due("state = 'sending' and claim = $4", [batch.claim]);
    const waiting = `(state = 'pending' or claimed_at < now() - ${abandonedAfter})`;
    const taken = mine.length > 0 ? mine : await due(waiting, []);
    if (taken.length === 0) return [];
    const { rows } = await session.query<Claimed>(
      // The feeds are read once for the batch: joined row by row, a long feed would be read for each.
      `with feed as materialized (
         select conversion_key, value, currency, order_id, click_ids ->> 'click_id' as click_id
           from ops.deliverable_conversions where _client_id = $1 and conversion_key = any($4)
       ), claimed as (
         update ops.deliveries d
            set state = 'sending', claim = $3, claimed_at = clock_timestamp(), attempts = attempts + 1,
                uncertain_since = coalesce(uncertain_since, clock_timestamp()),
                value = coalesce(f.value, d.value), currency = coalesce(f.currency, d.currency), updated_at = now()
           from unnest($4::text[], $5::boolean[]) due(conversion_key, uncertain)
           left join feed f on f.conversion_key = due.conversion_key
          where d._client_id = $1 and d.destination = $2 and d.conversion_key = due.conversion_key
         returning d.conversion_key, d.order_key, d.event_id, d.event_name, d.event_time, d.value, d.currency, f.order_id, f.click_id,
                   due.uncertain, f.conversion_key is not null as deliverable
       )
       select conversion_key as "conversionKey", order_key as "orderKey", event_id as "eventId", event_name as "eventName", event_time as "eventTime",
              value, currency, order_id as "orderId", click_id as "clickId", uncertain, deliverable
         from claimed order by event_time, conversion_key`,
      [
        ledger.client,
        ledger.destination,
        batch.claim,
        taken.map(({ key }) => key),
        taken.map(({ uncertain }) => uncertain),
      ],
    );
    return rows;
  });
}

export interface SettledDelivery {
  conversionKey: string;
  state: "delivered" | "failed" | "expired";
  answer: string;
}

/** Writes down definite answers. Where the destination was told of a person, nothing needs to be known of them any more. */
export async function settleDeliveries(
  database: Database,
  ledger: Ledger,
  settled: readonly SettledDelivery[],
  { forgetPersons }: { forgetPersons: boolean },
): Promise<void> {
  await inTransaction(database, async (session) => {
    await session.query(
      `update ops.deliveries d
          set state = s.state, last_answer = left(s.answer, 500), claim = null, uncertain_since = null, held_until = null, updated_at = now(),
              delivered_at = case when s.state = 'delivered' then now() else d.delivered_at end
         from (select * from unnest($3::text[], $4::text[], $5::text[]) u(conversion_key, state, answer) order by 1) s
        where d._client_id = $1 and d.destination = $2 and d.conversion_key = s.conversion_key and d.state = 'sending'`,
      [
        ledger.client,
        ledger.destination,
        settled.map((one) => one.conversionKey),
        settled.map((one) => one.state),
        settled.map((one) => one.answer),
      ],
    );
    if (!forgetPersons) return;
    await forgetIdentities(
      session,
      ledger.client,
      settled.filter(({ state }) => state !== "failed").map(({ conversionKey }) => conversionKey),
    );
  });
}

/** Gives a batch back untouched: the destination said no to the account, not to an event. What may have arrived before stays uncertain. */
export async function returnBatch(
  database: Queryable,
  ledger: Ledger,
  batch: { claim: string; certain: readonly string[]; answer: string },
): Promise<void> {
  await database.query(
    `update ops.deliveries
        set state = 'pending', uncertain_since = case when conversion_key = any($4) then null else uncertain_since end,
            claim = null, claimed_at = null, last_answer = left($5, 500), updated_at = now()
      where _client_id = $1 and destination = $2 and claim = $3 and state = 'sending'`,
    [ledger.client, ledger.destination, batch.claim, batch.certain, batch.answer],
  );
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

export interface RedeliveryRange {
  from: Date;
  to: Date;
  includeDelivered: boolean;
  /** The destination's present: what is too old for it is counted from here. */
  now: Date;
  ageMs: number | null;
  repeatMs: number | null;
}

export interface RedeliveryCounts {
  /** By what becomes of them: `send` again or for the first time, or why not. */
  what: "send" | "delivered" | "delivered_long_ago" | "under_way" | "too_old" | "other_feed";
  currency: string | null;
  conversions: number;
  value: string | null;
}

/** Which conversions of a range a redelivery sends, and which it leaves. */
const redeliverable = `
  select c.conversion_key, coalesce(c.value, d.value) as value, coalesce(c.currency, d.currency) as currency, d.conversion_key is not null as known,
         case when d.state in ('sending', 'pending') then 'under_way'
              when d.conversion_key is null and (c.is_twin or ${knownByAnotherFeed("c")}) then 'other_feed'
              when $5::double precision is not null and c.event_time < $8::timestamptz - $5 * interval '1 millisecond' then 'too_old'
              when d.state = 'delivered' and not $7::boolean then 'delivered'
              when d.delivered_at is not null and $6::double precision is not null and d.delivered_at < now() - $6 * interval '1 millisecond' then 'delivered_long_ago'
              else 'send' end as what
    from ops.deliverable_conversions c
    left join ops.deliveries d on d._client_id = c._client_id and d.destination = $2 and d.conversion_key = c.conversion_key
   where c._client_id = $1 and c.event_time >= $3 and c.event_time < $4`;

const redeliveryValues = (ledger: Ledger, range: RedeliveryRange) => [
  ledger.client,
  ledger.destination,
  range.from,
  range.to,
  range.ageMs,
  range.repeatMs,
  range.includeDelivered,
  range.now,
];

export async function countRedelivery(
  database: Queryable,
  ledger: Ledger,
  range: RedeliveryRange,
): Promise<RedeliveryCounts[]> {
  const { rows } = await database.query<RedeliveryCounts>(
    `select what, currency, count(*)::int as conversions, round(sum(value), 2)::text as value from (${redeliverable}) r group by 1, 2 order by 1, 2`,
    redeliveryValues(ledger, range),
  );
  return rows;
}

/** Makes what is known and not under way pending again; what the ledger does not know is recorded like any new one. */
export async function reopenDeliveries(database: Queryable, ledger: Ledger, range: RedeliveryRange): Promise<number> {
  return changed(
    database,
    `update ops.deliveries d set state = 'pending', claim = null, claimed_at = null, held_until = null, updated_at = now()
       from (${redeliverable}) r
      where r.what = 'send' and r.known and d._client_id = $1 and d.destination = $2 and d.conversion_key = r.conversion_key and d.state not in ('sending', 'pending')`,
    redeliveryValues(ledger, range),
  );
}

async function changed(database: Queryable, statement: string, values: unknown[]): Promise<number> {
  return (await database.query(statement, values)).rowCount ?? 0;
}
