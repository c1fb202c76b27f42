import { setCurrentDetails } from "@temporalio/workflow";
import type { PlannedPretargeting } from "../../activities/pretargeting/plan.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";
import { atExchange, records } from "./calls.ts";

export interface PlanPretargetingInput {
  client: string;
  planId: number;
}

/** Computes a change of pretargeting from what is at the exchange now. A dry run: nothing is written there. */
export async function planPretargeting(input: PlanPretargetingInput): Promise<PlannedPretargeting> {
  const { vendor, client, planId } = await records().openPlanning({ input }).catch(planFailure);
  note([{ key: clientIdKey, value: client }]);
  const planned = await atExchange(vendor).computePretargeting({ client, planId }).catch(planFailure);
  setCurrentDetails(`Plan ${planId}: ${planned.state}${planned.reason === null ? "" : `, ${planned.reason}`}`);
  return planned;
}
