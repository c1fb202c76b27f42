import { sha256 } from "../../core/crypto.ts";
import { isPast, readMoment } from "../../core/moments.ts";
import { readPostUrl, type PostAddress } from "../../rules/recon/post-url.ts";
import { withoutPersons } from "../../rules/recon/personal.ts";
import { inTransaction, type Database, type Session } from "../../schema/database.ts";
import { keepEvidence, type EvidenceKeeping } from "./evidence.ts";
import { lockPosts, refreshPostTotals } from "./posts.ts";

export interface Claim {
  views: number;
  clicks: number;
  conversions: number;
}

/** What an affiliate claims for a post, over HTTP or Discord. */
export interface Submission {
  client: string;
  affiliateId: string;
  campaignId: string;
  platform: string;
  url: string;
  claimed: Claim;
  /** JSON of at most `mostEvidenceBytes`; null for none. */
  evidence: unknown;
  method: "API" | "DISCORD";
  /** The sender's own name for this submission; without one, the same content is the same submission. */
  idempotencyKey: string | null;
  title?: string | null;
  description?: string | null;
  /** When the post was published, ISO 8601. */
  postedAt?: string | null;
  /** Where the verdict is sent, its token sealed. */
  interaction?: { applicationId: string; sealedToken: Buffer } | null;
}

export type Accepted =
  | { outcome: "accepted" | "repeated"; reportId: string; postId: string; state: string }
  | { outcome: "refused"; code: "validation_error" | "conflict" | "not_found"; field: string; message: string };

export const mostEvidenceBytes = 65_536;
const deepestEvidence = 32;
const longestText = { title: 300, description: 2_000, idempotencyKey: 200 } as const;
/** Discord takes follow-ups for 15 minutes; the last one goes to clocks that differ. */
const interactionLife = "interval '14 minutes'";

class Refusal extends Error {
  constructor(
    readonly code: "validation_error" | "conflict" | "not_found",
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

const invalid = (field: string, message: string) => new Refusal("validation_error", field, message);

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
    const read = readSubmission(submission);
    return await inTransaction(database, (session) => write(session, submission, read, keeping));
  } catch (error) {
    if (error instanceof Refusal)
      return { outcome: "refused", code: error.code, field: error.field, message: error.message };
    throw error;
  }
}

interface ReadSubmission {
  address: PostAddress;
  evidence: string | null;
  postedAt: Date | null;
  submissionKey: string;
  contentHash: string;
}

function readSubmission(submission: Submission): ReadSubmission {
  const { platform, url, claimed, method, idempotencyKey } = submission;
  if (!isId(submission.affiliateId)) throw new Refusal("not_found", "affiliateId", "there is no such affiliate");
  if (!isId(submission.campaignId)) throw new Refusal("not_found", "campaignId", "there is no such campaign");
  const read = readPostUrl(platform, url);
  if (!read.ok) throw invalid(read.problem.startsWith("is on a platform") ? "platform" : "url", read.problem);
  for (const [metric, count] of Object.entries(claimed))
    if (!Number.isSafeInteger(count) || count < 0)
      throw invalid(`claimed.${metric}`, "must be a whole number, 0 or more");
  for (const [field, most] of Object.entries(longestText)) {
    const text = submission[field as keyof typeof longestText];
    if (text != null && (text.length > most || !isStorable(text)))
      throw invalid(field, `must be text of at most ${most} characters`);
  }
  const postedAt = submission.postedAt == null ? null : readMoment(submission.postedAt);
  if (submission.postedAt != null && postedAt === null) throw invalid("postedAt", "must be a time, ISO 8601");
  if (postedAt !== null && !isPast(postedAt, new Date())) throw invalid("postedAt", "must not be in the future");
  const evidence =
    submission.evidence === undefined || submission.evidence === null ? null : canonical(submission.evidence, 0);
  if (evidence !== null && Buffer.byteLength(evidence) > mostEvidenceBytes) throw tooMuchEvidence();
  const content = canonical(
    {
      method,
      campaignId: submission.campaignId,
      platform,
      url: read.address.url,
      claimed: { views: claimed.views, clicks: claimed.clicks, conversions: claimed.conversions },
      title: submission.title ?? null,
      description: submission.description ?? null,
      postedAt: postedAt?.toISOString() ?? null,
    },
    0,
  );
  const contentHash = sha256(`${content}\n${evidence ?? ""}`);
  return {
    address: read.address,
    evidence,
    postedAt,
    // Whatever a sender makes its keys of, an address say, is not kept: only what knows it again.
    submissionKey: idempotencyKey === null ? `content:${contentHash}` : `${method}:${sha256(idempotencyKey)}`,
    contentHash,
  };
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
  await checkAssignment(session, submission);
  const { address } = read;
  const { rows: posts } = await session.query<{ postId: string; joinedPostId: string | null }>(
    // The update changes nothing but takes the row's lock: submissions of one post come one after the other from here.
    `insert into recon.posts as p (_client_id, campaign_id, affiliate_id, platform, url, platform_post_id, is_share_link, title, description, posted_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     on conflict on constraint posts_url do update
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
  );
  await refreshPostTotals(session, { client, postId });
  if (submission.interaction != null)
    await session.query(
      `insert into recon.discord_interactions (_client_id, report_id, application_id, sealed, expires_at) values ($1, $2, $3, $4, now() + ${interactionLife})`,
      [client, reportId, submission.interaction.applicationId, submission.interaction.sealedToken],
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
    `insert into recon.affiliate_reports (_client_id, post_id, affiliate_id, claimed_views, claimed_clicks, claimed_conversions,
            submission_method, submission_key, content_hash)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
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
  );
  return rows[0]?.reportId ?? null;
}

async function findSubmitted(
  session: Session,
  { client, affiliateId, idempotencyKey }: Submission,
  { submissionKey, contentHash }: ReadSubmission,
): Promise<Accepted | null> {
  const { rows } = await session.query<{ reportId: string; postId: string; state: string; contentHash: string }>(
    `select r.report_id::text as "reportId", s.post_id::text as "postId", s.state, r.content_hash as "contentHash"
       from recon.affiliate_reports r join recon.report_state s using (_client_id, report_id)
      where r._client_id = $1 and r.affiliate_id = $2 and r.submission_key = $3`,
    [client, affiliateId, submissionKey],
  );
  const [found] = rows;
  if (found === undefined) return null;
  if (found.contentHash !== contentHash)
    throw new Refusal(
      "conflict",
      "idempotencyKey",
      `${idempotencyKey ?? ""} was used for another submission: report ${found.reportId}`,
    );
  return { outcome: "repeated", reportId: found.reportId, postId: found.postId, state: found.state };
}

async function checkAssignment(
  session: Session,
  { client, affiliateId, campaignId, platform }: Submission,
): Promise<void> {
  const { rows } = await session.query<{ isActive: boolean | null; status: string | null; assigned: boolean }>(
    `select (select is_active from recon.affiliates where _client_id = $1 and affiliate_id = $2) as "isActive",
            (select status from recon.campaigns where _client_id = $1 and campaign_id = $3) as status,
            exists (select from recon.campaign_platforms where _client_id = $1 and campaign_id = $3 and platform = $4) as assigned`,
    [client, affiliateId, campaignId, platform],
  );
  const { isActive, status, assigned } = rows[0] ?? { isActive: null, status: null, assigned: false };
  if (isActive === null) throw new Refusal("not_found", "affiliateId", "there is no such affiliate");
  if (!isActive) throw new Refusal("conflict", "affiliateId", "the affiliate is disabled");
  if (status === null) throw new Refusal("not_found", "campaignId", "there is no such campaign");
  if (status !== "active")
    throw new Refusal("conflict", "campaignId", `the campaign is ${status}: it takes no submissions`);
  if (!assigned) throw invalid("platform", `the campaign does not run on ${platform}`);
}

const tooMuchEvidence = () => invalid("evidence", `must not have more than ${mostEvidenceBytes} bytes as JSON`);

/** An id as we write it, and one that fits. */
const isId = (text: string) => /^[1-9]\d{0,17}$/.test(text);

/** Postgres keeps no NUL, and half a character is none. */
const isStorable = (text: string) => !text.includes("\0") && !/\p{Surrogate}/u.test(text);

/** JSON whose text does not depend on the order in which fields came. */
function canonical(value: unknown, depth: number): string {
  if (depth > deepestEvidence) throw invalid("evidence", `must not be nested deeper than ${deepestEvidence} levels`);
  if (typeof value === "string") {
    if (!isStorable(value)) throw invalid("evidence", "must be text without NUL or broken characters");
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one ?? null, depth + 1)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).filter(([, one]) => one !== undefined);
    return `{${fields
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, one]) => `${canonical(name, depth)}:${canonical(one, depth + 1)}`)
      .join(",")}}`;
  }
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value === "boolean" || value === null) return JSON.stringify(value);
  throw invalid("evidence", "must be JSON");
}
