import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { ApprovedChange, OpenedPlan } from "../../activities/pretargeting/apply.ts";
import type { Stage } from "../../rules/pretargeting/stages.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { describeFailure, planFailure } from "../shared/failures.ts";
import { whateverHappens } from "../shared/settle.ts";
import { atExchange, records } from "./calls.ts";
import { asked, rollBack } from "./roll-back.ts";

export interface ApplyPretargetingInput extends ApprovedChange {
  client: string;
  planId: number;
}

export interface AppliedPretargeting {
  outcome: "applied" | "rolled_back" | "overtaken" | "blocked";
  stage: Stage;
  reason: string | null;
}

export const approveUpdate = defineUpdate<string, [ApprovedChange]>("approve");
export const rollBackSignal = defineSignal("rollBack");
export const progressQuery = defineQuery<{ stage: Stage; isApproved: boolean }>("progress");

const ofBack = ({ vendor, answerSeconds }: OpenedPlan) => ({ vendor, answerSeconds });
const approvalPatience = "24 hours";

/** Why it went no further; the way back follows. */
class GoBack extends Error {}

/**
 * Makes an approved change at the exchange, step by step, watching the bidder's QPS at each; goes back by itself when that
 * falls by half, when the feed goes silent, and on any error. Not verified against the vendor.
 */
export async function applyPretargeting(input: ApplyPretargetingInput): Promise<AppliedPretargeting> {
  // A person may start it without any; what is wrong with it is said below.
  const { client, planId, digest, warningVersion } = { ...input };
  const of = { client, planId };
  let isApproved = false;
  let goesBack = false;
  let stage: Stage = 0;
  setHandler(
    approveUpdate,
    async (approved) => {
      await records().checkApproval({ ...of, ...approved });
      isApproved = true;
      return "approved: the first step begins";
    },
    {
      description: "Go on with the change that a named operator approved, whose acceptance of the warning is recorded.",
      validator: (approved) => {
        if (goesBack) throw ApplicationFailure.nonRetryable("it is being rolled back", "InvalidInput");
        if (approved.digest !== digest)
          throw ApplicationFailure.nonRetryable("what was approved is not what this would apply", "InvalidInput");
        if (approved.warningVersion !== warningVersion)
          throw ApplicationFailure.nonRetryable("another text of the warning was accepted", "InvalidInput");
      },
    },
  );
  setHandler(
    rollBackSignal,
    () => {
      goesBack = true;
    },
    { description: "Go back to the configuration as it was before, now." },
  );
  setHandler(progressQuery, () => ({ stage, isApproved }), {
    description: "Which share of the traffic has the change.",
  });

  const plan = await records().openPretargeting({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: client }]);
  const show = (words: string) => setCurrentDetails(`**${plan.title}** (not verified against the vendor)\n\n${words}`);
  show("waits for an operator's approval");
  await condition(() => isApproved || goesBack, approvalPatience);
  await condition(allHandlersFinished);
  if (!isApproved) throw ApplicationFailure.nonRetryable("no person approved it within 24 hours", "InvalidInput");

  const exchange = atExchange(plan.vendor);
  try {
    const begun = await exchange.beginPretargeting({ ...of, workflowId: workflowInfo().workflowId });
    if (begun.outcome === "blocked") return { outcome: "blocked", stage, reason: begun.reason };
    if (begun.outcome === "overtaken") throw new GoBack(begun.reason ?? "another person changed it");
    for (const next of plan.stages) {
      const reached = await exchange.reachStage({ ...of, stage: next });
      if (reached.outcome === "overtaken") throw new GoBack(reached.reason ?? "another person changed it");
      stage = next;
      show(`${stage} % of the traffic has the change; its QPS is watched`);
      const trouble = await watch({ ...of, plan, stage, from: reached.at }, () => goesBack);
      if (trouble !== null) throw new GoBack(trouble);
    }
    const finished = await exchange.finishPretargeting(of);
    if (finished.outcome === "overtaken") throw new GoBack(finished.reason ?? "another person changed it");
    show("applied");
    // Asked for in the moment between the last step and this: whoever asked has an answer that says it happens.
    if (!goesBack) return { outcome: "applied", stage, reason: null };
    const late = await rollBack({ ...of, ...ofBack(plan), reason: asked, isAsked: true, isLater: true });
    if (late.outcome === "refused") return { outcome: "applied", stage, reason: late.reason };
    return { outcome: late.outcome, stage: 0, reason: asked };
  } catch (error) {
    const reason = isCancellation(error)
      ? "the workflow was cancelled"
      : error instanceof GoBack
        ? error.message
        : describeFailure(error).reason;
    show(`goes back: ${reason}`);
    const isAsked = reason === asked;
    const back = await rollBack({ ...of, ...ofBack(plan), reason, isAsked, isLater: false });
    show(`${back.outcome === "overtaken" ? "what was ours is back as it was" : "rolled back"}: ${reason}`);
    await whateverHappens(() => condition(allHandlersFinished));
    return { outcome: back.outcome === "rolled_back" ? "rolled_back" : "overtaken", stage: 0, reason };
  }
}

interface Watching {
  client: string;
  planId: number;
  plan: OpenedPlan;
  stage: Stage;
  from: string;
}

/** Null when the QPS held until the end of the watch; else why to go back. */
async function watch(
  { plan: { watchSeconds, checkSeconds }, ...of }: Watching,
  goesBack: () => boolean,
): Promise<string | null> {
  const looks = Math.max(1, Math.ceil(watchSeconds / checkSeconds));
  for (let look = 1; look <= looks; look += 1) {
    if (await condition(goesBack, checkSeconds * 1_000)) return asked;
    const checked = await records().checkQps({ ...of, isLast: look === looks });
    if (checked.verdict !== "fine") return checked.words;
  }
  return null;
}
