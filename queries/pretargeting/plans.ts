import type { StoredOrigin } from "../../core/origin.ts";
import type { Foreign, Theirs } from "../../rules/pretargeting/judge.ts";
import type { Difference, Leaves } from "../../rules/pretargeting/leaves.ts";
import type { Candidate } from "../../rules/pretargeting/propose.ts";
import type { Rollout, Stage } from "../../rules/pretargeting/stages.ts";
import type { Queryable } from "../../schema/database.ts";
import { countUpTo } from "../shared/count-up-to.ts";
import { readOrdered, type Order, type Orders, type Placed } from "../shared/ordered.ts";

export const planStates = [
  "planning",
  "planned",
  "refused",
  "approved",
  "applying",
  "applied",
  "rolling_back",
  "rolled_back",
  "overtaken",
] as const;
export type PlanState = (typeof planStates)[number];

/** Whether there may be something to take back. */
export const canGoBack = (state: PlanState) => ["approved", "applying", "applied", "rolling_back"].includes(state);

export interface PlanRow {
  planId: number;
  source: "waste" | "opportunity";
  opportunityId: number | null;
  wanted: unknown;
  wantedConfigId: string | null;
  wantedRollout: Rollout | null;
  state: PlanState;
  stateReason: string | null;
  stateAt: Date;
  stage: Stage;
  title: string | null;
  bidderId: string | null;
  configId: string | null;
  configName: string | null;
  configState: "ACTIVE" | "SUSPENDED" | null;
  snapshot: Leaves | null;
  target: Leaves | null;
  difference: Difference[] | null;
  rollout: Rollout | null;
  rolloutReason: string | null;
  totalQps: number | null;
  expectedShare: number | null;
  blockedBy: string | null;
  digest: string | null;
  baselineQps: number | null;
  cloneName: string | null;
  cloneId: string | null;
  theirs: Theirs[];
  candidates: Candidate[];
  createdAt: Date;
  createdBy: string;
  workflowId: string | null;
  origin: StoredOrigin;
}

const columns = `p.plan_id as "planId", p.source, p.opportunity_id as "opportunityId", p.wanted, p.wanted_config_id as "wantedConfigId", p.wanted_rollout as "wantedRollout",
  p.state, p.state_reason as "stateReason", p.state_at as "stateAt", p.stage, p.title, p.bidder_id as "bidderId", p.config_id as "configId", p.config_name as "configName",
  p.config_state as "configState", p.snapshot, p.target, p.difference, p.rollout, p.rollout_reason as "rolloutReason", p.total_qps as "totalQps", p.expected_share as "expectedShare",
  p.blocked_by as "blockedBy", p.digest, p.baseline_qps as "baselineQps", p.clone_name as "cloneName", p.clone_id as "cloneId", p.theirs, p.candidates, p.created_at as "createdAt", p.created_by as "createdBy",
  p.workflow_id as "workflowId", p.origin`;

export interface OfPlan {
  client: string;
  planId: number;
}

export async function findPlan(database: Queryable, { client, planId }: OfPlan): Promise<PlanRow | null> {
  const { rows } = await database.query<PlanRow>(
    `select ${columns} from rtb.pretargeting_plans p where p._client_id = $1 and p.plan_id = $2`,
    [client, planId],
  );
  return rows[0] ?? null;
}

export const planOrders = {
  by: { planId: [], stateAt: [{ sql: "p.state_at", type: "moment" }] },
  then: [{ sql: "p.plan_id", type: "whole" }],
  usual: "-planId",
} satisfies Orders;

export interface PlanFilter {
  client: string;
  state: PlanState | null;
}

const inList = "p._client_id = :client and (:state::text is null or p.state = :state)";

export function listPlans(
  database: Queryable,
  { order, limit, ...filter }: PlanFilter & { order?: Order; limit: number },
): Promise<Placed<PlanRow>[]> {
  return readOrdered<PlanRow>(database, {
    ...{ columns, from: "rtb.pretargeting_plans p", where: inList, values: { ...filter }, orders: planOrders },
    ...{ order, limit },
  });
}

export const countPlans = (database: Queryable, filter: PlanFilter) =>
  countUpTo(database, {
    name: "plans",
    parts: {
      underWay: "count(*) filter (where state in ('approved', 'applying', 'rolling_back'))",
      applied: "count(*) filter (where state = 'applied')",
    },
    ...{ columns: "p.state", from: "rtb.pretargeting_plans p", where: inList, values: { ...filter } },
  });

export interface AskedPlan {
  client: string;
  by: string;
  source: PlanRow["source"];
  opportunityId: number | null;
  wanted: unknown;
  configId: string | null;
  rollout: Rollout | null;
}

export async function createPlan(database: Queryable, asked: AskedPlan): Promise<number> {
  const { rows } = await database.query<{ planId: number }>(
    `insert into rtb.pretargeting_plans (_client_id, source, opportunity_id, wanted, wanted_config_id, wanted_rollout, created_by)
     values ($1, $2, $3, $4, $5, $6, $7) returning plan_id as "planId"`,
    [
      asked.client,
      asked.source,
      asked.opportunityId,
      JSON.stringify(asked.wanted),
      asked.configId,
      asked.rollout,
      asked.by,
    ],
  );
  return rows[0]?.planId ?? 0;
}

/** All that follows from the configuration as it was read. Only while it is being computed: what was shown does not change. */
export async function keepPlan(
  database: Queryable,
  of: OfPlan & { origin: StoredOrigin },
  plan: Required<
    Pick<
      PlanRow,
      | "title"
      | "bidderId"
      | "configId"
      | "configName"
      | "configState"
      | "snapshot"
      | "target"
      | "difference"
      | "rollout"
      | "rolloutReason"
      | "totalQps"
      | "expectedShare"
      | "blockedBy"
      | "digest"
      | "cloneName"
    >
  >,
): Promise<boolean> {
  const { rowCount } = await database.query(
    `update rtb.pretargeting_plans
        set state = 'planned', state_reason = null, state_at = now(), title = $3, bidder_id = $4, config_id = $5, config_name = $6, config_state = $7, snapshot = $8, target = $9,
            difference = $10, rollout = $11, rollout_reason = $12, total_qps = $13, expected_share = $14, blocked_by = $15, digest = $16, clone_name = $17, origin = $18
      where _client_id = $1 and plan_id = $2 and state = 'planning'`,
    [
      ...[of.client, of.planId, plan.title, plan.bidderId, plan.configId, plan.configName, plan.configState],
      ...[JSON.stringify(plan.snapshot), JSON.stringify(plan.target), JSON.stringify(plan.difference)],
      ...[plan.rollout, plan.rolloutReason, plan.totalQps, plan.expectedShare, plan.blockedBy, plan.digest],
      ...[plan.cloneName, of.origin],
    ],
  );
  return rowCount === 1;
}

/** The same where no change is possible. What was asked for is said in words all the same, as far as it is known. */
export async function keepRefusal(
  database: Queryable,
  { client, planId }: OfPlan,
  refusal: Pick<PlanRow, "title" | "candidates"> & { reason: string },
): Promise<boolean> {
  const { rowCount } = await database.query(
    `update rtb.pretargeting_plans set state = 'refused', state_reason = $3, state_at = now(), title = $4, candidates = $5
      where _client_id = $1 and plan_id = $2 and state = 'planning'`,
    [client, planId, refusal.reason, refusal.title, JSON.stringify(refusal.candidates)],
  );
  return rowCount === 1;
}

/** Copies that took a share, of all plans: no plan is made for one. */
export async function readClones(
  database: Queryable,
  client: string,
): Promise<{ planId: number; cloneName: string; cloneId: string | null }[]> {
  const { rows } = await database.query<{ planId: number; cloneName: string; cloneId: string | null }>(
    `select plan_id as "planId", clone_name as "cloneName", clone_id as "cloneId" from rtb.pretargeting_plans
      where _client_id = $1 and clone_name is not null and rollout = 'gradual'`,
    [client],
  );
  return rows;
}

export interface Moved {
  from: readonly PlanState[];
  to: PlanState;
  reason?: string | null;
  stage?: Stage;
  baselineQps?: number;
  workflowId?: string;
}

/** False where it was not in one of those states: somebody or something else was quicker. */
export async function movePlan(database: Queryable, { client, planId }: OfPlan, moved: Moved): Promise<boolean> {
  const { rowCount } = await database.query(
    `update rtb.pretargeting_plans
        set state = $4, state_reason = $5, state_at = now(), stage = coalesce($6, stage), baseline_qps = coalesce($7, baseline_qps), workflow_id = coalesce($8, workflow_id)
      where _client_id = $1 and plan_id = $2 and state = any($3)`,
    [
      ...[client, planId, moved.from, moved.to, moved.reason ?? null, moved.stage ?? null],
      ...[moved.baselineQps ?? null, moved.workflowId ?? null],
    ],
  );
  return rowCount === 1;
}

export interface PlanEvent {
  kind: string;
  actor: string;
  words: string;
  qps?: number | null;
}

export async function noteEvent(database: Queryable, { client, planId }: OfPlan, event: PlanEvent): Promise<void> {
  await database.query(
    "insert into rtb.pretargeting_events (_client_id, plan_id, kind, actor, words, qps) values ($1, $2, $3, $4, $5, $6)",
    [client, planId, event.kind, event.actor, event.words, event.qps ?? null],
  );
}

export interface EventRow extends Required<PlanEvent> {
  eventId: number;
  at: Date;
}

const mostEvents = 500;

/** The last first. */
export async function listEvents(database: Queryable, { client, planId }: OfPlan): Promise<EventRow[]> {
  const { rows } = await database.query<EventRow>(
    `select event_id as "eventId", at, kind, actor, words, qps from rtb.pretargeting_events
      where _client_id = $1 and plan_id = $2 order by event_id desc limit ${mostEvents}`,
    [client, planId],
  );
  return rows;
}

/** From now on only the attempt with this number may write: an earlier one may still be alive. */
export async function takeFence(database: Queryable, { client, planId }: OfPlan): Promise<number> {
  const { rows } = await database.query<{ fence: number }>(
    "update rtb.pretargeting_plans set fence = nextval('ops.fetch_seq') where _client_id = $1 and plan_id = $2 returning fence",
    [client, planId],
  );
  return rows[0]?.fence ?? 0;
}

const samePart = "o->>'which' = n->>'which' and o->>'path' = n->>'path'";

/** Keeps what another person has changed. False where all of it was known. */
export async function noteTheirs(
  database: Queryable,
  { client, planId }: OfPlan,
  foreign: readonly Foreign[],
): Promise<boolean> {
  const { rowCount } = await database.query(
    `with gained as (
       select jsonb_agg(n) as parts from rtb.pretargeting_plans p, jsonb_array_elements($3::jsonb) n
        where p._client_id = $1 and p.plan_id = $2 and not exists (select from jsonb_array_elements(p.theirs) o where ${samePart})
     )
     update rtb.pretargeting_plans p set theirs = p.theirs || gained.parts from gained
      where p._client_id = $1 and p.plan_id = $2 and gained.parts is not null`,
    [client, planId, JSON.stringify(foreign)],
  );
  return rowCount === 1;
}

/** Keeps what of that is lost. */
export async function noteLost(
  database: Queryable,
  { client, planId }: OfPlan,
  lost: readonly Required<Theirs>[],
): Promise<void> {
  await database.query(
    `update rtb.pretargeting_plans p
        set theirs = (select jsonb_agg(coalesce((select n from jsonb_array_elements($3::jsonb) n where ${samePart}), o)) from jsonb_array_elements(p.theirs) o)
      where _client_id = $1 and plan_id = $2`,
    [client, planId, JSON.stringify(lost)],
  );
}

export async function noteClone(
  database: Queryable,
  { client, planId }: OfPlan,
  cloneId: string | null,
): Promise<void> {
  await database.query(
    "update rtb.pretargeting_plans set clone_id = $3 where _client_id = $1 and plan_id = $2 and clone_id is distinct from $3",
    [client, planId, cloneId],
  );
}

export interface ApprovalRow {
  approvalId: number;
  planId: number;
  digest: string;
  warningVersion: number;
  warning: string;
  approvedBy: string;
  role: string;
  at: Date;
}

export async function findApproval(database: Queryable, { client, planId }: OfPlan): Promise<ApprovalRow | null> {
  const { rows } = await database.query<ApprovalRow>(
    `select approval_id as "approvalId", plan_id as "planId", digest, warning_version as "warningVersion", warning, approved_by as "approvedBy", role, at
       from rtb.pretargeting_approvals where _client_id = $1 and plan_id = $2 order by approval_id desc limit 1`,
    [client, planId],
  );
  return rows[0] ?? null;
}

/** Of a plan that is approved again after it stopped before its first write, the last counts. */
export async function keepApproval(
  database: Queryable,
  { client, planId }: OfPlan,
  approval: Pick<ApprovalRow, "digest" | "warningVersion" | "warning" | "approvedBy" | "role">,
): Promise<void> {
  await database.query(
    `insert into rtb.pretargeting_approvals (_client_id, plan_id, digest, warning_version, warning, approved_by, role)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      ...[client, planId, approval.digest, approval.warningVersion, approval.warning],
      ...[approval.approvedBy, approval.role],
    ],
  );
}
