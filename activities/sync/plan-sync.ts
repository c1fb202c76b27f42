import { z } from "zod";
import { addDays, dayAt, daysFromTo, startOfDay } from "../../core/days.ts";
import type { DailyFeed } from "../../connectors/source.ts";
import { zoneOfFeed } from "../../settings/windows.ts";
import { coverFrom, readSlices } from "../../queries/sync/ledger.ts";
import { openRun } from "../../queries/sync/runs.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { guardedBy } from "../shared/failures.ts";
import { checkedFeed, defaultParallel, ofRun, typedFeed, type Feed, type SyncContext } from "./context.ts";
import { keepingOrigins } from "./one-origin.ts";
import type { PlanSyncInput, SyncInput, SyncPlan, SyncRun } from "./shapes.ts";

const typed = z.object(typedFeed);
const ofSync = { ...ofRun, moment: z.iso.datetime(), scheduled: z.boolean() };
const both = typed.extend(ofSync);

/** A run made up for a moment longer ago than this pulls its own day and leaves the window alone. */
const stillCurrentMs = 36 * 3_600_000;
/** Beyond this, what an outage left open is caught up by the next runs. */
const mostSlicesPerRun = 200;

/** Decides from the ledger which days a run pulls. */
export async function planSync(
  context: SyncContext,
  input: SyncInput | PlanSyncInput,
  run?: SyncRun,
): Promise<SyncPlan> {
  const { database } = context;
  const { source, account, moment, scheduled, runId, workflowId } =
    run === undefined
      ? checkedFeed(context, both, input, Object.keys(typedFeed))
      : { ...checkedFeed(context, typed, input), ...run };
  return guardedBy(context.redact)(source.name, () => keepingOrigins(context, { source, account }, plan));

  async function plan(): Promise<SyncPlan> {
    const now = await databaseNow(database);
    const day = dayAt(moment, zoneOfFeed(context.config, source));
    const days = await daysOfRun(context, { source, account, day, moment: new Date(moment), now, scheduled });
    await openRun(database, {
      runId,
      client: account.client,
      source: source.name,
      kind: "sync",
      workflowId,
      scheduledFor: scheduled ? new Date(moment) : null,
      from: days[0] ?? day,
      to: days.at(-1) ?? day,
      slices: days.length,
    });
    return {
      client: account.client,
      source: source.name,
      day,
      slices: days.map((one) => ({ day: one })),
      parallel: context.parallel ?? defaultParallel,
    };
  }
}

/** Own day, the days that are not final, and once a day those that may have been restated. */
async function daysOfRun(
  { database, config, elsewhere = [] }: SyncContext,
  run: Feed<DailyFeed> & { day: string; moment: Date; now: Date; scheduled: boolean },
): Promise<string[]> {
  const { source, account, day } = run;
  const { client } = account;
  const window = config.windows.get(source.name) ?? source.window;
  if (run.now.getTime() - run.moment.getTime() > stillCurrentMs) return [day];
  const lookedBack =
    window.mode === "full" && window.from !== undefined ? window.from : addDays(day, -window.lookbackDays);
  // Days before are not its to answer for.
  const firstDay = elsewhere.find(({ feed }) => feed.name === source.name)?.firstDay(client) ?? lookedBack;
  const windowStart = firstDay > lookedBack ? firstDay : lookedBack;
  if (windowStart > day) return [];
  const coverage = { client, source: source.name, day: windowStart };
  const from = run.scheduled ? await coverFrom(database, coverage) : windowStart;
  const earlier = daysFromTo(from < windowStart ? from : windowStart, addDays(day, -1));
  if (earlier.length === 0) return [day];
  const known = await readSlices(database, { client, source: source.name, from: earlier[0] ?? day, to: day });
  const today = startOfDay(day, zoneOfFeed(config, source));
  const due = earlier.filter((candidate) => {
    const state = known.get(candidate);
    if (state?.isFinal !== true) return true;
    const rereads = window.mode !== "incremental" && candidate >= windowStart;
    return rereads && (state.fetchedAt === null || state.fetchedAt < today);
  });
  // The newest first: after a long outage the recent days are the ones people wait for.
  return [...due.slice(-mostSlicesPerRun), day];
}
