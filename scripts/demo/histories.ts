import { inTransaction } from "../../schema/database.ts";
import type { Demo } from "./demo.ts";
import type { Reading } from "./readings.ts";

/** Whether a day was read while it was under way, by the demo or by a stack that ran then; or not from the sandbox. */
export async function isFollowed({ client, context }: Demo, { source, day }: Reading, before: Date): Promise<boolean> {
  const { rows } = await (
    await context.database()
  ).query<{ is: boolean }>(
    "select exists (select from ops.receipts where _client_id = $1 and source = $2 and slice = $3 and (fetched_at < $4 or origin <> 'sandbox')) as is",
    [client, source, day, before],
  );
  return rows[0]?.is ?? false;
}

/** Where the rows of each feed are. */
const tables: Record<string, string> = {
  "redtrack.daily_spend": "redtrack.daily_spend",
  "everflow.daily_stats": "everflow.daily_stats",
  "everflow.conversions": "everflow.conversions",
};

/** A day that is to have a history must not be stored whole already: rows, receipts and ledger go together. */
export async function deleteDay({ client, context }: Demo, { source, day }: Reading): Promise<void> {
  await inTransaction(await context.database(), async (session) => {
    await session.query("select pg_advisory_xact_lock(hashtextextended($1, 0))", [[client, source, day].join("/")]);
    await session.query(`delete from ${tables[source]} where _client_id = $1 and _slice = $2`, [client, day]);
    for (const table of ofSlice)
      await session.query(`delete from ${table} where _client_id = $1 and source = $2 and slice = $3`, [
        client,
        source,
        day,
      ]);
  });
}

const ofSlice = [
  "ops.slices",
  "ops.receipts",
  "ops.restatements",
  "ops.quarantine",
  "ops.run_failures",
  "ops.slice_parts",
] as const;
