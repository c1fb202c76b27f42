import { activityInfo, getClient, metricMeter } from "@temporalio/activity";
import { z } from "zod";
import type { Account, Config } from "../../settings/config.ts";
import { addDays, dayAt, daysFromTo, endOfDay, isDay, startOfDay } from "../../core/days.ts";
import { cents, subtractMoney } from "../../core/money.ts";
import type { Redact } from "../../core/redact.ts";
import type { SliceAnswer } from "../../connectors/slices/read-slice.ts";
import type { AnySource, Vendor } from "../../connectors/source.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { coverFrom, readFailedSlices, readSlices, recordFailure } from "../../queries/sync/ledger.ts";
import { isReconciled, mergeSlice, previewSlice, type MergeTarget } from "../../queries/sync/merge.ts";
import { findReceipt, takeFetchNumber, type Receipt } from "../../queries/sync/receipts.ts";
import { closeRun, openRun, type CloseRun } from "../../queries/sync/runs.ts";
import { CommitUnknown, inTransaction, type Database, type Session } from "../../schema/database.ts";
import { withoutKeeping } from "./compare-slice.ts";
import { guardedBy, invalidInput } from "../shared/failures.ts";
import { lookForFindings } from "../conversions/findings.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { withVendor } from "../shared/with-vendor.ts";
import { amountOf, readDay, targetOf } from "./read-day.ts";

export interface SyncDependencies {
  database: Database;
  config: Config;
  sources: readonly AnySource[];
  gate: RateGate;
  redact: Redact;
  /** How many slices of one run are under way at a time. */
  parallel?: number;
  /** By source: what else a merged slice changes, in the same transaction. */
  afterMerge?: Readonly<Record<string, AfterMerge>>;
}

export type AfterMerge = (session: Session, merged: { client: string; slice: string; runId: string }) => Promise<void>;

/** What a person types to bring a source up to date. */
export interface SyncInput {
  source: string;
  client?: string;
}

export interface PlanSyncInput extends SyncInput {
  runId: string;
  workflowId: string;
  /** The moment the run stands for: the schedule's, else the start. */
  moment: string;
  scheduled: boolean;
}

export interface SliceRef {
  slice: string;
  day: string;
}

export interface SyncPlan {
  client: string;
  source: string;
  timezone: string;
  day: string;
  slices: SliceRef[];
  parallel: number;
}

/** What a person types to read a range of days again. */
export interface BackfillInput {
  source: string;
  from: string;
  to: string;
  client?: string;
  /** Only tell what would change. */
  dryRun?: boolean;
  /** Days under way at a time. */
  parallel?: number;
  /** Take an empty answer for true, also where rows are stored. */
  acceptEmpty?: boolean;
}

export interface PlanBackfillInput extends BackfillInput {
  runId: string;
  workflowId: string;
}

export interface BackfillPlan extends SyncPlan {
  to: string;
  dryRun: boolean;
  acceptEmpty: boolean;
}

export interface PullSliceInput {
  client: string;
  source: string;
  day: string;
  runId: string;
  acceptEmpty?: boolean;
}

/** What one reading of one slice came to. */
export interface SliceResult extends Receipt {
  day: string;
  /** The total as people read it, to the cent. */
  shownTotal: string;
}

/** What reading a day again would change. */
export interface DayPreview {
  day: string;
  inserted: number;
  updated: number;
  withdrawn: number;
  before: string;
  after: string;
  change: string;
  reconciled: boolean;
}

export interface SliceFailed {
  client: string;
  source: string;
  day: string;
  runId: string;
  type: string;
  reason: string;
}

const defaultParallel = 4;
/** More days than this are a mistake, or a job for several backfills. */
const mostBackfillDays = 20_000;
/** A run made up for a moment longer ago than this pulls its own day and leaves the window alone. */
const stillCurrentMs = 36 * 3_600_000;
/** Beyond this, what an outage left open is caught up by the next runs. */
const mostSlicesPerRun = 200;

/** The activities of a sync: plan, pull one slice, tell what a slice would change, and keep the run's record. */
export function createSyncActivities(dependencies: SyncDependencies) {
  const { database, config, sources, redact } = dependencies;
  const guarded = guardedBy(redact);
  const sourceName = z.string({ error: `is missing: there are ${sources.map((source) => source.name).join(", ")}` });

  return {
    /** Decides from the ledger which days a run pulls. */
    async planSync(input: PlanSyncInput): Promise<SyncPlan> {
      const { source, account } = checked(z.looseObject({ source: sourceName, client: z.string().optional() }), input);
      return guarded(source.name, async () => {
        const { timezone } = source.slices;
        const now = await databaseNow(database);
        const day = dayAt(input.moment, timezone);
        const days = await daysOfRun({
          source,
          account,
          day,
          moment: new Date(input.moment),
          now,
          scheduled: input.scheduled,
        });
        const plan = {
          client: account.client,
          source: source.name,
          timezone,
          day,
          slices: days.map(sliceOf),
          parallel: dependencies.parallel ?? defaultParallel,
        };
        await openRun(database, {
          runId: input.runId,
          client: plan.client,
          source: plan.source,
          kind: "sync",
          workflowId: input.workflowId,
          scheduledFor: input.scheduled ? new Date(input.moment) : null,
          from: days[0] ?? day,
          to: days.at(-1) ?? day,
          slices: days.length,
        });
        return plan;
      });
    },

    /** Checks what was typed, and lists the days. */
    async planBackfill(input: PlanBackfillInput): Promise<BackfillPlan> {
      const shape = z.looseObject({
        source: sourceName,
        client: z.string().optional(),
        from: civilDay("from"),
        to: civilDay("to"),
        dryRun: z.boolean().optional(),
        parallel: z.number().int().min(1).max(50).optional(),
        acceptEmpty: z.boolean().optional(),
      });
      const { source, account } = checked(shape, input);
      return guarded(source.name, async () => {
        const today = dayAt(await databaseNow(database), source.slices.timezone);
        if (input.from > input.to) throw invalidInput(`from ${input.from} is after to ${input.to}: swap them`);
        if (input.to > today)
          throw invalidInput(`to ${input.to} is in the future: today is ${today} in ${source.slices.timezone}`);
        const days = daysFromTo(input.from, input.to);
        if (days.length > mostBackfillDays)
          throw invalidInput(`${days.length} days are more than one backfill takes (${mostBackfillDays})`);
        const plan = {
          client: account.client,
          source: source.name,
          timezone: source.slices.timezone,
          day: input.from,
          to: input.to,
          slices: days.map(sliceOf),
          parallel: input.parallel ?? dependencies.parallel ?? defaultParallel,
          dryRun: input.dryRun ?? false,
          acceptEmpty: input.acceptEmpty ?? false,
        };
        await openRun(database, {
          runId: input.runId,
          client: plan.client,
          source: plan.source,
          kind: plan.dryRun ? "dry_run" : "backfill",
          workflowId: input.workflowId,
          scheduledFor: null,
          from: input.from,
          to: input.to,
          slices: days.length,
        });
        return plan;
      });
    },

    /** Asks Temporal to cancel the workflow that calls this. */
    async requestCancellation(): Promise<void> {
      const { workflowId, runId } = activityInfo().workflowExecution ?? {};
      if (workflowId !== undefined) await getClient().workflow.getHandle(workflowId, runId).cancel();
    },

    /** Checks a slice that was started by hand. */
    async checkSlice(input: {
      client?: string;
      source: string;
      day: string;
    }): Promise<{ client: string; timezone: string }> {
      const { source, account } = checked(
        z.looseObject({ source: sourceName, client: z.string().optional(), day: civilDay("day") }),
        input,
      );
      return guarded(`${source.name} ${input.day}`, async () => {
        const today = dayAt(await databaseNow(database), source.slices.timezone);
        if (input.day > today)
          throw invalidInput(`day ${input.day} is in the future: today is ${today} in ${source.slices.timezone}`);
        return { client: account.client, timezone: source.slices.timezone };
      });
    },

    /** Pulls one slice whole and merges it in one transaction with its receipt. */
    async pullSlice(input: PullSliceInput): Promise<SliceResult> {
      const { source, account } = checked(
        z.looseObject({ source: z.string(), client: z.string(), day: civilDay("day") }),
        input,
      );
      return askForDay({ source, account, day: input.day }, async (read) => {
        // The number comes before the first request: a reading that began later knows better.
        const { fetchSeq, fetchedAt } = await takeFetchNumber(database);
        const answer = await read();
        const { workflowExecution, attempt } = activityInfo();
        const merging = {
          fetchSeq,
          fetchedAt,
          isFinal: fetchedAt >= endOfDay(input.day, source.slices.timezone),
          runId: input.runId,
          workflowId: workflowExecution?.workflowId ?? "",
          workflowRunId: workflowExecution?.runId ?? "",
          attempt,
          acceptEmpty: input.acceptEmpty ?? false,
        };
        const target = targetOf(source, account.client, input.day);
        const receipt = await inTransaction(database, async (session) => {
          const merged = await mergeSlice(session, target, answer, merging);
          await dependencies.afterMerge?.[source.name]?.(session, {
            client: account.client,
            slice: input.day,
            runId: input.runId,
          });
          await raiseSliceAlerts(session, target, merged);
          return merged;
        }).catch(async (error: unknown) => {
          const found = error instanceof CommitUnknown ? await findReceipt(database, fetchSeq) : null;
          if (found === null) throw error;
          return found;
        });
        countRows(source, account, receipt);
        await lookForFindings(database, { source: source.name, client: account.client, day: input.day });
        return { ...receipt, day: input.day, shownTotal: cents(receipt.total) };
      });
    },

    /** What reading a day again would change. Writes nothing. */
    async previewSlice(input: PullSliceInput): Promise<DayPreview> {
      const { source, account } = checked(
        z.looseObject({ source: z.string(), client: z.string(), day: civilDay("day") }),
        input,
      );
      return askForDay({ source, account, day: input.day }, async (read) => {
        const content = await read();
        const target = targetOf(source, account.client, input.day);
        const { inserted, updated, withdrawn, totalBefore } = await withoutKeeping(database, (session) =>
          previewSlice(session, target, content, amountOf(source)),
        );
        // What a real run would keep, the preview must not call withdrawn.
        const emptied =
          content.rows.length + content.setAside.length === 0 &&
          source.answers === "complete" &&
          input.acceptEmpty !== true &&
          withdrawn > 0;
        if (emptied)
          return {
            day: input.day,
            inserted: 0,
            updated: 0,
            withdrawn: 0,
            before: cents(totalBefore),
            after: cents(totalBefore),
            change: "0.00",
            reconciled: false,
          };
        return {
          day: input.day,
          inserted,
          updated,
          withdrawn,
          before: cents(totalBefore),
          after: cents(content.total),
          change: cents(subtractMoney(content.total, totalBefore)),
          reconciled: isReconciled(content),
        };
      });
    },

    /** Remembers a slice that would not come. */
    async recordSliceFailure(failed: SliceFailed): Promise<void> {
      await guarded(`${failed.source} ${failed.day}`, async () => {
        const timezone = sources.find((source) => source.name === failed.source)?.slices.timezone ?? "UTC";
        await recordFailure(database, { ...failed, slice: failed.day, timezone, reason: redact(failed.reason) });
      });
    },

    /** Ends a run's record, and tells people when it failed: once, not every hour. */
    async closeRun(
      run: CloseRun & { client: string; source: string; failedDays: string[]; credentials: boolean; dryRun?: boolean },
    ): Promise<void> {
      await guarded(run.source, async () => {
        const reason = run.reason === null ? null : redact(run.reason);
        await closeRun(database, { ...run, reason });
        // Whoever asked what would change is looking at the answer.
        if (run.dryRun === true) return;
        const subject = { client: run.client, area: "sync", subject: run.source };
        if (run.outcome === "failed") {
          await raiseAlert(database, {
            ...subject,
            kind: run.credentials ? "credentials_rejected" : "run_failed",
            severity: run.credentials ? "critical" : "warning",
            message: reason ?? "the run failed",
            details: { runId: run.runId, days: run.failedDays.slice(0, 50) },
          });
        } else if (run.outcome === "completed") {
          // A run of other days, or a dry run, heals no slice; that the key works it does show.
          const failed = await readFailedSlices(database, { client: run.client, source: run.source });
          const kinds = failed.length === 0 ? ["credentials_rejected", "run_failed"] : ["credentials_rejected"];
          await settleAlerts(database, { ...subject, kinds, notes: "a later run completed" });
        }
      });
    },
  };

  /** Own day, the days that are not final, and once a day those that may have been restated. */
  async function daysOfRun(run: {
    source: AnySource;
    account: Account;
    day: string;
    moment: Date;
    now: Date;
    scheduled: boolean;
  }): Promise<string[]> {
    const { source, account, day } = run;
    const { timezone } = source.slices;
    const window = config.windows.get(source.name) ?? source.window;
    if (run.now.getTime() - run.moment.getTime() > stillCurrentMs) return [day];
    const windowStart =
      window.mode === "full" && window.from !== undefined ? window.from : addDays(day, -window.lookbackDays);
    const coverage = { client: account.client, source: source.name, day: windowStart };
    const from = run.scheduled ? await coverFrom(database, coverage) : windowStart;
    const earlier = daysFromTo(from < windowStart ? from : windowStart, addDays(day, -1));
    if (earlier.length === 0) return [day];
    const known = await readSlices(database, {
      client: account.client,
      source: source.name,
      from: earlier[0] ?? day,
      to: day,
    });
    const today = startOfDay(day, timezone);
    const due = earlier.filter((candidate) => {
      const state = known.get(candidate);
      if (state?.isFinal !== true) return true;
      const rereads = window.mode !== "incremental" && candidate >= windowStart;
      return rereads && (state.fetchedAt === null || state.fetchedAt < today);
    });
    // The newest first: after a long outage the recent days are the ones people wait for.
    return [...due.slice(-mostSlicesPerRun), day];
  }

  function checked<Shape extends z.ZodType<{ source: string; client?: string | undefined }>>(
    shape: Shape,
    input: unknown,
  ): { source: AnySource; account: Account } {
    const parsed = shape.safeParse(input);
    if (!parsed.success)
      throw invalidInput(
        parsed.error.issues.map((issue) => `${issue.path.join(".") || "input"}: ${issue.message}`).join("; "),
      );
    const source = sources.find((candidate) => candidate.name === parsed.data.source);
    if (source === undefined)
      throw invalidInput(
        `unknown source "${parsed.data.source}": there are ${sources.map((known) => known.name).join(", ")}`,
      );
    const client = parsed.data.client ?? config.clients[0] ?? "";
    const account = config.accounts.get(`${source.vendor.name}/${client}`);
    if (account === undefined)
      throw invalidInput(`unknown client "${client}": there are ${config.clients.join(", ")} (the setting CLIENTS)`);
    return { source, account };
  }

  /** Asks the vendor for a day; what was read lies in a file, perhaps, and goes with the work. */
  async function askForDay<Result>(
    { source, account, day }: { source: AnySource; account: Account; day: string },
    work: (read: () => Promise<SliceAnswer>) => Promise<Result>,
  ): Promise<Result> {
    const progress = { page: 0, rows: 0 };
    const call = { vendor: source.vendor as Vendor, account, place: `${source.name} ${day}`, progress };
    return withVendor(dependencies, call, async (http) => {
      let answer: SliceAnswer | undefined;
      const onPage = (page: number, rows: number) => Object.assign(progress, { page, rows });
      try {
        return await work(async () => (answer = await readDay({ source, account, day, onPage }, http)));
      } finally {
        await answer?.discard();
      }
    });
  }
}

const sliceOf = (day: string): SliceRef => ({ slice: day, day });

function civilDay(field: string) {
  return z
    .string({ error: `${field} is missing: write it as YYYY-MM-DD` })
    .refine(isDay, "must be a day, written YYYY-MM-DD");
}

async function raiseSliceAlerts(
  session: Parameters<typeof raiseAlert>[0],
  target: MergeTarget,
  receipt: Receipt,
): Promise<void> {
  const subject = { client: target.client, area: "sync", subject: `${target.source}/${target.slice}` };
  if (receipt.outcome === "unreconciled") {
    await raiseAlert(session, {
      ...subject,
      kind: "unreconciled",
      severity: "warning",
      message: `${target.source} ${target.slice}: rows sum to ${cents(receipt.total)} and ${cents(receipt.setAsideTotal)} set aside, the vendor's total is ${cents(receipt.vendorTotal ?? "0")}`,
    });
  } else if (receipt.outcome === "emptied") {
    await raiseAlert(session, {
      ...subject,
      kind: "emptied",
      severity: "warning",
      message: `${target.source} ${target.slice}: the vendor now answers nothing where rows are stored; they were kept. If the day really is empty: npm run backfill -- --source ${target.source} --from ${target.slice} --to ${target.slice} --client ${target.client} --accept-empty`,
    });
  } else if (receipt.outcome !== "superseded") {
    await settleAlerts(session, { ...subject, kinds: ["unreconciled", "emptied"], notes: "a later reading adds up" });
  }
}

function countRows(source: AnySource, account: Account, receipt: Receipt): void {
  const tags = { source: source.name, client: account.client };
  for (const change of ["inserted", "updated", "unchanged", "withdrawn"] as const) {
    metricMeter
      .createCounter("signal_room_rows", "rows", "Rows merged, by what happened to them")
      .add(receipt[change], { ...tags, change });
  }
  metricMeter
    .createCounter("signal_room_slices", "slices", "Slices merged, by outcome")
    .add(1, { ...tags, outcome: receipt.outcome });
}
