import { recordAudit, type AuditAction } from "../../queries/ops/audit.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { readFeed } from "../../queries/pretargeting/feed.ts";
import { canGoBack, findApproval, movePlan, noteEvent, type Moved } from "../../queries/pretargeting/plans.ts";
import type { Theirs } from "../../rules/pretargeting/judge.ts";
import { stagesOf, type Stage } from "../../rules/pretargeting/stages.ts";
import { judgeQps, whyNoFeed, type Verdict } from "../../rules/pretargeting/watch-qps.ts";
import { warning } from "../../rules/pretargeting/warning.ts";
import { inTransaction, sqlState, type Database, type Session } from "../../schema/database.ts";
import { exchange } from "../rtb/shapes.ts";
import { invalidInput } from "../shared/failures.ts";
import { subjectOf, type PlanOf, type PretargetingContext } from "./context.ts";
import { computedPlan, drive } from "./drive.ts";
import { byAnother, endReason, isByAnother } from "./overtaken.ts";

export interface OpenedPlan {
  vendor: string;
  stages: readonly Stage[];
  title: string;
  watchSeconds: number;
  checkSeconds: number;
  answerSeconds: number;
}

export interface ApprovedChange {
  digest: string;
  warningVersion: number;
}

const alerts = { back: "pretargeting_rolled_back", stuck: "pretargeting_stuck" };

/** What is to be done, and whether it may be done at all. */
export async function openPretargeting(context: PretargetingContext, of: PlanOf): Promise<OpenedPlan> {
  const { isApplied, watchSeconds, checkSeconds, answerSeconds } = context.config.pretargeting;
  if (!isApplied) throw invalidInput("PRETARGETING_APPLY is off: a plan is a dry run");
  const plan = await computedPlan(context, of);
  if (!["planned", "approved"].includes(plan.state))
    throw invalidInput(`plan ${of.planId} is ${plan.state}: it is applied once`);
  const title = plan.title ?? `plan ${of.planId}`;
  return { vendor: exchange.name, stages: stagesOf(plan), title, watchSeconds, checkSeconds, answerSeconds };
}

/** Whether there is something to take back. It may be, whatever PRETARGETING_APPLY says by now. */
export async function openRollback(
  context: PretargetingContext,
  of: PlanOf,
): Promise<Pick<OpenedPlan, "vendor" | "answerSeconds">> {
  const plan = await computedPlan(context, of);
  if (!canGoBack(plan.state)) throw invalidInput(`plan ${of.planId} is ${plan.state}: there is nothing to roll back`);
  return { vendor: exchange.name, answerSeconds: context.config.pretargeting.answerSeconds };
}

/** Whether a person accepted today's warning for the plan as it is. */
export async function checkApproval(context: PretargetingContext, of: PlanOf & ApprovedChange): Promise<void> {
  const approval = await findApproval(context.database, of);
  const plan = await computedPlan(context, of);
  if (approval === null || approval.approvedBy === "")
    throw invalidInput(`no person has accepted the warning for plan ${of.planId}`);
  if (approval.warningVersion !== warning.version || of.warningVersion !== warning.version)
    throw invalidInput("the warning has a newer text: read and accept that one");
  if (approval.digest !== plan.digest || of.digest !== plan.digest)
    throw invalidInput("what was approved is not what the plan says");
  if (plan.state !== "approved") throw invalidInput(`plan ${of.planId} is ${plan.state}`);
}

export interface Begun {
  outcome: "begun" | "overtaken" | "blocked";
  reason: string | null;
  baselineQps: number;
}

/** Looks once more before the first write: it must still be as it was when the plan was made, and the feed must say something. */
export async function beginPretargeting(
  context: PretargetingContext,
  of: PlanOf & { workflowId: string },
): Promise<Begun> {
  const { database, config } = context;
  const { silentSeconds, watchSeconds } = config.pretargeting;
  const plan = await computedPlan(context, of);
  // Before the feed: what another person has changed may be why it counts nothing, and then that is what has to be said.
  const driven = await drive(context, { ...of, stage: 0, overtaken: "stops" });
  if (driven.outcome === "overtaken")
    return { outcome: "overtaken", reason: byAnother(driven.foreign), baselineQps: 0 };
  if (driven.laterPlan !== null) {
    const reason = `plan ${driven.laterPlan} has changed the configuration since this was computed: plan it again`;
    await stopBefore(database, of, reason);
    return { outcome: "blocked", reason, baselineQps: 0 };
  }
  const feed = await readFeed(database, { ...of, bidderId: plan.bidderId, sinceSeconds: watchSeconds });
  const missing = whyNoFeed(feed, silentSeconds);
  const baselineQps = feed.qps ?? 0;
  if (missing !== null) {
    await stopBefore(database, of, missing);
    return { outcome: "blocked", reason: missing, baselineQps };
  }
  await step(database, of, {
    moved: { from: ["approved"], to: "applying", baselineQps, workflowId: of.workflowId },
    event: { kind: "begun", words: `as it was when it was planned; ${qpsText(baselineQps)} before`, qps: baselineQps },
    audit: { action: "pretargeting_begun", details: { baselineQps } },
  });
  return { outcome: "begun", reason: null, baselineQps };
}

const stopBefore = (database: Database, of: PlanOf, reason: string) =>
  step(database, of, {
    moved: { from: ["approved"], to: "planned", reason },
    event: { kind: "refused", words: `stopped before anything was changed: ${reason}` },
  });

const qpsText = (qps: number) => `${Math.round(qps).toLocaleString("en-US")} requests a second`;

export interface Reached {
  outcome: "reached" | "overtaken";
  reason: string | null;
  /** Since when QPS is watched for this stage. */
  at: string;
}

export async function reachStage(context: PretargetingContext, of: PlanOf & { stage: Stage }): Promise<Reached> {
  const { database } = context;
  const driven = await drive(context, { ...of, overtaken: "stops" });
  const { rows } = await database.query<{ at: Date }>("select clock_timestamp() as at");
  const at = (rows[0]?.at ?? new Date()).toISOString();
  if (driven.outcome === "overtaken") {
    return { outcome: "overtaken", reason: byAnother(driven.foreign), at };
  }
  await step(database, of, {
    moved: { from: ["applying"], to: "applying", stage: of.stage },
    event: { kind: "reached", words: `${of.stage} % of the traffic has the change` },
    audit: { action: "pretargeting_stage_reached", details: { stage: of.stage } },
  });
  return { outcome: "reached", reason: null, at };
}

export interface Checked {
  verdict: Verdict;
  qps: number | null;
  words: string;
}

/** How the bidder's QPS does since a stage was reached. Only what is not fine, and the last look, is written down. */
export async function checkQps(
  context: PretargetingContext,
  of: PlanOf & { stage: Stage; from: string; isLast: boolean },
): Promise<Checked> {
  const { database, config } = context;
  const { checkSeconds, silentSeconds } = config.pretargeting;
  const plan = await computedPlan(context, of);
  const reading = await readFeed(database, {
    ...{ client: of.client, bidderId: plan.bidderId, sinceSeconds: 5 * checkSeconds, from: new Date(of.from) },
  });
  const baselineQps = plan.baselineQps ?? 0;
  const verdict = judgeQps({ baselineQps, reading, silentSeconds, isLast: of.isLast });
  const { qps } = reading;
  const words =
    verdict === "silent"
      ? `the QPS feed went silent at ${of.stage} %`
      : `${qps === null ? "nothing counted yet" : qpsText(qps)} at ${of.stage} %, ${qpsText(baselineQps)} before`;
  if (verdict !== "fine" || of.isLast)
    await noteEvent(database, of, { kind: "watched", actor: "workflow", words, qps });
  return { verdict, qps, words: verdict === "fell" ? `QPS fell by half or more: ${words}` : words };
}

/** The last look: all as it was approved. */
export async function finishPretargeting(context: PretargetingContext, of: PlanOf): Promise<Reached> {
  const { database } = context;
  const driven = await drive(context, { ...of, stage: 100, overtaken: "stops" });
  const at = new Date().toISOString();
  if (driven.outcome === "overtaken") {
    return { outcome: "overtaken", reason: byAnother(driven.foreign), at };
  }
  await step(database, of, {
    moved: { from: ["applying"], to: "applied", stage: 100 },
    event: { kind: "applied", words: "the configuration is as it was approved" },
    audit: { action: "pretargeting_applied", details: {} },
  });
  return { outcome: "reached", reason: null, at };
}

export interface RolledBack {
  outcome: "rolled_back" | "overtaken" | "refused";
  isUnclear: boolean;
  reason: string | null;
}

export interface RollBackInput extends PlanOf {
  reason: string;
  /** A person asked for it, which is written down already. */
  isAsked?: boolean;
  /** Asked for after all was done: it is refused as a whole where another person has changed something since. */
  isLater: boolean;
  /** Whether to end it. What had no answer may still arrive: then it is looked at again before. */
  isLast: boolean;
}

/** Puts back what is ours alone. What another person changed stands. */
export async function rollBackPlan(context: PretargetingContext, of: RollBackInput): Promise<RolledBack> {
  const { database } = context;
  const before = await computedPlan(context, of);
  if (!(await beginsToGoBack(database, of))) {
    const reason = "another change of this bidder is under way: ask again when it is over";
    await inTransaction(database, (session) =>
      tellStep(session, of, {
        event: { kind: "rollback_refused", words: `nothing was changed: ${reason}` },
        audit: { action: "pretargeting_rollback_refused", details: { reason } },
      }),
    );
    return { outcome: "refused", isUnclear: false, reason };
  }
  const { outcome, laterPlan, foreign, isUnclear } = await drive(context, {
    ...of,
    stage: 0,
    overtaken: of.isLater ? "refused" : "goes_on",
  });
  if (outcome === "later_plan") {
    const later = `plan ${laterPlan ?? ""} changed it since: take that back first`;
    await step(database, of, {
      moved: { from: ["rolling_back"], to: before.stage === 100 ? "applied" : "planned" },
      event: { kind: "rollback_refused", words: `nothing was changed: ${later}` },
      audit: { action: "pretargeting_rollback_refused", details: { reason: later } },
    });
    return { outcome: "refused", isUnclear: false, reason: later };
  }
  const reason = foreign.length > 0 ? byAnother(foreign) : null;
  if (outcome === "refused") {
    await step(database, of, {
      moved: {
        from: ["rolling_back"],
        to: before.stage === 100 ? "applied" : "overtaken",
        reason: `not rolled back: ${reason ?? ""}`,
      },
      event: { kind: "rollback_refused", words: "nothing was changed: what another person changed stands" },
      audit: { action: "pretargeting_rollback_refused", details: { reason } },
    });
    return { outcome, isUnclear: false, reason };
  }
  const ended = outcome === "overtaken" ? outcome : "rolled_back";
  if (isUnclear && !of.isLast) return { outcome: ended, isUnclear, reason };
  await step(database, of, {
    moved: {
      from: ["rolling_back"],
      to: ended,
      stage: 0,
      reason: endReason(of.reason, foreign),
    },
    event: {
      kind: ended,
      words: ended === "rolled_back" ? "the configuration is exactly as it was before" : leftAs(foreign),
    },
    audit: { action: "pretargeting_rolled_back", details: { reason: of.reason, foreign } },
  });
  await raiseAlert(database, {
    ...{ client: of.client, area: "pretargeting", kind: alerts.back, subject: subjectOf(of), severity: "warning" },
    message: `Pretargeting plan ${of.planId} was rolled back: ${of.reason}`,
  });
  await settleAlerts(database, {
    ...{ client: of.client, area: "pretargeting", kinds: [alerts.stuck], subject: subjectOf(of) },
    notes: "it was rolled back in the end",
  });
  return { outcome: ended, isUnclear, reason };
}

/** False where another change of the bidder is under way: their effects on its QPS could not be separated. */
async function beginsToGoBack(database: Database, of: RollBackInput): Promise<boolean> {
  try {
    await step(database, of, {
      moved: { from: ["approved", "applying", "applied"], to: "rolling_back", reason: of.reason },
      event: { kind: "rolling_back", words: beginsText(of) },
    });
    return true;
  } catch (error) {
    if (sqlState(error) === "23505") return false;
    throw error;
  }
}

/** What another person changed was said when it was seen. */
const beginsText = ({ reason, isAsked = false }: RollBackInput) =>
  isAsked ? "goes back, as it was asked to" : isByAnother(reason) ? "goes back with what is ours alone" : reason;

const leftAs = (foreign: readonly Theirs[]) =>
  `what was ours alone is back as it was; what another person changed ${foreign.some(({ lost }) => lost !== undefined) ? "was left alone, but a late request of ours has taken some of it away" : "stands"}`;

/** The exchange did not let us: it is tried again, and a person must know. */
export async function tellStuck({ database }: PretargetingContext, of: PlanOf & { reason: string }): Promise<void> {
  await raiseAlert(database, {
    ...{ client: of.client, area: "pretargeting", kind: alerts.stuck, subject: subjectOf(of), severity: "critical" },
    message: `Pretargeting plan ${of.planId} could not be rolled back yet, and is tried again: ${of.reason}`,
  });
  await noteEvent(database, of, { kind: "stuck", actor: "workflow", words: of.reason });
}

interface Step {
  moved: Moved;
  event: { kind: string; words: string; qps?: number };
  audit?: { action: AuditAction; details: Record<string, unknown> } | undefined;
}

/** State, event and audit at once; a repeat, which finds it moved already, writes nothing. */
async function step(database: Database, of: PlanOf, { moved, event, audit }: Step): Promise<void> {
  await inTransaction(database, async (session) => {
    const isMove = moved.stage === undefined || moved.to !== "applying";
    if (!isMove && !(await isNewStage(session, of, moved.stage ?? 0))) return;
    if (await movePlan(session, of, moved)) await tellStep(session, of, { event, audit });
  });
}

async function tellStep(session: Session, of: PlanOf, { event, audit }: Omit<Step, "moved">): Promise<void> {
  await noteEvent(session, of, { ...event, actor: "workflow" });
  if (audit === undefined) return;
  const by = { client: of.client, actor: "workflow", role: null, subject: subjectOf(of) };
  await recordAudit(session, { ...by, ...audit });
}

async function isNewStage(
  session: Pick<Database, "query">,
  { client, planId }: PlanOf,
  stage: Stage,
): Promise<boolean> {
  const { rows } = await session.query(
    "select from rtb.pretargeting_plans where _client_id = $1 and plan_id = $2 and stage = $3 for update",
    [client, planId, stage],
  );
  return rows.length === 0;
}
