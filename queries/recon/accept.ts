import { outsideCampaign } from "../../rules/recon/campaign-dates.ts";
import { withoutPersons } from "../../rules/recon/personal.ts";
import {
  invalid,
  readSubmission,
  SubmissionRefused,
  type ReadSubmission,
  type Submission,
} from "../../rules/recon/submission.ts";
import { inTransaction, prepared, type Database, type Session } from "../../schema/database.ts";
import { keepEvidence, type EvidenceKeeping } from "./evidence.ts";
import { lockPosts, refreshPostTotals } from "./posts.ts";

export type Accepted =
  | { outcome: "accepted" | "repeated"; reportId: string; postId: string; state: string }
  | { outcome: "refused"; code: SubmissionRefused["code"]; field: string; message: string };

/** Discord takes follow-ups for 15 minutes; the last one goes to clocks that differ. */
const interactionLife = "interval '14 minutes'";

/**
 * Takes a submission in, once however often it comes: post, report and state in one transaction, durable before it
 * answers. What it refuses it names, with the field to correct.
 */
export async function accept(
  database: Database,
  submission: Submission,
  keeping: EvidenceKeeping = { credentialsKey: null, evidenceDays: 0 },
): Promise<Accepted> {
  try {
    const read = readSubmission(submission, new Date());
    return await inTransaction(database, (session) => write(session, submission, read, keeping));
  } catch (error) {
    if (error instanceof SubmissionRefused)
      return { outcome: "refused", code: error.code, field: error.field, message: error.message };
    throw error;
  }
}

async function write(
  session: Session,
  submission: Submission,
  read: ReadSubmission,
  keeping: EvidenceKeeping,
): Promise<Accepted> {
  const { client, affiliateId, campaignId, platform, claimed, method } = submission;
  // Looked for first: what was taken once stays taken, whatever has become of its campaign.
  const earlier = await findSubmitted(session, submission, read);
  if (earlier !== null) return earlier;
  await checkAssignment(session, submission, read.postedAt);
  const { address } = read;
  const { rows: posts } = await session.query<{ postId: string; joinedPostId: string | null }>(
    prepared(
      // The update changes nothing but takes the row's lock: submissions of one post come one after the other from here.
      `insert into recon.posts as p (_client_id, campaign_id, affiliate_id, platform, url, platform_post_id, is_share_link, title, description, posted_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict on constraint posts_once do update
        set title = coalesce(p.title, excluded.title), description = coalesce(p.description, excluded.description),
            posted_at = coalesce(p.posted_at, excluded.posted_at)
     returning post_id::text as "postId", joined_post_id::text as "joinedPostId"`,
      [
        client,
        campaignId,
        affiliateId,
        platform,
        address.url,
        address.platformPostId,
        address.isShareLink,
        submission.title == null ? null : withoutPersons(submission.title),
        submission.description == null ? null : withoutPersons(submission.description),
        read.postedAt,
      ],
    ),
  );
  const [post] = posts;
  if (post === undefined) throw new Error("a post that was just written is not there");
  const reportId = await insertReport(session, submission, read, post.postId);
  if (reportId === null) {
    const meanwhile = await findSubmitted(session, submission, read);
    if (meanwhile === null) throw new Error("a report that another session wrote is not there");
    return meanwhile;
  }
  if (read.evidence !== null) {
    const { credentialsKey: key, evidenceDays: days } = keeping;
    if (key === null) throw invalid("evidence", "cannot be kept: CREDENTIALS_ENCRYPTION_KEY is not set");
    await keepEvidence(session, { client, reportId, json: read.evidence, key, days });
  }
  const postId = post.joinedPostId ?? post.postId;
  if (postId !== post.postId) await lockPosts(session, { client, postIds: [postId] });
  await session.query(
    prepared(
      `with state as (
       insert into recon.report_state (_client_id, report_id, post_id, campaign_id, affiliate_id, platform) values ($1, $2, $3, $4, $5, $6)
     )
     insert into recon.report_steps (_client_id, report_id, attempt, step, detail) values ($1, $2, 1, 'accepted', $7)`,
      [
        client,
        reportId,
        postId,
        campaignId,
        affiliateId,
        platform,
        `over ${method === "API" ? "the API" : "Discord"}: ${claimed.views} views, ${claimed.clicks} clicks, ${claimed.conversions} conversions`,
      ],
    ),
  );
  await refreshPostTotals(session, { client, postId });
  if (submission.interaction != null)
    await session.query(
      prepared(
        `insert into recon.discord_interactions (_client_id, report_id, application_id, sealed, expires_at) values ($1, $2, $3, $4, now() + ${interactionLife})`,
        [client, reportId, submission.interaction.applicationId, submission.interaction.sealedToken],
      ),
    );
  return { outcome: "accepted", reportId, postId, state: "PENDING" };
}

/** Null when another session has written the same submission since we looked. */
async function insertReport(
  session: Session,
  { client, affiliateId, claimed, method }: Submission,
  read: ReadSubmission,
  postId: string,
): Promise<string | null> {
  const { rows } = await session.query<{ reportId: string }>(
    prepared(
      `insert into recon.affiliate_reports (_client_id, post_id, affiliate_id, claimed_views, claimed_clicks, claimed_conversions,
            submission_method, submission_key, content_hash, origin)
     select $1, $2, affiliate_id, $4, $5, $6, $7, $8, $9, origin from recon.affiliates where _client_id = $1 and affiliate_id = $3
     on conflict on constraint affiliate_reports_submission do nothing returning report_id::text as "reportId"`,
      [
        client,
        postId,
        affiliateId,
        claimed.views,
        claimed.clicks,
        claimed.conversions,
        method,
        read.submissionKey,
        read.contentHash,
      ],
    ),
  );
  return rows[0]?.reportId ?? null;
}

async function findSubmitted(
  session: Session,
  { client, affiliateId, idempotencyKey }: Submission,
  { submissionKey, contentHash }: ReadSubmission,
): Promise<Accepted | null> {
  const { rows } = await session.query<{ reportId: string; postId: string; state: string; contentHash: string }>(
    prepared(
      `select r.report_id::text as "reportId", s.post_id::text as "postId", s.state, r.content_hash as "contentHash"
       from recon.affiliate_reports r join recon.report_state s using (_client_id, report_id)
      where r._client_id = $1 and r.affiliate_id = $2 and r.submission_key = $3`,
      [client, affiliateId, submissionKey],
    ),
  );
  const [found] = rows;
  if (found === undefined) return null;
  if (found.contentHash !== contentHash)
    throw new SubmissionRefused(
      "conflict",
      "idempotencyKey",
      `${idempotencyKey ?? ""} was used for another submission: report ${found.reportId}`,
    );
  return { outcome: "repeated", reportId: found.reportId, postId: found.postId, state: found.state };
}

async function checkAssignment(
  session: Session,
  { client, affiliateId, campaignId, platform }: Submission,
  postedAt: Date | null,
): Promise<void> {
  const { rows } = await session.query<{
    isActive: boolean | null;
    status: string | null;
    startsOn: string | null;
    endsOn: string | null;
    assigned: boolean;
    now: Date;
  }>(
    prepared(
      `select (select is_active from recon.affiliates where _client_id = $1 and affiliate_id = $2) as "isActive",
            c.status, c.starts_on as "startsOn", c.ends_on as "endsOn", now() as now,
            exists (select from recon.campaign_platforms where _client_id = $1 and campaign_id = $3 and platform = $4) as assigned
       from (select 1) one left join recon.campaigns c on c._client_id = $1 and c.campaign_id = $3`,
      [client, affiliateId, campaignId, platform],
    ),
  );
  const [found] = rows;
  if (found === undefined) throw new Error("a query of one row has none");
  const { isActive, status, assigned, startsOn, endsOn, now } = found;
  if (isActive === null) throw new SubmissionRefused("not_found", "affiliateId", "there is no such affiliate");
  if (!isActive) throw new SubmissionRefused("conflict", "affiliateId", "the affiliate is disabled");
  if (status === null) throw new SubmissionRefused("not_found", "campaignId", "there is no such campaign");
  if (status !== "active")
    throw new SubmissionRefused("conflict", "campaignId", `the campaign is ${status}: it takes no submissions`);
  const outside = outsideCampaign({ startsOn, endsOn }, { now, postedAt });
  if (outside !== null) throw new SubmissionRefused("conflict", outside.field, outside.message);
  if (!assigned) throw invalid("platform", `the campaign does not run on ${platform}`);
}
