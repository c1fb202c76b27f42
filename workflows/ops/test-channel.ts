import { proxyActivities } from "@temporalio/workflow";
import type { TellingActivities } from "../../activities/ops/telling.ts";
import { planFailure } from "../shared/failures.ts";

type Tested = Awaited<ReturnType<TellingActivities["testChannel"]>>;

/** A person waits for the answer: what is refused or asked to wait is said, and tried no second time for long. */
export async function testChannel(input: { client: string; channelId: number }): Promise<Tested> {
  const { testChannel: send } = proxyActivities<TellingActivities>({
    startToCloseTimeout: "45 seconds",
    scheduleToCloseTimeout: "2 minutes",
    heartbeatTimeout: "15 seconds",
    retry: { initialInterval: "1 second", maximumAttempts: 3 },
  });
  return send(input).catch(planFailure);
}
