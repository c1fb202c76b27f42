import type { Outgoing } from "../../rules/conversions/outgoing.ts";
import { inTransaction, type Database, type Queryable } from "../../schema/database.ts";
import { abandonedAfter, mayGoTo, type Ledger, type Routing } from "./delivery-ledger.ts";
import { deleteIdentities } from "./delivery-identities.ts";

export interface Claimed extends Outgoing {
  orderKey: string | null;
  /** It may have been sent before, with an unknown result. */
  uncertain: boolean;
  /** The feed still says it may be delivered, and it is still sent here. */
  deliverable: boolean;
}

/**
 * Takes the next batch in hand. The same claim gets its own rows back, so that an attempt that died is repeated with
 * what it had; amounts are read again, as a feed may have corrected them.
 */
export async function claimBatch(
  database: Database,
  ledger: Ledger,
  batch: { claim: string; limit: number; routing: Routing },
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
         select conversion_key, value, currency, order_id, click_ids ->> 'click_id' as click_id, type, standing, charged_back,
                source = any($6) and type = any($7) as routed, ${mayGoTo("$9", "c")} as allowed
           from ops.deliverable_conversions c where _client_id = $1 and conversion_key = any($4)
       ), claimed as (
         update ops.deliveries d
            set state = 'sending', claim = $3, claimed_at = clock_timestamp(), attempts = attempts + 1,
                uncertain_since = coalesce(uncertain_since, clock_timestamp()),
                value = coalesce(f.value, d.value), currency = coalesce(f.currency, d.currency),
                sent_value = f.value + f.charged_back, sent_standing = f.standing, origin = $9, updated_at = now()
           from unnest($4::text[], $5::boolean[]) due(conversion_key, uncertain)
           left join feed f on f.conversion_key = due.conversion_key
          where d._client_id = $1 and d.destination = $2 and d.conversion_key = due.conversion_key
         returning d.conversion_key, d.order_key, d.event_id, d.event_name, d.event_time, d.value, d.currency, f.order_id, f.click_id,
                   due.uncertain, f.type, f.standing, f.charged_back,
                   f.conversion_key is not null and f.allowed and (f.routed or d.delivered_at is not null)
                     and (f.standing = 'stands' or $8 and (f.standing = 'charged_back' or d.delivered_at is not null)) as deliverable
       )
       select conversion_key as "conversionKey", order_key as "orderKey", event_id as "eventId", event_name as "eventName", event_time as "eventTime",
              value, currency, order_id as "orderId", click_id as "clickId", type, standing, charged_back as "chargedBack", uncertain, deliverable
         from claimed order by event_time, conversion_key`,
      [
        ledger.client,
        ledger.destination,
        batch.claim,
        taken.map(({ key }) => key),
        taken.map(({ uncertain }) => uncertain),
        batch.routing.feeds,
        batch.routing.types,
        batch.routing.corrects,
        batch.routing.origin,
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

/** Records final answers. Personal data that was delivered to every destination in `sentTo` is no longer needed. */
export async function settleDeliveries(
  database: Database,
  ledger: Ledger,
  settled: readonly SettledDelivery[],
  { sentTo }: { sentTo: readonly string[] },
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
    if (!sentTo.includes(ledger.destination)) return;
    await deleteIdentities(
      session,
      { client: ledger.client, sentTo },
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
