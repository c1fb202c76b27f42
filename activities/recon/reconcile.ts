import { cancellationSignal } from "@temporalio/activity";
import { z } from "zod";
import { typedId } from "../../core/typed.ts";
import { assertNever } from "../../core/assert-never.ts";
import type { Config } from "../../settings/config.ts";
import { openCredentials, type CredentialsOwner } from "../../rules/recon/platform-credentials.ts";
import { readPostUrl } from "../../rules/recon/post-url.ts";
import { createRedactor, type Redact } from "../../core/redact.ts";
import { ConnectorError, type ConnectorErrorKind } from "../../connectors/errors.ts";
import type { Http } from "../../connectors/http.ts";
import { platformAccount, type PlatformAccount } from "../../connectors/platforms/account.ts";
import {
  areAffiliates,
  type Platform,
  type PlatformAnswer,
  type UnifiedMetrics,
} from "../../connectors/platforms/platform.ts";
import { findPlatform } from "../../connectors/platforms/registry.ts";
import { resolveShareLink } from "../../connectors/platforms/resolve-link.ts";
import { notePlatformFails, notePlatformWorks, watchPlatforms, type QuotaSeen } from "../../queries/recon/health.ts";
import {
  closeReconRun,
  findPendingReports,
  forgetExpiredInteractions,
  noteRunFailures,
  planRun,
  readRunPage,
  type RunScope,
} from "../../queries/recon/runs.ts";
import {
  findVerdict,
  joinPost,
  readPostToFetch,
  readReportToJudge,
  recordFetched,
  recordStopped,
  recordVerdict,
  recordWait,
  type Counts,
  type ReportToJudge,
  type SealedAccess,
  type StoredVerdict,
} from "../../queries/recon/reconcile.ts";
import type { Database } from "../../schema/database.ts";
import { guardedBy, invalidInput } from "../shared/failures.ts";
import { checkedInput } from "../shared/input.ts";
import type { RateGate } from "../shared/rate-gate.ts";
import { runOf } from "../shared/run-of.ts";
import { withHeartbeat } from "../shared/with-heartbeat.ts";
import { gatedHttp } from "../shared/with-vendor.ts";
import { alertsOfClaim, alertsOfVerdict, type AboutReport } from "./alerts.ts";
import { jump, signsOf } from "../../rules/recon/claims.ts";
import {
  compare,
  explain,
  metrics,
  type Claimed,
  type Comparison,
  type Verdict,
  type Verified,
} from "../../rules/recon/compare.ts";
import { trustOf } from "../../rules/recon/trust.ts";
import { waitMsOf } from "../../rules/recon/waits.ts";

export interface ReconcileDependencies {
  database: Database;
  config: Pick<Config, "accounts" | "sandboxUrl" | "credentialsKey" | "recon" | "clients" | "queuePrefix">;
  gate: RateGate;
  redact: Redact;
}

/** What a person types, or the API sends. */
export interface ReconcileInput {
  client: string;
  reportId: string;
}

export interface ReconcilePlan extends ReconcileInput {
  attempt: number;
  platform: string;
  /** Whose queue the platform is asked on. */
  vendor: string;
  hasInteraction: boolean;
}

export type ReconcileStep =
  | ({ kind: "verdict" } & StoredVerdict)
  | {
      kind: "wait";
      waitMs: number;
      /** As the affiliate may read it. */
      reason: string;
      /** As an operator should. */
      detail: string | null;
    };

export interface ReconcileManyInput {
  client: string;
  scope: RunScope;
  scopeId: string;
  /** Names the run in `recon.runs`; its workflow's own run when left out. */
  runId?: string | undefined;
  requestedBy?: string | undefined;
  /** Only each post's latest report. */
  latestOnly?: boolean | undefined;
}

export interface FetchPostInput {
  client: string;
  platform: string;
  postId: string;
}

/** With its workflow's id, as that depends on settings, which workflows do not know. */
export interface ReportToStart extends ReconcileInput {
  workflowId: string;
}

export type FetchedPost =
  | { kind: "metrics"; platformReportId: string; metrics: Omit<UnifiedMetrics, "raw"> }
  | { kind: "not_ready" | "deleted" | "unknown_post"; reason: string };

/** A platform that fails for longer than this is somebody's to look at. */
const failingForMs = 30 * 60_000;
const sweepLimit = 500;
const pageSize = 200;

/** Judging reports: a platform asked, a claim compared, all of it written down once. */
export function createReconcileActivities({ database, config, gate, redact }: ReconcileDependencies) {
  const { recon } = config;
  const guarded = guardedBy(redact);
  return {
    /** Which attempt a report is at, and whom it needs. Quick: it runs inside the workflow's own task. */
    async planReconciliation(input: ReconcileInput): Promise<ReconcilePlan> {
      return guarded("reconciliation", async () => {
        const { client, reportId } = checkedInput(z.strictObject({ client: typedId, reportId: id }), input);
        const report = await read({ client, reportId });
        const { vendor } = platformNamed(report.platform);
        return {
          client,
          reportId,
          attempt: report.attempt,
          platform: report.platform,
          vendor: vendor.name,
          hasInteraction: report.hasInteraction,
        };
      });
    },

    /**
     * One try: asks the platform and writes the verdict with all that follows, or what there is to wait for. A repeat
     * of a try whose end got lost finds its verdict written, and says it again.
     */
    async reconcile({ client, reportId, attempt }: ReconcileInput & { attempt: number }): Promise<ReconcileStep> {
      return withHeartbeat({ place: `report ${reportId}`, redact }, async () => {
        const of = { client, reportId, attempt };
        const earlier = await findVerdict(database, of);
        if (earlier !== null) return { kind: "verdict", ...earlier };
        const report = await read({ client, reportId });
        if (report.attempt !== attempt)
          throw invalidInput(`report ${reportId} is at attempt ${report.attempt}, and ${attempt} has no verdict`);
        const asked = await ask(client, report);
        if (asked.kind === "waits") {
          if (report.isOverdue) return settle(client, report, gaveUp(report, asked.reason, recon.giveUpDays));
          const firstMs = asked.needsAPerson ? Math.min(patientMs, recon.longestWaitMs) : recon.firstWaitMs;
          const waitMs = waitMsOf(report.tries + 1, { firstMs, longestMs: recon.longestWaitMs }, asked.retryAfterMs);
          // Who else claims a link's post is known once it is followed.
          const raise = report.post.isShareLink ? null : claimAlerts(client, report).raise;
          await recordWait(database, { ...of, reason: asked.reason, waitMs, workflowId: workflowId(), raise });
          return { kind: "wait", waitMs, reason: asked.reason, detail: asked.detail };
        }
        return settle(client, asked.report, asked);
      });
    },

    /** Nobody works at the report any more. */
    async noteStopped({
      client,
      reportId,
      reason,
      byHand,
    }: ReconcileInput & { reason: string; byHand: boolean }): Promise<void> {
      await guarded(`report ${reportId}`, () =>
        recordStopped(database, {
          client,
          reportId,
          reason: redact(reason).slice(0, 500),
          byHand,
          workflowId: workflowId(),
        }),
      );
    },

    /** What a sweep has to start; and, as it comes by every minute, which platforms have failed for long. */
    async findPending(): Promise<ReportToStart[]> {
      return guarded("sweep", async () => {
        await watchPlatforms(database, { failingForMs });
        await forgetExpiredInteractions(database);
        const found = await findPendingReports(database, { limit: sweepLimit, quietMs: recon.sweepQuietMs });
        return found.map(({ client, reportId }) => ({ client, reportId, workflowId: workflowIdOf(reportId) }));
      });
    },

    /** Gives each report of a run its next attempt, and says how many there are. */
    async planMany(input: ReconcileManyInput): Promise<{ client: string; runId: string; planned: number }> {
      return guarded("reconciliation", async () => {
        const shape = z.strictObject({
          client: typedId,
          scope: z.enum(["report", "post", "affiliate", "campaign"]),
          scopeId: id,
          runId: z.string().min(1).max(200).optional(),
          requestedBy: z.string().max(200).optional(),
          latestOnly: z.boolean().optional(),
        });
        const {
          client,
          scope,
          scopeId,
          runId = workflowRunId(),
          requestedBy = "an operator",
          latestOnly,
        } = checkedInput(shape, input);
        const planned = await planRun(database, {
          client,
          runId,
          scope,
          scopeId,
          requestedBy,
          all: latestOnly !== true,
        });
        if (planned === null) throw invalidInput(`client "${client}" has no report of ${scope} ${scopeId}`);
        return { client, runId, planned };
      });
    },

    /** The next reports of a run. */
    async readPage({
      client,
      runId,
      after,
    }: {
      client: string;
      runId: string;
      after: string | null;
    }): Promise<ReportToStart[]> {
      return guarded(`run ${runId}`, async () => {
        const page = await readRunPage(database, { client, runId, after, limit: pageSize });
        return page.map(({ reportId }) => ({ client, reportId, workflowId: workflowIdOf(reportId) }));
      });
    },

    async noteFailures(of: Parameters<typeof noteRunFailures>[1]): Promise<void> {
      await guarded(`run ${of.runId}`, () => noteRunFailures(database, of));
    },

    async closeReconciliation(run: Parameters<typeof closeReconRun>[1]): Promise<void> {
      await guarded(`run ${run.runId}`, () => closeReconRun(database, run));
    },

    /** Whose queue a post's platform is asked on. */
    async planFetch(input: FetchPostInput): Promise<{ vendor: string }> {
      return guarded("fetch", async () => {
        const { client, platform, postId } = checkedInput(
          z.strictObject({ client: typedId, platform: z.string(), postId: id }),
          input,
        );
        const { vendor } = platformNamed(platform);
        if ((await readPostToFetch(database, { client, platform, postId })) === null)
          throw invalidInput(`client "${client}" has no post ${postId} on ${platform}`);
        return { vendor: vendor.name };
      });
    },

    /** Asks a platform about one post and keeps what it says; nothing is judged by it. */
    async fetchNumbers({ client, platform, postId }: FetchPostInput): Promise<FetchedPost> {
      return withHeartbeat({ place: `${platform} post ${postId}`, redact }, async () => {
        const found = await readPostToFetch(database, { client, platform, postId });
        if (found === null) throw invalidInput(`client "${client}" has no post ${postId} on ${platform}`);
        const { post, access, affiliateId } = found;
        if (post.isShareLink)
          return { kind: "not_ready", reason: "where the link leads is found out with its first report" };
        const account = accountOf({ client, affiliateId, platform: platformNamed(platform), access });
        if (account.credentials === null)
          throw invalidInput(`client ${client} has no ${platform}: set ${account.missing.join(", ")}`);
        const answer = await withPlatform(platformNamed(platform), account, (http) =>
          platformNamed(platform).fetchMetrics({ http, post: postAsked(post), credentials: account.credentials ?? {} }),
        );
        if (answer.kind !== "metrics") return { kind: answer.kind, reason: answer.reason };
        const { raw, ...kept } = answer.metrics;
        const platformReportId = await recordFetched(database, {
          ...{ client, postId, platform, reportId: null, attempt: null },
          fetched: { ...kept, raw },
        });
        return { kind: "metrics", platformReportId, metrics: kept };
      });
    },
  };

  /** Under which a report is worked at: whoever starts it, it is worked at once. */
  function workflowIdOf(reportId: string): string {
    return `${config.queuePrefix}reconcile/${reportId}`;
  }

  type Asked =
    | { kind: "waits"; reason: string; detail: string | null; retryAfterMs: number | null; needsAPerson: boolean }
    | ({ kind: "answered"; report: ReportToJudge } & Judged);

  /** Follows the report's link if it is one, and asks the platform. */
  async function ask(client: string, report: ReportToJudge): Promise<Asked> {
    const platform = platformNamed(report.platform);
    const { affiliateId, access } = report;
    const account = accountOf({ client, affiliateId, platform, access });
    const { credentials } = account;
    if (credentials === null)
      return {
        kind: "waits",
        reason: `${platform.name} is not set up yet`,
        detail: `set ${account.missing.join(", ")}`,
        retryAfterMs: null,
        needsAPerson: true,
      };
    try {
      const known = report.post.isShareLink
        ? await followLink(client, report, platform, account)
        : { report, judged: null };
      if (known.judged !== null) return { kind: "answered", report, ...known.judged };
      const { post } = known.report;
      const answer = await withPlatform(platform, account, (http) =>
        platform.fetchMetrics({ http, post: postAsked(post), credentials }),
      );
      return judge(known.report, answer);
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      const isOwn = areAffiliates(credentials);
      return {
        kind: "waits",
        reason: whyItWaits(platform.name, error.kind, isOwn),
        detail: redactFor(account)(error.message),
        retryAfterMs: error.retryAfterMs,
        needsAPerson: mendedByPeople.has(error.kind),
      };
    }
  }

  async function followLink(
    client: string,
    report: ReportToJudge,
    platform: Platform,
    account: PlatformAccount,
  ): Promise<{ report: ReportToJudge; judged: Judged | null }> {
    const signal = cancellationSignal();
    const resolved = await resolveShareLink(report.post.url, {
      platform,
      linkBaseUrl: account.linkBaseUrl,
      userAgent: account.userAgent,
      beforeRequest: () => gate.turn(account, { signal }),
      signal,
    });
    if (!("url" in resolved))
      return { report, judged: unknownPost("refused" in resolved ? resolved.refused : resolved.gone) };
    const found = readPostUrl(platform.name, resolved.url);
    if (!found.ok || found.address.isShareLink)
      return { report, judged: unknownPost("the link leads to a page that is no post") };
    const { reportId, attempt } = report;
    const joined = {
      client,
      reportId,
      attempt,
      postId: report.post.postId,
      address: found.address,
      workflowId: workflowId(),
    };
    await joinPost(database, joined);
    return { report: await read({ client, reportId }), judged: null };
  }

  async function settle(client: string, report: ReportToJudge, judged: Judged): Promise<ReconcileStep> {
    const { reportId, attempt, affiliateId, platform, post } = report;
    const { verdict, comparison, reason, fetched } = judged;
    const level = comparison?.level ?? null;
    const claim = claimAlerts(client, report);
    const said = alertsOfVerdict(claim.about, { level, reason, attempt });
    const stored = await recordVerdict(database, {
      ...{ client, reportId, attempt, affiliateId, postId: post.postId, platform },
      ...{ verdict, level, reason, ...trustOf(verdict, level) },
      worstMetric: comparison?.worst ?? null,
      metrics: Object.fromEntries(
        metrics.map((metric) => {
          const compared = comparison?.metrics[metric];
          const verified = fetched?.[metric] ?? null;
          return [
            metric,
            {
              claimed: report.claimed[metric],
              verified: verified === null ? null : String(verified),
              difference: compared?.difference == null ? null : String(compared.difference),
              diffPct: compared?.diffPct ?? null,
            },
          ];
        }),
      ) as unknown as Counts<{
        claimed: string;
        verified: string | null;
        difference: string | null;
        diffPct: string | null;
      }>,
      fetched,
      workflowId: workflowId(),
      runId: workflowRunId(),
      raise: [...claim.raise, ...said.raise],
      settle: said.settle,
    });
    if (stored === null) throw invalidInput(`report ${reportId} has gone on to another attempt than ${attempt}`);
    return { kind: "verdict", ...stored };
  }

  async function read(of: { client: string; reportId: string }): Promise<ReportToJudge> {
    const report = await readReportToJudge(database, {
      ...of,
      giveUpDays: recon.giveUpDays,
      jumpHours: jump.withinHours,
    });
    if (report === null) throw invalidInput(`client "${of.client}" has no report ${of.reportId}`);
    return report;
  }

  function accountOf(of: {
    client: string;
    affiliateId: string;
    platform: Platform;
    access: SealedAccess;
  }): PlatformAccount {
    const { client, affiliateId, platform, access } = of;
    if (!config.clients.includes(client))
      throw invalidInput(`unknown client "${client}": there are ${config.clients.join(", ")} (the setting CLIENTS)`);
    const owner = { client, platform: platform.name };
    const own = openSealed({ ...owner, affiliateId }, access.sealedToken);
    return platformAccount({
      config,
      platform,
      client,
      stored: {
        mode: access.mode,
        credentials: openSealed({ ...owner, affiliateId: null }, access.sealedConfig),
        affiliate: own === null ? null : { id: affiliateId, credentials: own },
      },
    });
  }

  /** What was sealed under another key is as good as not there. */
  function openSealed(owner: CredentialsOwner, sealed: Buffer | null): Record<string, string> | null {
    return sealed === null || config.credentialsKey === null
      ? null
      : openCredentials(config.credentialsKey, owner, sealed);
  }

  function redactFor(account: PlatformAccount): Redact {
    const own = createRedactor(Object.values(account.secrets ?? {}));
    return (text) => redact(own(text));
  }

  /** The account's turn at the gate; and whether the platform works, written down where its own account was used. */
  async function withPlatform(
    platform: Platform,
    account: PlatformAccount,
    work: (http: Http) => Promise<PlatformAnswer>,
  ): Promise<PlatformAnswer> {
    const { vendor } = platform;
    const signal = cancellationSignal();
    const of = { client: account.client, platform: platform.name };
    const isOwn = areAffiliates(account.credentials ?? {});
    let quota: QuotaSeen | null = null;
    const http = gatedHttp(
      { gate, redact },
      { vendor, account },
      {
        signal,
        onQuota: ({ used }) => {
          if (used !== undefined)
            quota = { leftPct: Math.max(0, Math.min(100, 100 - used.percent)), resetsInMs: used.resetsInMs };
        },
      },
    );
    try {
      const answer = await work(http);
      if (!isOwn) await notePlatformWorks(database, of, quota);
      return answer;
    } catch (error) {
      // Being told to wait is how a platform works that has much to do.
      if (!isOwn && error instanceof ConnectorError && error.kind !== "rate_limited")
        await notePlatformFails(database, { ...of, kind: error.kind, message: redactFor(account)(error.message) });
      throw error;
    }
  }
}

interface Judged {
  verdict: Verdict;
  comparison: Comparison | null;
  reason: string;
  fetched: UnifiedMetrics | null;
}

/** As ids are written. */
const id = typedId.pipe(z.string().regex(/^[1-9]\d{0,17}$/, "must be an id"));
/** What only a person can mend is not mended in seconds. */
const patientMs = 10 * 60_000;
const mendedByPeople: ReadonlySet<ConnectorErrorKind> = new Set([
  "unauthorized",
  "rejected",
  "malformed",
  "quota_spent",
]);

function judge(
  report: ReportToJudge,
  answer: PlatformAnswer,
):
  | { kind: "waits"; reason: string; detail: null; retryAfterMs: number | null; needsAPerson: false }
  | ({ kind: "answered"; report: ReportToJudge } & Judged) {
  const { platform } = report;
  switch (answer.kind) {
    case "not_ready": {
      const { reason, retryAfterMs } = answer;
      return {
        ...{ kind: "waits", detail: null, retryAfterMs, needsAPerson: false },
        reason: `${platform} has no numbers yet: ${reason}`,
      };
    }
    case "deleted":
      return {
        ...{ kind: "answered", report, verdict: "POST_DELETED", comparison: null, fetched: null },
        reason: `the post is gone: ${answer.reason}`,
      };
    case "unknown_post":
      return { kind: "answered", report, ...unknownPost(answer.reason) };
    case "metrics": {
      const fetched = answer.metrics;
      const claimed = claimedBy(report.claimed);
      const verified = Object.fromEntries(
        metrics.map((metric) => [metric, fetched[metric] === null ? null : BigInt(fetched[metric])]),
      ) as Verified;
      const comparison = compare(claimed, verified);
      const note = z.object({ note: z.string() }).safeParse(fetched.raw).data?.note ?? null;
      const reason = explain(comparison, { platform, claimed, verified, note });
      return { kind: "answered", report, verdict: comparison.verdict, comparison, reason, fetched };
    }
    default:
      return assertNever(answer);
  }
}

const unknownPost = (reason: string): Judged => ({
  verdict: "POST_UNKNOWN",
  comparison: null,
  reason: `there is no such post: ${reason}`,
  fetched: null,
});

const gaveUp = ({ platform }: ReportToJudge, reason: string, days: number): Judged => ({
  verdict: "UNVERIFIABLE",
  comparison: null,
  reason: `nothing was heard of ${platform} in ${days} days: ${reason}`,
  fetched: null,
});

/** In words for the affiliate: what went wrong between us and the platform is not theirs to read. */
function whyItWaits(platform: string, kind: ConnectorErrorKind, isOwn: boolean): string {
  switch (kind) {
    case "unauthorized":
      return isOwn
        ? `${platform} does not take the affiliate's token any more: it has to be renewed`
        : `${platform} does not let us in at the moment`;
    case "rate_limited":
    case "quota_spent":
      return `${platform} asks us to come back later`;
    case "unavailable":
      return `${platform} does not answer at the moment`;
    case "rejected":
    case "malformed":
    case "duplicate_key":
      return `${platform} answers in a way that we do not understand yet`;
    default:
      return assertNever(kind);
  }
}

function claimAlerts(
  client: string,
  report: ReportToJudge,
): { about: AboutReport; raise: ReturnType<typeof alertsOfClaim> } {
  const { reportId, affiliateId, platform, post, otherAffiliates } = report;
  const { postId, url, platformPostId } = post;
  const about = { client, reportId, affiliateId, platform, postId, url, platformPostId };
  // Once per report: an alert that a person has closed is not opened again by a later try.
  if (report.isClaimChecked) return { about, raise: [] };
  const claimed = claimedBy(report.claimed);
  const before = report.before === null ? null : claimedBy(report.before);
  return { about, raise: alertsOfClaim(about, { claimed, before, signs: signsOf(claimed, before), otherAffiliates }) };
}

const claimedBy = (counts: Counts<string>) =>
  Object.fromEntries(metrics.map((metric) => [metric, BigInt(counts[metric])])) as Claimed;

const postAsked = ({ url, platformPostId, postedAt }: ReportToJudge["post"]) => ({
  url,
  postId: platformPostId,
  postedAt: postedAt?.toISOString() ?? null,
});

function platformNamed(name: string): Platform {
  const platform = findPlatform(name);
  if (platform === undefined) throw invalidInput(`unknown platform "${name}"`);
  return platform;
}

const workflowId = () => runOf().workflowId;
const workflowRunId = () => runOf().runId;
