import { z } from "zod";
import {
  canGoBack,
  countPlans,
  createPlan,
  findApproval,
  findPlan,
  listEvents,
  listPlans,
  planOrders,
  planStates,
} from "../../queries/pretargeting/plans.ts";
import { findLaterPlan, readWrites } from "../../queries/pretargeting/writes.ts";
import { whyNotNow } from "../../queries/pretargeting/why-not-now.ts";
import { planningWorkflowId } from "../../rules/pretargeting/workflow-ids.ts";
import { warning } from "../../rules/pretargeting/warning.ts";
import type { planPretargeting } from "../../workflows/pretargeting/plan-pretargeting.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { notFound } from "../server/errors.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import { isMore, number, part, text } from "../server/shapes.ts";
import { approveRoute, rollBackRoute } from "./apply.ts";
import { plan, planDetails, rollouts, toDetails, toPlan } from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const path = "/pretargeting/plans";
const filters = { state: z.enum(planStates).optional() };

export const planTotals = z.object({
  plans: z.number(),
  isMore,
  underWay: part.describe("approved, being applied, or being rolled back"),
  applied: part,
});

/** Changes of pretargeting: computed, approved by a person, made step by step, taken back. */
export function pretargetingRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  sortedListRoute(api, path, {
    config: readers,
    tags: ["pretargeting"],
    summary: "Plans of changes of pretargeting, the last first",
    querystring: paging.extend({ ...filters, sort: sortIn(planOrders) }),
    item: plan,
    orders: planOrders,
    read: ({ filter, order, limit }, request) =>
      listPlans(reading, { client: callerOf(request).client, state: filter.state ?? null, order, limit }),
    toItem: toPlan,
  });
  totalsRoute(api, path, {
    ...{ config: readers, tags: ["pretargeting"], summary: "How many plans there are under the filter of the list" },
    ...{ filters, answer: planTotals },
    read: (filter, request) => countPlans(reading, { client: callerOf(request).client, state: filter.state ?? null }),
  });
  askRoute(api, parts);
  oneRoute(api, parts);
  approveRoute(api, parts);
  rollBackRoute(api, parts);
}

const asked = z
  .strictObject({
    waste: z
      .strictObject({
        by: z.enum(["country", "publisher", "size", "hour"]),
        value: word.describe("as the report writes it; never a canonical size"),
      })
      .optional()
      .describe("what is to be left out"),
    opportunityId: number.optional().describe("what is to be let in"),
    configId: word.optional().describe("the configuration; needed where it could be several"),
    rollout: z.enum(rollouts).optional().describe("gradual where a percentage can be made real, without it"),
  })
  .refine(({ waste, opportunityId }) => (waste === undefined) !== (opportunityId === undefined), {
    path: ["waste"],
    error: "a plan is of waste or of an opportunity, and not both",
  });
const computed = z.object({ planId: z.number(), state: z.enum(planStates), reason: text, workflowId: z.string() });
const running = z.object({ state: z.literal("running"), planId: z.number(), workflowId: z.string() });

type Planned = Awaited<ReturnType<typeof planPretargeting>>;

function askRoute(api: Api, parts: ServerParts): void {
  api.post(
    path,
    {
      config: keepers,
      schema: {
        tags: ["pretargeting"],
        summary: "Computes a change of pretargeting from waste or an opportunity: a dry run, nothing is written",
        description: "`state` is `planned`, or `refused` with the reason.",
        body: asked,
        response: { 200: computed, 202: running },
      },
    },
    async (request, reply) => {
      const { client, subject } = callerOf(request);
      const { waste, opportunityId, configId, rollout } = request.body;
      const planId = await audited(parts, request, async (session, record) => {
        const id = await createPlan(session, {
          ...{ client, by: subject, source: waste === undefined ? "opportunity" : "waste" },
          ...{ opportunityId: opportunityId ?? null, wanted: waste ?? {} },
          ...{ configId: configId ?? null, rollout: rollout ?? null },
        });
        await record(session, {
          action: "pretargeting_asked",
          subject: `pretargeting/${id}`,
          details: { ...request.body },
        });
        return id;
      });
      const outcome = await runWorkflow<Planned>(parts, {
        type: "planPretargeting",
        workflowId: planningWorkflowId(client, planId),
        client,
        input: { client, planId },
        summary: `pretargeting plan ${planId}, client ${client}`,
      });
      const { workflowId } = outcome;
      if (!outcome.done) return reply.code(202).send({ state: "running", planId, workflowId });
      return reply.code(200).send({ ...outcome.result, workflowId });
    },
  );
}

function oneRoute(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  api.get(
    `${path}/:id`,
    {
      config: readers,
      schema: {
        tags: ["pretargeting"],
        summary: "One plan: its difference, the warning and who accepted it, what was sent, and what became of it",
        params: z.object({ id: number }),
        response: { 200: planDetails },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, planId: request.params.id };
      const row = await findPlan(reading, of);
      if (row === null) throw notFound("plan");
      const [approval, events, writes, later, whyNot] = await Promise.all([
        findApproval(reading, of),
        listEvents(reading, of),
        readWrites(reading, of),
        canGoBack(row.state) ? findLaterPlan(reading, of) : null,
        whyNotNow(reading, row, { client: of.client, settings: parts.config.pretargeting }),
      ]);
      const shown = { version: warning.version, text: [...warning.text] };
      return toDetails({ row, approval, events, writes, takeBackFirst: later, whyNot, warning: shown });
    },
  );
}
