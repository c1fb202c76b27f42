import type { StoredOrigin } from "../../core/origin.ts";
import type { Queryable } from "../../schema/database.ts";

export interface SliceRow {
  source: string;
  slice: string;
  day: string;
  timezone: string;
  isFinal: boolean;
  outcome: string | null;
  rows: number;
  total: string;
  fetchedAt: Date | null;
  receiptId: number | null;
  runId: string | null;
  failure: string | null;
  failureType: string | null;
  failedAt: Date | null;
  origin: StoredOrigin;
}

interface DayFilter {
  client: string;
  source?: string | undefined;
  from?: string | undefined;
  to?: string | undefined;
  limit: number;
}

/** Newest day first. */
export async function listSlices(
  database: Queryable,
  filter: DayFilter & { failed?: boolean | undefined; after?: { day: string; source: string; slice: string } | null },
): Promise<SliceRow[]> {
  const { rows } = await database.query<SliceRow>(
    `select source, slice, day, timezone, is_final as "isFinal", outcome, rows, total, fetched_at as "fetchedAt", receipt_id as "receiptId",
            run_id as "runId", failure, failure_type as "failureType", failed_at as "failedAt", origin
       from ops.slices
      where _client_id = $1 and ($2::text is null or source = $2) and ($3::date is null or day >= $3) and ($4::date is null or day <= $4)
        and ($5::boolean is null or (failed_at is not null) = $5)
        and ($6::date is null or day < $6 or (day = $6 and (source, slice) > ($7, $8)))
      order by day desc, source, slice limit $9`,
    [
      filter.client,
      filter.source ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.failed ?? null,
      filter.after?.day ?? null,
      filter.after?.source ?? null,
      filter.after?.slice ?? null,
      filter.limit,
    ],
  );
  return rows;
}
