import { readPostUrl } from "../connectors/platforms/addresses.ts";
import { createCampaign } from "../queries/recon/campaigns.ts";
import { recordVerdict, type Judgement } from "../queries/recon/record-verdict.ts";
import { accept } from "../queries/recon/accept.ts";
import { createAffiliate } from "../queries/recon/keys.ts";
import { makeAffiliateKey } from "../rules/recon/affiliate-key.ts";
import type { Database } from "../schema/database.ts";
import type { TemporalAccess } from "../api/server/temporal.ts";

/** For tests only: Temporal as far as the API knows it. What was started is kept; results are what the test says. */
export interface FakeTemporal {
  access: Partial<TemporalAccess>;
  started: { type: string; workflowId: string; input: unknown; takenIn?: unknown }[];
  /** Null: away. */
  result: { value: unknown } | null;
}

export function fakeTemporal(): FakeTemporal {
  const fake: FakeTemporal = { access: {}, started: [], result: { value: null } };
  const start = (
    type: string,
    { workflowId, args, memo }: { workflowId: string; args: unknown[]; memo?: Record<string, unknown> },
  ) => {
    if (fake.result === null) return Promise.reject(new Error("14 UNAVAILABLE"));
    fake.started.push({ type, workflowId, input: args[0], takenIn: memo?.["takenIn"] });
    const { value } = fake.result;
    return Promise.resolve({ workflowId, result: () => Promise.resolve(value) });
  };
  fake.access = {
    client: { workflow: { start }, withAbortSignal: (_signal: unknown, work: () => unknown) => work() },
  } as unknown as Partial<TemporalAccess>;
  return fake;
}

export interface MadeAffiliate {
  affiliateId: string;
  key: string;
}

export async function makeAffiliate(
  database: Database,
  { client, name, discordUserHash = null }: { client: string; name: string; discordUserHash?: string | null },
): Promise<MadeAffiliate> {
  const { key, hash } = makeAffiliateKey();
  const stored = { keyHash: hash, keyPrefix: key.slice(0, 8), emailHash: null, emailSealed: null };
  const row = await createAffiliate(database, { client, name, discordUserHash, origin: "real", ...stored });
  if (row === null) throw new Error(`there is an affiliate ${name} already`);
  return { affiliateId: row.affiliateId, key };
}

export async function makeCampaign(
  database: Database,
  { client, name, advertiserId = "adv-1" }: { client: string; name: string; advertiserId?: string },
): Promise<string> {
  const campaign = {
    client,
    name,
    advertiserId,
    startsOn: null,
    endsOn: null,
    platforms: ["instagram", "meta", "reddit"],
    origin: "real" as const,
  };
  return (await createCampaign(database, campaign)).row.campaignId;
}

type Triple = readonly [views: number, clicks: number, conversions: number];

/** A report with a verdict, by the pipeline's own writers. */
export async function judge(
  database: Database,
  of: {
    client: string;
    affiliateId: string;
    campaignId: string;
    platform?: string;
    url: string;
    claimed: Triple;
    verified: readonly [number | null, number | null, number | null];
    verdict: string;
    level?: string | null;
    spend?: [amount: string, currency: string];
    raise?: Judgement["raise"];
    origin?: Judgement["origin"];
  },
): Promise<string> {
  const { client, affiliateId, campaignId, url, claimed, verified, verdict, level = null, platform = "reddit" } = of;
  const [views, clicks, conversions] = claimed;
  const accepted = await accept(database, {
    client,
    affiliateId,
    campaignId,
    platform,
    post: readPostUrl(platform, url),
    claimed: { views, clicks, conversions },
    evidence: null,
    method: "API",
    idempotencyKey: null,
  });
  if (accepted.outcome === "refused") throw new Error(`${accepted.field} ${accepted.message}`);
  const metric = (index: 0 | 1 | 2) => {
    const told = verified[index];
    return {
      claimed: String(claimed[index]),
      verified: told === null ? null : String(told),
      difference: told === null ? null : String(claimed[index] - told),
      diffPct: told === null || told === 0 ? null : ((100 * (claimed[index] - told)) / told).toFixed(2),
    };
  };
  const countsForTrust = verdict === "MATCHED" || verdict === "DISCREPANCY";
  const [spend, currency] = of.spend ?? [null, null];
  await recordVerdict(database, {
    origin: of.origin ?? "real",
    attempt: {
      client,
      reportId: accepted.reportId,
      attempt: 1,
      workflowId: `reconcile/${accepted.reportId}`,
    },
    affiliateId,
    postId: accepted.postId,
    platform,
    verdict,
    level,
    countsForTrust,
    isAccurate: countsForTrust && (verdict === "MATCHED" || level === "LOW"),
    worstMetric: level === null ? null : "views",
    metrics: { views: metric(0), clicks: metric(1), conversions: metric(2) },
    reason: `${verdict} in a test`,
    fetched: {
      views: verified[0],
      clicks: verified[1],
      conversions: verified[2],
      spend,
      currency,
      hints: { score: 7 },
      raw: { of: "test" },
    },
    runId: "run",
    raise: of.raise ?? [],
    settle: [],
  });
  return accepted.reportId;
}
