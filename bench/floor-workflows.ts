import { executeChild, proxyActivities, workflowInfo } from "@temporalio/workflow";

const { nothing } = proxyActivities<{ nothing: (day: string) => Promise<string> }>({
  startToCloseTimeout: "30 seconds",
  taskQueue: "floor-activities",
});

/** The least a slice can be: one workflow with one activity that does nothing. */
export async function floorSlice(day: string): Promise<string> {
  return nothing(day);
}

export async function floorParent(input: { days: string[]; parallel: number }): Promise<number> {
  let next = 0;
  const lane = async () => {
    while (next < input.days.length) {
      const day = input.days[next] ?? "";
      next += 1;
      await executeChild(floorSlice, { workflowId: `floor/${workflowInfo().runId}/${day}`, args: [day] });
    }
  };
  await Promise.all(Array.from({ length: input.parallel }, lane));
  return next;
}
