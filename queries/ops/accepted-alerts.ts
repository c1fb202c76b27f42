import type { Queryable } from "../../schema/database.ts";
import { raiseAlert, readAlerts, resolveAlert, settleAlerts, type AlertRow, type RaisedAlert } from "./alerts.ts";
import { recordAudit, type Actor, type AuditAction } from "./audit.ts";

/** Kinds whose details say all of a difference: a person may accept it as it is. */
export const acceptableKinds = ["books_differ", "file_books"];

type Named = Pick<RaisedAlert, "client" | "kind" | "subject">;

const action: AuditAction = "difference_accepted";
const nameOf = ({ kind, subject }: Named) => `${kind}/${subject}`;

/** The note of the person who accepted exactly this, if their word is the latest on it. */
export async function readAccepted(
  database: Queryable,
  alert: Named & Pick<RaisedAlert, "details">,
): Promise<string | null> {
  const { rows } = await database.query<{ note: string; isThis: boolean }>(
    `select details->>'note' as note, details->'accepted' = $4::jsonb as "isThis" from ops.audit
      where _client_id = $1 and action = $2 and subject = $3 order by audit_id desc limit 1`,
    [alert.client, action, nameOf(alert), JSON.stringify(alert.details)],
  );
  return rows[0]?.isThis === true ? rows[0].note : null;
}

/** Raises a difference unless a person has accepted it with these very amounts: with any other it is news. */
export async function raiseUnlessAccepted(database: Queryable, alert: RaisedAlert): Promise<void> {
  const note = await readAccepted(database, alert);
  if (note === null) return void (await raiseAlert(database, alert));
  await settleAlerts(database, { ...alert, kinds: [alert.kind], notes: `accepted: ${note}` });
}

/** Accepts the difference that an open alert tells; null when the client has no such open alert of an acceptable kind. */
export async function acceptDifference(
  session: Queryable,
  { client, alertId, note, by }: { client: string; alertId: number; note: string; by: Actor },
): Promise<AlertRow | null> {
  const alerts = await readAlerts(session, { client, open: true, beforeId: alertId + 1, limit: 1 });
  const alert = alerts.find((one) => one.alertId === alertId && acceptableKinds.includes(one.kind));
  if (alert === undefined) return null;
  const resolved = await resolveAlert(session, { client, alertId, by: by.actor, notes: `accepted: ${note}` });
  if (resolved === null) return null;
  const accepted = { note, alertId, accepted: resolved.details };
  await recordAudit(session, { ...by, client, action, subject: nameOf(resolved), details: accepted });
  return resolved;
}
