import { trustAlertBelow } from "../../rules/recon/trust-threshold.ts";
import { discrepancyAlerts } from "../../rules/recon/trust.ts";
import { inTransaction, prepared, type Database, type Session } from "../../schema/database.ts";
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
  await session.query(
    prepared("select from recon.affiliates where _client_id = $1 and affiliate_id = $2 for no key update", [
      client,
      affiliateId,
    ]),
  );
}

/**
 * The same for everyone who claims one of these posts: a post counts for its first claimant alone, so one verdict may
 * change the trust of several. Answers who they are.
 */
export async function lockClaimants(
  session: Session,
  { client, affiliateId, postIds }: OfAffiliate & { postIds: readonly string[] },
): Promise<string[]> {
  const { rows } = await session.query<{ id: string }>(
    prepared(
      // As a list, looked up one by one: joined, each affiliate of the client might be looked through for it.
      `select affiliate_id::text as id from recon.affiliates
        where _client_id = $1 and affiliate_id = any(array(
              select $2::bigint
               union select o.affiliate_id from recon.posts p join recon.posts o on o._client_id = p._client_id and o.platform = p.platform and o.post_key = p.post_key
                      where p._client_id = $1 and p.post_id = any($3)))
        order by affiliates.affiliate_id for no key update`,
      [client, affiliateId, postIds],
    ),
  );
  return rows.map(({ id }) => id);
}

/** Computes trust again from what its posts came to. The affiliate must be locked, or one of two verdicts would not be counted. */
export async function refreshTrust(session: Session, { client, affiliateId }: OfAffiliate): Promise<string> {
  const { rows } = await session.query<{
    before: string;
    after: string;
    fell: boolean;
    rose: boolean;
    counts: string;
    name: string;
  }>(
    prepared(
      // The same post in several campaigns is one post, and counts for whoever claimed it first.
      `with before as (select trust_score from recon.affiliates where _client_id = $1 and affiliate_id = $2), post as (
       select platform, post_key, bool_and(is_accurate) as is_accurate, min(first_report_id) as first_report_id
         from recon.post_totals where _client_id = $1 and affiliate_id = $2 and counts_for_trust group by platform, post_key
     ), mine as (
       select is_accurate, not exists (
                select from recon.post_totals o
                 where o._client_id = $1 and o.platform = post.platform and o.post_key = post.post_key and o.affiliate_id <> $2 and o.counts_for_trust
                 group by o.affiliate_id having bool_and(o.is_accurate) and min(o.first_report_id) < post.first_report_id) as is_first
         from post
     ), counted as (
       select count(*) filter (where not is_accurate or is_first)::int as total, count(*) filter (where is_accurate and is_first)::int as accurate from mine
     )
     update recon.affiliates a
        set trust_score = coalesce(round(counted.accurate::numeric / nullif(counted.total, 0), 2), 1.00),
            total_submissions = counted.total, accurate_submissions = counted.accurate, updated_at = now()
       from counted, before
      where a._client_id = $1 and a.affiliate_id = $2
     returning before.trust_score as before, a.trust_score as after, before.trust_score >= $3::numeric and a.trust_score < $3::numeric as fell,
               before.trust_score < $3::numeric and a.trust_score >= $3::numeric as rose, a.accurate_submissions || ' of ' || a.total_submissions as counts, a.name`,
      [client, affiliateId, trustAlertBelow],
    ),
  );
  const [trust] = rows;
  if (trust === undefined) throw new Error(`affiliate ${affiliateId} is not there`);
  const about = { client, area: "recon", subject: `affiliate/${affiliateId}` };
  if (trust.fell)
    await raiseAlert(session, {
      ...about,
      kind: "trust_low",
      severity: "warning",
      message: `the trust of ${trust.name} (${affiliateId}) fell from ${trust.before} to ${trust.after}, below ${trustAlertBelow}: ${trust.counts} posts that count were claimed accurately`,
      details: { before: trust.before, after: trust.after, below: trustAlertBelow },
    });
  else if (trust.rose) await settleAlerts(session, { ...about, kinds: ["trust_low"], notes: "trust has risen again" });
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
    await session.query("update recon.report_state set dispute_id = $3 where _client_id = $1 and report_id = $2", [
      client,
      reportId,
      dispute.disputeId,
    ]);
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

/**
 * A person's decision on a dispute, once. Settled in the affiliate's favour, the report counts as accurate from then on,
 * whatever later attempts come to.
 */
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
    const claimants = await lockClaimants(session, { client, affiliateId, postIds: [postId] });
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
    for (const other of claimants.filter((id) => id !== affiliateId))
      await refreshTrust(session, { client, affiliateId: other });
    const trustScore = await refreshTrust(session, { client, affiliateId });
    const kinds = of.outcome === "affiliate" ? ["disputed", ...Object.values(discrepancyAlerts)] : ["disputed"];
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

export interface Step {
  step: string;
  detail: string;
}

/** Notes what happened to a report, in this order. */
export async function noteSteps(
  session: Session,
  { client, reportId, attempt, workflowId }: ReportAttempt,
  steps: readonly Step[],
): Promise<void> {
  await session.query(
    prepared(
      `insert into recon.report_steps (_client_id, report_id, attempt, workflow_id, step, detail)
       select $1, $2, $3, $4, step, detail from unnest($5::text[], $6::text[]) with ordinality s(step, detail, place) order by place`,
      [client, reportId, attempt, workflowId, steps.map(({ step }) => step), steps.map(({ detail }) => detail)],
    ),
  );
}

export const noteStep = (session: Session, of: ReportAttempt, step: Step) => noteSteps(session, of, [step]);
