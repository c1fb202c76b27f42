import type { Queryable } from "../../schema/database.ts";

export interface AlertCount {
  client: string;
  kind: string;
  severity: string;
  count: number;
}

export async function countOpenAlerts(
  database: Queryable,
  filter: { client?: string | undefined },
): Promise<AlertCount[]> {
  const { rows } = await database.query<AlertCount>(
    `select _client_id as client, kind, severity, count(*)::int as count from ops.alerts
      where resolved_at is null and ($1::text is null or _client_id = $1) group by 1, 2, 3 order by 1, 2, 3`,
    [filter.client ?? null],
  );
  return rows;
}

export interface RunCount {
  client: string;
  source: string;
  kind: string;
  outcome: string;
  count: number;
}

/** Runs that began in the last hours, by how they ended. */
export async function countRuns(
  database: Queryable,
  filter: { client?: string | undefined; hours: number },
): Promise<RunCount[]> {
  const { rows } = await database.query<RunCount>(
    `select _client_id as client, source, kind, outcome, count(*)::int as count from ops.runs
      where started_at > now() - $2 * interval '1 hour' and ($1::text is null or _client_id = $1) group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    [filter.client ?? null, filter.hours],
  );
  return rows;
}
