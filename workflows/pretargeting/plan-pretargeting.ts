import { setCurrentDetails } from "@temporalio/workflow";
import type { PlannedPretargeting } from "../../activities/pretargeting/plan.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";
import { atExchange } from "./calls.ts";

export interface PlanPretargetingInput {
  client: string;
  planId: number;
}

/** Computes a change of pretargeting from what is at the exchange now. A dry run: nothing is written there. */
export async function planPretargeting(input: PlanPretargetingInput): Promise<PlannedPretargeting> {
  const planned = await atExchange("authorized_buyers").computePretargeting({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: input.client }]);
  setCurrentDetails(`Plan ${input.planId}: ${planned.state}${planned.reason === null ? "" : `, ${planned.reason}`}`);
  return planned;
}
