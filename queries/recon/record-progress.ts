import { inTransaction, prepared, type Database, type Queryable } from "../../schema/database.ts";
import { raiseAlert, type RaisedAlert } from "../ops/alerts.ts";
import type { ReportAttempt } from "./shapes.ts";
import { noteStep } from "./trust.ts";

/** The report waits: until when, and for what, in words that its affiliate may read. What its claim shows by itself is stored at the first wait. */
export async function recordWait(
  database: Database,
  wait: {
    attempt: ReportAttempt;
    reason: string;
    waitMs: number;
    /** Null when it is too early to look at the claim. */
    raise: RaisedAlert[] | null;
  },
): Promise<void> {
  const { attempt: of, reason, waitMs } = wait;
  const { client, reportId, attempt } = of;
  await inTransaction(database, async (session) => {
    const { rowCount } = await session.query(
      `update recon.report_state
          set state = 'WAITING', detail = $4, tries = tries + 1, next_try_at = now() + $5 * interval '1 millisecond',
              claim_checked_at = coalesce(claim_checked_at, case when $6 then now() end), updated_at = now()
        where _client_id = $1 and report_id = $2 and attempt = $3 and state in ('PENDING', 'WAITING')`,
      [client, reportId, attempt, reason, waitMs, wait.raise !== null],
    );
    if (rowCount === 0) return;
    await noteStep(session, of, { step: "waiting", detail: reason });
    for (const alert of wait.raise ?? []) await raiseAlert(session, alert);
  });
}

/** Its workflow has been started, so no sweep need look at it for a while. */
export async function noteUnderWay(
  database: Queryable,
  { client, reportId }: { client: string; reportId: string },
): Promise<void> {
  await database.query(
    prepared(
      `update recon.report_state set under_way_at = now()
        where _client_id = $1 and report_id = $2 and state in ('PENDING', 'WAITING') and under_way_at is null`,
      [client, reportId],
    ),
  );
}

/** It is no longer processed, and unless a person stopped it, an alert says why. A manual run starts it again. */
export async function recordStopped(
  database: Database,
  stop: { client: string; reportId: string; reason: string; byHand: boolean; workflowId: string },
): Promise<void> {
  const { client, reportId, reason, workflowId } = stop;
  await inTransaction(database, async (session) => {
    const { rows } = await session.query<{ attempt: number }>(
      `update recon.report_state set state = 'STOPPED', detail = $3, next_try_at = null, updated_at = now()
        where _client_id = $1 and report_id = $2 and state in ('PENDING', 'WAITING') returning attempt`,
      [client, reportId, reason],
    );
    const [stopped] = rows;
    if (stopped === undefined) return;
    const of = { client, reportId, attempt: stopped.attempt, workflowId };
    await noteStep(session, of, { step: "stopped", detail: reason });
    if (!stop.byHand)
      await raiseAlert(session, {
        client,
        area: "recon",
        kind: "report_stopped",
        subject: `report/${reportId}`,
        severity: "warning",
        message: `report ${reportId} could not be judged: ${reason}. Once that is fixed, run it again by hand.`,
        details: { attempt: stopped.attempt },
      });
  });
}
