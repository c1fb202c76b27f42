import { setTimeout as wait } from "node:timers/promises";
import { isGrpcServiceError, WorkflowFailedError, type Client } from "@temporalio/client";
import { orNullAfter } from "../../core/deadline.ts";
import type { Config } from "../../settings/config.ts";
import { sources } from "../../connectors/registry.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { cents } from "../../core/money.ts";
import type { Database } from "../../schema/database.ts";
import { mainQueue, type PlannedSchedule } from "../../temporal.config.ts";

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
  /** Ends the following; the pulls go on. */
  signal: AbortSignal;
}

/** Pulls every source once, at once, and shows the progress: a new user should see rows before the next full hour. */
export async function followFirstPulls(pulls: FirstPulls): Promise<void> {
  const { config, client, database, accounts, signal } = pulls;
  await client.withAbortSignal(signal, () =>
    Promise.all(
      accounts.map(async ({ days, ...account }) => {
        const name = `${account.source}/${account.client}`;
        const kind = days === undefined ? "sync" : "backfill";
        const handle = await client.workflow.start(kind === "sync" ? "syncSource" : "backfill", {
          workflowId: `${config.queuePrefix}${kind}/${name}/at-start`,
          taskQueue: config.queuePrefix + mainQueue,
          args: [{ ...account, ...days }],
          workflowIdConflictPolicy: "USE_EXISTING",
          staticSummary: `${account.source}, client ${account.client}, at start`,
          ...(config.searchAttributes ? {} : { memo: { searchAttributes: "off" } }),
        });
        const over = endOf(handle, signal);
        let shown = "";
        while (!signal.aborted) {
          const state = await orNullAfter(300, over);
          if (signal.aborted) return;
          const line = await describeProgress(database, account, handle.firstExecutionRunId).catch(
            () => "waiting for Postgres",
          );
          if (line !== shown) console.log(`  ${name.padEnd(28)} ${line}`);
          shown = line;
          if (state === null) continue;
          if (state !== "done") console.log(`  ${name.padEnd(28)} ${state}`);
          return;
        }
      }),
    ),
  );
}

/** A server that is being started again answers a little later. Once it is aborted, nobody asks for the end any more. */
async function endOf(handle: { result: () => Promise<unknown> }, signal: AbortSignal): Promise<string> {
  for (;;) {
    try {
      await handle.result();
      return "done";
    } catch (error) {
      if (signal.aborted) return "left";
      if (error instanceof WorkflowFailedError) return error.cause?.message ?? error.message;
      if (!isGrpcServiceError(error) && !isGrpcServiceError((error as Error).cause)) return String(error);
      await wait(1_000);
    }
  }
}

export interface PullPlan {
  config: Config;
  env: Record<string, string>;
  sandbox: ReadonlySet<string>;
  /** Nothing was ever read here. */
  isFirst: boolean;
  now: Date;
}

/**
 * What is read at once. The first time every source is read as far back as the one that looks back furthest: a report
 * over cost of four days and revenue of fifteen would make up a profit. A source whose mock vendor lives on a day gone
 * by is read up to that day: there is nothing later.
 */
export function accountsToPull({ config, env, sandbox, isFirst, now }: PullPlan): FirstPull[] {
  const pinned = env["SANDBOX_TODAY"] ?? env["SANDBOX_NOW"]?.slice(0, 10);
  const today = dayAt(now, "America/New_York");
  const lookback = (source: (typeof sources)[number]) =>
    (config.windows.get(source.name) ?? source.window).lookbackDays;
  const accounts = sources.flatMap((source) =>
    config.clients
      .filter((client) => config.accounts.get(`${source.vendor.name}/${client}`)?.secrets != null)
      .map((client) => ({ source, client, name: `${source.vendor.name}/${client}` })),
  );
  const furthest = Math.max(0, ...accounts.map(({ source }) => lookback(source)));
  return accounts.flatMap(({ source, client, name }): FirstPull[] => {
    const pull = { source: source.name, client };
    const days = isFirst ? furthest : lookback(source);
    if (pinned !== undefined && pinned < today && sandbox.has(name))
      return [{ ...pull, days: { from: addDays(pinned, -days), to: pinned } }];
    const earlier = { from: addDays(today, -days), to: addDays(today, -lookback(source) - 1) };
    return earlier.from <= earlier.to ? [pull, { ...pull, days: earlier }] : [pull];
  });
}

/** Was nothing ever read into this database? */
export async function isFirstPull(database: Database): Promise<boolean> {
  const { rows } = await database.query<{ empty: boolean }>("select not exists (select from ops.receipts) as empty");
  return rows[0]?.empty ?? false;
}

/** The schedule's own next run may be ten minutes away. */
export async function deliverAtOnce(
  client: Client,
  schedules: readonly PlannedSchedule[],
  say: (message: string) => void,
): Promise<void> {
  const deliveries = schedules.find(({ options }) => options.action.workflowType === "deliverConversions");
  if (deliveries === undefined) return;
  await client.schedule
    .getHandle(deliveries.scheduleId)
    .trigger()
    .catch(() => say("deliveries: Temporal does not answer; they go out on their schedule"));
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
