import { guardedBy } from "../shared/failures.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import type { TellingContext } from "./channel-context.ts";
import { planAlertDeliveries } from "./plan-alert-deliveries.ts";
import { sendToChannel } from "./send-to-channel.ts";
import { testChannel } from "./test-channel.ts";

/** Telling people: through Slack, by mail, to webhooks. */
export function createTellingActivities(context: TellingContext) {
  const { redact } = context;
  const guarded = guardedBy(redact);
  const place = "channel";
  return {
    planAlertDeliveries: () => guarded("channels", () => planAlertDeliveries(context)),
    sendToChannel: (input: unknown) =>
      withHeartbeat({ place, redact }, (signal) => sendToChannel(context, input, signal)),
    testChannel: (input: unknown) => withHeartbeat({ place, redact }, (signal) => testChannel(context, input, signal)),
  };
}

/** What workflows may call. */
export type TellingActivities = ReturnType<typeof createTellingActivities>;
