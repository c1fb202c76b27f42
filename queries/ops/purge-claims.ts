import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { lockPosts, refreshPostTotals } from "../recon/posts.ts";
import { lockAffiliate, refreshTrust } from "../recon/trust.ts";
import { recordPurge, type PurgeCount, type PurgeStep } from "./purge-shapes.ts";

const source = "reconciliation";

/** Judged by a platform that exists, a claim stays: verdicts of real platforms are never deleted. */
export const madeUpClaims = `recon.affiliate_reports r where r._client_id = $1 and r.origin = 'sandbox'
  and not exists (select from recon.reconciliation_logs l where l._client_id = r._client_id and l.report_id = r.report_id and l.origin <> 'sandbox')`;

/** Affiliates without anything real that would be left behind. */
export const madeUpAffiliates = `recon.affiliates a where a._client_id = $1 and a.origin = 'sandbox'
  and not exists (select from recon.affiliate_reports r where r._client_id = a._client_id and r.affiliate_id = a.affiliate_id
                    and (r.origin <> 'sandbox' or exists (select from recon.reconciliation_logs l
                          where l._client_id = r._client_id and l.report_id = r.report_id and l.origin <> 'sandbox')))
  and not exists (select from recon.posts p join recon.platform_reports f on f._client_id = p._client_id and f.post_id = p.post_id
                   where p._client_id = a._client_id and p.affiliate_id = a.affiliate_id and f.origin <> 'sandbox')`;

/** Campaigns that no real affiliate has claimed anything for. */
export const madeUpCampaigns = `recon.campaigns c where c._client_id = $1 and c.origin = 'sandbox'
  and not exists (select from recon.posts p where p._client_id = c._client_id and p.campaign_id = c.campaign_id
                    and p.affiliate_id not in (select a.affiliate_id from ${madeUpAffiliates}))`;

/**
 * Deletes what made-up affiliates claimed, a few claims at a time, then the affiliates with their posts and keys, and the
 * made-up campaigns. Verdicts of mock platforms must be gone: a claim that has one stays for the next purge.
 */
export async function purgeClaims(
  database: Database,
  client: string,
  { atATime, by, onStep }: PurgeStep,
): Promise<PurgeCount[]> {
  const all: PurgeCount[] = [];
  const step = async (work: (session: Session) => Promise<PurgeCount[]>) => {
    const counts = await inTransaction(database, async (session) => {
      const deleted = (await work(session)).filter(({ rows }) => rows > 0);
      if (deleted.length > 0) await recordPurge(session, { client, source, by, counts: deleted });
      return deleted;
    });
    all.push(...counts);
    if (counts.length > 0) onStep?.(all);
    return counts.length > 0;
  };
  while (await step((session) => purgeSomeClaims(session, client, atATime)));
  while (await step((session) => purgeAffiliate(session, client)));
  await step((session) => purgeCampaigns(session, client));
  return all;
}

type Delete = (table: string, rest: string, values?: unknown[]) => Promise<void>;

/** Deletes rows of one client; those of the tables that people know are counted. */
function deleting(session: Session, client: string): { counts: PurgeCount[]; remove: Delete; count: Delete } {
  const counts: PurgeCount[] = [];
  const run = async (table: string, rest: string, values: unknown[] = []) =>
    (await session.query(`delete from ${table} t where t._client_id = $1 and ${rest}`, [client, ...values])).rowCount ??
    0;
  return {
    counts,
    remove: async (...of) => void (await run(...of)),
    count: async (table, rest, values) => {
      counts.push({ client, source, table, rows: await run(table, rest, values), sum: null });
    },
  };
}

async function purgeSomeClaims(session: Session, client: string, atATime: number): Promise<PurgeCount[]> {
  const open = `${madeUpClaims}
    and not exists (select from recon.reconciliation_logs l where l._client_id = r._client_id and l.report_id = r.report_id)`;
  const { rows: next } = await session.query<{ affiliateId: string }>(
    `select r.affiliate_id::text as "affiliateId" from ${open} order by r.affiliate_id limit 1`,
    [client],
  );
  const affiliateId = next[0]?.affiliateId;
  if (affiliateId === undefined) return [];
  await lockAffiliate(session, { client, affiliateId });
  const { rows } = await session.query<{ reportId: string; postId: string; joinedPostId: string | null }>(
    `select r.report_id::text as "reportId", r.post_id::text as "postId",
            (select s.post_id::text from recon.report_state s where s._client_id = $1 and s.report_id = r.report_id) as "joinedPostId"
       from ${open} and r.affiliate_id = $2 order by r.report_id limit $3`,
    [client, affiliateId, atATime],
  );
  const reportIds = rows.map(({ reportId }) => reportId);
  const postIds = [...new Set(rows.flatMap((row) => [row.postId, row.joinedPostId ?? row.postId]))];
  await lockPosts(session, { client, postIds });
  const { counts, remove, count } = deleting(session, client);
  const ofReports = "t.report_id = any($2::bigint[])";
  for (const table of ["run_reports", "discord_interactions", "report_evidence", "report_steps", "report_state"])
    await remove(`recon.${table}`, ofReports, [reportIds]);
  await remove("recon.post_totals", "t.post_id = any($2::bigint[])", [postIds]);
  await count("recon.affiliate_reports", ofReports, [reportIds]);
  for (const postId of postIds) await refreshPostTotals(session, { client, postId });
  await refreshTrust(session, { client, affiliateId });
  await settleFor(session, client, [...reportIds.map((id) => `report/${id}`), ...postIds.map((id) => `post/${id}`)]);
  return counts;
}

async function purgeAffiliate(session: Session, client: string): Promise<PurgeCount[]> {
  const { rows } = await session.query<{ affiliateId: string }>(
    `select a.affiliate_id::text as "affiliateId" from ${madeUpAffiliates}
        and not exists (select from recon.affiliate_reports r where r._client_id = a._client_id and r.affiliate_id = a.affiliate_id)
        and not exists (select from recon.posts p join recon.platform_reports f on f._client_id = p._client_id and f.post_id = p.post_id
                         where p._client_id = a._client_id and p.affiliate_id = a.affiliate_id)
      order by a.affiliate_id limit 1 for update of a`,
    [client],
  );
  const affiliateId = rows[0]?.affiliateId;
  if (affiliateId === undefined) return [];
  const { counts, remove, count } = deleting(session, client);
  const own = "t.affiliate_id = $2";
  await remove("ops.sessions", own, [affiliateId]);
  await remove("recon.affiliate_tokens", own, [affiliateId]);
  await count("recon.posts", own, [affiliateId]);
  await count("recon.affiliates", own, [affiliateId]);
  await settleFor(session, client, [`affiliate/${affiliateId}`]);
  return counts;
}

async function purgeCampaigns(session: Session, client: string): Promise<PurgeCount[]> {
  const { rows } = await session.query<{ campaignId: string }>(
    `select c.campaign_id::text as "campaignId" from recon.campaigns c where c._client_id = $1 and c.origin = 'sandbox'
        and not exists (select from recon.posts p where p._client_id = c._client_id and p.campaign_id = c.campaign_id)
      order by c.campaign_id for update of c`,
    [client],
  );
  const { counts, remove, count } = deleting(session, client);
  const own = "t.campaign_id = any($2::bigint[])";
  const ids = [rows.map(({ campaignId }) => campaignId)];
  await remove("recon.campaign_platforms", own, ids);
  await count("recon.campaigns", own, ids);
  // A platform has a row while a campaign runs on it.
  await remove(
    "recon.platforms",
    `not exists (select from recon.campaign_platforms c where c._client_id = t._client_id and c.platform = t.platform)
     and not exists (select from recon.posts p where p._client_id = t._client_id and p.platform = t.platform)`,
  );
  // What the demo set, so that a real key counts again.
  await remove("recon.platform_config", "t.mode = 'sandbox' and t.sealed is null and t.updated_by = 'demo'");
  // A run over nothing but made-up claims has none left.
  await remove(
    "recon.runs",
    "t.outcome <> 'running' and t.planned > 0 and not exists (select from recon.run_reports r where r._client_id = t._client_id and r.run_id = t.run_id)",
  );
  return counts;
}

/** What was noticed about rows that are gone. */
async function settleFor(session: Session, client: string, subjects: readonly string[]): Promise<void> {
  await session.query(
    `update ops.alerts set resolved_at = now(), resolved_by = 'pipeline', notes = 'the sandbox data it is about were deleted'
      where _client_id = $1 and area = 'recon' and resolved_at is null and subject = any($2)`,
    [client, subjects],
  );
}
