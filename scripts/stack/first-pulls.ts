import { setTimeout as wait } from "node:timers/promises";
import { WorkflowFailedError, type Client } from "@temporalio/client";
import type { Config } from "../../settings/config.ts";
import { cents } from "../../core/money.ts";
import type { Database } from "../../schema/database.ts";
import { mainQueue } from "../../temporal.config.ts";

export interface FirstPull {
  source: string;
  client: string;
  /** These days and no others; what is due now when left out. */
  days?: { from: string; to: string };
}

export interface FirstPulls {
  config: Config;
  client: Client;
  database: Database;
  accounts: FirstPull[];
}

/** Pulls every source once, at once, and shows how it goes: nobody should wait for the next full hour to see a row. */
export async function followFirstPulls({ config, client, database, accounts }: FirstPulls): Promise<void> {
  await Promise.all(
    accounts.map(async ({ days, ...account }) => {
      const name = `${account.source}/${account.client}`;
      const handle = await client.workflow.start(days === undefined ? "syncSource" : "backfill", {
        workflowId: `${config.queuePrefix}sync/${name}/at-start`,
        taskQueue: config.queuePrefix + mainQueue,
        args: [{ ...account, ...days }],
        workflowIdConflictPolicy: "USE_EXISTING",
        staticSummary: `${account.source}, client ${account.client}, at start`,
        ...(config.searchAttributes ? {} : { memo: { searchAttributes: "off" } }),
      });
      const over = handle.result().then(
        () => "done",
        (error: unknown) =>
          error instanceof WorkflowFailedError ? (error.cause?.message ?? error.message) : String(error),
      );
      let shown = "";
      for (;;) {
        const state = await Promise.race([over, wait(300).then(() => null)]);
        const line = await describeProgress(database, account, handle.firstExecutionRunId);
        if (line !== shown) console.log(`  ${name.padEnd(28)} ${line}`);
        shown = line;
        if (state === null) continue;
        if (state !== "done") console.log(`  ${name.padEnd(28)} ${state}`);
        return;
      }
    }),
  );
}

async function describeProgress(
  database: Database,
  account: { source: string; client: string },
  runId: string,
): Promise<string> {
  const { rows } = await database.query<{ planned: number | null; done: number; rows: number; total: string }>(
    `select (select slices_planned from ops.runs where run_id = $1) as planned, count(*)::int as done,
            coalesce(sum(fetched), 0)::int as rows, coalesce(sum(total), 0)::text as total
       from ops.receipts where run_id = $1 and source = $2 and _client_id = $3`,
    [runId, account.source, account.client],
  );
  const [now] = rows;
  if (now === undefined || now.planned === null) return "waiting for a worker";
  return `${now.done} of ${now.planned} days, ${now.rows} rows, ${cents(now.total)}`;
}
