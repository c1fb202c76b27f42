import type { Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";
import type { RunRow } from "./runs.ts";

const runColumns = `run_id as "runId", _client_id as client, source, kind, workflow_id as "workflowId", scheduled_for as "scheduledFor",
  started_at as "startedAt", finished_at as "finishedAt", outcome, day_from as "from", day_to as "to", slices_planned as planned,
  slices_done as done, slices_failed as failed, inserted, updated, unchanged, withdrawn, reason`;

export interface RunFilter {
  client: string;
  source?: string | undefined;
  outcome?: string | undefined;
}

const inList =
  "u._client_id = :client and (:source::text is null or u.source = :source) and (:outcome::text is null or u.outcome = :outcome)";

const valuesOf = ({ client, source, outcome }: RunFilter) => ({
  client,
  source: source ?? null,
  outcome: outcome ?? null,
});

/** The newest first, or by what a run came to. */
export const runOrders = {
  by: {
    startedAt: [{ sql: "u.started_at", type: "moment" }],
    source: [
      { sql: "u.source", type: "text" },
      { sql: "u.started_at", type: "moment", always: "down" },
    ],
    from: [{ sql: "u.day_from", type: "day", canBeMissing: true }],
    to: [{ sql: "u.day_to", type: "day", canBeMissing: true }],
    done: [{ sql: "u.slices_done", type: "whole" }],
    failed: [{ sql: "u.slices_failed", type: "whole" }],
    inserted: [{ sql: "u.inserted", type: "whole" }],
    updated: [{ sql: "u.updated", type: "whole" }],
  },
  then: [{ sql: "u.run_id", type: "text" }],
  usual: "-startedAt",
} satisfies Orders;

export function listRuns(
  database: Queryable,
  { order, limit, ...filter }: RunFilter & { order?: Order; limit: number },
): Promise<Placed<RunRow>[]> {
  return readOrdered<RunRow>(database, {
    ...{ columns: runColumns, from: "ops.runs u", where: inList, values: valuesOf(filter) },
    ...{ orders: runOrders, order, limit },
  });
}

/** All that the filters of the list leave. */
export const countRuns = (database: Queryable, filter: RunFilter) =>
  countUpTo(database, {
    name: "runs",
    parts: {
      running: "count(*) filter (where outcome = 'running')",
      failed: "count(*) filter (where outcome = 'failed')",
      daysDone: "sum(slices_done)",
      daysFailed: "sum(slices_failed)",
      inserted: "sum(inserted)",
      updated: "sum(updated)",
    },
    columns: "outcome, slices_done, slices_failed, inserted, updated",
    ...{ from: "ops.runs u", where: inList, values: valuesOf(filter) },
  });

export interface RunFailureRow {
  slice: string;
  type: string;
  reason: string;
  failedAt: Date;
  recoveredAt: Date | null;
}

/** Null when this client has no such run. */
export async function findRun(
  database: Queryable,
  run: { client: string; runId: string },
): Promise<(RunRow & { failures: RunFailureRow[] }) | null> {
  const { rows } = await database.query<RunRow>(
    `select ${runColumns} from ops.runs where _client_id = $1 and run_id = $2`,
    [run.client, run.runId],
  );
  const [found] = rows;
  if (found === undefined) return null;
  const failures = await database.query<RunFailureRow>(
    `select slice, type, reason, failed_at as "failedAt", recovered_at as "recoveredAt" from ops.run_failures
      where _client_id = $1 and run_id = $2 order by slice`,
    [run.client, run.runId],
  );
  return { ...found, failures: failures.rows };
}
