import { trustAlertBelow } from "../../rules/recon/trust-threshold.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { raiseAlert, settleAlerts } from "../ops/alerts.ts";
import { recordAudit, type Actor } from "../ops/audit.ts";
import { lockPosts, refreshPostTotals } from "./posts.ts";
import type { ReportAttempt } from "./shapes.ts";

interface OfAffiliate {
  client: string;
  affiliateId: string;
}

/**
 * Waits for other verdicts on this affiliate, and then sees what they wrote. What verdicts lock comes in this
 * order: affiliate, post, report, alerts.
 */
export async function lockAffiliate(session: Session, { client, affiliateId }: OfAffiliate): Promise<void> {
  await session.query("select from recon.affiliates where _client_id = $1 and affiliate_id = $2 for no key update", [
    client,
    affiliateId,
  ]);
}

/** Computes trust again from what its posts came to. The affiliate must be locked, or one of two verdicts would not be counted. */
export async function refreshTrust(session: Session, { client, affiliateId }: OfAffiliate): Promise<string> {
  const { rows } = await session.query<{
    before: string;
    after: string;
    fell: boolean;
    isLow: boolean;
    counts: string;
    name: string;
  }>(
    // The same post in several campaigns is one post.
    `with before as (select trust_score from recon.affiliates where _client_id = $1 and affiliate_id = $2), post as (
       select bool_and(t.is_accurate) as is_accurate
         from recon.post_totals t join recon.posts p on p._client_id = t._client_id and p.post_id = t.post_id
        where t._client_id = $1 and t.affiliate_id = $2 and t.counts_for_trust group by p.platform, p.url
     ), counted as (select count(*)::int as total, count(*) filter (where is_accurate)::int as accurate from post)
     update recon.affiliates a
        set trust_score = coalesce(round(counted.accurate::numeric / nullif(counted.total, 0), 2), 1.00),
            total_submissions = counted.total, accurate_submissions = counted.accurate, updated_at = now()
       from counted, before
      where a._client_id = $1 and a.affiliate_id = $2
     returning before.trust_score as before, a.trust_score as after, before.trust_score >= $3::numeric and a.trust_score < $3::numeric as fell,
               a.trust_score < $3::numeric as "isLow", a.accurate_submissions || ' of ' || a.total_submissions as counts, a.name`,
    [client, affiliateId, trustAlertBelow],
  );
  const [trust] = rows;
  if (trust === undefined) throw new Error(`affiliate ${affiliateId} is not there`);
  const about = { client, area: "recon", subject: `affiliate/${affiliateId}` };
  if (trust.fell)
    await raiseAlert(session, {
      ...about,
      kind: "trust_low",
      severity: "warning",
      message: `the trust of ${trust.name} (${affiliateId}) fell from ${trust.before} to ${trust.after}, below ${trustAlertBelow}: ${trust.counts} posts that could be checked were claimed accurately`,
      details: { before: trust.before, after: trust.after, below: trustAlertBelow },
    });
  else if (!trust.isLow)
    await settleAlerts(session, { ...about, kinds: ["trust_low"], notes: "trust has risen again" });
  return trust.after;
}

export interface OpenedDispute {
  disputeId: string;
  openedAt: Date;
}

/**
 * An affiliate's objection to the verdict that counts now, once per verdict; it opens an alert for a person. Null when
 * the report is not theirs, `undisputable` while it has no verdict, `again` when this verdict was disputed before.
 */
export async function openDispute(
  database: Database,
  { client, affiliateId, reportId, reason }: OfAffiliate & { reportId: string; reason: string },
): Promise<{ outcome: "opened"; dispute: OpenedDispute } | { outcome: "undisputable" | "again" } | null> {
  return inTransaction(database, async (session) => {
    await lockAffiliate(session, { client, affiliateId });
    const { rows: found } = await session.query<{
      logId: string | null;
      attempt: number;
      verdict: string | null;
      level: string | null;
      name: string;
    }>(
      `select log_id::text as "logId", attempt, verdict, level,
              (select a.name from recon.affiliates a where a._client_id = $1 and a.affiliate_id = $2) as name
         from recon.report_state
        where _client_id = $1 and affiliate_id = $2 and report_id = $3 for update`,
      [client, affiliateId, reportId],
    );
    const [report] = found;
    if (report === undefined) return null;
    if (report.logId === null) return { outcome: "undisputable" };
    const { rows } = await session.query<OpenedDispute>(
      `insert into recon.disputes (_client_id, log_id, report_id, affiliate_id, reason) values ($1, $2, $3, $4, $5)
       on conflict on constraint disputes_verdict do nothing returning dispute_id::text as "disputeId", opened_at as "openedAt"`,
      [client, report.logId, reportId, affiliateId, reason],
    );
    const [dispute] = rows;
    if (dispute === undefined) return { outcome: "again" };
    const of = { client, reportId, attempt: report.attempt, workflowId: null };
    await noteStep(session, of, { step: "disputed", detail: "by the affiliate" });
    const judged = report.level === null ? report.verdict : `${report.verdict} ${report.level}`;
    await raiseAlert(session, {
      client,
      area: "recon",
      kind: "disputed",
      subject: `report/${reportId}`,
      severity: "warning",
      message: `${report.name} (${affiliateId}) disputes the verdict ${judged} on report ${reportId}: a person has to settle it`,
      details: { disputeId: dispute.disputeId, logId: report.logId },
    });
    return { outcome: "opened", dispute };
  });
}

export interface SettledDispute {
  disputeId: string;
  reportId: string;
  affiliateId: string;
  outcome: string;
  settledBy: string;
  settledAt: Date;
  notes: string | null;
  trustScore: string;
}

/** A person's decision on a dispute, once. Settled in the affiliate's favour, the verdict counts as accurate from then on. */
export async function settleDispute(
  database: Database,
  of: { client: string; disputeId: string; outcome: "affiliate" | "platform"; by: Actor; notes: string | null },
): Promise<SettledDispute | "settled_before" | null> {
  const { client, disputeId } = of;
  return inTransaction(database, async (session) => {
    const { rows: found } = await session.query<{ affiliateId: string; postId: string }>(
      `select d.affiliate_id::text as "affiliateId", s.post_id::text as "postId"
         from recon.disputes d join recon.report_state s on s._client_id = d._client_id and s.report_id = d.report_id
        where d._client_id = $1 and d.dispute_id = $2`,
      [client, disputeId],
    );
    const [about] = found;
    if (about === undefined) return null;
    const { affiliateId, postId } = about;
    await lockAffiliate(session, { client, affiliateId });
    await lockPosts(session, { client, postIds: [postId] });
    const { rows } = await session.query<Omit<SettledDispute, "trustScore"> & { attempt: number }>(
      `update recon.disputes d set outcome = $3, settled_at = now(), settled_by = $4, notes = $5
         from recon.reconciliation_logs l
        where d._client_id = $1 and d.dispute_id = $2 and d.outcome is null and l._client_id = d._client_id and l.log_id = d.log_id
       returning d.dispute_id::text as "disputeId", d.report_id::text as "reportId", d.affiliate_id::text as "affiliateId", d.outcome,
                 d.settled_by as "settledBy", d.settled_at as "settledAt", d.notes, l.attempt`,
      [client, disputeId, of.outcome, of.by.actor, of.notes],
    );
    const [settled] = rows;
    if (settled === undefined) return "settled_before";
    const { attempt, ...dispute } = settled;
    const { reportId } = dispute;
    const step = { step: "settled", detail: `in favour of the ${of.outcome}` };
    await noteStep(session, { client, reportId, attempt, workflowId: null }, step);
    await refreshPostTotals(session, { client, postId });
    const trustScore = await refreshTrust(session, { client, affiliateId });
    const kinds = of.outcome === "affiliate" ? ["disputed", "high_discrepancy", "medium_discrepancy"] : ["disputed"];
    const notes = `the dispute was settled in favour of the ${of.outcome}`;
    await settleAlerts(session, { client, area: "recon", kinds, subject: `report/${reportId}`, notes });
    await recordAudit(session, {
      ...of.by,
      client,
      action: "dispute_settled",
      subject: `dispute/${disputeId}`,
      details: { report: reportId, affiliate: affiliateId, outcome: of.outcome, notes: of.notes },
    });
    return { ...dispute, trustScore };
  });
}

export async function noteStep(
  session: Session,
  { client, reportId, attempt, workflowId }: ReportAttempt,
  { step, detail }: { step: string; detail: string },
): Promise<void> {
  await session.query(
    "insert into recon.report_steps (_client_id, report_id, attempt, step, detail, workflow_id) values ($1, $2, $3, $4, $5, $6)",
    [client, reportId, attempt, step, detail, workflowId],
  );
}
