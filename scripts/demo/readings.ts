import { addDays } from "../../core/days.ts";
import { readSlices } from "../../queries/sync/ledger.ts";
import { backfillWorkflowId } from "../../rules/sync/workflow-ids.ts";
import { inTransaction, type Queryable } from "../../schema/database.ts";
import { sliceWorkflowId } from "../../workflows/sync/slice-id.ts";
import { CommandError, exitCodes } from "../shared/command-line.ts";
import { endOf, startWorkflow, type WorkflowEnd } from "../shared/follow-workflow.ts";
import type { Demo, Show } from "./demo.ts";

const lookEveryMs = 500;

/** Runs a workflow to its end; one of this id that is under way is waited for first, and not joined. */
export async function run(
  demo: Demo,
  start: { workflowType: string; workflowId: string; input: object; summary: string; source?: string },
): Promise<WorkflowEnd<unknown>> {
  const { client, context } = demo;
  const { source, ...wanted } = start;
  for (;;) {
    const { handle, wasRunning } = await startWorkflow(context, {
      ...wanted,
      searchAttributes: { ClientId: client, ...(source === undefined ? {} : { Source: source }) },
    });
    const end = await endOf(handle);
    if (!wasRunning) return end;
  }
}

/** The same for a workflow that must not fail. */
export async function runWell(demo: Demo, start: Parameters<typeof run>[1]): Promise<void> {
  const end = await run(demo, start);
  if (end.state !== "completed")
    throw new CommandError(
      exitCodes.found,
      `${start.workflowId}: ${end.state === "left" ? "left" : `${end.state}, ${end.reason}`}`,
    );
}

/** Reads every day of the demo that was never read, by backfills. */
export async function readMissingDays(demo: Demo, source: string, show: Show): Promise<void> {
  const { client, days, context } = demo;
  const database = await context.database();
  const range = { client, source, from: days[0] ?? "", to: days.at(-1) ?? "" };
  const isRead = async () => {
    const known = await readSlices(database, range);
    return new Set(days.filter((day) => known.get(day)?.fetchedAt != null));
  };
  const known = await isRead();
  const look = setInterval(
    () =>
      void isRead().then(
        ({ size }) => show(`${size} of ${days.length} days read`),
        () => undefined,
      ),
    lookEveryMs,
  );
  try {
    await Promise.all(
      stretches(days.filter((day) => !known.has(day))).map(([from, to]) => backfill(demo, source, { from, to })),
    );
  } finally {
    clearInterval(look);
  }
}

async function backfill(demo: Demo, source: string, { from, to }: { from: string; to: string }): Promise<void> {
  const { client } = demo;
  await runWell(demo, {
    workflowType: "backfill",
    workflowId: backfillWorkflowId({ source, client, from, to }),
    input: { source, client, from, to, parallel: 12 },
    summary: `${source} ${from} to ${to}, client ${client}`,
    source,
  });
}

/** Days in a row, each as its first and last one. */
function stretches(days: readonly string[]): [from: string, to: string][] {
  const found: [string, string][] = [];
  for (const day of days) {
    const last = found.at(-1);
    if (last !== undefined && addDays(last[1], 1) === day) last[1] = day;
    else found.push([day, day]);
  }
  return found;
}

export interface Reading {
  source: string;
  day: string;
}

/** Reads one day again, whatever it has become. */
export async function readDay(demo: Demo, { source, day }: Reading, acceptEmpty = false): Promise<void> {
  const { client } = demo;
  await runWell(demo, {
    workflowType: "syncSlice",
    workflowId: sliceWorkflowId({ source, client, day }),
    input: { source, client, day, acceptEmpty },
    summary: `${source} ${day}`,
    source,
  });
}

/** Reads one day again as a person's backfill does, which may fail: that is recorded, and alerts a person. */
export async function readDayInRun(demo: Demo, { source, day }: Reading): Promise<void> {
  const { client } = demo;
  await run(demo, {
    workflowType: "backfill",
    workflowId: backfillWorkflowId({ source, client, from: day, to: day }),
    input: { source, client, from: day, to: day },
    summary: `${source} ${day}, client ${client}`,
    source,
  });
}

/** While the work lasts, the sandbox answers otherwise: what is true of it afterwards is what it was before. */
export async function withFault<Result>(
  { stack, client }: Demo,
  {
    vendor,
    day,
    path,
    ...fault
  }: { vendor: string; day?: string; path?: string; kind: string } & Record<string, unknown>,
  work: () => Promise<Result>,
): Promise<Result> {
  const match = { client, ...(day === undefined ? {} : { day }), ...(path === undefined ? {} : { path }) };
  const { id } = await stack.sandbox<{ id: number }>("POST", "/faults", { vendor, match, ...fault });
  try {
    return await work();
  } finally {
    await stack.sandbox("DELETE", `/faults?id=${id}`);
  }
}

/** The last reading of a day took place at this moment: what a stack that ran then would have written. */
export async function dateReading(demo: Demo, { source, day }: Reading, at: Date): Promise<void> {
  const database = await demo.context.database();
  await inTransaction(database, async (session) => {
    const { rows } = await session.query<{ fetchSeq: number }>(
      `update ops.receipts r set fetched_at = $4, committed_at = $4
         from ops.slices s
        where s._client_id = $1 and s.source = $2 and s.slice = $3 and r.receipt_id = s.receipt_id
       returning r.fetch_seq as "fetchSeq"`,
      [demo.client, source, day, at],
    );
    const place = [demo.client, source, day, rows[0]?.fetchSeq ?? 0, at];
    await session.query(
      "update ops.slices set fetched_at = $5 where _client_id = $1 and source = $2 and slice = $3 and fetch_seq = $4",
      place,
    );
    await session.query(
      "update ops.restatements set recorded_at = $5 where _client_id = $1 and source = $2 and slice = $3 and fetch_seq = $4",
      place,
    );
  });
}

/** Whether a day's numbers have changed since they were first read; or are not from the sandbox, and not to be touched. */
export async function isRestated(database: Queryable, client: string, { source, day }: Reading): Promise<boolean> {
  const { rows } = await database.query<{ is: boolean }>(
    `select exists (select from ops.restatements where _client_id = $1 and source = $2 and slice = $3 and kind = 'changed')
         or exists (select from ops.receipts where _client_id = $1 and source = $2 and slice = $3 and origin <> 'sandbox') as is`,
    [client, source, day],
  );
  return rows[0]?.is ?? false;
}

/** Whether a day has failed, or did not add up, at any time. */
export async function wasTroubled(database: Queryable, client: string, { source, day }: Reading): Promise<boolean> {
  const { rows } = await database.query<{ is: boolean }>(
    `select exists (select from ops.run_failures where _client_id = $1 and source = $2 and slice = $3)
         or exists (select from ops.receipts where _client_id = $1 and source = $2 and slice = $3 and outcome = 'unreconciled') as is`,
    [client, source, day],
  );
  return rows[0]?.is ?? false;
}
