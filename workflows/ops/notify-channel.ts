import { proxyActivities, setCurrentDetails } from "@temporalio/workflow";
import type { TellingActivities } from "../../activities/ops/telling.ts";
import { planFailure } from "../shared/failures.ts";

type Told = Awaited<ReturnType<TellingActivities["sendToChannel"]>>;

/** A channel that asks to wait is waited for by Temporal; one that is away is left to the next run. */
const { sendToChannel } = proxyActivities<TellingActivities>({
  startToCloseTimeout: "5 minutes",
  scheduleToCloseTimeout: "2 hours",
  heartbeatTimeout: "15 seconds",
  retry: { initialInterval: "5 seconds", maximumInterval: "5 minutes" },
});

/** Tells one channel what it is due. */
export async function notifyChannel(input: { client: string; channelId: number }): Promise<Told> {
  const told = await sendToChannel(input).catch(planFailure);
  setCurrentDetails(
    told.broken === null
      ? `sent ${told.sent}, refused ${told.refused}, not answered ${told.unanswered}`
      : `does not work any more: ${told.broken}`,
  );
  return told;
}
