import type { WorkflowHandle } from "@temporalio/client";
import { raiseAlert } from "../queries/ops/alerts.ts";
import { hookStandIn } from "./channel-stand-ins.ts";
import { startStack, uniqueId } from "./stack.ts";

/** Records the house in order, and people being told of an alert. */
export async function recordHouse(keep: (name: string, handle: WorkflowHandle) => Promise<void>): Promise<void> {
  const hooks = await hookStandIn();
  const stack = await startStack({ ALERT_WEBHOOK_URL: `${hooks.url}/hook` });
  const client = "713";
  const run = async (name: string, type: string, ...input: object[]) => {
    const handle = await stack.start(type, uniqueId(type), ...input);
    await handle.result();
    await keep(name, handle);
  };
  try {
    await run("keep-house", "keepHouse");
    await run("mirror-days", "mirrorDays");
    await raiseAlert(stack.database.pool, {
      ...{ client, area: "sync", kind: "late_source", subject: "redtrack.daily_spend", severity: "warning" },
      message: "late",
    });
    await run("deliver-alerts", "deliverAlerts");
    const [channel] = await stack.rows<{ id: number }>(
      "select channel_id as id from ops.channels where _client_id = $1",
      [client],
    );
    const named = { client, channelId: channel?.id ?? 0 };
    await stack.client.workflow.getHandle(`${stack.config.queuePrefix}notify-channel/${named.channelId}`).result();
    await run("notify-channel", "notifyChannel", named);
    await run("test-channel", "testChannel", named);
  } finally {
    await stack.stop();
    hooks.stop();
  }
}
