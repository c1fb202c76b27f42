import { sha256 } from "../../core/crypto.ts";
import { isPast, readMoment } from "../../core/moments.ts";
import type { PostAddress, ReadPostUrl } from "./post-url.ts";

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
  /** What the platform makes of the address that was submitted. */
  post: ReadPostUrl;
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

export const mostEvidenceBytes = 65_536;
const deepestEvidence = 32;
const longestText = { title: 300, description: 2_000, idempotencyKey: 200 } as const;
/** Why a submission is not taken, and the field to correct. */
export class SubmissionRefused extends Error {
  constructor(
    readonly code: "validation_error" | "conflict" | "not_found",
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

export const invalid = (field: string, message: string) => new SubmissionRefused("validation_error", field, message);

/** A submission that holds together: what is stored of it, and by what it is known again. */
export interface ReadSubmission {
  address: PostAddress;
  evidence: string | null;
  postedAt: Date | null;
  submissionKey: string;
  contentHash: string;
}

/** Checks all that can be said without a database. */
export function readSubmission(submission: Submission, now: Date): ReadSubmission {
  const { platform, post: read, claimed, method, idempotencyKey } = submission;
  if (!isId(submission.affiliateId))
    throw new SubmissionRefused("not_found", "affiliateId", "there is no such affiliate");
  if (!isId(submission.campaignId)) throw new SubmissionRefused("not_found", "campaignId", "there is no such campaign");
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
  if (postedAt !== null && !isPast(postedAt, now)) throw invalid("postedAt", "must not be in the future");
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

const tooMuchEvidence = () => invalid("evidence", `must not have more than ${mostEvidenceBytes} bytes as JSON`);

/** An id as we write it, and one that fits. */
const isId = (text: string) => /^[1-9]\d{0,17}$/.test(text);

/** Postgres keeps no NUL, and half a character is none. */
const isStorable = (text: string) => !text.includes("\0") && !/\p{Surrogate}/u.test(text);

/** As a data address, or the base64 that PNG, JPEG, GIF and WebP begin with. */
const image = /data:\s*image\/|^\s*(?:iVBORw0KGgo|\/9j\/|R0lGOD|UklGR)[A-Za-z0-9+/=\s]{40,}/i;

/** JSON whose text does not depend on the order in which fields came. */
function canonical(value: unknown, depth: number): string {
  if (depth > deepestEvidence) throw invalid("evidence", `must not be nested deeper than ${deepestEvidence} levels`);
  if (typeof value === "string") {
    if (!isStorable(value)) throw invalid("evidence", "must be text without NUL or broken characters");
    if (image.test(value)) throw invalid("evidence", "must not have images: they are not taken");
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
