import { z } from "zod";
import {
  evidenceOrders,
  findFinding,
  findingOrders,
  listEvidence,
  listFindings,
  totalFindings,
  type FindingFilter,
} from "../../queries/findings/findings.ts";
import { readLastSearch } from "../../queries/findings/runs.ts";
import { keptFindings, rememberDecided } from "../../queries/findings/save-findings.ts";
import { settleAlerts } from "../../queries/ops/alerts.ts";
import { listChanges } from "../../queries/shared/listed-states.ts";
import { decidedFindings, findingKinds, findingStates, type FindingState } from "../../rules/findings/kinds.ts";
import { explanations, method } from "../../rules/findings/words.ts";
import { findingsWorkflowId } from "../../rules/findings/workflow-ids.ts";
import type { detectFindings } from "../../workflows/findings/detect-findings.ts";
import { allow, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { notFound } from "../server/errors.ts";
import { decideRoute } from "../server/listed-states.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow } from "../server/run-workflow.ts";
import { number } from "../server/shapes.ts";
import { sortedListRoute, sortIn, totalsRoute } from "../server/sorted-list.ts";
import {
  answer,
  details,
  evidence,
  finding,
  last,
  parseFacts,
  running,
  toEvidence,
  toFinding,
  totals,
} from "./shapes.ts";

const readers = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");
const tags = ["findings"];
const params = z.object({ id: number });
const amount = z.string().regex(/^\d{1,12}(\.\d{1,2})?$/, "must be an amount, such as 100 or 99.50");

const open = ["new", "seen"] as const;
const filters = {
  kind: z.enum(findingKinds).optional(),
  subject: word.optional().describe("what it is about, such as source/7"),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "must be a currency, such as USD")
    .optional(),
  min_at_stake: amount.optional(),
  state: z
    .enum([...findingStates, "open", "all"])
    .default("open")
    .describe("open: new and seen"),
};

const toFilter = (client: string, of: z.output<z.ZodObject<typeof filters>>): FindingFilter => ({
  client,
  kind: of.kind ?? null,
  subject: of.subject ?? null,
  currency: of.currency ?? null,
  minAtStake: of.min_at_stake ?? null,
  states: of.state === "open" ? open : of.state === "all" ? findingStates : [of.state],
});

/** Double and missing money, with its evidence, and what people make of it. */
export function findingRoutes(api: Api, parts: ServerParts): void {
  const { reading } = parts;
  sortedListRoute(api, "/findings", {
    config: readers,
    tags,
    summary: "What does not add up between vendors, the most at stake first",
    querystring: paging.extend({ ...filters, sort: sortIn(findingOrders) }),
    item: finding,
    orders: findingOrders,
    read: ({ filter, order, limit }, request) =>
      listFindings(reading, toFilter(callerOf(request).client, filter), { order, limit }),
    toItem: toFinding,
  });
  totalsRoute(api, "/findings", {
    config: readers,
    tags,
    summary: "How many findings there are under the filters of the list, and what is at stake in each currency",
    filters,
    answer: totals,
    read: (filter, request) => totalFindings(reading, toFilter(callerOf(request).client, filter)),
  });
  oneRoute(api, parts);
  evidenceRoute(api, parts);
  decideRoute(api, parts, {
    path: "/findings",
    tags,
    summary: "Says what is made of a finding: seen, dismissed, snoozed, done, or new again",
    description:
      "One that was dismissed or done does not come back by itself, unless it has grown by half and by 20 in its currency since.",
    noun: "finding",
    kept: keptFindings,
    states: findingStates,
    decidedStates: decidedFindings,
    action: "finding_decided",
    also: async (session, { client, id, state }) => {
      await rememberDecided(session, { client, id });
      if (state === "new") return;
      const alert = { client, area: "findings", kinds: ["finding"], subject: `finding/${id}` };
      await settleAlerts(session, { ...alert, notes: `the finding is ${state}` });
    },
  });
  searchRoutes(api, parts);
}

function oneRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/findings/:id",
    {
      config: readers,
      schema: {
        tags,
        summary: "One finding with the figures that it follows from, and what became of it",
        params,
        response: { 200: details },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const findingId = request.params.id;
      const [row, changes] = await Promise.all([
        findFinding(reading, { client, findingId }),
        listChanges<FindingState>(reading, keptFindings, { client, id: findingId }),
      ]);
      if (row === null) throw notFound("finding");
      return {
        ...toFinding(row),
        facts: parseFacts(row.facts),
        explanation: explanations[row.kind],
        changes: changes.map(({ at, ...one }) => ({ ...one, at: at.toISOString() })),
        sql: `select * from findings.evidence('${client.replaceAll("'", "''")}', ${findingId});`,
        workflowId: row.workflowId,
        runId: row.runId,
      };
    },
  );
}

function evidenceRoute(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/findings/:id/evidence", {
    config: readers,
    tags,
    summary: "The rows that a finding follows from, as they were when it was last found",
    params,
    querystring: paging.extend({ sort: sortIn(evidenceOrders) }),
    item: evidence,
    orders: evidenceOrders,
    read: async ({ order, limit }, request) => {
      const of = { client: callerOf(request).client, findingId: params.parse(request.params).id };
      if ((await findFinding(reading, of)) === null) throw notFound("finding");
      return listEvidence(reading, of, { order, limit });
    },
    toItem: toEvidence,
  });
}

type Summary = Awaited<ReturnType<typeof detectFindings>>;

function searchRoutes(api: Api, parts: ServerParts): void {
  api.get(
    "/findings/search",
    {
      config: readers,
      schema: {
        tags,
        summary: "The last search: up to which day, how much was tested, and by what method; null before the first",
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
    "/findings/search",
    {
      config: keepers,
      schema: {
        tags,
        summary: "Looks for findings now; it also happens by itself when days become final",
        response: { 200: answer, 202: running },
      },
    },
    async (request, reply) => {
      const { client } = callerOf(request);
      await audited(parts, request, (session, record) =>
        record(session, { action: "findings_searched", subject: "findings", details: {} }),
      );
      const outcome = await runWorkflow<Summary>(parts, {
        type: "detectFindings",
        workflowId: findingsWorkflowId(client),
        client,
        input: { client },
        summary: `double and missing money, client ${client}, by hand`,
        again: true,
      });
      const { workflowId } = outcome;
      if (!outcome.done) return reply.code(202).send({ state: "running", workflowId });
      return reply.code(200).send({ ...outcome.result, workflowId });
    },
  );
}
