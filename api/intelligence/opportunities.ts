import { z } from "zod";
import {
  findOpportunity,
  listOpportunities,
  opportunityOrders,
  readOpportunityDays,
  totalOpportunities,
  type OpportunityFilter,
} from "../../queries/intelligence/opportunities.ts";
import { keptOpportunities } from "../../queries/intelligence/opportunity-state.ts";
import { readLastSearch } from "../../queries/intelligence/opportunity-runs.ts";
import { listChanges } from "../../queries/shared/listed-states.ts";
import { opportunityTypes } from "../../rules/intelligence/opportunity-cells.ts";
import {
  decidedStates,
  opportunityStates,
  type OpportunityState,
} from "../../rules/intelligence/opportunity-states.ts";
import { caution, method } from "../../rules/intelligence/opportunity-words.ts";
import { opportunitiesWorkflowId } from "../../rules/intelligence/workflow-ids.ts";
import type { detectOpportunities } from "../../workflows/intelligence/detect-opportunities.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { notFound } from "../server/errors.ts";
import { decideRoute } from "../server/listed-states.ts";
import { paging } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { instant, money, number } from "../server/shapes.ts";
import { evidence, found, opportunity, toDay, toOpportunity } from "./opportunity-shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const params = z.object({ id: number });
const amount = z.string().regex(/^\d{1,12}(\.\d{1,2})?$/, "must be an amount, such as 100 or 99.50");

const open = ["new", "seen", "planned"] as const;
const filters = {
  type: z.enum(opportunityTypes).optional(),
  campaign_id: number.optional(),
  min_savings: amount.optional().describe("at least so much a week"),
  state: z
    .enum([...opportunityStates, "open", "all"])
    .default("open")
    .describe("open: new, seen and planned"),
  blocked: z
    .enum(["true", "false"])
    .default("false")
    .describe("true: also those that their invalid traffic or viewability speaks against"),
};
type Filters = z.output<z.ZodObject<typeof filters>>;

const toFilter = (client: string, of: Filters): OpportunityFilter => ({
  client,
  type: of.type ?? null,
  campaignId: of.campaign_id ?? null,
  minSavings: of.min_savings ?? null,
  states: of.state === "open" ? open : of.state === "all" ? opportunityStates : [of.state],
  blocked: of.blocked === "true",
});

/** What could be bought for less, with its evidence, and what people make of it. */
export function opportunityRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  sortedListRoute(api, "/opportunities", {
    config: readers,
    tags: ["opportunities"],
    summary: "What could be bought for less, the greatest savings first",
    querystring: paging.extend({ ...filters, sort: sortIn(opportunityOrders) }),
    item: opportunity,
    orders: opportunityOrders,
    read: ({ filter, order, limit }, request) =>
      listOpportunities(reading, toFilter(callerOf(request).client, filter), { order, limit }),
    toItem: toOpportunity,
  });
  totalsRoute(api, parts);
  oneRoute(api, parts);
  decideRoute(api, parts, {
    path: "/opportunities",
    tags: ["opportunities"],
    summary: "Says what is made of an opportunity: seen, dismissed, snoozed, planned, done, or new again",
    description:
      "One that was dismissed does not come back by itself. Of one that is done it is measured what came of it: `GET /opportunities/scorecard`.",
    noun: "opportunity",
    kept: keptOpportunities,
    states: opportunityStates,
    decidedStates,
    action: "opportunity_decided",
  });
  searchRoutes(api, parts);
}

export const totals = z.object({ count: z.number(), savingsWeekly: money, savingsWeeklyLow: money });

function totalsRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/opportunities/totals",
    {
      config: readers,
      schema: {
        tags: ["opportunities"],
        summary: "How many opportunities there are under the filters of the list, and what they would save in all",
        querystring: z.object(filters),
        response: {
          200: totals,
        },
      },
    },
    (request) => totalOpportunities(reading, toFilter(callerOf(request).client, request.query)),
  );
}

function oneRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/opportunities/:id",
    {
      config: readers,
      schema: {
        tags: ["opportunities"],
        summary: "One opportunity with all figures that it follows from, its days, and what became of it",
        params,
        response: { 200: found },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, opportunityId: request.params.id };
      const row = await findOpportunity(reading, of);
      if (row === null) throw notFound("opportunity");
      const [days, changes] = await Promise.all([
        readOpportunityDays(reading, of),
        listChanges<OpportunityState>(reading, keptOpportunities, { client: of.client, id: of.opportunityId }),
      ]);
      return {
        ...toOpportunity(row),
        evidence: evidence.parse(row.evidence),
        days: days.map(toDay),
        changes: changes.map(({ at, ...one }) => ({ ...one, at: at.toISOString() })),
        sql: `select * from rtb.opportunity_evidence where _client_id = '${of.client.replaceAll("'", "''")}' and opportunity_id = ${of.opportunityId};`,
        caution,
        workflowId: row.workflowId,
        runId: row.runId,
      };
    },
  );
}

const searched = z.object({
  windowFrom: z.string(),
  windowTo: z.string(),
  daysWithData: z.number(),
  campaigns: z.number(),
  tested: z.number().describe("parts of campaigns above the floors"),
  listed: z.number(),
  created: z.number().describe("of these, how many are new"),
  gone: z.number(),
  blocked: z.number(),
});
export const last = searched.extend({ at: instant, workflowId: z.string(), runId: z.string(), method: z.string() });
const answer = z.union([
  searched.extend({ searched: z.literal(true), workflowId: z.string() }),
  z.object({ searched: z.literal(false), reason: z.string(), workflowId: z.string() }),
]);
const running = z.object({ state: z.literal("running"), workflowId: z.string() });

type Summary = Awaited<ReturnType<typeof detectOpportunities>>;

function searchRoutes(api: Api, parts: ServerParts): void {
  api.get(
    "/opportunities/search",
    {
      config: readers,
      schema: {
        tags: ["opportunities"],
        summary: "The last search: which days, how much was tested, and by what method; null before the first",
        response: { 200: z.object({ last: last.nullable() }) },
      },
    },
    async (request) => {
      const stored = await readLastSearch(parts.reading, callerOf(request));
      if (stored === null) return { last: null };
      const { endedAt, ...row } = stored;
      return { last: { ...row, at: endedAt.toISOString(), method } };
    },
  );
  api.post(
    "/opportunities/search",
    {
      config: keepers,
      schema: {
        tags: ["opportunities"],
        summary: "Looks for opportunities now; it also happens by itself after imports and every night",
        response: { 200: answer, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      await audited(parts, request, (session, record) =>
        record(session, { action: "opportunities_searched", subject: "opportunities", details: {} }),
      );
      const outcome = await runWorkflow<Summary>(parts, {
        type: "detectOpportunities",
        workflowId: opportunitiesWorkflowId(client),
        client,
        input: { client },
        summary: `opportunities, client ${client}, by hand`,
        again: true,
      });
      const { workflowId } = outcome;
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId });
      return reply.code(200).send({ ...outcome.result, workflowId });
    },
  );
}
