import { prepared, type Queryable } from "../../schema/database.ts";
import type { Counts, ReportAttempt, SealedAccess, StoredVerdict } from "./shapes.ts";

export interface ReportToJudge {
  reportId: string;
  affiliateId: string;
  affiliateName: string;
  campaignId: string;
  platform: string;
  attempt: number;
  state: string;
  tries: number;
  /** Its attempt has run for longer than the limit. */
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
  /** Other affiliates that claim the same address. */
  otherAffiliates: { id: string; name: string }[];
  access: SealedAccess;
  /** Submitted just now, and not asked about yet: whoever took it in has started its workflow. */
  isNew: boolean;
  /** The verdict of the attempt that was asked for, when it has one. */
  given: StoredVerdict | null;
}

export interface PostToFetch {
  post: ReportToJudge["post"];
  affiliateId: string;
  access: SealedAccess;
}

/** Which attempt a report is at, where, and whether a person waits for its verdict in Discord. */
export interface ReportPlan {
  attempt: number;
  platform: string;
  hasInteraction: boolean;
  /** As of a report to judge. */
  isNew: boolean;
}

/** Not older than it takes to start what judges it. */
const isNew = `s.attempt = 1 and s.tries = 0 and s.attempt_since > now() - interval '1 minute'`;

/** Says that the report's workflow is at it, so that no sweep starts it meanwhile. */
export async function takeUpReport(
  database: Queryable,
  { client, reportId }: { client: string; reportId: string },
): Promise<ReportPlan | null> {
  const { rows } = await database.query<ReportPlan>(
    prepared(
      `update recon.report_state s set under_way_at = now() where _client_id = $1 and report_id = $2
     returning attempt, platform,
            exists (select from recon.discord_interactions i where i._client_id = s._client_id and i.report_id = s.report_id) as "hasInteraction",
            ${isNew} as "isNew"`,
      [client, reportId],
    ),
  );
  return rows[0] ?? null;
}

type StoredReport = Omit<ReportToJudge, "access" | "post"> &
  SealedAccess & {
    post: Omit<ReportToJudge["post"], "postedAt">;
    /** Beside the rest of its post: within JSON it would be text. */
    postedAt: Date | null;
  };

/** Everything a verdict needs to know of a report; null when the client has no such report. */
export async function readReportToJudge(
  database: Queryable,
  { of, giveUpDays, jumpHours }: { of: ReportAttempt; giveUpDays: number; jumpHours: number },
): Promise<ReportToJudge | null> {
  const { client, reportId, attempt } = of;
  const { rows } = await database.query<StoredReport>(
    prepared(
      `select s.report_id::text as "reportId", s.affiliate_id::text as "affiliateId",
            (select a.name from recon.affiliates a where a._client_id = s._client_id and a.affiliate_id = s.affiliate_id) as "affiliateName", s.campaign_id::text as "campaignId", s.platform, s.attempt, s.state, s.tries,
            ${isNew} as "isNew", s.attempt_since < now() - $3 * interval '1 day' as "isOverdue",
            json_build_object('postId', p.post_id::text, 'url', p.url, 'platformPostId', p.platform_post_id, 'isShareLink', p.is_share_link) as post,
            p.posted_at as "postedAt",
            json_build_object('views', r.claimed_views::text, 'clicks', r.claimed_clicks::text, 'conversions', r.claimed_conversions::text) as claimed,
            s.claim_checked_at is not null as "isClaimChecked", earlier.claimed as before,
            (select coalesce(json_agg(json_build_object('id', a.affiliate_id::text, 'name', a.name) order by a.affiliate_id), '[]')
               from (select distinct o.affiliate_id from recon.posts o
                      where o._client_id = p._client_id and o.platform = p.platform and o.post_key = p.post_key and o.affiliate_id <> p.affiliate_id
                      order by 1 limit 20) o
               join recon.affiliates a on a._client_id = p._client_id and a.affiliate_id = o.affiliate_id) as "otherAffiliates",
            c.mode, c.sealed as "sealedConfig", t.sealed as "sealedToken",
            (select json_build_object('logId', l.log_id::text, 'verdict', l.verdict, 'level', l.level, 'reason', l.reason)
               from recon.reconciliation_logs l where l._client_id = s._client_id and l.report_id = s.report_id and l.attempt = $5) as given
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
      [client, reportId, giveUpDays, jumpHours, attempt],
    ),
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { mode, sealedConfig, sealedToken, postedAt, post, ...report } = row;
  return { ...report, post: { ...post, postedAt }, access: { mode, sealedConfig, sealedToken } };
}

/** A post to fetch by hand; null when the client has no such post on this platform. */
export async function readPostToFetch(
  database: Queryable,
  { client, platform, postId }: { client: string; platform: string; postId: string },
): Promise<PostToFetch | null> {
  const { rows } = await database.query<ReportToJudge["post"] & SealedAccess & { affiliateId: string }>(
    prepared(
      `select p.post_id::text as "postId", p.url, p.platform_post_id as "platformPostId", p.is_share_link and p.joined_post_id is null as "isShareLink",
            p.posted_at as "postedAt", p.affiliate_id::text as "affiliateId", c.mode, c.sealed as "sealedConfig", t.sealed as "sealedToken"
       from recon.posts asked
       join recon.posts p on p._client_id = asked._client_id and p.post_id = coalesce(asked.joined_post_id, asked.post_id)
       left join recon.platform_config c on c._client_id = p._client_id and c.platform = p.platform
       left join recon.affiliate_tokens t on t._client_id = p._client_id and t.platform = p.platform and t.affiliate_id = p.affiliate_id
      where asked._client_id = $1 and asked.platform = $2 and asked.post_id = $3`,
      [client, platform, postId],
    ),
  );
  const [row] = rows;
  if (row === undefined) return null;
  const { mode, sealedConfig, sealedToken, affiliateId, ...post } = row;
  return { post, affiliateId, access: { mode, sealedConfig, sealedToken } };
}
