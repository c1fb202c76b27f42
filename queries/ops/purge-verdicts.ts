import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { lockPosts, refreshPostTotals } from "../recon/posts.ts";
import { lockClaimants, noteStep, refreshTrust } from "../recon/trust.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

/**
 * Deletes what mock platforms said and the verdicts by it, report by report. What affiliates claimed stays: a report
 * that has no other verdict waits for one again, and the sweep starts it.
 */
export async function purgeVerdicts(
  database: Database,
  client: string,
  { by, onStep }: PurgeStep,
): Promise<PurgeCount[]> {
  const all: PurgeCount[] = [];
  for (;;) {
    const counts = await inTransaction(database, async (session) => {
      const post = await nextPost(session, client);
      return post === null ? [] : purgePost(session, { client, ...post, by });
    });
    if (counts.length === 0) return all;
    all.push(...counts);
    onStep?.(all);
  }
}

interface PurgedPost {
  postId: string;
  affiliateId: string;
}

async function nextPost(session: Session, client: string): Promise<PurgedPost | null> {
  const { rows } = await session.query<PurgedPost>(
    `select p.post_id::text as "postId", p.affiliate_id::text as "affiliateId" from recon.posts p
      where p._client_id = $1 and p.post_id in (
            select post_id from recon.reconciliation_logs where _client_id = $1 and origin = 'sandbox'
             union all select post_id from recon.platform_reports where _client_id = $1 and origin = 'sandbox')
      order by p.post_id limit 1`,
    [client],
  );
  return rows[0] ?? null;
}

async function purgePost(
  session: Session,
  { client, postId, affiliateId, by }: PurgedPost & { client: string } & Pick<PurgeStep, "by">,
): Promise<PurgeCount[]> {
  const source = "reconciliation";
  const claimants = await lockClaimants(session, { client, affiliateId, postIds: [postId] });
  await lockPosts(session, { client, postIds: [postId] });
  const sandbox = "_client_id = $1 and post_id = $2 and origin = 'sandbox'";
  const { rows: reopened } = await session.query<{ reportId: string; attempt: number }>(
    `with again as (
       select s.report_id, l.log_id, l.verdict, l.level, l.processed_at, l.verdict = 'MATCHED' and not l.counts_for_trust as says_nothing from recon.report_state s
         left join lateral (select * from recon.reconciliation_logs l where l._client_id = s._client_id and l.report_id = s.report_id and l.origin <> 'sandbox'
                             order by l.attempt desc limit 1) l on true
        where s._client_id = $1 and s.log_id in (select log_id from recon.reconciliation_logs where ${sandbox})
        order by s.report_id for update of s)
     update recon.report_state s
        set log_id = a.log_id, verdict = a.verdict, level = a.level, says_nothing = coalesce(a.says_nothing, false), reconciled_at = a.processed_at,
            state = case when a.log_id is null then 'PENDING' else s.state end, detail = null, next_try_at = null, tries = 0,
            attempt_since = now(), under_way_at = null, updated_at = now()
       from again a where s._client_id = $1 and s.report_id = a.report_id
     returning s.report_id::text as "reportId", s.attempt`,
    [client, postId],
  );
  await session.query(
    `delete from recon.disputes where _client_id = $1 and log_id in (select log_id from recon.reconciliation_logs where ${sandbox})`,
    [client, postId],
  );
  await session.query(
    `update recon.report_state s
        set dispute_id = (select max(d.dispute_id) from recon.disputes d where d._client_id = s._client_id and d.report_id = s.report_id)
      where s._client_id = $1 and s.post_id = $2 and s.dispute_id is not null`,
    [client, postId],
  );
  // The line of the post names the platform's numbers, and is written again below.
  await session.query("delete from recon.post_totals where _client_id = $1 and post_id = $2", [client, postId]);
  const counts: PurgeCount[] = [];
  for (const table of ["recon.reconciliation_logs", "recon.platform_reports"]) {
    const { rowCount } = await session.query(`delete from ${table} where ${sandbox}`, [client, postId]);
    counts.push({ client, source, table, rows: rowCount ?? 0, sum: null });
  }
  for (const { reportId, attempt } of reopened)
    await noteStep(
      session,
      { client, reportId, attempt, workflowId: `purge by ${by.actor}` },
      { step: "rerun_requested", detail: `by ${by.actor}: what the mock platform said was deleted` },
    );
  await refreshPostTotals(session, { client, postId });
  for (const claimant of claimants) await refreshTrust(session, { client, affiliateId: claimant });
  const there = counts.filter(({ rows }) => rows > 0);
  await recordPurge(session, { client, source, by, counts: there, details: { postId } });
  return there;
}
