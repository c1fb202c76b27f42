import type { PostAddress } from "../../rules/recon/post-url.ts";
import { inTransaction, type Database, type Queryable, type Session } from "../../schema/database.ts";
import { raiseAlert, settleAlerts, type RaisedAlert } from "../ops/alerts.ts";
import { lockPosts, refreshPostTotals } from "./posts.ts";
import { lockAffiliate, noteStep, refreshTrust } from "./trust.ts";

/** Counts of posts and claims, as Postgres writes them: some are beyond what a JS number can tell. */
export interface Counts<Value> {
  views: Value;
  clicks: Value;
  conversions: Value;
}

export interface ReportToJudge {
  reportId: string;
  affiliateId: string;
  campaignId: string;
  platform: string;
  attempt: number;
  state: string;
  tries: number;
  /** Its attempt has gone on for longer than anybody should wait. */
  isOverdue: boolean;
  post: {
    postId: string;
    url: string;
    platformPostId: string | null;
    isShareLink: boolean;
    postedAt: Date | null;
  };
  claimed: Counts<string>;
  isClaimChecked: boolean;
  /** The claim before this one, of the same post, not older than a jump looks back. */
  before: Counts<string> | null;
  /** How many other affiliates claim the same address. */
  otherAffiliates: string[];
  hasInteraction: boolean;
  access: SealedAccess;
}

/** What a person set for a platform, and what the affiliate lets us see there. */
export interface SealedAccess {
  mode: "real" | "sandbox" | null;
  sealedConfig: Buffer | null;
  sealedToken: Buffer | null;
}

/** Everything a verdict needs to know of a report; null when the client has no such report. */
export async function readReportToJudge(
  database: Queryable,
  {
    client,
    reportId,
    giveUpDays,
    jumpHours,
  }: { client: string; reportId: string; giveUpDays: number; jumpHours: number },
): Promise<ReportToJudge | null> {
  const { rows } = await database.query<Record<string, never>>(
    `select s.report_id::text as "reportId", s.affiliate_id::text as "affiliateId", s.campaign_id::text as "campaignId", s.platform, s.attempt, s.state, s.tries,
            s.attempt_since < now() - $3 * interval '1 day' as "isOverdue",
            json_build_object('postId', p.post_id::text, 'url', p.url, 'platformPostId', p.platform_post_id, 'isShareLink', p.is_share_link) as post,
            p.posted_at as "postedAt",
            json_build_object('views', r.claimed_views::text, 'clicks', r.claimed_clicks::text, 'conversions', r.claimed_conversions::text) as claimed,
            s.claim_checked_at is not null as "isClaimChecked", earlier.claimed as before,
            array(select distinct o.affiliate_id::text from recon.posts o
                   where o._client_id = p._client_id and o.platform = p.platform and o.url = p.url and o.affiliate_id <> p.affiliate_id
                   order by 1 limit 20) as "otherAffiliates",
            exists (select from recon.discord_interactions i where i._client_id = s._client_id and i.report_id = s.report_id) as "hasInteraction",
            c.mode, c.sealed as "sealedConfig", t.sealed as "sealedToken"
       from recon.report_state s
       join recon.affiliate_reports r on r._client_id = s._client_id and r.report_id = s.report_id
       join recon.posts p on p._client_id = s._client_id and p.post_id = s.post_id
       left join recon.platform_config c on c._client_id = s._client_id and c.platform = s.platform
       left join recon.affiliate_tokens t on t._client_id = s._client_id and t.platform = s.platform and t.affiliate_id = s.affiliate_id
       left join lateral (
            select json_build_object('views', e.claimed_views::text, 'clicks', e.claimed_clicks::text, 'conversions', e.claimed_conversions::text) as claimed
              from recon.report_state es join recon.affiliate_reports e on e._client_id = es._client_id and e.report_id = es.report_id
             where es._client_id = s._client_id and es.post_id = s.post_id and es.report_id < s.report_id
               and e.submitted_at > r.submitted_at - $4 * interval '1 hour'
             order by es.report_id desc limit 1) earlier on true
      where s._client_id = $1 and s.report_id = $2`,
    [client, reportId, giveUpDays, jumpHours],
  );
  const [row] = rows as unknown as (Omit<ReportToJudge, "access" | "post"> & {
    post: Omit<ReportToJudge["post"], "postedAt">;
    postedAt: Date | null;
    mode: SealedAccess["mode"];
    sealedConfig: Buffer | null;
    sealedToken: Buffer | null;
  })[];
  if (row === undefined) return null;
  const { mode, sealedConfig, sealedToken, postedAt, post, ...report } = row;
  return { ...report, post: { ...post, postedAt }, access: { mode, sealedConfig, sealedToken } };
}

/** A post that somebody wants to look at; null when the client has no such post on this platform. */
export async function readPostToFetch(
  database: Queryable,
  { client, platform, postId }: { client: string; platform: string; postId: string },
): Promise<{ post: ReportToJudge["post"]; affiliateId: string; access: SealedAccess } | null> {
  const { rows } = await database.query<ReportToJudge["post"] & SealedAccess & { affiliateId: string }>(
    `select p.post_id::text as "postId", p.url, p.platform_post_id as "platformPostId", p.is_share_link and p.joined_post_id is null as "isShareLink",
            p.posted_at as "postedAt", p.affiliate_id::text as "affiliateId", c.mode, c.sealed as "sealedConfig", t.sealed as "sealedToken"
       from recon.posts asked
       join recon.posts p on p._client_id = asked._client_id and p.post_id = coalesce(asked.joined_post_id, asked.post_id)
       left join recon.platform_config c on c._client_id = p._client_id and c.platform = p.platform
       left join recon.affiliate_tokens t on t._client_id = p._client_id and t.platform = p.platform and t.affiliate_id = p.affiliate_id
      where asked._client_id = $1 and asked.platform = $2 and asked.post_id = $3`,
    [client, platform, postId],
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { mode, sealedConfig, sealedToken, affiliateId, ...post } = row;
  return { post, affiliateId, access: { mode, sealedConfig, sealedToken } };
}

export interface StoredVerdict {
  logId: string;
  verdict: string;
  level: string | null;
  reason: string;
}

/** The verdict of an attempt, when it has one: whoever comes again is told this. */
export async function findVerdict(
  database: Queryable,
  { client, reportId, attempt }: { client: string; reportId: string; attempt: number },
): Promise<StoredVerdict | null> {
  const { rows } = await database.query<StoredVerdict>(
    `select log_id::text as "logId", verdict, level, reason from recon.reconciliation_logs
      where _client_id = $1 and report_id = $2 and attempt = $3`,
    [client, reportId, attempt],
  );
  return rows[0] ?? null;
}

export interface JudgedMetric {
  claimed: string;
  verified: string | null;
  difference: string | null;
  diffPct: string | null;
}

/** What the platform said, as it is stored. */
export interface FetchedNumbers {
  views: number | null;
  clicks: number | null;
  conversions: number | null;
  spend: string | null;
  currency: string | null;
  hints: unknown;
  raw: unknown;
}

export interface Judgement {
  client: string;
  reportId: string;
  attempt: number;
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
  /** Null when the platform told nothing. */
  fetched: FetchedNumbers | null;
  workflowId: string;
  runId: string;
  raise: RaisedAlert[];
  /** Kinds of alerts about this report that no longer hold. */
  settle: string[];
}

/**
 * Writes down a verdict with all that follows from it, in one transaction: what the platform said, the log, the
 * report's state, trust and alerts. An attempt has one verdict: whoever comes second finds the first one's and changes
 * nothing. Null when the report has gone on to another attempt.
 */
export async function recordVerdict(database: Database, judged: Judgement): Promise<StoredVerdict | null> {
  const { client, reportId, attempt, affiliateId, postId, workflowId } = judged;
  return inTransaction(database, async (session) => {
    await lockAffiliate(session, { client, affiliateId });
    await lockPosts(session, { client, postIds: [postId] });
    const { rows } = await session.query<{ attempt: number }>(
      "select attempt from recon.report_state where _client_id = $1 and report_id = $2 for update",
      [client, reportId],
    );
    const earlier = await findVerdict(session, { client, reportId, attempt });
    if (earlier !== null) return earlier;
    if (rows[0]?.attempt !== attempt) return null;
    const platformReportId =
      judged.fetched === null
        ? null
        : await recordFetched(session, {
            client,
            postId,
            platform: judged.platform,
            reportId,
            attempt,
            fetched: judged.fetched,
          });
    const stored = await insertLog(session, judged, platformReportId);
    await session.query(
      `update recon.report_state
          set state = 'RECONCILED', detail = null, next_try_at = null, log_id = $3, verdict = $4, level = $5, reconciled_at = now(),
              claim_checked_at = coalesce(claim_checked_at, now()), updated_at = now()
        where _client_id = $1 and report_id = $2`,
      [client, reportId, stored.logId, stored.verdict, stored.level],
    );
    if (judged.fetched !== null)
      await noteStep(session, {
        client,
        reportId,
        attempt,
        step: "fetched",
        detail: `from ${judged.platform}`,
        workflowId,
      });
    const judgedAs = stored.level === null ? stored.verdict : `${stored.verdict} ${stored.level}`;
    await noteStep(session, {
      client,
      reportId,
      attempt,
      step: "verdict",
      detail: `${judgedAs}: ${stored.reason}`,
      workflowId,
    });
    await session.query(
      "update recon.posts set is_reconciled = true where _client_id = $1 and post_id = $2 and not is_reconciled",
      [client, postId],
    );
    await refreshPostTotals(session, { client, postId });
    await refreshTrust(session, { client, affiliateId });
    await settleAlerts(session, {
      client,
      area: "recon",
      kinds: judged.settle,
      subject: `report/${reportId}`,
      notes: `attempt ${attempt} came to another verdict`,
    });
    // Last, as others may wait for them; an alert about an address is the only one that several affiliates share.
    for (const alert of judged.raise) await raiseAlert(session, alert);
    return stored;
  });
}

/** Keeps what a platform said of a post; for an attempt of a report, or because somebody wanted to look. */
export async function recordFetched(
  database: Queryable,
  of: {
    client: string;
    postId: string;
    platform: string;
    reportId: string | null;
    attempt: number | null;
    fetched: FetchedNumbers;
  },
): Promise<string> {
  const { fetched } = of;
  const { rows } = await database.query<{ id: string }>(
    `insert into recon.platform_reports (_client_id, post_id, platform, report_id, attempt, views, clicks, conversions, spend, currency, hints, raw_data)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning platform_report_id::text as id`,
    [
      of.client,
      of.postId,
      of.platform,
      of.reportId,
      of.attempt,
      fetched.views,
      fetched.clicks,
      fetched.conversions,
      fetched.spend,
      fetched.currency,
      JSON.stringify(fetched.hints ?? {}),
      JSON.stringify(fetched.raw ?? null),
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("what the platform said was not written");
  return row.id;
}

async function insertLog(session: Session, judged: Judgement, platformReportId: string | null): Promise<StoredVerdict> {
  const { views, clicks, conversions } = judged.metrics;
  const { rows } = await session.query<StoredVerdict>(
    `insert into recon.reconciliation_logs
            (_client_id, report_id, attempt, post_id, affiliate_id, platform_report_id, verdict, level, counts_for_trust, is_accurate, worst_metric,
             claimed_views, verified_views, views_discrepancy, views_diff_pct, claimed_clicks, verified_clicks, clicks_discrepancy, clicks_diff_pct,
             claimed_conversions, verified_conversions, conversions_discrepancy, conversions_diff_pct, reason, workflow_id, _run_id)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)
     returning log_id::text as "logId", verdict, level, reason`,
    [
      judged.client,
      judged.reportId,
      judged.attempt,
      judged.postId,
      judged.affiliateId,
      platformReportId,
      judged.verdict,
      judged.level,
      judged.countsForTrust,
      judged.isAccurate,
      judged.worstMetric,
      ...[views, clicks, conversions].flatMap(({ claimed, verified, difference, diffPct }) => [
        claimed,
        verified,
        difference,
        diffPct,
      ]),
      judged.reason,
      judged.workflowId,
      judged.runId,
    ],
  );
  const [row] = rows;
  if (row === undefined) throw new Error("a verdict was not written");
  return row;
}

/** The report waits: until when, and for what, in words that its affiliate may read. What its claim shows by itself is told at the first wait. */
export async function recordWait(
  database: Database,
  wait: {
    client: string;
    reportId: string;
    attempt: number;
    reason: string;
    waitMs: number;
    workflowId: string;
    /** Null when it is too early to look at the claim. */
    raise: RaisedAlert[] | null;
  },
): Promise<void> {
  const { client, reportId, attempt, reason, waitMs, workflowId } = wait;
  await inTransaction(database, async (session) => {
    const { rowCount } = await session.query(
      `update recon.report_state
          set state = 'WAITING', detail = $4, tries = tries + 1, next_try_at = now() + $5 * interval '1 millisecond',
              claim_checked_at = coalesce(claim_checked_at, case when $6 then now() end), updated_at = now()
        where _client_id = $1 and report_id = $2 and attempt = $3 and state in ('PENDING', 'WAITING')`,
      [client, reportId, attempt, reason, waitMs, wait.raise !== null],
    );
    if (rowCount === 0) return;
    await noteStep(session, { client, reportId, attempt, step: "waiting", detail: reason, workflowId });
    for (const alert of wait.raise ?? []) await raiseAlert(session, alert);
  });
}

/** Nobody works at it any more, and unless a person stopped it, somebody should know why. A run by hand takes it up again. */
export async function recordStopped(
  database: Database,
  stop: { client: string; reportId: string; reason: string; byHand: boolean; workflowId: string },
): Promise<void> {
  const { client, reportId, reason, workflowId } = stop;
  await inTransaction(database, async (session) => {
    const { rows } = await session.query<{ attempt: number }>(
      `update recon.report_state set state = 'STOPPED', detail = $3, next_try_at = null, updated_at = now()
        where _client_id = $1 and report_id = $2 and state in ('PENDING', 'WAITING') returning attempt`,
      [client, reportId, reason],
    );
    const [stopped] = rows;
    if (stopped === undefined) return;
    await noteStep(session, {
      client,
      reportId,
      attempt: stopped.attempt,
      step: "stopped",
      detail: reason,
      workflowId,
    });
    if (!stop.byHand)
      await raiseAlert(session, {
        client,
        area: "recon",
        kind: "report_stopped",
        subject: `report/${reportId}`,
        severity: "warning",
        message: `report ${reportId} could not be judged: ${reason}. Once mended, run it again by hand.`,
        details: { attempt: stopped.attempt },
      });
  });
}

/**
 * A share link led to this address. The report joins the post that is known by it, or the first of that name; so do
 * the other reports of the link, those to come included.
 */
export async function joinPost(
  database: Database,
  of: { client: string; reportId: string; attempt: number; postId: string; address: PostAddress; workflowId: string },
): Promise<string> {
  const { client, postId, address } = of;
  return inTransaction(database, async (session) => {
    await lockPosts(session, { client, postIds: [postId] });
    const { rows } = await session.query<{ joined: string | null; target: string }>(
      `with link as (select * from recon.posts where _client_id = $1 and post_id = $2), target as (
         insert into recon.posts as p (_client_id, campaign_id, affiliate_id, platform, url, platform_post_id, title, description, posted_at)
         select _client_id, campaign_id, affiliate_id, platform, $3, $4, title, description, posted_at from link
         on conflict on constraint posts_url do update set title = coalesce(p.title, excluded.title)
         returning post_id
       )
       select link.joined_post_id::text as joined, target.post_id::text as target from link, target`,
      [client, postId, address.url, address.platformPostId],
    );
    const [found] = rows;
    if (found === undefined) throw new Error(`post ${postId} is not there`);
    const target = found.target;
    if (found.joined === target) return target;
    await session.query("update recon.posts set joined_post_id = $3 where _client_id = $1 and post_id = $2", [
      client,
      postId,
      target,
    ]);
    await session.query(
      "update recon.report_state set post_id = $3, updated_at = now() where _client_id = $1 and post_id = $2",
      [client, postId, target],
    );
    await session.query("delete from recon.post_totals where _client_id = $1 and post_id = $2", [client, postId]);
    await refreshPostTotals(session, { client, postId: target });
    await noteStep(session, {
      client,
      reportId: of.reportId,
      attempt: of.attempt,
      step: "link_resolved",
      detail: `to ${address.url}`,
      workflowId: of.workflowId,
    });
    return target;
  });
}
