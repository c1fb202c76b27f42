import { randomUUID } from "node:crypto";
import { z } from "zod";
import { readAlerts, type AlertRow } from "../../queries/ops/alerts.ts";
import {
  findReconciliationRun,
  listReconciliationRuns,
  listRunReports,
  type RunReportRow,
  type RunRow,
} from "../../queries/recon/list-runs.ts";
import { listReports } from "../../queries/recon/reports.ts";
import { dropUnplannedRun, openRun } from "../../queries/recon/runs.ts";
import type { Queryable } from "../../schema/database.ts";
import { allow, callerOf } from "../server/access.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { pageOf, paging, readCursor, toPage, word } from "../server/lists.ts";
import { listRoute } from "../server/list-route.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { runWorkflow, type Outcome } from "../server/run-workflow.ts";
import { alert, toAlert } from "../ops/alerts.ts";
import { attempt, id, link, linkTo, tags, toAttempt } from "./shapes.ts";
import { instant, iso, text } from "../server/shapes.ts";

const staff = allow("admin", "operator", "analyst");
const keepers = allow("admin", "operator");

/** The scope of a manual run, by the field that names it. */
const scopes = { reportId: "report", postId: "post", affiliateId: "affiliate", campaignId: "campaign" } as const;
const wanted = z
  .object({
    reportId: id.optional(),
    postId: id.optional(),
    affiliateId: id.optional(),
    campaignId: id.optional(),
    all: z.boolean().default(false).describe("every report, not only each post's latest"),
  })
  .refine(({ all: _all, ...given }) => Object.values(given).filter((one) => one !== undefined).length === 1, {
    error: "must name one of reportId, postId, affiliateId, campaignId",
  });

const run = z.object({
  runId: z.string(),
  scope: z.enum(["report", "post", "affiliate", "campaign"]),
  scopeId: z.string(),
  requestedBy: z.string(),
  startedAt: instant,
  finishedAt: instant.nullable(),
  planned: z.number().describe("how many reports"),
  outcome: z.enum(["running", "completed", "failed", "cancelled"]),
  reason: text,
  href: link,
});
const trust = z.number().nullable();
const runReport = z.object({
  reportId: z.string(),
  affiliateId: z.string(),
  attempt: z.number().describe("the one that this run asked for"),
  state: z.string(),
  detail: text.describe("what it waits for"),
  failure: text,
  result: attempt.nullable().describe("its verdict and the numbers behind it; null while there is none"),
  trustBefore: trust,
  trustAfter: trust,
  alerts: z.array(alert).describe("about this report"),
  href: link,
});
const started = z.object({ runId: z.string(), workflowId: z.string(), href: link });

/** Judging again by hand. */
export function reconciliationRoutes(api: Api, parts: ServerParts): void {
  startRoute(api, parts);
  runsRoute(api, parts);
  runRoute(api, parts);
}

function startRoute(api: Api, parts: ServerParts): void {
  api.post(
    "/reconciliation/run",
    {
      config: keepers,
      schema: {
        tags,
        summary:
          "Judges again: a report, or all of a post, an affiliate or a campaign; a new attempt each, the last counts",
        body: wanted,
        headers: z.object({ "idempotency-key": word.optional().describe("the same key and body is the same run") }),
        response: { 200: started.describe("it is done"), 202: started.describe("it goes on") },
      },
    },
    async (request, reply) => {
      const { client, subject } = callerOf(request);
      const { all, ...given } = request.body;
      const [field, scopeId = ""] = Object.entries(given).find(([, one]) => one !== undefined) ?? [];
      const scope = scopes[field as keyof typeof scopes];
      const runId = request.headers["idempotency-key"] ?? randomUUID();
      const [some] = await listReports(parts.reading, {
        scope: { client, affiliateId: null, advertiserId: null },
        filter: given,
        limit: 1,
      });
      if (some === undefined) throw notFound(scope === "report" ? "report" : `report of this ${scope}`);
      if (!(await openRun(parts.reading, { client, runId, scope, scopeId, requestedBy: subject, all })))
        throw new ApiError("conflict", "this Idempotency-Key was used for another run");
      const workflowId = `reconcile-many/${client}/${runId}`;
      const outcome = await runWorkflow<unknown>(parts, {
        type: "reconcileMany",
        workflowId,
        client,
        input: { client, runId, scope, scopeId, requestedBy: subject, latestOnly: !all },
        summary: `${scope} ${scopeId}, client ${client}, asked by ${subject}`,
      }).catch(async (error: unknown): Promise<Outcome<unknown>> => {
        // A run that failed in part is an answer: its reports say what became of each.
        const ended = await findReconciliationRun(parts.reading, { client, runId });
        if (ended?.outcome !== "failed") {
          await dropUnplannedRun(parts.reading, { client, runId });
          throw error;
        }
        return { done: true, workflowId: `${parts.config.queuePrefix}${workflowId}`, result: null };
      });
      const answer = {
        runId,
        workflowId: outcome.workflowId,
        href: linkTo(`/reconciliation/runs/${encodeURIComponent(runId)}`),
      };
      return outcome.done ? reply.code(200).send(answer) : reply.code(202).send(answer);
    },
  );
}

function runsRoute(api: Api, { reading }: ServerParts): void {
  listRoute(api, "/reconciliation/runs", {
    config: staff,
    tags,
    summary: "Manual runs, newest first",
    querystring: paging,
    item: run,
    place: z.object({ startedAt: z.iso.datetime({ precision: 6 }), runId: word }),
    read: ({ after, limit }, request) =>
      listReconciliationRuns(reading, { client: callerOf(request).client, before: after, limit }),
    placeOf: (row) => ({ startedAt: row.place, runId: row.runId }),
    toItem: toRun,
  });
}

function runRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/reconciliation/runs/:id",
    {
      config: staff,
      schema: {
        tags,
        summary:
          "One run and its reports: the claim, what the platform said, the verdict, trust before and after, alerts",
        params: z.object({ id: word }),
        querystring: paging,
        response: { 200: run.extend({ reports: pageOf(runReport) }) },
      },
    },
    async (request) => {
      const of = { client: callerOf(request).client, runId: request.params.id };
      const { limit, cursor } = request.query;
      const found = await findReconciliationRun(reading, of);
      if (found === null) throw notFound("run");
      const rows = await listRunReports(reading, { ...of, afterId: readCursor(cursor, id), limit: limit + 1 });
      const alerts = await readAlertsOf(reading, of.client, rows.slice(0, limit));
      const reports = toPage(
        rows,
        limit,
        (row) => row.reportId,
        (row) => toRunReport(row, alerts.get(row.reportId) ?? []),
      );
      return { ...toRun(found), reports };
    },
  );
}

async function readAlertsOf(reading: Queryable, client: string, rows: readonly RunReportRow[]) {
  const subjects = rows.map(({ reportId }) => `report/${reportId}`);
  const found = await readAlerts(reading, { client, area: "recon", subjects, limit: 5 * subjects.length });
  return new Map(
    rows.map(({ reportId }) => [reportId, found.filter(({ subject }) => subject === `report/${reportId}`)]),
  );
}

function toRun({ runId, scopeId, requestedBy, planned, reason, ...row }: RunRow): z.infer<typeof run> {
  return {
    runId,
    scopeId,
    requestedBy,
    planned,
    reason,
    scope: row.scope as z.infer<typeof run>["scope"],
    outcome: row.outcome as z.infer<typeof run>["outcome"],
    startedAt: row.startedAt.toISOString(),
    finishedAt: iso(row.finishedAt),
    href: linkTo(`/reconciliation/runs/${encodeURIComponent(runId)}`),
  };
}

function toRunReport(row: RunReportRow, alerts: readonly AlertRow[]): z.infer<typeof runReport> {
  const { reportId, affiliateId, state, detail, failure, trustBefore, trustAfter } = row;
  return {
    reportId,
    affiliateId,
    attempt: row.attempt,
    state,
    detail,
    failure,
    result: (row.logId as string | null) === null ? null : toAttempt(row),
    trustBefore: trustBefore === null ? null : Number(trustBefore),
    trustAfter: trustAfter === null ? null : Number(trustAfter),
    alerts: alerts.map(toAlert),
    href: linkTo(`/submissions/${reportId}`),
  };
}
