import type { Receipt } from "../../queries/sync/shapes.ts";

/** What a person types to bring a source up to date. */
export interface SyncInput {
  source: string;
  client?: string;
}

/** What a run's workflow says of itself, beside what a person typed. */
export interface OwnRun {
  runId: string;
  workflowId: string;
}

export interface SyncRun extends OwnRun {
  /** The moment the run stands for: the schedule's, else the start. */
  moment: string;
  scheduled: boolean;
}

/** Both in one, as workflows sent it whose histories began before they were told apart. */
export type PlanSyncInput = SyncInput & SyncRun;

export interface SyncPlan {
  client: string;
  source: string;
  /** The run's own day. */
  day: string;
  slices: { day: string }[];
  parallel: number;
}

/** What a person types to read a range of days again. */
export interface BackfillInput {
  source: string;
  from: string;
  to: string;
  client?: string;
  /** Only say what would change. */
  dryRun?: boolean;
  /** Days under way at a time. */
  parallel?: number;
  /** Take an empty answer, or one that lost many rows, for true, also where rows are stored. */
  acceptEmpty?: boolean;
}

export type PlanBackfillInput = BackfillInput & OwnRun;

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

/** The result of one fetch of one slice. */
export interface SliceResult extends Receipt {
  day: string;
  /** The total as people read it, to the cent. */
  shownTotal: string;
}

/** What fetching a day again would change. */
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
