import { setCurrentDetails } from "@temporalio/workflow";
import type { RolledBack } from "../../activities/pretargeting/apply.ts";
import { clientIdKey, note } from "../shared/attributes.ts";
import { planFailure } from "../shared/failures.ts";
import { records } from "./calls.ts";
import { asked, rollBack } from "./roll-back.ts";

export interface RollBackPretargetingInput {
  client: string;
  planId: number;
}

/** Takes an applied change back. It is refused as a whole where another person has changed something since. */
export async function rollBackPretargeting(input: RollBackPretargetingInput): Promise<RolledBack> {
  const { vendor, answerSeconds } = await records().openRollback({ input }).catch(planFailure);
  const { client, planId } = input;
  const of = { client, planId };
  note([{ key: clientIdKey, value: client }]);
  const back = await rollBack({ ...of, vendor, answerSeconds, reason: asked, isAsked: true, isLater: true });
  setCurrentDetails(`Plan ${planId}: ${back.outcome}${back.reason === null ? "" : `, ${back.reason}`}`);
  return back;
}
