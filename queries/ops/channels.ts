import type { ChannelKind, Severity } from "../../rules/ops/channel.ts";
import type { Queryable } from "../../schema/database.ts";

/** What a person sets of a channel, besides its address. */
export interface ChannelSettings {
  name: string;
  areas: string[] | null;
  leastSeverity: Severity;
  isGrouped: boolean;
  tellsResolved: boolean;
  tellsMorning: boolean;
  quietFrom: string | null;
  quietTo: string | null;
  criticalPasses: boolean;
  snoozedUntil: Date | null;
  isActive: boolean;
}

/** Its address, sealed, with what may be shown of it. */
export interface SealedAddress {
  sealed: Buffer;
  hint: string;
}

export interface ChannelRow extends ChannelSettings {
  channelId: number;
  kind: ChannelKind;
  hint: string;
  isSetting: boolean;
  brokenAt: Date | null;
  brokenReason: string | null;
  createdAt: Date;
  updatedAt: Date;
  updatedBy: string;
  pending: number;
  failed: number;
  lastDeliveredAt: Date | null;
  lastNote: string | null;
}

const columns = `c.channel_id as "channelId", c.name, c.kind, c.hint, c.is_setting as "isSetting", c.areas, c.least_severity as "leastSeverity",
  c.is_grouped as "isGrouped", c.tells_resolved as "tellsResolved", c.tells_morning as "tellsMorning", c.quiet_from as "quietFrom",
  c.quiet_to as "quietTo", c.critical_passes as "criticalPasses", c.snoozed_until as "snoozedUntil", c.is_active as "isActive",
  c.broken_at as "brokenAt", c.broken_reason as "brokenReason", c.created_at as "createdAt", c.updated_at as "updatedAt", c.updated_by as "updatedBy"`;

/** Every channel of a client with how its deliveries stand; one, where one is named. */
export async function readChannels(
  database: Queryable,
  { client, channelId }: { client: string; channelId?: number },
): Promise<ChannelRow[]> {
  const { rows } = await database.query<ChannelRow>(
    `select ${columns}, d.pending, d.failed, d."lastDeliveredAt", n.note as "lastNote"
       from ops.channels c
      cross join lateral (
        select count(*) filter (where state = 'pending')::int as pending, count(*) filter (where state = 'failed')::int as failed,
               max(delivered_at) as "lastDeliveredAt"
          from ops.channel_deliveries where channel_id = c.channel_id) d
       left join lateral (
        select note from ops.channel_deliveries where channel_id = c.channel_id and note is not null order by updated_at desc limit 1) n on true
      where c._client_id = $1 and ($2::bigint is null or c.channel_id = $2) order by c.name`,
    [client, channelId ?? null],
  );
  return rows;
}

interface Written extends ChannelSettings {
  client: string;
  by: string;
}

const valuesOf = (given: Written) => [
  given.client,
  given.name,
  given.areas,
  given.leastSeverity,
  given.isGrouped,
  given.tellsResolved,
  given.tellsMorning,
  given.quietFrom,
  given.quietTo,
  given.criticalPasses,
  given.snoozedUntil,
  given.isActive,
  given.by,
];

/** Null when the client has a channel of that name. */
export async function createChannel(
  database: Queryable,
  given: Written & SealedAddress & { kind: ChannelKind },
): Promise<number | null> {
  const { rows } = await database.query<{ channelId: number }>(
    `insert into ops.channels (_client_id, name, areas, least_severity, is_grouped, tells_resolved, tells_morning, quiet_from, quiet_to,
                               critical_passes, snoozed_until, is_active, updated_by, kind, sealed, hint)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
     on conflict (_client_id, name) do nothing returning channel_id as "channelId"`,
    [...valuesOf(given), given.kind, given.sealed, given.hint],
  );
  return rows[0]?.channelId ?? null;
}

/**
 * Whoever changes a channel has looked at it: it is tried again, with what failed of alerts that are open still. False
 * when there is none; the name of another violates the constraint.
 */
export async function changeChannel(
  database: Queryable,
  given: Written & { channelId: number; address: SealedAddress | null },
): Promise<boolean> {
  const { rowCount } = await database.query(
    `update ops.channels
        set name = $2, areas = $3, least_severity = $4, is_grouped = $5, tells_resolved = $6, tells_morning = $7, quiet_from = $8,
            quiet_to = $9, critical_passes = $10, snoozed_until = $11, is_active = $12, updated_by = $13, updated_at = now(),
            sealed = case when is_setting then null else coalesce($15, sealed) end, hint = case when is_setting then hint else coalesce($16, hint) end
      where _client_id = $1 and channel_id = $14`,
    [...valuesOf(given), given.channelId, given.address?.sealed ?? null, given.address?.hint ?? null],
  );
  if (rowCount === 0) return false;
  await mendChannel(database, given);
  return true;
}

/** It works again, or is to be tried again: what failed of open alerts becomes due. */
export async function mendChannel(
  database: Queryable,
  { client, channelId }: { client: string; channelId: number },
): Promise<void> {
  await database.query(
    "update ops.channels set broken_at = null, broken_reason = null where _client_id = $1 and channel_id = $2",
    [client, channelId],
  );
  await database.query(
    `update ops.channel_deliveries d set state = 'pending', attempts = 0, held_until = null, updated_at = now()
       from ops.alerts a
      where d.channel_id = $2 and d._client_id = $1 and d.state = 'failed' and d.what = 'opened' and a.alert_id = d.alert_id
        and a.resolved_at is null and a.edition = d.edition`,
    [client, channelId],
  );
  await database.query(
    "update ops.channel_deliveries set held_until = null where channel_id = $2 and _client_id = $1 and state = 'pending'",
    [client, channelId],
  );
}

/** With all its deliveries. The webhook of the settings stays: it comes from there. */
export async function deleteChannel(
  database: Queryable,
  { client, channelId }: { client: string; channelId: number },
): Promise<string | null> {
  const { rows } = await database.query<{ name: string }>(
    "delete from ops.channels where _client_id = $1 and channel_id = $2 and not is_setting returning name",
    [client, channelId],
  );
  return rows[0]?.name ?? null;
}

/**
 * The webhook that the settings name is a channel of every client, and none where they name no more. What was told by
 * webhook before it was a channel is not told again.
 */
export async function keepSettingsChannel(
  database: Queryable,
  { clients, hint }: { clients: readonly string[]; hint: string | null },
): Promise<void> {
  await database.query("delete from ops.channels where is_setting and ($1::text is null or _client_id <> all($2))", [
    hint,
    clients,
  ]);
  if (hint === null) return;
  await database.query(
    `with made as (
       insert into ops.channels (_client_id, name, kind, hint, is_setting, is_grouped, tells_resolved, updated_by)
       select client, 'the webhook of the settings', 'webhook', $2, true, false, false, 'the settings' from unnest($1::text[]) client
       on conflict (_client_id, name) do update set hint = excluded.hint, broken_at = null, broken_reason = null
        where channels.is_setting and channels.hint <> excluded.hint
       returning channel_id, _client_id)
     insert into ops.channel_deliveries (_client_id, channel_id, what, alert_id, edition, state, delivered_at)
     select a._client_id, m.channel_id, 'opened', a.alert_id, a.edition, 'delivered', a.notified_at
       from made m join ops.alerts a on a._client_id = m._client_id and a.resolved_at is null and a.notified_at is not null
         and not exists (select from ops.channel_deliveries d where d.alert_id = a.alert_id)
     on conflict do nothing`,
    [clients, hint],
  );
}

export interface ChannelToTell {
  client: string;
  channelId: number;
  name: string;
  kind: ChannelKind;
  isSetting: boolean;
  sealed: Buffer | null;
  isGrouped: boolean;
  quietFrom: string | null;
  quietTo: string | null;
  criticalPasses: boolean;
}

/** With its address; null when there is none, or it is not in use. */
export async function readChannelToTell(
  database: Queryable,
  { client, channelId }: { client: string; channelId: number },
): Promise<(ChannelToTell & { isResting: boolean }) | null> {
  const { rows } = await database.query<ChannelToTell & { isResting: boolean }>(
    `select _client_id as client, channel_id as "channelId", name, kind, is_setting as "isSetting", sealed, is_grouped as "isGrouped",
            quiet_from as "quietFrom", quiet_to as "quietTo", critical_passes as "criticalPasses",
            not is_active or broken_at is not null or coalesce(snoozed_until > now(), false) as "isResting"
       from ops.channels where _client_id = $1 and channel_id = $2`,
    [client, channelId],
  );
  return rows[0] ?? null;
}

/** A person must act: nothing more is sent there until then. */
export async function markBroken(
  database: Queryable,
  { client, channelId, reason }: { client: string; channelId: number; reason: string },
): Promise<void> {
  await database.query(
    `update ops.channels set broken_at = coalesce(broken_at, now()), broken_reason = left($3, 400) where _client_id = $1 and channel_id = $2`,
    [client, channelId, reason],
  );
}
