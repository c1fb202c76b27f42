import { z } from "zod";
import { listCampaigns } from "../../queries/rtb/list-campaigns.ts";
import { clusterWorkflowId } from "../../rules/intelligence/workflow-ids.ts";
import { clusterProviders } from "../../settings/clusters.ts";
import type { clusterCampaigns, ClusterCampaignsInput } from "../../workflows/intelligence/cluster-campaigns.ts";
import {
  clientOption,
  defineCommand,
  runCommand,
  wholeNumber,
  work,
  type CommandContext,
  type Report,
} from "../shared/command-line.ts";
import { runToEnd } from "../shared/follow-workflow.ts";
import { table } from "../shared/printing.ts";

const command = defineCommand(
  "cluster",
  "Groups creatives into campaigns, by rules or with a model, and shows how many groups there are. Exits 1 when the workflow fails.",
  ["npm run cluster", "npm run cluster -- --provider claude", "npm run cluster -- --dry-run --json"],
)
  .option(...clientOption)
  .option(
    "--provider <name>",
    `who groups them: ${clusterProviders.join(", ")}; the setting CLUSTER_PROVIDER when left out`,
  )
  .option("--dry-run", "changes nothing and shows what would change")
  .option("--ask-again", "asks the model also what it answered before")
  .option("--limit <number>", "how many campaigns are shown at most", "30");

type Summary = Awaited<ReturnType<typeof clusterCampaigns>>;

const options = z.object({
  client: z.string().optional(),
  provider: z.enum(clusterProviders, `must be one of ${clusterProviders.join(", ")}`).optional(),
  dryRun: z.boolean().optional(),
  askAgain: z.boolean().optional(),
  limit: wholeNumber({ most: 500 }),
});

command.action(
  work(options, async (context, { client: named, provider, dryRun = false, askAgain = false, limit }) => {
    const client = context.client(named);
    const input: ClusterCampaignsInput = {
      client,
      ...(provider === undefined ? {} : { ai_provider: provider }),
      ...(dryRun ? { dryRun } : {}),
      ...(askAgain ? { askAgain } : {}),
    };
    const workflowId = clusterWorkflowId({ client, provider: provider ?? null, dryRun });
    const end = await runToEnd<Summary>(context, {
      start: {
        workflowType: "clusterCampaigns",
        workflowId,
        input,
        summary: `campaigns of creatives, client ${client}, by hand`,
        searchAttributes: { ClientId: client },
      },
      progress: `client ${client}: grouping creatives`,
      again: `npm run cluster -- --client ${client}`,
    });
    if ("report" in end) return end.report;
    return report(context, { workflowId, summary: end.result, limit });
  }),
);

async function report(
  context: CommandContext,
  { workflowId, summary, limit }: { workflowId: string; summary: Summary; limit: number },
): Promise<Report> {
  const database = await context.database();
  const { rows } = await listCampaigns(database, { client: summary.client, limit });
  const campaigns = rows.map(({ campaignId, campaignName, creatives, confidenceScore, namedBy, totalSpend7d }) => ({
    campaignId,
    campaignName,
    creatives,
    confidence: confidenceScore,
    namedBy,
    spend7d: totalSpend7d,
  }));
  const { creatives, groups, created, removed, moved, isDryRun, fallbackReason, cohesion } = summary;
  return {
    document: { workflowId, state: "completed", ...summary, campaigns: summary.campaigns, listed: campaigns },
    lines: [
      `client ${summary.client}: ${creatives} creatives in ${groups} groups, ${summary.campaigns} campaigns, confidence ${cohesion ?? "-"}`,
      `${isDryRun ? "would be: " : ""}${created} new, ${removed} removed, ${moved} creatives moved${isDryRun ? "; nothing was changed" : ""}`,
      `grouped by ${summary.providerUsed}${fallbackReason === null ? "" : `, ${summary.providerUsed === summary.providerAsked ? "with this" : `not by ${summary.providerAsked}`}: ${fallbackReason}`}`,
      ...(campaigns.length === 0
        ? []
        : [
            "",
            ...table(
              ["campaign", "name", "creatives", "confidence", "named by", "spend 7d"],
              campaigns.map((one) => [
                String(one.campaignId),
                one.campaignName,
                String(one.creatives),
                one.confidence === null ? "-" : one.confidence.toFixed(2),
                one.namedBy,
                one.spend7d,
              ]),
            ),
          ]),
    ],
  };
}

await runCommand(command);
