import type { Session } from "../../schema/database.ts";
import { recordAudit, type Actor } from "./audit.ts";

/** Rows of one table that are, or would be, deleted. */
export interface PurgeCount {
  client: string;
  /** The feed, or what else the rows are of. */
  source: string;
  table: string;
  rows: number;
  /** What their amounts come to, decimal text; null where the rows have none. */
  sum: string | null;
}

export interface PurgeStep {
  /** At most so many slices, conversions or reports at a time, each time in a transaction of its own. */
  atATime: number;
  by: Actor;
  onStep?: (counts: PurgeCount[]) => void;
}

/** Conversions that are gone are not sent any more. What was sent to a mock server is purged with its deliveries. */
export async function forgetUnsent(
  session: Session,
  { client, prefix, keys }: { client: string; prefix: string; keys: readonly string[] },
): Promise<void> {
  await session.query(
    `delete from ops.deliveries d where _client_id = $1 and conversion_key = any($2) and attempts = 0
        and not exists (select from ops.deliverable_conversions c where c._client_id = d._client_id and c.conversion_key = d.conversion_key)`,
    [client, keys.map((key) => `${prefix}:${key}`)],
  );
}

/** Belongs into the transaction that deletes. */
export async function recordPurge(
  session: Session,
  of: { client: string; source: string; by: Actor; counts: readonly PurgeCount[]; details?: Record<string, unknown> },
): Promise<void> {
  const { client, source, by, counts, details = {} } = of;
  await recordAudit(session, {
    ...by,
    client,
    action: "sandbox_purged",
    subject: source,
    details: {
      ...details,
      deleted: Object.fromEntries(counts.map(({ table, rows }) => [table, rows])),
      sum: counts.find(({ sum }) => sum !== null)?.sum ?? null,
    },
  });
}
