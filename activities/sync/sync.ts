import { checkSlice } from "./check-slice.ts";
import { closeRun, type RunToClose } from "./close-run.ts";
import type { SyncContext } from "./context.ts";
import { planBackfill } from "./plan-backfill.ts";
import { planSync } from "./plan-sync.ts";
import { previewSlice } from "./preview-slice.ts";
import { pullSlice } from "./pull-slice.ts";
import { recordSliceFailure } from "./record-slice-failure.ts";
import { requestCancellation } from "./request-cancellation.ts";
import type {
  BackfillInput,
  OwnRun,
  PlanBackfillInput,
  PlanSyncInput,
  SyncInput,
  SyncRun,
  PullSliceInput,
  SliceFailed,
} from "./shapes.ts";

/** The activities of a sync: plan, pull one slice, say what a slice would change, and keep the run's record. */
export function createSyncActivities(context: SyncContext) {
  const elsewhere = ({ source }: PullSliceInput) => context.elsewhere?.find(({ feed }) => feed.name === source);
  return {
    planSync: (input: SyncInput | PlanSyncInput, run?: SyncRun) => planSync(context, input, run),
    planBackfill: (input: BackfillInput | PlanBackfillInput, run?: OwnRun) => planBackfill(context, input, run),
    checkSlice: (input: { client?: string; source: string; day: string }) => checkSlice(context, input),
    pullSlice: (input: PullSliceInput) => elsewhere(input)?.pull(input) ?? pullSlice(context, input),
    previewSlice: (input: PullSliceInput) => elsewhere(input)?.preview(input) ?? previewSlice(context, input),
    recordSliceFailure: (failed: SliceFailed) => recordSliceFailure(context, failed),
    closeRun: (run: RunToClose) => closeRun(context, run),
    requestCancellation,
  };
}

/** What workflows may call. */
export type SyncActivities = ReturnType<typeof createSyncActivities>;
