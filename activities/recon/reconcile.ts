import { cancellationSignal } from "@temporalio/activity";
import { originOf } from "../../core/origin.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { resolveShareLink } from "../../connectors/platforms/resolve-link.ts";
import { joinPost } from "../../queries/recon/join-post.ts";
import { recordVerdict } from "../../queries/recon/record-verdict.ts";
import { recordWait } from "../../queries/recon/record-progress.ts";
import { readReportToJudge, type ReportToJudge } from "../../queries/recon/report-to-judge.ts";
import type { JudgedMetric, ReportAttempt, StoredVerdict } from "../../queries/recon/shapes.ts";
import { jump, signsOf } from "../../rules/recon/claims.ts";
import type { Metric } from "../../rules/recon/compare.ts";
import { readPostUrl } from "../../rules/recon/post-url.ts";
import { trustOf } from "../../rules/recon/trust.ts";
import { waitMsOf } from "../../rules/recon/waits.ts";
import { invalidInput } from "../shared/failures.ts";
import { noteStart } from "../shared/note-start.ts";
import { runOf } from "../shared/run-of.ts";
import { alertsOfClaim, alertsOfVerdict, type AboutReport } from "../../rules/recon/alerts.ts";
import { askPlatform, clientAccount, redactFor, waitFor, type PlatformAsk } from "./ask-platform.ts";
import { platformNamed, type ReconContext } from "./context.ts";
import { noteOverlaps } from "./overlaps.ts";
import { claimedBy, gaveUp, judge, unknownPost, verifiedBy, type Judged } from "../../rules/recon/judge.ts";
import type { Waits } from "../../rules/recon/platform-answer.ts";

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

/** What only a person can fix is not fixed in seconds. */
const patientMs = 10 * 60_000;

/**
 * One try: asks the platform and writes the verdict with all that follows, or what there is to wait for. A repeat of a
 * try whose end got lost finds its verdict written, and returns it again.
 */
export async function reconcile(
  context: ReconContext,
  of: { client: string; reportId: string; attempt: number },
): Promise<ReconcileStep> {
  const attempt: ReportAttempt = { ...of, workflowId: runOf().workflowId };
  const report = await read(context, attempt);
  if (!report.isNew) await noteStart(context, [of]);
  if (report.given !== null) return { kind: "verdict", ...report.given };
  if (report.attempt !== of.attempt)
    throw invalidInput(`report ${of.reportId} is at attempt ${report.attempt}, and ${of.attempt} has no verdict`);
  const { known, found } = await find(context, attempt, report);
  if (found.kind === "judged") return settle(context, attempt, known, found);
  const { recon } = context.config;
  if (report.isOverdue) return settle(context, attempt, known, gaveUp(report.platform, found.reason, recon.giveUpDays));
  const firstMs = found.needsAPerson ? Math.min(patientMs, recon.longestWaitMs) : recon.firstWaitMs;
  const waitMs = waitMsOf(report.tries + 1, { firstMs, longestMs: recon.longestWaitMs }, found.retryAfterMs);
  // Who else claims a link's post is known once it is followed.
  const raise = known.post.isShareLink ? null : claimAlerts(of.client, known).raise;
  await recordWait(context.database, { attempt, reason: found.reason, waitMs, raise });
  return { kind: "wait", waitMs, reason: found.reason, detail: found.detail };
}

interface Found {
  /** The report, with the post that its link led to. */
  known: ReportToJudge;
  found: Judged | Waits;
}

/** Follows the report's link if it is one, and asks the platform. */
async function find(context: ReconContext, attempt: ReportAttempt, report: ReportToJudge): Promise<Found> {
  const platform = platformNamed(report.platform);
  const ask = { client: attempt.client, affiliateId: report.affiliateId, platform, access: report.access };
  let known = report;
  if (report.post.isShareLink) {
    const followed = await followLink(context, ask, attempt, report);
    if (followed !== null) return { known, found: followed };
    known = await read(context, attempt);
  }
  return { known, found: judge(known, await askPlatform(context, ask, known.post)) };
}

/** Joins the post that a link leads to. Null when it did; else what is the matter with the link. */
async function followLink(
  context: ReconContext,
  ask: PlatformAsk,
  attempt: ReportAttempt,
  { post }: ReportToJudge,
): Promise<Judged | Waits | null> {
  const { platform } = ask;
  const account = clientAccount(context, ask);
  const signal = cancellationSignal();
  try {
    const resolved = await resolveShareLink(post.url, {
      platform,
      linkBaseUrl: account.linkBaseUrl,
      userAgent: account.userAgent,
      beforeRequest: () => context.gate.turn(account, { signal }),
      signal,
    });
    if (!("url" in resolved)) return unknownPost("refused" in resolved ? resolved.refused : resolved.gone);
    const found = readPostUrl(platform, resolved.url);
    if (!found.ok || found.address.isShareLink) return unknownPost("the link leads to a page that is no post");
    await joinPost(context.database, { attempt, postId: post.postId, address: found.address });
    return null;
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return waitFor(platform, error, { isOwn: false, redact: redactFor(context, account) });
  }
}

async function settle(
  context: ReconContext,
  attempt: ReportAttempt,
  report: ReportToJudge,
  judged: Judged,
): Promise<ReconcileStep> {
  const { verdict, comparison, reason, fetched } = judged;
  const level = comparison?.level ?? null;
  const claim = claimAlerts(attempt.client, report);
  const said = alertsOfVerdict(claim.about, { level, reason, attempt: attempt.attempt });
  const ask = { client: attempt.client, platform: platformNamed(report.platform), access: report.access };
  const overlaps = await noteOverlaps(context, claim.about, { attempt: attempt.attempt, partOf: fetched?.partOf });
  const stored = await recordVerdict(context.database, {
    attempt,
    affiliateId: report.affiliateId,
    postId: report.post.postId,
    platform: report.platform,
    verdict,
    level,
    reason,
    ...trustOf({ verdict, level }, { claimed: claimedBy(report.claimed), verified: verifiedBy(fetched) }),
    worstMetric: comparison?.worst ?? null,
    metrics: { views: compared("views"), clicks: compared("clicks"), conversions: compared("conversions") },
    fetched,
    origin: originOf(clientAccount(context, ask)),
    runId: runOf().runId,
    raise: [...claim.raise, ...overlaps, ...said.raise],
    settle: said.settle,
  });
  if (stored === null)
    throw invalidInput(`report ${attempt.reportId} has gone on to another attempt than ${attempt.attempt}`);
  return { kind: "verdict", ...stored };

  function compared(metric: Metric): JudgedMetric {
    const numbers = comparison?.metrics[metric];
    const verified = fetched?.[metric] ?? null;
    return {
      claimed: report.claimed[metric],
      verified: verified === null ? null : String(verified),
      difference: numbers?.difference == null ? null : String(numbers.difference),
      diffPct: numbers?.diffPct ?? null,
    };
  }
}

async function read({ database, config }: ReconContext, of: ReportAttempt): Promise<ReportToJudge> {
  const { giveUpDays } = config.recon;
  const report = await readReportToJudge(database, { of, giveUpDays, jumpHours: jump.withinHours });
  if (report === null) throw invalidInput(`client "${of.client}" has no report ${of.reportId}`);
  return report;
}

function claimAlerts(
  client: string,
  report: ReportToJudge,
): { about: AboutReport; raise: ReturnType<typeof alertsOfClaim> } {
  const { reportId, affiliateId, affiliateName, platform, post, otherAffiliates } = report;
  const { postId, url, platformPostId } = post;
  const about = { client, reportId, affiliateId, affiliateName, platform, postId, url, platformPostId };
  // Once per report: an alert that a person has closed is not opened again by a later try.
  if (report.isClaimChecked) return { about, raise: [] };
  const claimed = claimedBy(report.claimed);
  const before = report.before === null ? null : claimedBy(report.before);
  return { about, raise: alertsOfClaim(about, { claimed, before, signs: signsOf(claimed, before), otherAffiliates }) };
}
