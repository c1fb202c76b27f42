import type { WorkflowHandle } from "@temporalio/client";
import { mergeCreatives } from "../queries/rtb/merge-creatives.ts";
import { saveQuestion } from "../queries/intelligence/saved-questions.ts";
import { question } from "../rules/intelligence/question.ts";
import { inTransaction, type Database } from "../schema/database.ts";
import { addAdviceDays, createAdviceCampaigns } from "./advice-rows.ts";
import { putFindingRows } from "./finding-rows.ts";
import { startStack, uniqueId } from "./stack.ts";

async function saveExample(database: Database): Promise<void> {
  const asked = question.parse({ subject: "campaign", metric: "spend", limit: 3 });
  const of = { client: "713", name: "Where it is spent", question: asked, isWatched: true, actor: "recorder" };
  await inTransaction(database, (session) => saveQuestion(session, of));
}

/** Records creatives being grouped, by rules, by a model, and by rules because the model's answer could not be had; opportunities and findings being looked for, and questions being asked and understood. */
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
    await run("detect-findings-without-rows", {}, "detectFindings");
    await putFindingRows(stack.database.pool, { to: "2026-02-01" });
    await run("detect-findings", {}, "detectFindings");
    await run("tie-out", {}, "tieOut");
    await run("detect-opportunities-without-rows", {}, "detectOpportunities");
    await createAdviceCampaigns(stack.database.pool);
    await addAdviceDays(stack.database.pool, { from: "2026-01-05", days: 28 });
    await run("detect-opportunities", {}, "detectOpportunities");
    await saveExample(stack.database.pool);
    await run("ask-questions", {}, "askQuestions");
    const sentence = "Campaigns where CPC on iOS is more than 50 % above Android";
    await run("understand-question", { sentence }, "understandQuestion");
    await run("understand-question-without-key", { sentence, ai_provider: "gemini" }, "understandQuestion");
    await stack.control("POST", "/faults", { vendor: "claude", kind: "unauthorized", times: 1 });
    await run("understand-question-refused-key", { sentence: `${sentence} today` }, "understandQuestion");
  } finally {
    await stack.stop();
  }
}
