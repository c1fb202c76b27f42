import type { Origin } from "../../core/origin.ts";
import { discrepancyAlerts } from "../../rules/recon/trust.ts";
import { inTransaction, prepared, type Database, type Queryable, type Session } from "../../schema/database.ts";
import { raiseAlert, settleAlerts, type RaisedAlert } from "../ops/alerts.ts";
import { insertRow } from "../shared/named.ts";
import { lockPosts, refreshPostTotals } from "./posts.ts";
import type { Counts, FetchedNumbers, JudgedMetric, ReportAttempt, StoredVerdict } from "./shapes.ts";
import { lockClaimants, noteSteps, refreshTrust } from "./trust.ts";

export interface Judgement {
  attempt: ReportAttempt;
  affiliateId: string;
  postId: string;
  platform: string;
  verdict: string;
  level: string | null;
  countsForTrust: boolean;
  isAccurate: boolean;
  worstMetric: string | null;
  metrics: Counts<JudgedMetric>;
  reason: string;
  /** Null when the platform reported nothing. */
  fetched: FetchedNumbers | null;
  /** Who was asked: the platform or a mock server. */
  origin: Origin;
  runId: string;
  raise: RaisedAlert[];
  /** Kinds of alerts about this report that no longer hold. */
  settle: string[];
}

/**
 * Writes down a verdict with all that follows from it, in one transaction: what the platform said, the log, the
 * report's state, trust and alerts. An attempt has one verdict: a second writer finds the first one's and changes
 * nothing. Null when the report has gone on to another attempt.
 */
export async function recordVerdict(database: Database, judged: Judgement): Promise<StoredVerdict | null> {
  const { attempt: of, affiliateId, postId, platform } = judged;
  const { client, reportId, attempt } = of;
  return inTransaction(database, async (session) => {
    const claimants = await lockClaimants(session, { client, affiliateId, postIds: [postId] });
    await lockPosts(session, { client, postIds: [postId] });
    const report = await lockReport(session, of);
    if (report === null) return null;
    if (report.given !== null) return report.given;
    if (report.attempt !== attempt) return null;
    const { fetched, origin } = judged;
    const platformReportId =
      fetched === null
        ? null
        : await recordFetched(session, { client, postId, platform, reportId, attempt, fetched, origin });
    const stored = await insertLog(session, judged, platformReportId);
    await session.query(
      prepared(
        `with post as (
         update recon.posts set is_reconciled = true where _client_id = $1 and post_id = $7 and not is_reconciled)
       update recon.report_state
          set state = 'RECONCILED', detail = null, next_try_at = null, log_id = $3, verdict = $4, level = $5, says_nothing = $6, reconciled_at = now(),
              claim_checked_at = coalesce(claim_checked_at, now()), updated_at = now()
        where _client_id = $1 and report_id = $2`,
        [
          client,
          reportId,
          stored.logId,
          stored.verdict,
          stored.level,
          judged.verdict === "MATCHED" && !judged.countsForTrust,
          postId,
        ],
      ),
    );
    const { settledFor } = report;
    const judgedAs = stored.level === null ? stored.verdict : `${stored.verdict} ${stored.level}`;
    const holds = settledFor === null ? "" : `; a person settled it in favour of the ${settledFor}, and that holds`;
    await noteSteps(session, of, [
      ...(fetched === null ? [] : [{ step: "fetched", detail: `from ${platform}` }]),
      { step: "verdict", detail: `${judgedAs}: ${stored.reason}${holds}` },
    ]);
    await refreshPostTotals(session, { client, postId });
    for (const claimant of claimants) await refreshTrust(session, { client, affiliateId: claimant });
    await settleAlerts(session, {
      client,
      area: "recon",
      kinds: judged.settle,
      subject: `report/${reportId}`,
      notes: `attempt ${attempt} came to another verdict`,
    });
    // Last, as others may wait for them; an alert about an address is the only one that several affiliates share.
    // A person has looked at this claim: nobody is called to it again.
    const settled: readonly string[] = settledFor === null ? [] : Object.values(discrepancyAlerts);
    for (const alert of judged.raise.filter(({ kind }) => !settled.includes(kind))) await raiseAlert(session, alert);
    return stored;
  });
}

interface LockedReport {
  attempt: number;
  /** The verdict of the attempt that was asked for, when it has one: a repeat gets this answer. */
  given: StoredVerdict | null;
  /** In whose favour a person settled the report, where that binds. */
  settledFor: string | null;
}

/** Whoever writes a verdict or settles one holds the affiliate and the post, so what is read beside the lock is the latest. */
async function lockReport(
  session: Session,
  { client, reportId, attempt }: ReportAttempt,
): Promise<LockedReport | null> {
  const { rows } = await session.query<LockedReport>(
    prepared(
      `select s.attempt,
            (select json_build_object('logId', l.log_id::text, 'verdict', l.verdict, 'level', l.level, 'reason', l.reason)
               from recon.reconciliation_logs l where l._client_id = s._client_id and l.report_id = s.report_id and l.attempt = $3) as given,
            (select v.settled_for from recon.counted_verdicts v where v._client_id = s._client_id and v.report_id = s.report_id) as "settledFor"
       from recon.report_state s where s._client_id = $1 and s.report_id = $2 for update`,
      [client, reportId, attempt],
    ),
  );
  return rows[0] ?? null;
}

/** Keeps what a platform said of a post; for an attempt of a report, or for a manual fetch. */
export async function recordFetched(
  database: Queryable,
  of: {
    client: string;
    postId: string;
    platform: string;
    reportId: string | null;
    attempt: number | null;
    fetched: FetchedNumbers;
    origin: Origin;
  },
): Promise<string> {
  const { fetched } = of;
  const { text, values } = insertRow(
    "recon.platform_reports",
    {
      _client_id: of.client,
      post_id: of.postId,
      platform: of.platform,
      report_id: of.reportId,
      attempt: of.attempt,
      views: fetched.views,
      clicks: fetched.clicks,
      conversions: fetched.conversions,
      spend: fetched.spend,
      currency: fetched.currency,
      hints: JSON.stringify(fetched.hints ?? {}),
      raw_data: JSON.stringify(fetched.raw ?? null),
      origin: of.origin,
    },
    "platform_report_id::text as id",
  );
  const { rows } = await database.query<{ id: string }>(prepared(text, values));
  const [row] = rows;
  if (row === undefined) throw new Error("what the platform said was not written");
  return row.id;
}

async function insertLog(session: Session, judged: Judgement, platformReportId: string | null): Promise<StoredVerdict> {
  const { attempt: of, metrics } = judged;
  const { text, values } = insertRow(
    "recon.reconciliation_logs",
    {
      _client_id: of.client,
      report_id: of.reportId,
      attempt: of.attempt,
      post_id: judged.postId,
      affiliate_id: judged.affiliateId,
      platform_report_id: platformReportId,
      verdict: judged.verdict,
      level: judged.level,
      counts_for_trust: judged.countsForTrust,
      is_accurate: judged.isAccurate,
      worst_metric: judged.worstMetric,
      ...columnsOf("views", metrics.views),
      ...columnsOf("clicks", metrics.clicks),
      ...columnsOf("conversions", metrics.conversions),
      reason: judged.reason,
      workflow_id: of.workflowId,
      _run_id: judged.runId,
      origin: judged.origin,
    },
    `log_id::text as "logId", verdict, level, reason`,
  );
  const { rows } = await session.query<StoredVerdict>(prepared(text, values));
  const [row] = rows;
  if (row === undefined) throw new Error("a verdict was not written");
  return row;
}

function columnsOf(metric: keyof Judgement["metrics"], judged: JudgedMetric): Record<string, string | null> {
  return {
    [`claimed_${metric}`]: judged.claimed,
    [`verified_${metric}`]: judged.verified,
    [`${metric}_discrepancy`]: judged.difference,
    [`${metric}_diff_pct`]: judged.diffPct,
  };
}
