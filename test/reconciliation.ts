import { readPostUrl } from "../connectors/platforms/addresses.ts";
import type { Origin } from "../core/origin.ts";
import { keyRing } from "../core/crypto.ts";
import { accept, type Accepted } from "../queries/recon/accept.ts";
import type { Submission } from "../rules/recon/submission.ts";
import { recordVerdict, type Judgement } from "../queries/recon/record-verdict.ts";
import type { Database } from "../schema/database.ts";

export const client = "713";

/** A campaign on every platform, and as many affiliates as there are names. */
export async function createCampaign(
  database: Database,
  affiliates: readonly string[],
  of = client,
  origin: Origin = "real",
) {
  const ids = async (statement: string, parameters: unknown[]) =>
    (await database.query<{ id: string }>(statement, parameters)).rows.map(({ id }) => id);
  const [campaignId = ""] = await ids(
    "insert into recon.campaigns (_client_id, advertiser_id, name, origin) values ($1, 'adv-1', 'campaign ' || gen_random_uuid(), $2) returning campaign_id::text as id",
    [of, origin],
  );
  await database.query(
    "insert into recon.platforms (_client_id, platform) select $1, unnest($2::text[]) on conflict do nothing",
    [of, ["reddit", "instagram", "meta"]],
  );
  await database.query(
    "insert into recon.campaign_platforms (_client_id, campaign_id, platform) select $1, $2, unnest($3::text[])",
    [of, campaignId, ["reddit", "instagram", "meta"]],
  );
  const affiliateIds: string[] = [];
  for (const name of affiliates)
    affiliateIds.push(
      ...(await ids(
        "insert into recon.affiliates (_client_id, name, origin) values ($1, $2 || ' ' || gen_random_uuid(), $3) returning affiliate_id::text as id",
        [of, name, origin],
      )),
    );
  return { campaignId, affiliateIds };
}

/** What a test says of a submission: the rest is as usual. */
export type Given = Partial<Omit<Submission, "post">> &
  Pick<Submission, "campaignId" | "affiliateId"> & { url?: string };

export const submission = ({
  platform = "reddit",
  url = "https://www.reddit.com/r/test/comments/1abcde/a_title/",
  ...given
}: Given): Submission => ({
  client,
  platform,
  post: readPostUrl(platform, url),
  claimed: { views: 1_000, clicks: 100, conversions: 10 },
  evidence: null,
  method: "API",
  idempotencyKey: null,
  ...given,
});

/** As a setting would have it. */
export const keeping = { credentialsKey: keyRing(Buffer.alloc(32, 7)), evidenceDays: 90 };

/** Takes a submission in that must not be refused. */
export async function taken(database: Database, given: Given): Promise<Extract<Accepted, { reportId: string }>> {
  const accepted = await accept(database, submission(given), keeping);
  if (accepted.outcome === "refused") throw new Error(`refused: ${accepted.field} ${accepted.message}`);
  return accepted;
}

/** A verdict as an activity would write it. */
export async function judge(
  database: Database,
  of: { reportId: string; postId: string; affiliateId: string; attempt?: number },
  verdict: Partial<Judgement> = {},
) {
  const metric = { claimed: "0", verified: "0", difference: "0", diffPct: "0.00" };
  const { reportId, attempt = 1, postId, affiliateId } = of;
  return recordVerdict(database, {
    origin: "real",
    attempt: { client, reportId, attempt, workflowId: "test" },
    postId,
    affiliateId,
    platform: "reddit",
    verdict: "MATCHED",
    level: null,
    countsForTrust: true,
    isAccurate: true,
    worstMetric: null,
    metrics: { views: metric, clicks: metric, conversions: metric },
    reason: "as a test wants it",
    fetched: { views: 0, clicks: 0, conversions: 0, spend: null, currency: null, hints: {}, raw: {} },
    runId: "test",
    raise: [],
    settle: [],
    ...verdict,
  });
}

export const high = { verdict: "DISCREPANCY", level: "HIGH", isAccurate: false } as const;
