import type { Queryable } from "../../schema/database.ts";

export interface RaisedAlert {
  client: string;
  /** Which area raised it: sync, ingest, recon, ... */
  area: string;
  kind: string;
  subject: string;
  severity: "info" | "warning" | "critical";
  message: string;
  details?: Record<string, unknown>;
  /** There is more than the message says. */
  isNews?: boolean;
}

/** One open alert per subject and kind: seeing it again is counted, and not sent a second time. */
export async function raiseAlert(database: Queryable, alert: RaisedAlert): Promise<{ isNew: boolean }> {
  const { rows } = await database.query<{ isNew: boolean }>(
    `insert into ops.alerts as a (_client_id, area, kind, subject, severity, message, details) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (_client_id, area, kind, subject) where resolved_at is null
     do update set last_seen_at = now(), times_seen = a.times_seen + 1, message = excluded.message, details = excluded.details,
       notified_at = case when not $8 then a.notified_at end, notify_refusals = case when $8 then 0 else a.notify_refusals end,
       notify_after = case when not $8 then a.notify_after end
     returning times_seen = 1 as "isNew"`,
    [
      alert.client,
      alert.area,
      alert.kind,
      alert.subject,
      alert.severity,
      alert.message,
      JSON.stringify(alert.details ?? {}),
      alert.isNews ?? false,
    ],
  );
  return { isNew: rows[0]?.isNew ?? false };
}

/** The pipeline takes back what no longer holds. */
export async function settleAlerts(
  database: Queryable,
  settled: { client: string; area: string; kinds: string[]; subject: string; notes: string },
): Promise<void> {
  await database.query(
    `update ops.alerts set resolved_at = now(), resolved_by = 'pipeline', notes = $5
      where _client_id = $1 and area = $2 and kind = any($3) and subject = $4 and resolved_at is null`,
    [settled.client, settled.area, settled.kinds, settled.subject, settled.notes],
  );
}

export interface AlertRow {
  alertId: number;
  client: string;
  area: string;
  kind: string;
  subject: string;
  severity: string;
  message: string;
  details: unknown;
  openedAt: Date;
  lastSeenAt: Date;
  timesSeen: number;
  resolvedAt: Date | null;
  resolvedBy: string | null;
  notes: string | null;
}

const alertColumns = `alert_id as "alertId", _client_id as client, area, kind, subject, severity, message, details, opened_at as "openedAt",
  last_seen_at as "lastSeenAt", times_seen as "timesSeen", resolved_at as "resolvedAt", resolved_by as "resolvedBy", notes`;

export async function readAlerts(
  database: Queryable,
  filter: {
    client?: string | undefined;
    open?: boolean | undefined;
    area?: string | undefined;
    kind?: string | undefined;
    severity?: string | undefined;
    subject?: string | undefined;
    subjects?: readonly string[] | undefined;
    limit: number;
    beforeId?: number | undefined;
  },
): Promise<AlertRow[]> {
  const { rows } = await database.query<AlertRow>(
    `select ${alertColumns} from ops.alerts
      where ($1::text is null or _client_id = $1) and ($2::boolean is null or (resolved_at is null) = $2)
        and ($3::text is null or area = $3) and ($4::bigint is null or alert_id < $4)
        and ($6::text is null or kind = $6) and ($7::text is null or severity = $7) and ($8::text is null or subject = $8)
        and ($9::text[] is null or subject = any($9))
      order by alert_id desc limit $5`,
    [
      filter.client ?? null,
      filter.open ?? null,
      filter.area ?? null,
      filter.beforeId ?? null,
      filter.limit,
      filter.kind ?? null,
      filter.severity ?? null,
      filter.subject ?? null,
      filter.subjects ?? null,
    ],
  );
  return rows;
}

/** Closes an alert by hand; null when this client has no such open alert. */
export async function resolveAlert(
  database: Queryable,
  resolved: { client: string; alertId: number; by: string; notes: string },
): Promise<AlertRow | null> {
  const { rows } = await database.query<AlertRow>(
    `update ops.alerts set resolved_at = now(), resolved_by = $3, notes = $4
      where _client_id = $1 and alert_id = $2 and resolved_at is null returning ${alertColumns}`,
    [resolved.client, resolved.alertId, resolved.by, resolved.notes],
  );
  return rows[0] ?? null;
}

/** An alert that was refused this often is not sent again. */
export const mostRefusals = 8;

/** Open alerts that are due to be sent: not sent yet, and not waiting after a try that failed. */
export async function readUnsentAlerts(database: Queryable, limit: number): Promise<AlertRow[]> {
  const { rows } = await database.query<AlertRow>(
    `select ${alertColumns} from ops.alerts
      where notified_at is null and resolved_at is null and notify_refusals < $2 and (notify_after is null or notify_after <= now())
      order by alert_id limit $1`,
    [limit, mostRefusals],
  );
  return rows;
}

/** The webhook refused this alert: tried again after twice as long each time, from ten minutes to six hours, and given up in the end. */
export async function noteRefusedAlert(
  database: Queryable,
  { alertId, why }: { alertId: number; why: string },
): Promise<{ isGivenUp: boolean }> {
  const { rows } = await database.query<{ isGivenUp: boolean }>(
    `update ops.alerts
        set notify_refusals = notify_refusals + 1, notify_after = now() + least(interval '10 minutes' * power(2, notify_refusals), interval '6 hours'),
            notify_note = case when notify_refusals + 1 >= $3 then 'given up after ' || $3 || ' refusals: ' else '' end || left($2, 400)
      where alert_id = $1 returning notify_refusals >= $3 as "isGivenUp"`,
    [alertId, why, mostRefusals],
  );
  return rows[0] ?? { isGivenUp: false };
}

/** The webhook did not answer: others have their turn first. */
export async function noteUnansweredAlert(
  database: Queryable,
  { alertId, why }: { alertId: number; why: string },
): Promise<void> {
  await database.query(
    "update ops.alerts set notify_after = now() + interval '1 minute', notify_note = left($2, 400) where alert_id = $1",
    [alertId, why],
  );
}

export async function markNotified(database: Queryable, alertIds: number[]): Promise<void> {
  await database.query("update ops.alerts set notified_at = now() where alert_id = any($1)", [alertIds]);
}
