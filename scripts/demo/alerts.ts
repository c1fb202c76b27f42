import type { Area } from "./demo.ts";

/** What the watch finds in all this: late and unmapped, beside what was raised on the way. */
export const alerts: Area = {
  name: "open alerts",
  vendors: [],
  counted:
    "select count(*)::int as rows from ops.alerts where _client_id = $1 and resolved_at is null and $2::date <= $3::date",
  async fill({ context }) {
    const { client: temporal } = await context.temporal();
    const { mainQueue } = await import("../../temporal.config.ts");
    const { queuePrefix, searchAttributes } = context.config;
    const handle = await temporal.workflow.start("keepHouse", {
      workflowId: `${queuePrefix}keep-house/demo`,
      taskQueue: queuePrefix + mainQueue,
      args: [],
      workflowIdConflictPolicy: "USE_EXISTING",
      staticSummary: "late sources, alerts to send, retention",
      ...(searchAttributes ? {} : { memo: { searchAttributes: "off" } }),
    });
    await handle.result();
  },
};
