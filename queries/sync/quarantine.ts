import type { Queryable } from "../../schema/database.ts";

export interface QuarantineFilter {
  client?: string | undefined;
  source?: string | undefined;
  slice?: string | undefined;
}

export interface QuarantineEntry {
  quarantineId: number;
  client: string;
  source: string;
  slice: string;
  line: number | null;
  reason: string;
  amount: string | null;
  content: string;
  firstSeenAt: Date;
  lastSeenAt: Date;
  resolvedAt: Date | null;
}

/** Rows and lines that could not be stored, the latest first. */
export async function readQuarantine(
  database: Queryable,
  filter: QuarantineFilter & { openOnly: boolean; limit: number },
): Promise<QuarantineEntry[]> {
  const { rows } = await database.query<QuarantineEntry>(
    `select quarantine_id as "quarantineId", _client_id as client, source, slice, line, reason, amount, content,
            first_seen_at as "firstSeenAt", last_seen_at as "lastSeenAt", resolved_at as "resolvedAt"
       from ops.quarantine
      where ($1::text is null or _client_id = $1) and ($2::text is null or source = $2) and ($3::text is null or slice = $3)
        and (resolved_at is null or not $4)
      order by last_seen_at desc, quarantine_id desc limit $5`,
    [filter.client ?? null, filter.source ?? null, filter.slice ?? null, filter.openOnly, filter.limit],
  );
  return rows;
}

export interface QuarantinedSlice {
  client: string;
  source: string;
  slice: string;
  entries: number;
}

/** The slices that have open entries. */
export async function readQuarantinedSlices(
  database: Queryable,
  filter: QuarantineFilter,
): Promise<QuarantinedSlice[]> {
  const { rows } = await database.query<QuarantinedSlice>(
    `select _client_id as client, source, slice, count(*) as entries
       from ops.quarantine
      where resolved_at is null and ($1::text is null or _client_id = $1) and ($2::text is null or source = $2) and ($3::text is null or slice = $3)
      group by 1, 2, 3 order by 1, 2, 3`,
    [filter.client ?? null, filter.source ?? null, filter.slice ?? null],
  );
  return rows;
}
