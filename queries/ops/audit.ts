import { maskContacts } from "../../core/personal.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

/** The acts of people that are recorded. */
export type AuditAction =
  | "key_issued"
  | "key_rotated"
  | "key_disabled"
  | "key_enabled"
  | "discord_linked"
  | "platform_token_set"
  | "platform_token_removed"
  | "platform_switched"
  | "alert_resolved"
  | "alert_snoozed"
  | "channel_created"
  | "channel_changed"
  | "channel_deleted"
  | "channel_tested"
  | "dispute_settled"
  | "mapping_changed"
  | "opportunity_decided"
  | "opportunities_searched"
  | "question_saved"
  | "question_changed"
  | "question_deleted"
  | "finding_decided"
  | "findings_searched"
  | "conversions_resent"
  | "campaign_renamed"
  | "campaigns_merged"
  | "campaign_split"
  | "creatives_moved"
  | "clustering_started"
  | "thumbnails_started"
  | "thumbnails_deleted"
  | "campaign_genre_set"
  | "offer_created"
  | "offer_changed"
  | "variation_created"
  | "variation_changed"
  | "delivery_retried"
  | "redriven"
  | "stream_moved"
  | "stream_accepted"
  | "sync_started"
  | "backfill_started"
  | "run_paused"
  | "run_resumed"
  | "run_cancelled"
  | "empty_answer_approved"
  | "line_viewed"
  | "lines_viewed"
  | "assistant_asked"
  | "evidence_viewed"
  | "agent_viewed"
  | "line_corrected"
  | "sandbox_purged"
  | "texts_cleaned"
  | "login_link_made"
  | "logged_in"
  | "session_ended"
  | "token_issued"
  | "token_revoked"
  | "reader_issued"
  | "reader_removed"
  | "keys_rotated"
  | "workflow_started"
  | "difference_accepted"
  | "pretargeting_asked"
  | "pretargeting_approval_refused"
  | "pretargeting_approved"
  | "pretargeting_begun"
  | "pretargeting_rollback_asked"
  | "pretargeting_written"
  | "pretargeting_withheld"
  | "pretargeting_stage_reached"
  | "pretargeting_applied"
  | "pretargeting_rolled_back"
  | "pretargeting_rollback_refused"
  | "pretargeting_overtaken"
  | "pretargeting_lost"
  | "month_closed"
  | "payout_account_set";

/** Who acts: the subject of a token with its role, an affiliate by its key, or `cli:<os user>` without a role. */
export interface Actor {
  actor: string;
  role: string | null;
}

export interface AuditEntry extends Actor {
  /** Null where the act is no one client's. */
  client: string | null;
  action: AuditAction;
  /** What was acted upon: `affiliate/17`, `alert/4`, `file/9 line 12`. */
  subject: string;
  /** What a reader of the log needs besides; never a secret or what was sealed. */
  details?: Record<string, unknown>;
}

/** Belongs into the transaction of the act: what is not recorded did not happen, and the reverse. */
export async function recordAudit(database: Queryable, entry: AuditEntry): Promise<void> {
  await database.query(
    "insert into ops.audit (_client_id, actor, role, action, subject, details) values ($1, $2, $3, $4, $5, $6)",
    [entry.client, entry.actor, entry.role, entry.action, entry.subject, withoutContacts(entry.details ?? {})],
  );
}

/** The log only grows: a contact that somebody typed into a name or a note could not be taken out again. A key is found by its text. */
const withoutContacts = (details: Record<string, unknown>) =>
  JSON.stringify(details, (name, value: unknown) =>
    typeof value === "string" && name !== "idempotencyKey" ? maskContacts(value) : value,
  );

/** A workflow that a person started, as far as Temporal knows who. */
export interface StartAudit {
  client: string | null;
  actor: string;
  workflowId: string;
  runId: string;
  details: Record<string, unknown>;
}

/** Once per run: the activity that records it may be tried again. */
export async function recordStart(database: Queryable, entry: StartAudit): Promise<void> {
  const action: AuditAction = "workflow_started";
  await database.query(
    `insert into ops.audit (_client_id, actor, action, subject, details)
     select $1, $2, $3, $4, $5
      where not exists (select from ops.audit where action = $3 and subject = $4 and details->>'runId' = $6)`,
    [
      entry.client,
      entry.actor,
      action,
      `workflow/${entry.workflowId}`,
      JSON.stringify({ ...entry.details, runId: entry.runId }),
      entry.runId,
    ],
  );
}

export interface AuditRow extends Actor {
  auditId: number;
  at: Date;
  action: string;
  subject: string;
  details: unknown;
}

export interface AuditFilter {
  client: string;
  actor?: string | undefined;
  action?: string | undefined;
  subject?: string | undefined;
}

const inList = `a._client_id = :client and (:actor::text is null or a.actor = :actor) and (:action::text is null or a.action = :action)
        and (:subject::text is null or a.subject = :subject)`;

const valuesOf = ({ client, actor, action, subject }: AuditFilter) => ({
  ...{ client, actor: actor ?? null, action: action ?? null, subject: subject ?? null },
});

/** As it was written, either way round: who and what are filters. */
export const auditOrders = {
  by: { at: [] },
  then: [{ sql: "a.audit_id", type: "whole" }],
  usual: "-at",
} satisfies Orders;

export function listAudit(
  database: Queryable,
  { order, limit, ...filter }: AuditFilter & { order?: Order; limit: number },
): Promise<Placed<AuditRow>[]> {
  return readOrdered<AuditRow>(database, {
    columns: `a.audit_id as "auditId", a.at, a.actor, a.role, a.action, a.subject, a.details`,
    ...{ from: "ops.audit a", where: inList, values: valuesOf(filter), orders: auditOrders, order, limit },
  });
}

/** All that the filters of the list leave. */
export const countAudit = (database: Queryable, filter: AuditFilter) =>
  countUpTo(database, {
    name: "entries",
    parts: { actors: "count(distinct actor)" },
    ...{ columns: "a.actor", from: "ops.audit a", where: inList, values: valuesOf(filter) },
  });

/** How long an Idempotency-Key of a started run is remembered. */
const keyHours = 24;

/** What was started with an Idempotency-Key lately. */
export async function findStarted(
  database: Queryable,
  { client, key }: { client: string; key: string },
): Promise<{ subject: string; action: string; details: Record<string, unknown> } | null> {
  const { rows } = await database.query<{ subject: string; action: string; details: Record<string, unknown> }>(
    `select subject, action, details from ops.audit
      where _client_id = $1 and action in ('sync_started', 'backfill_started') and details ->> 'idempotencyKey' = $2
        and at > now() - $3 * interval '1 hour'
      order by audit_id desc limit 1`,
    [client, key, keyHours],
  );
  return rows[0] ?? null;
}

/** One at a time with the same key. Held until the transaction ends. */
export async function lockKey(session: Session, { client, key }: { client: string; key: string }): Promise<void> {
  await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [`start/${client}/${key}`]);
}

/** A token as the log has it since it was issued. */
export async function findIssuedToken(
  database: Queryable,
  tokenId: string,
): Promise<{ client: string; expiresAt: Date | null } | null> {
  const { rows } = await database.query<{ client: string; expiresAt: Date | null }>(
    `select _client_id as client, (details->>'validUntil')::timestamptz as "expiresAt" from ops.audit
      where action = 'token_issued' and subject = $1`,
    [`token/${tokenId}`],
  );
  return rows[0] ?? null;
}
