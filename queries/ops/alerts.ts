import { withoutDirection } from "../../core/direction.ts";
import type { ToldAlert } from "../../rules/ops/message.ts";
import type { RaisedAlert } from "../../rules/ops/alerts.ts";
import { prepared, type Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export type { RaisedAlert } from "../../rules/ops/alerts.ts";

/** One open alert per subject and kind: seeing it again is counted, and not sent a second time. */
export async function raiseAlert(database: Queryable, alert: RaisedAlert): Promise<{ isNew: boolean }> {
  const { rows } = await database.query<{ isNew: boolean }>(
    prepared(
      `insert into ops.alerts as a (_client_id, area, kind, subject, severity, message, details) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (_client_id, area, kind, subject) where resolved_at is null
     do update set last_seen_at = now(), times_seen = a.times_seen + 1, message = excluded.message, details = excluded.details,
       edition = a.edition + case when $8 then 1 else 0 end
     returning times_seen = 1 as "isNew"`,
      [
        alert.client,
        alert.area,
        alert.kind,
        alert.subject,
        alert.severity,
        withoutDirection(alert.message),
        JSON.stringify(alert.details ?? {}),
        alert.isNews ?? false,
      ],
    ),
  );
  return { isNew: rows[0]?.isNew ?? false };
}

/** The pipeline takes back what no longer holds. */
export async function settleAlerts(
  database: Queryable,
  settled: { client: string; area: string; kinds: string[]; subject: string; notes: string },
): Promise<void> {
  await database.query(
    prepared(
      `update ops.alerts set resolved_at = now(), resolved_by = 'pipeline', notes = $5
      where _client_id = $1 and area = $2 and kind = any($3) and subject = $4 and resolved_at is null`,
      [settled.client, settled.area, settled.kinds, settled.subject, settled.notes],
    ),
  );
}

export interface AlertRow extends ToldAlert {
  details: unknown;
  lastSeenAt: Date;
  timesSeen: number;
  snoozedUntil: Date | null;
}

const alertColumns = `alert_id as "alertId", _client_id as client, area, kind, subject, severity, message, details, opened_at as "openedAt",
  last_seen_at as "lastSeenAt", times_seen as "timesSeen", resolved_at as "resolvedAt", resolved_by as "resolvedBy", notes, snoozed_until as "snoozedUntil"`;

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

export interface AlertFilter {
  client: string;
  open?: boolean | undefined;
  area?: string | undefined;
  kind?: string | undefined;
  severity?: string | undefined;
  subject?: string | undefined;
}

const inList = `a._client_id = :client and (:open::boolean is null or (a.resolved_at is null) = :open) and (:area::text is null or a.area = :area)
        and (:kind::text is null or a.kind = :kind) and (:severity::text is null or a.severity = :severity) and (:subject::text is null or a.subject = :subject)`;

const valuesOf = ({ client, open, area, kind, severity, subject }: AlertFilter) => ({
  ...{ client, open: open ?? null, area: area ?? null, kind: kind ?? null },
  ...{ severity: severity ?? null, subject: subject ?? null },
});

/** In the order in which they were opened, or by what makes one pressing. */
export const alertOrders = {
  by: {
    openedAt: [],
    lastSeenAt: [{ sql: "a.last_seen_at", type: "moment" }],
    timesSeen: [{ sql: "a.times_seen", type: "whole" }],
    severity: [{ sql: "array_position(array['info', 'warning', 'critical'], a.severity)", type: "whole" }],
  },
  then: [{ sql: "a.alert_id", type: "whole" }],
  usual: "-openedAt",
} satisfies Orders;

export function listAlerts(
  database: Queryable,
  { order, limit, ...filter }: AlertFilter & { order?: Order; limit: number },
): Promise<Placed<AlertRow>[]> {
  return readOrdered<AlertRow>(database, {
    ...{ columns: alertColumns, from: "ops.alerts a", where: inList, values: valuesOf(filter) },
    ...{ orders: alertOrders, order, limit },
  });
}

/** All that the filters of the list leave. */
export const countAlerts = (database: Queryable, filter: AlertFilter) =>
  countUpTo(database, {
    name: "alerts",
    parts: {
      critical: "count(*) filter (where severity = 'critical')",
      warning: "count(*) filter (where severity = 'warning')",
      info: "count(*) filter (where severity = 'info')",
      open: "count(*) filter (where resolved_at is null)",
    },
    ...{ columns: "a.severity, a.resolved_at", from: "ops.alerts a", where: inList, values: valuesOf(filter) },
  });

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

/** No channel is told of it before then; null when this client has no such open alert. */
export async function snoozeAlert(
  database: Queryable,
  { client, alertId, until }: { client: string; alertId: number; until: Date | null },
): Promise<AlertRow | null> {
  const { rows } = await database.query<AlertRow>(
    `update ops.alerts set snoozed_until = $3 where _client_id = $1 and alert_id = $2 and resolved_at is null returning ${alertColumns}`,
    [client, alertId, until],
  );
  return rows[0] ?? null;
}
