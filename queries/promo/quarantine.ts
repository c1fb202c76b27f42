import type { Event } from "../../rules/promo/events.ts";
import type { Queryable } from "../../schema/database.ts";

export interface Quarantined {
  event: Event;
  reason: "unknown_variation" | "unknown_offer" | "wrong_offer" | "conflict" | "too_old" | "refused";
}

/** Keeps events of the spool that are not counted, each once. */
export async function quarantineEvents(database: Queryable, quarantined: readonly Quarantined[]): Promise<void> {
  await database.query(
    `insert into promo.promo_quarantine (_client_id, kind, event_id, reason, offer_id, variation_id, received_at, event)
     select coalesce(v._client_id, ''), q.event ->> 'kind', q.event ->> 'event_id', q.reason, (q.event ->> 'offer_id')::integer,
            (q.event ->> 'variation_id')::integer, (q.event ->> 'at')::timestamptz, q.event
       from jsonb_to_recordset($1) as q (reason text, event jsonb)
       left join promo.promo_text_variations v on v.id = (q.event ->> 'variation_id')::integer
     on conflict do nothing`,
    [JSON.stringify(quarantined)],
  );
}

export interface QuarantinedCount {
  client: string;
  reason: string;
  events: number;
}

/** Of all clients; of an unknown variation the client is unknown: ''. */
export async function countQuarantined(database: Queryable): Promise<QuarantinedCount[]> {
  const { rows } = await database.query<QuarantinedCount>(
    "select _client_id as client, reason, count(*)::int as events from promo.promo_quarantine group by 1, 2 order by 1, 2",
  );
  return rows;
}
