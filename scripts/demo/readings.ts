import { addDays, clockTime, endOfDay, hourAt } from "../../core/days.ts";
import { readSlices } from "../../queries/sync/ledger.ts";
import { backfillWorkflowId } from "../../rules/sync/workflow-ids.ts";
import type { Queryable } from "../../schema/database.ts";
import { sliceWorkflowId } from "../../workflows/sync/slice-id.ts";
import { CommandError, exitCodes } from "../shared/command-line.ts";
import { endOf, startWorkflow, type WorkflowEnd } from "../shared/follow-workflow.ts";
import { zone, type Demo, type Show } from "./demo.ts";

const lookEveryMs = 500;
const morningHour = 7;

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

/** Days of the demo that were never read whole; today, at all. */
export async function missingDays(demo: Demo, source: string): Promise<string[]> {
  const { client, days, today, context } = demo;
  const known = await readSlices(await context.database(), {
    ...{ client, source },
    from: days[0] ?? "",
    to: days.at(-1) ?? "",
  });
  return days.filter((day) => {
    const at = known.get(day)?.fetchedAt ?? null;
    return at === null || (day < today && at < endOfDay(day, zone));
  });
}

/**
 * Reads these days whole, by backfills, and dates each as the run that would have read it: how days settle is measured by
 * when they were read. A day whose moment is to come is dated as it is read.
 */
export async function readDays(
  demo: Demo,
  { source, days, at }: { source: string; days: readonly string[]; at: (day: string) => Date },
  show: Show,
): Promise<void> {
  const look = setInterval(
    () =>
      void missingDays(demo, source).then(
        ({ length }) => show(`${demo.days.length - length} of ${demo.days.length} days read`),
        () => undefined,
      ),
    lookEveryMs,
  );
  try {
    await backfillDays(demo, source, days);
  } finally {
    clearInterval(look);
  }
  const moments = days.map((day) => [day, at(day)] as const).filter(([, moment]) => moment < demo.now);
  await dateReadings(demo, source, new Map(moments));
}

/**
 * When the first scheduled run of the next day reads a day; with less of the day over, at an hour that today has had, too:
 * yesterday is measured by days that were read no later.
 */
export const nextMorning = ({ now }: Demo, day: string): Date =>
  clockTime(addDays(day, 1), Math.min(morningHour, Math.max(0, hourAt(now, zone) - 1)), 0, zone);

/** A backfill for each of the stretches that these days make. */
export async function backfillDays(demo: Demo, source: string, days: readonly string[]): Promise<void> {
  await Promise.all(stretches(days).map(([from, to]) => backfill(demo, source, { from, to })));
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

export type Fault = { kind: string } & Record<string, unknown>;

/** While the work lasts, the sandbox answers otherwise: what is true of it afterwards is what it was before. */
export async function withFault<Result>(
  demo: Demo,
  { vendor, day, path, ...fault }: Fault & { vendor: string; day?: string; path?: string },
  work: () => Promise<Result>,
): Promise<Result> {
  return faultsWhile(demo, vendor, [{ day, path, fault }], work);
}

/** The same with several faults. */
export async function faultsWhile<Result>(
  { stack, client }: Demo,
  vendor: string,
  faults: readonly { day?: string | undefined; path?: string | undefined; fault: Fault }[],
  work: () => Promise<Result>,
): Promise<Result> {
  const ids: number[] = [];
  try {
    for (const { day, path, fault } of faults) {
      const match = { client, ...(day === undefined ? {} : { day }), ...(path === undefined ? {} : { path }) };
      ids.push((await stack.sandbox<{ id: number }>("POST", "/faults", { vendor, match, ...fault })).id);
    }
    return await work();
  } finally {
    for (const id of ids) await stack.sandbox("DELETE", `/faults?id=${id}`);
  }
}

/** The last reading of a day took place at this moment: what a stack that ran then would have written. */
export async function dateReading(demo: Demo, { source, day }: Reading, at: Date): Promise<void> {
  await dateReadings(demo, source, new Map([[day, at]]));
}

export async function dateReadings(demo: Demo, source: string, moments: ReadonlyMap<string, Date>): Promise<void> {
  const database = await demo.context.database();
  await database.query(
    `with dated as (
       update ops.receipts r set fetched_at = d.at, committed_at = d.at
         from unnest($3::text[], $4::timestamptz[]) d(slice, at) join ops.slices s on s._client_id = $1 and s.source = $2 and s.slice = d.slice
        where r.receipt_id = s.receipt_id
       returning r.slice, r.fetch_seq, d.at
     ), slices as (
       update ops.slices s set fetched_at = d.at from dated d
        where s._client_id = $1 and s.source = $2 and s.slice = d.slice and s.fetch_seq = d.fetch_seq
     )
     update ops.restatements r set recorded_at = d.at from dated d
      where r._client_id = $1 and r.source = $2 and r.slice = d.slice and r.fetch_seq = d.fetch_seq`,
    [demo.client, source, [...moments.keys()], [...moments.values()]],
  );
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
