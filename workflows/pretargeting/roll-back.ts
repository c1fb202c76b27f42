import { sleep } from "@temporalio/workflow";
import type { RollBackInput, RolledBack } from "../../activities/pretargeting/apply.ts";
import { describeFailure } from "../shared/failures.ts";
import { whateverHappens } from "../shared/settle.ts";
import { atExchange, records } from "./calls.ts";

/** Why, where a person wants it. */
export const asked = "a person asked for it";
const longestPauseSeconds = 900;

export interface BackInput extends Omit<RollBackInput, "isLast"> {
  vendor: string;
  answerSeconds: number;
}

/** Goes back, however long it takes and whatever is cancelled meanwhile: half a change must not stay. */
export function rollBack({ vendor, answerSeconds, ...of }: BackInput): Promise<RolledBack> {
  return whateverHappens(async () => {
    for (let pauseSeconds = 15; ; pauseSeconds = Math.min(2 * pauseSeconds, longestPauseSeconds)) {
      try {
        const first = await atExchange(vendor).rollBackPlan({ ...of, isLast: false });
        if (!first.isUnclear || first.outcome === "refused") return first;
        await sleep(answerSeconds * 1_000, { summary: "for what had no answer and may still arrive" });
        return await atExchange(vendor).rollBackPlan({ ...of, isLast: true });
      } catch (error) {
        const { reason } = describeFailure(error);
        await records()
          .tellStuck({ client: of.client, planId: of.planId, reason })
          .catch(() => undefined);
        await sleep(pauseSeconds * 1_000, { summary: "before it is tried again" });
      }
    }
  });
}
