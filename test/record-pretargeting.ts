import type { WorkflowHandle } from "@temporalio/client";
import { openWorld, startPretargetingStack } from "./pretargeting.ts";
import { uniqueId } from "./stack.ts";
import { createPlan } from "../queries/pretargeting/plans.ts";

/** Records changes of pretargeting: computed, applied, taken back, and overtaken by another hand. */
export async function recordPretargeting(keep: (name: string, handle: WorkflowHandle) => Promise<void>): Promise<void> {
  const stack = await startPretargetingStack(["one", "two", "three", "four"]);
  const [one, two, three, four] = [
    await openWorld(stack, "one"),
    await openWorld(stack, "two"),
    await openWorld(stack, "three"),
    await openWorld(stack, "four"),
  ];
  try {
    const asked = { client: "one", by: "somebody", source: "waste" as const, opportunityId: null, configId: null };
    const wanted = { by: "country", value: "BR" };
    const planId = await createPlan(stack.database.pool, { ...asked, wanted, rollout: null });
    const planned = await stack.start("planPretargeting", uniqueId("plan"), { client: "one", planId });
    await planned.result();
    await keep("plan-pretargeting", planned);

    const applied = await one.apply(await one.found(planId));
    await applied.result();
    await keep("apply-pretargeting", applied);
    const back = await one.rollBack(planId);
    await back.result();
    await keep("roll-back-pretargeting", back);

    const fallen = await two.apply(await two.plan({ rollout: "at_once" }));
    await two.mock("traffic", { factor: 0.1 });
    await fallen.result();
    await keep("apply-pretargeting-rolled-back", fallen);

    // The last write of a step has no answer and arrives later: it is looked for once more before the end.
    const plan = await three.plan();
    await three.mock("trouble", { on: "write", kind: "late", times: 2, after: 1 });
    const late = await three.apply(plan);
    await late.result();
    await keep("apply-pretargeting-unclear", late);

    const overtaken = await four.plan();
    const handle = await four.apply(overtaken);
    await four.stageIs(overtaken.planId, 10);
    await four.mock("hand", { configId: "7310001", set: { minimumViewabilityDecile: 5 } });
    await handle.result();
    await keep("apply-pretargeting-overtaken", handle);
  } finally {
    for (const { feed } of [one, two, three, four]) await feed.stop();
    await stack.stop();
  }
}
