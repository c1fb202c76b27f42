import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { insertRow } from "../shared/named.ts";

/** What a search came to. */
export interface FindingRun {
  windowTo: string;
  tested: number;
  listed: number;
  created: number;
  gone: number;
}

const columns = `window_to as "windowTo", tested, listed, created, gone`;

export async function recordSearch(
  session: Session,
  of: { client: string; workflowId: string; runId: string; records: string; origin: StoredOrigin; facts: unknown },
  run: FindingRun,
): Promise<void> {
  await session.query(
    insertRow(
      "findings.finding_runs",
      {
        _client_id: of.client,
        window_to: run.windowTo,
        tested: run.tested,
        listed: run.listed,
        created: run.created,
        gone: run.gone,
        facts: JSON.stringify(of.facts),
        records: of.records,
        workflow_id: of.workflowId,
        _run_id: of.runId,
        origin: of.origin,
      },
      "finding_run_id",
    ),
  );
}

/** What this run has stored already: an activity whose answer was lost is not done twice. */
export async function findSearch(
  database: Queryable,
  of: { client: string; runId: string },
): Promise<FindingRun | null> {
  const { rows } = await database.query<FindingRun>(
    `select ${columns} from findings.finding_runs where _client_id = $1 and _run_id = $2`,
    [of.client, of.runId],
  );
  return rows[0] ?? null;
}

export type LastSearch = FindingRun & { endedAt: Date; workflowId: string; runId: string; records: string };

export async function readLastSearch(database: Queryable, of: { client: string }): Promise<LastSearch | null> {
  const { rows } = await database.query<LastSearch>(
    `select ${columns}, ended_at as "endedAt", workflow_id as "workflowId", _run_id as "runId", records
       from findings.finding_runs where _client_id = $1 order by finding_run_id desc limit 1`,
    [of.client],
  );
  return rows[0] ?? null;
}
