import { z } from "zod";
import { platformOfUrl, readPostUrl } from "../../connectors/platforms/addresses.ts";
import { accept, type Accepted } from "../../queries/recon/accept.ts";
import {
  findReport,
  listAttempts,
  countReports,
  listReports,
  reportOrders,
  listSteps,
  type ReportFilter,
} from "../../queries/recon/reports.ts";
import { findEvidence, openEvidence, type EvidenceKeeping } from "../../queries/recon/evidence.ts";
import { allow, allowAffiliates, callerOf } from "../server/access.ts";
import { audited } from "../server/audited.ts";
import { affiliateOf, scopeOf } from "./affiliate-key.ts";
import { ApiError, notFound } from "../server/errors.ts";
import { paging, word } from "../server/lists.ts";
import type { Api, ServerParts } from "../server/parts.ts";
import { sortedListRoute, sortIn } from "../server/sorted-list.ts";
import { startReconciliation } from "./start-reconciliation.ts";
import { whileAwake } from "../server/whole-transaction.ts";
import {
  attempt,
  id,
  levelName,
  link,
  linkTo,
  platformName,
  report,
  stateName,
  tags,
  toAttempt,
  toReport,
  verdictName,
  withoutSpend,
} from "./shapes.ts";
import { flag, instant, isTrue, text } from "../server/shapes.ts";

const readers = allowAffiliates("admin", "operator", "analyst", "advertiser");
const count = z.int().min(0).default(0).describe("a whole number, 0 or more; 0 when left out");

const submission = z.object({
  campaignId: id,
  platform: platformName.optional().describe("found by the address when left out"),
  url: z.string().min(1).max(2_000).describe("the post's address, in any spelling"),
  claimed: z.object({ views: count, clicks: count, conversions: count }).describe("what is left out is 0"),
  evidence: z
    .unknown()
    .optional()
    .describe(
      "any JSON of at most 64 KB; no images. Stored encrypted, readable by operators only, deleted after a while",
    ),
  title: z.string().max(300).nullish(),
  description: z.string().max(2_000).nullish(),
  postedAt: z.iso.datetime({ offset: true }).nullish(),
});

const taken = z.object({
  reportId: z.string(),
  postId: z.string(),
  state: stateName,
  outcome: z
    .enum(["accepted", "repeated"])
    .describe("repeated: the same claim was submitted before; this is its report"),
  href: link.describe("the address of its verdict"),
});

export const reportFilters = z.object({
  affiliate: id.optional(),
  campaign: id.optional(),
  post: id.optional(),
  platform: word.optional(),
  state: stateName.optional(),
  verdict: verdictName.optional(),
  level: levelName.optional(),
  disputed: flag.describe("true: with an open dispute"),
  judged: flag.describe("whether it has a verdict"),
  open: flag.describe("true: it still waits for a verdict"),
});

export function toFilter(query: z.infer<typeof reportFilters>): ReportFilter {
  const { affiliate, campaign, post: postId, disputed, judged, open, ...rest } = query;
  return {
    ...rest,
    affiliateId: affiliate,
    campaignId: campaign,
    postId,
    disputed: isTrue(disputed),
    judged: isTrue(judged),
    open: isTrue(open),
  };
}

const step = z.object({ attempt: z.number(), step: z.string(), detail: z.string(), workflowId: text, at: instant });
export const details = report.extend({
  attempts: z.array(attempt).describe("every verdict; the last one counts"),
  steps: z.array(step).describe("what happened to it, in order"),
  evidence: z
    .object({ keptUntil: instant, href: link })
    .nullable()
    .describe("where operators read what the affiliate added"),
});

/** Claims coming in, and what became of each. */
export function submissionRoutes(api: Api, parts: ServerParts): void {
  submitRoute(api, parts);
  submissionsRoute(api, parts);
  totalsRoute(api, parts);
  submissionRoute(api, parts);
  evidenceRoute(api, parts);
}

function submitRoute(api: Api, parts: ServerParts): void {
  const { reading, database, config } = parts;

  api.post(
    "/affiliates/submissions",
    {
      config: { ...allowAffiliates(), rateLimit: { max: config.submissionsPerMinute, timeWindow: 60_000 } },
      schema: {
        tags,
        summary: "Submits a claim for a post. It is stored before the answer; the verdict comes later",
        body: submission,
        headers: z.object({
          "idempotency-key": word.optional().describe("the same key and content is the same submission"),
        }),
        response: { 202: taken },
      },
    },
    async (request, reply) => {
      const { client, affiliateId } = affiliateOf(request);
      const { campaignId, url, claimed, evidence, title, description, postedAt } = request.body;
      const platform = request.body.platform ?? platformOfUrl(url);
      if (platform === null)
        throw refused({ code: "validation_error", field: "url", message: "is on no platform that we can check" });
      const accepted = await whileAwake(
        reading,
        accept(
          database,
          {
            client,
            affiliateId,
            campaignId,
            platform,
            post: readPostUrl(platform, url),
            claimed,
            evidence: evidence ?? null,
            method: "API",
            idempotencyKey: request.headers["idempotency-key"] ?? null,
            title: title ?? null,
            description: description ?? null,
            postedAt: postedAt ?? null,
          },
          keepingOf(config),
        ),
      );
      if (accepted.outcome === "refused") throw refused(accepted);
      const { outcome, reportId, postId } = accepted;
      const state = accepted.state as z.infer<typeof stateName>;
      if (state === "PENDING") {
        const takenIn = outcome === "accepted" ? { hasInteraction: false } : null;
        startReconciliation(parts, { client, reportId, platform, takenIn });
      }
      return reply.code(202).send({ outcome, reportId, postId, state, href: linkTo(`/submissions/${reportId}`) });
    },
  );
}

function submissionsRoute(api: Api, { reading }: ServerParts): void {
  sortedListRoute(api, "/submissions", {
    config: readers,
    tags,
    summary: "Reports with their latest verdicts, newest first",
    querystring: paging.extend({ ...reportFilters.shape, sort: sortIn(reportOrders) }),
    item: report,
    orders: reportOrders,
    read: ({ filter: { sort: _sort, ...filter }, order, limit }, request) =>
      listReports(reading, { scope: scopeOf(request), filter: toFilter(filter), order, limit }),
    toItem: toReport,
  });
}

export const claimTotals = z.object({
  claims: z.number(),
  posts: z.number(),
  matched: z.number(),
  tooHigh: z.number().describe("beyond what the platform shows, by however much"),
  farTooHigh: z.number().describe("of these, those of level HIGH"),
  waiting: z.number(),
  openDisputes: z.number(),
});

function totalsRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/submissions/totals",
    {
      config: readers,
      schema: {
        tags,
        summary: "How many reports the same filters leave in the list, by what became of them",
        querystring: z.strictObject(reportFilters.shape),
        response: { 200: claimTotals },
      },
    },
    (request) => countReports(reading, { scope: scopeOf(request), filter: toFilter(request.query) }),
  );
}

function submissionRoute(api: Api, { reading }: ServerParts): void {
  api.get(
    "/submissions/:reportId",
    {
      config: readers,
      schema: {
        tags,
        summary: "One report with every attempt, every step and the platform's answers",
        params: z.object({ reportId: id }),
        response: { 200: details },
      },
    },
    async (request) => {
      const scope = scopeOf(request);
      const { reportId } = request.params;
      const found = await findReport(reading, { scope, reportId });
      if (found === null) throw notFound("report");
      const [attempts, steps, evidence] = await Promise.all([
        listAttempts(reading, { client: scope.client, reportId }),
        listSteps(reading, { client: scope.client, reportId }),
        findEvidence(reading, { client: scope.client, reportId }),
      ]);
      return {
        ...toReport(found),
        attempts: (scope.affiliateId === null ? attempts : attempts.map(withoutSpend)).map(toAttempt),
        steps: steps.map((row) => ({
          ...row,
          // Who of the staff asked is the staff's business.
          detail: scope.affiliateId !== null && row.step === "rerun_requested" ? "by a person" : row.detail,
          at: row.at.toISOString(),
        })),
        evidence:
          evidence === null
            ? null
            : { keptUntil: evidence.keptUntil.toISOString(), href: linkTo(`/submissions/${reportId}/evidence`) },
      };
    },
  );
}

function evidenceRoute(api: Api, parts: ServerParts): void {
  api.get(
    "/submissions/:reportId/evidence",
    {
      config: allow("admin", "operator"),
      schema: {
        tags,
        summary: "The affiliate's evidence, decrypted; each view is recorded in the audit log",
        params: z.object({ reportId: id }),
        response: { 200: z.object({ reportId: z.string(), evidence: z.unknown(), keptUntil: instant }) },
      },
    },
    async (request) => {
      const { client } = callerOf(request);
      const { reportId } = request.params;
      const opened = await openEvidence(parts.reading, { client, reportId }, parts.config.credentialsKey);
      if (opened === null) throw notFound("evidence");
      if (!opened.isOpen)
        throw new ApiError("unavailable", "the evidence was sealed with another CREDENTIALS_ENCRYPTION_KEY");
      await audited(parts, request, (session, record) =>
        record(session, { action: "evidence_viewed", subject: `report/${reportId}` }),
      );
      return { reportId, evidence: opened.evidence, keptUntil: opened.keptUntil.toISOString() };
    },
  );
}

export function keepingOf({ credentialsKey, recon }: ServerParts["config"]): EvidenceKeeping {
  return { credentialsKey, evidenceDays: recon.evidenceDays };
}

export function refused({
  code,
  field,
  message,
}: Pick<Extract<Accepted, { outcome: "refused" }>, "code" | "field" | "message">): ApiError {
  return new ApiError(code, `${field} ${message}`, { [field]: message });
}
