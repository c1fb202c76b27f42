import { proxyActivities, setCurrentDetails, startChild } from "@temporalio/workflow";
import type { TellingActivities } from "../../activities/ops/telling.ts";
import { takesNoInput } from "../shared/no-input.ts";
import { apart, unlessRunning } from "../shared/start-apart.ts";
import { settleWithin } from "../shared/settle.ts";
import type { notifyChannel } from "./notify-channel.ts";

/** Ends soon, also when Postgres is away: the next run is a minute later. */
const { planAlertDeliveries } = proxyActivities<TellingActivities>({
  startToCloseTimeout: "30 seconds",
  scheduleToCloseTimeout: "50 seconds",
  retry: { initialInterval: "1 second", maximumInterval: "10 seconds" },
});

export interface AlertDelivery {
  started: number;
  /** Channels that are being told already. */
  underWay: number;
}

const startsAtOnce = 20;

/**
 * Writes down what each channel is to be told, and starts a workflow for each that can be. It waits for none: a channel
 * that does not answer holds up no other.
 */
export async function deliverAlerts(input?: unknown): Promise<AlertDelivery> {
  takesNoInput("deliverAlerts", input);
  const { channels } = await planAlertDeliveries();
  const started = await settleWithin(startsAtOnce, channels, start);
  const sum = { started: started.filter(Boolean).length, underWay: started.filter((isNew) => !isNew).length };
  setCurrentDetails(
    channels.length === 0
      ? "there is nothing to send"
      : `${channels.length} channels to notify: ${sum.started} started, ${sum.underWay} running already`,
  );
  return sum;
}

type ChannelDue = Awaited<ReturnType<TellingActivities["planAlertDeliveries"]>>["channels"][number];

async function start({ client, channelId, workflowId }: ChannelDue): Promise<boolean> {
  const options = { workflowId, ...apart(client, `channel ${channelId}, client ${client}`) };
  return unlessRunning(() =>
    startChild<typeof notifyChannel>("notifyChannel", { ...options, args: [{ client, channelId }] }),
  );
}
