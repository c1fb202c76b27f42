import type { ChildProcess } from "node:child_process";
import { makeAffiliateKey } from "../rules/recon/affiliate-key.ts";
import { startBenchStack, type BenchOptions, type BenchStack } from "./stack.ts";
import { freePorts } from "../scripts/embedded/process.ts";

export interface Affiliate {
  affiliateId: string;
  key: string;
}

export interface Claim {
  affiliate: Affiliate;
  /** The ad's id at the platform. */
  ad: string;
  views: number;
  idempotencyKey?: string;
  /** Which API is asked; the first, when left out. */
  api?: string;
}

export interface ReconStack {
  stack: BenchStack;
  affiliates: Affiliate[];
  /** Where the API answers, once it is started. */
  api: string;
  startApi: () => Promise<ChildProcess>;
  /** Ads the platform counts `seen` views of; it knows no others. */
  playAds: (ads: string[]) => Promise<void>;
  /** What the API answered; null when it did not answer. */
  submit: (claim: Claim) => Promise<{ status: number; reportId: string } | null>;
}

/** A whole stack whose mock platform answers at once, with a campaign and affiliates who hold keys. */
export async function startReconStack(
  count: number,
  settings: Record<string, string> = {},
  servers: Pick<BenchOptions, "temporalOnFile" | "temporal"> = { temporalOnFile: true },
): Promise<ReconStack> {
  const [apiPort = 0] = await freePorts(1);
  const stack = await startBenchStack({
    ...servers,
    settings: {
      API_PORT: String(apiPort),
      LOG_LEVEL: "error",
      SUBMISSIONS_PER_MINUTE: "100000000",
      API_RATE_LIMIT_PER_MINUTE: "100000000",
      META_ADS_INTERVAL_MS: "0",
      META_ADS_CONCURRENT: "100",
      VENDOR_SLOTS: "50",
      ...settings,
    },
    sandbox: { SANDBOX_META_ADS_LIMITS: "none", SANDBOX_INSTANT: "on" },
  });
  const { database } = stack;
  const id = async (statement: string, parameters: unknown[] = []) =>
    (await database.query<{ id: string }>(statement, parameters)).rows[0]?.id ?? "";
  const campaignId = await id(
    "insert into recon.campaigns (_client_id, advertiser_id, name) values ('713', 'adv-1', 'bench') returning campaign_id::text as id",
  );
  await database.query("insert into recon.platforms (_client_id, platform) values ('713', 'meta')");
  await database.query(
    "insert into recon.campaign_platforms (_client_id, campaign_id, platform) values ('713', $1, 'meta')",
    [campaignId],
  );
  await database.query(
    "insert into recon.platform_config (_client_id, platform, mode, updated_by) values ('713', 'meta', 'sandbox', 'bench')",
  );
  const affiliates: Affiliate[] = [];
  for (let index = 0; index < count; index += 1) {
    const { key, hash } = makeAffiliateKey();
    const affiliateId = await id(
      "insert into recon.affiliates (_client_id, name, api_key_hash) values ('713', $1, $2) returning affiliate_id::text as id",
      [`bench ${index}`, hash],
    );
    affiliates.push({ affiliateId, key });
  }
  const ownApi = `http://127.0.0.1:${apiPort}`;
  return {
    stack,
    affiliates,
    api: ownApi,
    startApi: () => stack.startChild("api", "api/main.js"),
    playAds: async (ads) => {
      const numbers = { views: seen, clicks: 10, conversions: 1 };
      await stack.control(
        "POST",
        "/posts",
        ads.map((id) => ({ platform: "meta", id, ...numbers })),
      );
    },
    submit: async ({ affiliate, ad, views, idempotencyKey, api = ownApi }) => {
      try {
        const response = await fetch(`${api}/api/v1/recon/affiliates/submissions`, {
          method: "POST",
          headers: {
            "content-type": "application/json",
            "x-api-key": affiliate.key,
            ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
          },
          body: JSON.stringify({
            campaignId,
            platform: "meta",
            url: `https://www.facebook.com/adsmanager/manage/ads?act=1&selected_ad_ids=${ad}`,
            claimed: { views, clicks: 0, conversions: 0 },
          }),
          signal: AbortSignal.timeout(5_000),
        });
        const body = (await response.json()) as { reportId?: string };
        return { status: response.status, reportId: body.reportId ?? "" };
      } catch {
        return null;
      }
    },
  };
}

/** How often the platform has seen each ad. */
export const seen = 100;

/** An unused ad id. */
export const adId = (index: number) => String(120_210_000_000_000_000n + BigInt(index));

/**
 * Claims of every kind, spread over the affiliates: true ones, a little and a lot above the platform's number, and a few
 * posts that two affiliates claim. Half have an idempotency key; the others are known again by their content.
 */
export function makeClaims(affiliates: readonly Affiliate[], count: number): { claims: Claim[]; shared: number } {
  const views = [1_000 * seen, 1.1 * seen, 1.04 * seen, seen, seen - 1];
  const isShared = (index: number) => index % 40 === 39;
  const claims = Array.from({ length: count }, (_, index): Claim => {
    const affiliate = affiliates[index % affiliates.length];
    if (affiliate === undefined) throw new Error("no affiliate");
    return {
      affiliate,
      ad: adId(isShared(index) ? index - 1 : index),
      views: Math.round(views[index % views.length] ?? seen),
      ...(index % 2 === 0 ? { idempotencyKey: `claim-${index}` } : {}),
    };
  });
  return { claims, shared: claims.filter((_, index) => isShared(index)).length };
}
