import { isDeepStrictEqual } from "node:util";
import { ConnectorError } from "../../connectors/errors.ts";
import {
  readConfigs,
  writeConfig,
  type PretargetingConfig,
  type PretargetingWrite,
  type TargetedList,
} from "../../connectors/exchanges/pretargeting.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { findPlan, noteClone, takeFence, type PlanRow } from "../../queries/pretargeting/plans.ts";
import {
  journalWrite,
  readLastWrites,
  readWrites,
  settleWrites,
  type WriteRow,
} from "../../queries/pretargeting/writes.ts";
import { judge, membersOf, type Foreign, type PlannedWrite, type Theirs } from "../../rules/pretargeting/judge.ts";
import { sameLeaf, type Leaves } from "../../rules/pretargeting/leaves.ts";
import { writeText } from "../../rules/pretargeting/words.ts";
import { desiredAt, type Change, type Stage } from "../../rules/pretargeting/stages.ts";
import { inTransaction } from "../../schema/database.ts";
import { ApplicationFailure } from "@temporalio/activity";
import { invalidInput } from "../shared/failures.ts";
import { inTurns, subjectOf, type PlanOf, type PretargetingContext, type Turns } from "./context.ts";
import { tellLost, tellOvertaken, tellRefused } from "./overtaken.ts";

export interface Driven {
  /** overtaken: another person changed it, and what is theirs was left alone; refused, later_plan: all was left alone. */
  outcome: "reached" | "overtaken" | "refused" | "later_plan";
  /** Another plan of ours that has changed the configuration since. */
  laterPlan: number | null;
  /** What another person has changed. */
  foreign: Theirs[];
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

export interface Drive extends PlanOf {
  stage: Stage;
  /**
   * What becomes of the rest where another person has changed something: it `stops` there, `goes_on` with what is ours alone,
   * or is `refused` as long as nothing was sent, and may be asked for again once that person has put it back.
   */
  overtaken: "stops" | "goes_on" | "refused";
}

/**
 * Looks, compares with what we know of, writes one thing, and looks again, until the stage is reached. Each write is in the
 * journal before it is sent, so that whoever goes on after a crash knows which values may be ours.
 */
export function drive(context: PretargetingContext, of: Drive): Promise<Driven> {
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
      const { theirs } = plan;
      const judged = judge({ change: plan, original, cloneId: plan.cloneId, writes, theirs, live }, of.stage);
      const isUnclear = writes.some(({ state }) => state === "sent");
      const isUntouched = !isBegun(writes, of.stage);
      const { persons, laterPlan } = await setApart(context, { ...of, plan, foreign: judged.foreign });
      if (laterPlan !== null && persons.length === 0 && of.overtaken !== "goes_on" && isUntouched)
        return { outcome: "later_plan", laterPlan, foreign: [], isUnclear };
      if (persons.length > 0 && of.overtaken === "refused" && isUntouched) {
        await tellRefused(database, of, persons);
        return { outcome: "refused", laterPlan, foreign: persons, isUnclear };
      }
      if (persons.length > 0) await tellOvertaken(database, of, persons);
      if (judged.lost.length > 0) await tellLost(database, of, judged.lost);
      await settleWrites(database, of.client, { writeIds: judged.seen, state: "arrived" });
      await noteClone(database, of, judged.cloneId ?? plan.cloneId);
      // What was seen just now is known from here on.
      if (judged.seen.length > 0 || judged.lost.length > 0) continue;
      const foreign = [...theirs, ...judged.foreign.filter((one) => !theirs.some((known) => isSamePart(known, one)))];
      const outcome = foreign.length > 0 ? "overtaken" : "reached";
      if (judged.next === null || (foreign.length > 0 && of.overtaken === "stops"))
        return { outcome, laterPlan, foreign, isUnclear };
      const isStill = async () => sameConfigs(live, await readConfigs(turns.exchange, plan.bidderId));
      await send(context, turns, { ...of, fence, plan, cloneId: judged.cloneId, write: judged.next, isStill });
      await turns.release();
    }
  });
}

/**
 * Sets apart what another plan of ours was the last to write: that is no person's doing. Only before the first write and on
 * the way back, since in between the bidder has no other change under way.
 */
async function setApart(
  { database }: Pick<PretargetingContext, "database">,
  { client, planId, stage, plan, foreign }: PlanOf & { stage: Stage; plan: ComputedPlan; foreign: readonly Foreign[] },
): Promise<{ persons: Foreign[]; laterPlan: number | null }> {
  if (stage !== 0 || foreign.length === 0) return { persons: [...foreign], laterPlan: null };
  const { bidderId, configId } = plan;
  const paths = foreign.filter(({ which }) => which === "original").map(({ path }) => path);
  const last = (await readLastWrites(database, { client, bidderId, configId, paths })).filter(
    (one) => one.planId !== planId && ["applying", "applied", "rolling_back"].includes(one.state),
  );
  const byPlan = ({ which, path, found }: Foreign) =>
    which === "original"
      ? last.find((one) => one.path === path && sameLeaf(one.after ?? undefined, found ?? undefined))
      : undefined;
  const plans = foreign.flatMap((one) => byPlan(one)?.planId ?? []);
  return {
    persons: foreign.filter((one) => byPlan(one) === undefined),
    laterPlan: plans.length === 0 ? null : Math.max(...plans),
  };
}

const isSamePart = (one: Foreign, other: Foreign) => one.which === other.which && one.path === other.path;

const isBegun = (writes: readonly WriteRow[], stage: Stage) =>
  writes.some((write) => write.stage === stage && (write.state === "sent" || write.state === "arrived"));

interface Sending extends PlanOf {
  stage: Stage;
  fence: number;
  plan: ComputedPlan;
  cloneId: string | null;
  write: PlannedWrite;
  /** Whether all is as it was when the write was decided on. */
  isStill: () => Promise<boolean>;
}

const byId = (one: PretargetingConfig, other: PretargetingConfig) => (one.configId < other.configId ? -1 : 1);

const sameConfigs = (some: readonly PretargetingConfig[], others: readonly PretargetingConfig[]) =>
  isDeepStrictEqual([...some].sort(byId), [...others].sort(byId));

/**
 * Writes it down, looks once more, and sends it at once: nothing but the request itself lies between that look and the
 * write, neither a turn of the gate nor Postgres.
 */
async function send(context: PretargetingContext, { exchange }: Turns, sending: Sending): Promise<void> {
  const { database } = context;
  const { client, plan, stage, write } = sending;
  const request = requestOf(sending);
  const writeId = await inTransaction(database, async (session) => {
    const id = await journalWrite(session, sending, write);
    if (id !== null)
      await recordAudit(session, {
        ...{ client, actor: "workflow", role: null, action: "pretargeting_written", subject: subjectOf(sending) },
        details: {
          ...{ writeId: id, stage, which: write.which, kind: write.kind },
          changes: write.changes,
          words: writeText(write) ?? "the whole configuration",
        },
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
  const settle = (state: "arrived" | "refused") => settleWrites(database, client, { writeIds: [writeId], state });
  let isUnchanged = false;
  try {
    isUnchanged = await sending.isStill();
  } finally {
    if (!isUnchanged)
      await inTransaction(database, async (session) => {
        await settleWrites(session, client, { writeIds: [writeId], state: "withheld" });
        await recordAudit(session, {
          ...{ client, actor: "workflow", role: null, action: "pretargeting_withheld", subject: subjectOf(sending) },
          details: { writeId },
        });
      });
  }
  if (!isUnchanged) return;
  try {
    const createdId = await writeConfig(exchange, plan.bidderId, request);
    await settle("arrived");
    if (createdId !== null) await noteClone(database, sending, createdId);
  } catch (error) {
    // A refusal with a reason changed nothing; with anything else it may have arrived, or may yet.
    if (error instanceof ConnectorError && ["rejected", "unauthorized", "rate_limited"].includes(error.kind))
      await settle("refused");
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
