import { ConnectorError } from "../../connectors/errors.ts";
import {
  readConfigs,
  writeConfig,
  type PretargetingWrite,
  type TargetedList,
} from "../../connectors/exchanges/pretargeting.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import {
  findPlan,
  journalWrite,
  noteClone,
  readWrites,
  settleWrites,
  takeFence,
  type PlanRow,
} from "../../queries/pretargeting/plans.ts";
import { judge, membersOf, type Foreign, type PlannedWrite } from "../../rules/pretargeting/judge.ts";
import type { Leaves } from "../../rules/pretargeting/leaves.ts";
import { desiredAt, type Change, type Stage } from "../../rules/pretargeting/stages.ts";
import { inTransaction } from "../../schema/database.ts";
import { ApplicationFailure } from "@temporalio/activity";
import { invalidInput } from "../shared/failures.ts";
import { inTurns, subjectOf, type PlanOf, type PretargetingContext, type Turns } from "./context.ts";

export interface Driven {
  /** overtaken: another person changed it, and what is theirs was left alone. */
  outcome: "reached" | "overtaken";
  foreign: Foreign[];
  /** Of some write it is not known whether it will still arrive. */
  isUnclear: boolean;
}

/** A plan that was computed, with all that its change needs. */
export type ComputedPlan = PlanRow & {
  bidderId: string;
  configId: string;
  configName: string;
  snapshot: Leaves;
  target: Leaves;
  rollout: "gradual" | "at_once";
  cloneName: string;
  digest: string;
};

export async function computedPlan(
  { database }: Pick<PretargetingContext, "database">,
  of: PlanOf,
): Promise<ComputedPlan> {
  const plan = await findPlan(database, of);
  if (plan === null) throw invalidInput(`client ${of.client} has no plan ${of.planId}`);
  if (plan.digest === null) throw invalidInput(`plan ${of.planId} was not computed: ${plan.stateReason ?? plan.state}`);
  return plan as ComputedPlan;
}

/**
 * Looks, compares with what we know of, writes one thing, and looks again, until the stage is reached. Each write is in the
 * journal before it is sent, so that whoever goes on after a crash knows which values may be ours. Where `salvage` is set,
 * what is foreign is left alone and the rest goes on; without it the first foreign part ends it.
 */
export function drive(context: PretargetingContext, of: PlanOf & { stage: Stage; salvage: boolean }): Promise<Driven> {
  return inTurns(context, of, async (turns) => {
    const { database } = context;
    const fence = await takeFence(database, of);
    for (;;) {
      const plan = await computedPlan(context, of);
      const live = await readConfigs(turns.exchange, plan.bidderId);
      const writes = await readWrites(database, of);
      const original = {
        configId: plan.configId,
        displayName: plan.configName,
        isActive: plan.configState === "ACTIVE",
      };
      const judged = judge({ change: plan, original, cloneId: plan.cloneId, writes, live }, of.stage);
      await settleWrites(database, of.client, { writeIds: judged.seen, state: "arrived" });
      await noteClone(database, of, judged.cloneId ?? plan.cloneId);
      // What was seen just now is known from here on.
      if (judged.seen.length > 0) continue;
      const isUnclear = writes.some(({ state }) => state === "sent");
      if (judged.foreign.length > 0 && !of.salvage) return { outcome: "overtaken", foreign: judged.foreign, isUnclear };
      if (judged.next === null)
        return {
          outcome: judged.foreign.length > 0 ? "overtaken" : "reached",
          foreign: judged.foreign,
          isUnclear,
        };
      await send(context, turns, { ...of, fence, plan, cloneId: judged.cloneId, write: judged.next });
      await turns.release();
    }
  });
}

interface Sending extends PlanOf {
  stage: Stage;
  fence: number;
  plan: ComputedPlan;
  cloneId: string | null;
  write: PlannedWrite;
}

async function send(context: PretargetingContext, { exchange }: Turns, sending: Sending): Promise<void> {
  const { database } = context;
  const { client, plan, stage, write } = sending;
  const request = requestOf(sending);
  const writeId = await inTransaction(database, async (session) => {
    const id = await journalWrite(session, sending, write);
    if (id !== null)
      await recordAudit(session, {
        ...{ client, actor: "workflow", role: null, action: "pretargeting_written", subject: subjectOf(sending) },
        details: { ...{ writeId: id, stage, which: write.which, kind: write.kind }, changes: write.changes },
      });
    return id;
  });
  // A later attempt is at it.
  if (writeId === null)
    throw ApplicationFailure.create({
      type: "Unexpected",
      message: "another attempt has taken over",
      nonRetryable: false,
    });
  try {
    const createdId = await writeConfig(exchange, plan.bidderId, request);
    await settleWrites(database, client, { writeIds: [writeId], state: "arrived" });
    if (createdId !== null) await noteClone(database, sending, createdId);
  } catch (error) {
    // A refusal with a reason changed nothing; with anything else it may have arrived, or may yet.
    if (error instanceof ConnectorError && ["rejected", "unauthorized", "rate_limited"].includes(error.kind))
      await settleWrites(database, client, { writeIds: [writeId], state: "refused" });
    throw error;
  }
}

function requestOf({ plan, stage, cloneId, write }: Sending): PretargetingWrite {
  const desired = desiredAt(plan satisfies Change, stage);
  const { which, kind, changes } = write;
  const content = (which === "original" ? desired.original : desired.clone) ?? {};
  const configId = which === "original" ? plan.configId : (cloneId ?? "");
  switch (kind) {
    case "create":
      return { kind, displayName: plan.cloneName, content };
    case "delete":
      return { kind, configId };
    case "patch": {
      const paths = changes.map(({ path }) => path);
      const named = Object.fromEntries(Object.entries(content).filter(([path]) => paths.includes(path)));
      return { kind, configId, content: named, paths };
    }
    case "add":
    case "remove": {
      const [{ path, before, after } = { path: "", before: null, after: null }] = changes;
      const list = path as TargetedList;
      const [old, wanted] = [membersOf(before), membersOf(after)];
      const members = kind === "add" ? minus(wanted, old) : minus(old, wanted);
      if (kind === "remove") return { kind, configId, list, members };
      const mode = content[path.replace(/values$/, "targetingMode")];
      return { kind, configId, list, members, mode: typeof mode === "string" ? mode : "EXCLUSIVE" };
    }
  }
}

const minus = (some: readonly string[], others: readonly string[]) => some.filter((one) => !others.includes(one));
