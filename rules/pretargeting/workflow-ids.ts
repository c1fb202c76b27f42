/** One of a plan at a time, whatever is done with it: applied, or rolled back later. */
export const pretargetingWorkflowId = (client: string, planId: number) => `pretargeting/${client}/${planId}`;

export const planningWorkflowId = (client: string, planId: number) => `plan-pretargeting/${client}/${planId}`;
