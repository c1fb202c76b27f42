import { z } from "zod";
import { dayAt, daysFromTo } from "../../core/days.ts";
import { typedDay, typedFlag } from "../../core/typed.ts";
import { openRun } from "../../queries/sync/runs.ts";
import { zoneOfFeed } from "../../settings/windows.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { guardedBy, invalidInput } from "../shared/failures.ts";
import { checkedFeed, defaultParallel, ofRun, typedFeed, type SyncContext } from "./context.ts";
import { keepingOrigins } from "./one-origin.ts";
import type { BackfillInput, BackfillPlan, OwnRun, PlanBackfillInput } from "./shapes.ts";

const typed = {
  ...typedFeed,
  from: typedDay,
  to: typedDay,
  dryRun: typedFlag.optional(),
  parallel: z.number({ error: "must be a whole number from 1 to 50" }).int().min(1).max(50).optional(),
  acceptEmpty: typedFlag.optional(),
};
const typedShape = z.object(typed);
const both = typedShape.extend(ofRun);

/** More days than this are a mistake, or a job for several backfills. */
const mostBackfillDays = 20_000;

/** Checks what was typed, and lists the days. */
export async function planBackfill(
  context: SyncContext,
  input: BackfillInput | PlanBackfillInput,
  run?: OwnRun,
): Promise<BackfillPlan> {
  const { database } = context;
  const {
    source,
    account,
    from,
    to,
    dryRun = false,
    acceptEmpty = false,
    parallel,
    runId,
    workflowId,
  } = run === undefined
    ? checkedFeed(context, both, input, Object.keys(typed))
    : { ...checkedFeed(context, typedShape, input), ...run };
  return guardedBy(context.redact)(source.name, () => keepingOrigins(context, { source, account }, plan));

  async function plan(): Promise<BackfillPlan> {
    const timezone = zoneOfFeed(context.config, source);
    const today = dayAt(await databaseNow(database), timezone);
    if (from > to) throw invalidInput(`from ${from} is after to ${to}: swap them`);
    if (to > today) throw invalidInput(`to ${to} is in the future: today is ${today} in ${timezone}`);
    const days = daysFromTo(from, to);
    if (days.length > mostBackfillDays)
      throw invalidInput(`${days.length} days are more than one backfill takes (${mostBackfillDays})`);
    await openRun(database, {
      runId,
      client: account.client,
      source: source.name,
      kind: dryRun ? "dry_run" : "backfill",
      workflowId,
      scheduledFor: null,
      from,
      to,
      slices: days.length,
    });
    return {
      client: account.client,
      source: source.name,
      day: from,
      to,
      slices: days.map((day) => ({ day })),
      parallel: parallel ?? context.parallel ?? defaultParallel,
      dryRun,
      acceptEmpty,
    };
  }
}
