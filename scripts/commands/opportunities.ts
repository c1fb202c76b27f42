import { z } from "zod";
import { listOpportunities, totalOpportunities } from "../../queries/intelligence/opportunities.ts";
import { opportunityTypes } from "../../rules/intelligence/opportunity-cells.ts";
import { opportunityStates } from "../../rules/intelligence/opportunity-states.ts";
import { caution } from "../../rules/intelligence/opportunity-words.ts";
import { opportunitiesWorkflowId } from "../../rules/intelligence/workflow-ids.ts";
import type { detectOpportunities } from "../../workflows/intelligence/detect-opportunities.ts";
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
  "opportunities",
  "Shows what could be bought for less, the greatest savings first. With --search it is looked for first. Exits 1 when the search fails.",
  [
    "npm run opportunities",
    "npm run opportunities -- --type undervalued_geo --min-savings 100",
    "npm run opportunities -- --search",
  ],
)
  .option(...clientOption)
  .option("--type <name>", `only this kind: ${opportunityTypes.join(", ")}`)
  .option("--state <name>", `open (new, seen and planned), all, or one of ${opportunityStates.join(", ")}`, "open")
  .option("--min-savings <amount>", "only what saves at least so much a week")
  .option("--blocked", "also what invalid traffic or viewability speaks against")
  .option("--search", "looks for opportunities first")
  .option("--limit <number>", "how many are shown at most", "30");

const options = z.object({
  client: z.string().optional(),
  type: z.enum(opportunityTypes, `must be one of ${opportunityTypes.join(", ")}`).optional(),
  state: z.enum(["open", "all", ...opportunityStates], "must be open, all, or a state"),
  minSavings: z
    .string()
    .regex(/^\d{1,12}(\.\d{1,2})?$/, "must be an amount, such as 100 or 99.50")
    .optional(),
  blocked: z.boolean().optional(),
  search: z.boolean().optional(),
  limit: wholeNumber({ most: 500 }),
});

const open = ["new", "seen", "planned"] as const;

command.action(
  work(options, async (context, { client: named, search = false, ...asked }) => {
    const client = context.client(named);
    const problem = search ? await searchFirst(context, client) : null;
    if (problem !== null) return problem;
    const database = await context.database();
    const filter = {
      client,
      type: asked.type ?? null,
      campaignId: null,
      minSavings: asked.minSavings ?? null,
      states: asked.state === "open" ? open : asked.state === "all" ? opportunityStates : [asked.state],
      blocked: asked.blocked ?? false,
    };
    const listed = await listOpportunities(database, filter, { limit: asked.limit });
    const rows = listed.map(({ inOrder: _inOrder, ...row }) => row);
    const totals = await totalOpportunities(database, filter);
    return {
      document: { client, ...totals, opportunities: rows },
      lines:
        rows.length === 0
          ? [`client ${client}: nothing under these filters. Look for it: npm run opportunities -- --search`]
          : [
              ...table(
                ["number", "saves a week", "at least", "CPC", "of the rest", "state", "what to do"],
                rows.map((row) => [
                  row.opportunityId,
                  row.savingsWeekly,
                  row.savingsWeeklyLow,
                  row.current,
                  row.reference,
                  row.state,
                  row.blockedBy === null ? row.recommendation : `not recommended: ${row.blockedBy}`,
                ]),
              ),
              "",
              `client ${client}: ${rows.length} of ${totals.count} shown, ${totals.savingsWeekly} a week in all, at the least ${totals.savingsWeeklyLow}`,
              caution,
            ],
    };
  }),
);

/** Null when it is done; else what is reported of it. */
async function searchFirst(context: CommandContext, client: string): Promise<Report | null> {
  const end = await runToEnd<Awaited<ReturnType<typeof detectOpportunities>>>(context, {
    start: {
      workflowType: "detectOpportunities",
      workflowId: opportunitiesWorkflowId(client),
      input: { client },
      summary: `opportunities, client ${client}, by hand`,
      searchAttributes: { ClientId: client },
    },
    progress: `client ${client}: looking for opportunities`,
    again: `npm run opportunities -- --client ${client}`,
  });
  if ("report" in end) return end.report;
  const { result } = end;
  context.note(
    result.searched
      ? `${result.windowFrom} to ${result.windowTo}: ${result.tested} parts tested, ${result.listed} opportunities, ${result.created} new, ${result.gone} gone`
      : result.reason,
  );
  return null;
}

await runCommand(command);
