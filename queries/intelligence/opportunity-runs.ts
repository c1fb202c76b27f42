import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable, Session } from "../../schema/database.ts";
import { insertRow } from "../shared/named.ts";

/** What a search came to. */
export interface OpportunityRun {
  windowFrom: string;
  windowTo: string;
  daysWithData: number;
  campaigns: number;
  tested: number;
  listed: number;
  created: number;
  gone: number;
  blocked: number;
}

const columns = `window_from as "windowFrom", window_to as "windowTo", days_with_data as "daysWithData", campaigns, tested, listed, created, gone, blocked`;

export async function recordSearch(
  session: Session,
  of: { client: string; workflowId: string; runId: string; records: string; origin: StoredOrigin },
  run: OpportunityRun & { togetherness: unknown },
): Promise<void> {
  await session.query(
    insertRow(
      "rtb.opportunity_runs",
      {
        _client_id: of.client,
        window_from: run.windowFrom,
        window_to: run.windowTo,
        days_with_data: run.daysWithData,
        campaigns: run.campaigns,
        tested: run.tested,
        listed: run.listed,
        created: run.created,
        gone: run.gone,
        blocked: run.blocked,
        togetherness: JSON.stringify(run.togetherness),
        records: of.records,
        workflow_id: of.workflowId,
        _run_id: of.runId,
        origin: of.origin,
      },
      "opportunity_run_id",
    ),
  );
}

/** What this run has stored already: an activity whose answer was lost is not done twice. */
export async function findSearch(
  database: Queryable,
  of: { client: string; runId: string },
): Promise<OpportunityRun | null> {
  const { rows } = await database.query<OpportunityRun>(
    `select ${columns} from rtb.opportunity_runs where _client_id = $1 and _run_id = $2`,
    [of.client, of.runId],
  );
  return rows[0] ?? null;
}

export type LastSearch = OpportunityRun & { endedAt: Date; workflowId: string; runId: string; records: string };

export async function readLastSearch(database: Queryable, of: { client: string }): Promise<LastSearch | null> {
  const { rows } = await database.query<LastSearch>(
    `select ${columns}, ended_at as "endedAt", workflow_id as "workflowId", _run_id as "runId", records
       from rtb.opportunity_runs where _client_id = $1 order by opportunity_run_id desc limit 1`,
    [of.client],
  );
  return rows[0] ?? null;
}

/**
 * Of what rows, and of which grouping of them, a search is: the same text, the same answer. Whatever changes records writes
 * the first in its own transaction; files of the quality report and groupings have numbers.
 */
export async function recordsState(database: Queryable, of: { client: string }): Promise<string> {
  const { rows } = await database.query<{ state: string }>(
    `select concat_ws('/', (select max(refreshed_at) from rtb.client_performance where _client_id = $1),
              (select max(_file_id) from rtb.report_quality where _client_id = $1),
              (select max(cluster_run_id) from rtb.cluster_runs where _client_id = $1 and not is_dry_run),
              (select max(decision_id) from rtb.campaign_decisions where _client_id = $1)) as state`,
    [of.client],
  );
  return rows[0]?.state ?? "";
}
