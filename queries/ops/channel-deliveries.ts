import type { ToldAlert } from "../../rules/ops/message.ts";
import type { Queryable } from "../../schema/database.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

const rank = (column: string) => `array_position(array['info', 'warning', 'critical'], ${column})`;

/**
 * One row for each thing that each channel is still to be told, in one statement: what follows from the tables is not
 * lost with a process. An alert about a channel is not told to that channel.
 */
export async function planDeliveries(database: Queryable): Promise<number> {
  const { rowCount } = await database.query(
    `insert into ops.channel_deliveries (_client_id, channel_id, what, alert_id, edition)
     select c._client_id, c.channel_id, 'opened', a.alert_id, a.edition
       from ops.alerts a join ops.channels c on c._client_id = a._client_id and c.is_active
      where a.resolved_at is null and (c.areas is null or a.area = any(c.areas))
        and ${rank("a.severity")} >= ${rank("c.least_severity")}
        and not (a.area = 'ops' and a.subject = 'channel/' || c.channel_id)
      union all
     select d._client_id, d.channel_id, 'resolved', d.alert_id, max(d.edition)
       from ops.channel_deliveries d join ops.channels c on c.channel_id = d.channel_id and c.is_active and c.tells_resolved
       join ops.alerts a on a.alert_id = d.alert_id and a.resolved_at > now() - interval '7 days'
      where d.what = 'opened' and d.state = 'delivered'
      group by 1, 2, 4
     on conflict do nothing`,
  );
  return rowCount ?? 0;
}

/** A digest for each channel that wants one and has none of that day yet; for how many. */
export async function planDigest(
  database: Queryable,
  { client, day }: { client: string; day: string },
): Promise<number> {
  const { rowCount } = await database.query(
    `insert into ops.channel_deliveries (_client_id, channel_id, what, day)
     select _client_id, channel_id, 'morning', $2 from ops.channels where _client_id = $1 and is_active and tells_morning
     on conflict do nothing`,
    [client, day],
  );
  return rowCount ?? 0;
}

/** Nothing is left waiting for ever: what was closed before it was sent, and what nobody took for three days. */
export async function expireDeliveries(database: Queryable): Promise<void> {
  await database.query(
    `update ops.channel_deliveries d
        set state = 'expired', updated_at = now(), note = case when a.resolved_at is not null then 'closed before it was sent' else
            'not delivered within ' || case when d.what = 'morning' then '18 hours' else 'three days' end || coalesce(': ' || d.note, '') end
       from ops.channel_deliveries own left join ops.alerts a on a.alert_id = own.alert_id
      where own.delivery_id = d.delivery_id and d.state = 'pending'
        and ((d.what = 'opened' and (a.resolved_at is not null or a.edition > d.edition))
          or (d.attempts > 0 and d.created_at < now() - interval '3 days')
          or (d.what = 'morning' and d.created_at < now() - interval '18 hours'))`,
  );
}

export interface ChannelDue {
  client: string;
  channelId: number;
}

export interface QuietChannel extends ChannelDue {
  quietFrom: string | null;
  quietTo: string | null;
  /** Something that is sent in quiet hours too. */
  passes: boolean;
}

const isDue = `d.state = 'pending' and (d.held_until is null or d.held_until <= now()) and coalesce(a.snoozed_until <= now(), true)`;

/** Channels that something can be sent to now, quiet hours aside. */
export async function readChannelsDue(database: Queryable): Promise<QuietChannel[]> {
  const { rows } = await database.query<QuietChannel>(
    `select c._client_id as client, c.channel_id as "channelId", c.quiet_from as "quietFrom", c.quiet_to as "quietTo",
            bool_or(d.what = 'morning' or (c.critical_passes and coalesce(a.severity = 'critical', false))) as passes
       from ops.channels c join ops.channel_deliveries d on d.channel_id = c.channel_id
       left join ops.alerts a on a.alert_id = d.alert_id
      where c.is_active and c.broken_at is null and coalesce(c.snoozed_until <= now(), true) and ${isDue}
      group by c.channel_id order by c.channel_id`,
  );
  return rows;
}

export interface DueDelivery {
  deliveryId: number;
  what: "opened" | "resolved" | "morning";
  edition: number;
  day: string | null;
  attempts: number;
  alert: ToldAlert | null;
}

/** The oldest first. */
export async function readDueDeliveries(
  database: Queryable,
  { client, channelId, limit }: ChannelDue & { limit: number },
): Promise<DueDelivery[]> {
  const { rows } = await database.query<Omit<DueDelivery, "alert"> & ToldAlert>(
    `select d.delivery_id as "deliveryId", d.what, d.edition, d.day::text as day, d.attempts, a.alert_id as "alertId", a._client_id as client, a.area,
            a.kind, a.subject, a.severity, a.message, a.opened_at as "openedAt", a.resolved_at as "resolvedAt", a.resolved_by as "resolvedBy", a.notes
       from ops.channel_deliveries d left join ops.alerts a on a.alert_id = d.alert_id
      where d._client_id = $1 and d.channel_id = $2 and ${isDue}
      order by d.delivery_id limit $3`,
    [client, channelId, limit],
  );
  return rows.map(({ deliveryId, what, edition, day, attempts, ...alert }) => ({
    deliveryId,
    what,
    edition,
    day,
    attempts,
    alert: (alert.alertId as number | null) === null ? null : alert,
  }));
}

/** Delivered, and the alert counts as told from the first time on. */
export async function markDelivered(database: Queryable, deliveryIds: readonly number[]): Promise<void> {
  await database.query(
    `with done as (
       update ops.channel_deliveries set state = 'delivered', delivered_at = now(), updated_at = now(), held_until = null, note = null
        where delivery_id = any($1) returning alert_id)
     update ops.alerts set notified_at = coalesce(notified_at, now()) where alert_id in (select alert_id from done)`,
    [deliveryIds],
  );
}

interface Tried {
  deliveryIds: readonly number[];
  why: string;
}

/** A delivery that was refused this often is not sent again. */
export const mostRefusals = 8;

/** Tried again after twice as long each time, from ten minutes to six hours, and failed in the end. */
export async function noteRefused(database: Queryable, { deliveryIds, why }: Tried): Promise<void> {
  await database.query(
    `update ops.channel_deliveries
        set attempts = attempts + 1, updated_at = now(), state = case when attempts + 1 >= $3 then 'failed' else 'pending' end,
            held_until = now() + least(interval '10 minutes' * power(2, attempts), interval '6 hours'),
            note = case when attempts + 1 >= $3 then 'given up after ' || $3 || ' refusals: ' else '' end || left($2, 400)
      where delivery_id = any($1)`,
    [deliveryIds, why, mostRefusals],
  );
}

/** Nobody answered: tried again after twice as long each time, from a minute to an hour, for three days. */
export async function noteUnanswered(database: Queryable, { deliveryIds, why }: Tried): Promise<void> {
  await database.query(
    `update ops.channel_deliveries
        set attempts = attempts + 1, updated_at = now(), held_until = now() + least(interval '1 minute' * power(2, least(attempts, 10)), interval '1 hour'),
            note = left($2, 400)
      where delivery_id = any($1)`,
    [deliveryIds, why],
  );
}

/** Nobody answers there: the rest would only wait. */
export async function holdChannel(database: Queryable, { client, channelId }: ChannelDue): Promise<void> {
  await database.query(
    `update ops.channel_deliveries set held_until = greatest(held_until, now() + interval '1 minute')
      where _client_id = $1 and channel_id = $2 and state = 'pending'`,
    [client, channelId],
  );
}

/** A person must act first. */
export async function markFailed(database: Queryable, { deliveryIds, why }: Tried): Promise<void> {
  await database.query(
    "update ops.channel_deliveries set state = 'failed', attempts = attempts + 1, updated_at = now(), note = left($2, 400) where delivery_id = any($1)",
    [deliveryIds, why],
  );
}

/** What became of a test, for the list. */
export async function recordTest(
  database: Queryable,
  { client, channelId, why }: ChannelDue & { why: string | null },
): Promise<void> {
  await database.query(
    `insert into ops.channel_deliveries (_client_id, channel_id, what, edition, state, note, delivered_at)
     select _client_id, channel_id, 'test', extract(epoch from clock_timestamp())::int, case when $3::text is null then 'delivered' else 'failed' end,
            left($3, 400), case when $3::text is null then now() end
       from ops.channels where _client_id = $1 and channel_id = $2
     on conflict (channel_id, what, alert_id, edition, day) do update set state = excluded.state, note = excluded.note, delivered_at = excluded.delivered_at`,
    [client, channelId, why],
  );
}

/** Channels that have not answered for an hour although there was something to tell. */
export async function readSilentChannels(
  database: Queryable,
): Promise<(ChannelDue & { name: string; note: string })[]> {
  const { rows } = await database.query<ChannelDue & { name: string; note: string }>(
    `select c._client_id as client, c.channel_id as "channelId", c.name, max(coalesce(d.note, '')) as note
       from ops.channels c join ops.channel_deliveries d on d.channel_id = c.channel_id
      where c.is_active and c.broken_at is null and d.state = 'pending' and d.attempts > 0 and d.created_at < now() - interval '1 hour'
      group by c.channel_id order by c.channel_id`,
  );
  return rows;
}

export interface DeliveryRow {
  deliveryId: number;
  what: string;
  alertId: number | null;
  alertMessage: string | null;
  day: string | null;
  state: string;
  attempts: number;
  heldUntil: Date | null;
  note: string | null;
  createdAt: Date;
  deliveredAt: Date | null;
}

/** By when it was due, or by what became of it. */
export const channelDeliveryOrders = {
  by: {
    createdAt: [{ sql: "d.created_at", type: "moment" }],
    what: [{ sql: "d.what", type: "text" }],
    state: [{ sql: "d.state", type: "text" }],
    attempts: [{ sql: "d.attempts", type: "whole" }],
  },
  then: [{ sql: "d.delivery_id", type: "whole" }],
  usual: "-createdAt",
} satisfies Orders;

export function listChannelDeliveries(
  database: Queryable,
  { client, channelId, state, order, limit }: ChannelDue & { state?: string | undefined; order?: Order; limit: number },
): Promise<Placed<DeliveryRow>[]> {
  return readOrdered<DeliveryRow>(database, {
    columns: `d.delivery_id as "deliveryId", d.what, d.alert_id as "alertId", a.message as "alertMessage", d.day::text as day, d.state, d.attempts,
            d.held_until as "heldUntil", d.note, d.created_at as "createdAt", d.delivered_at as "deliveredAt"`,
    from: "ops.channel_deliveries d left join ops.alerts a on a.alert_id = d.alert_id",
    where: "d._client_id = :client and d.channel_id = :channelId and (:state::text is null or d.state = :state)",
    values: { client, channelId, state: state ?? null },
    ...{ orders: channelDeliveryOrders, order, limit },
  });
}
