import { exchange } from "../rtb/shapes.ts";
import { guardedBy } from "../shared/failures.ts";
import {
  beginPretargeting,
  checkApproval,
  checkQps,
  finishPretargeting,
  openPretargeting,
  openRollback,
  reachStage,
  rollBackPlan,
  tellStuck,
  type ApprovedChange,
  type RollBackInput,
} from "./apply.ts";
import { checkedPlan, placeOf, type PlanOf, type PretargetingContext } from "./context.ts";
import { planPretargeting } from "./plan.ts";
import type { Stage } from "../../rules/pretargeting/stages.ts";

/** The one thing that is changed at a vendor. */
export function createPretargetingActivities(context: PretargetingContext) {
  const guarded = guardedBy(context.redact);
  return {
    openPlanning: ({ input }: { input: unknown }) =>
      guarded("pretargeting", async () => Promise.resolve({ ...checkedPlan(context, input), vendor: exchange.name })),
    computePretargeting: (of: PlanOf) => guarded(placeOf(of), () => planPretargeting(context, of)),
    openPretargeting: ({ input }: { input: unknown }) =>
      guarded("pretargeting", () => openPretargeting(context, checkedPlan(context, input, true))),
    openRollback: ({ input }: { input: unknown }) =>
      guarded("pretargeting", () => openRollback(context, checkedPlan(context, input))),
    checkApproval: (of: PlanOf & ApprovedChange) => guarded(placeOf(of), () => checkApproval(context, of)),
    beginPretargeting: (of: PlanOf & { workflowId: string }) =>
      guarded(placeOf(of), () => beginPretargeting(context, of)),
    reachStage: (of: PlanOf & { stage: Stage }) => guarded(placeOf(of), () => reachStage(context, of)),
    checkQps: (of: PlanOf & { stage: Stage; from: string; isLast: boolean }) =>
      guarded(placeOf(of), () => checkQps(context, of)),
    finishPretargeting: (of: PlanOf) => guarded(placeOf(of), () => finishPretargeting(context, of)),
    rollBackPlan: (of: RollBackInput) => guarded(placeOf(of), () => rollBackPlan(context, of)),
    tellStuck: (of: PlanOf & { reason: string }) => guarded(placeOf(of), () => tellStuck(context, of)),
  };
}

export type PretargetingActivities = ReturnType<typeof createPretargetingActivities>;
