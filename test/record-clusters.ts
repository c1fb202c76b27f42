import type { WorkflowHandle } from "@temporalio/client";
import { mergeCreatives } from "../queries/rtb/merge-creatives.ts";
import { addAdviceDays, createAdviceCampaigns } from "./advice-rows.ts";
import { startStack, uniqueId } from "./stack.ts";

/** Records creatives being grouped, by rules, by a model, and by rules because the model's answer could not be had; and opportunities being looked for. */
export async function recordClusters(keep: (name: string, handle: WorkflowHandle) => Promise<void>): Promise<void> {
  const stack = await startStack({
    ANTHROPIC_API_KEY: "sandbox-713",
    CLUSTER_CONSENT: "on",
    CLUSTER_CLAUDE_PRICE: "1.00/5.00",
  });
  const run = async (name: string, input: object, type = "clusterCampaigns") => {
    const handle = await stack.start(type, uniqueId("cluster-campaigns"), { client: "713", ...input });
    await handle.result();
    await keep(name, handle);
  };
  try {
    await mergeCreatives(stack.database.pool, {
      client: "713",
      origin: "sandbox",
      rows: ["drop", "drop", "kettle"].map((name, place) => ({
        creativeId: String(place),
        buyerId: "1",
        format: "HTML",
        declaredClickUrls: [`https://${name}.example/landing`],
      })),
    });
    await run("cluster-campaigns", {});
    await run("cluster-campaigns-by-model", { ai_provider: "claude" });
    await stack.control("POST", "/faults", { vendor: "claude", kind: "unauthorized", times: 1 });
    await run("cluster-campaigns-without-model", { ai_provider: "claude", askAgain: true, dryRun: true });
    await run("detect-opportunities-without-rows", {}, "detectOpportunities");
    await createAdviceCampaigns(stack.database.pool);
    await addAdviceDays(stack.database.pool, { from: "2026-01-05", days: 28 });
    await run("detect-opportunities", {}, "detectOpportunities");
  } finally {
    await stack.stop();
  }
}
