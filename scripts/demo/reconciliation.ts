import { setTimeout as wait } from "node:timers/promises";
import { clockTime } from "../../core/days.ts";
import { CommandError, exitCodes, inParallel } from "../shared/command-line.ts";
import { claimsOf, demoAffiliateCast, demoPrograms, type Claim } from "./affiliates.ts";
import { zone, type Area, type Demo, type Show } from "./demo.ts";
import { makeAffiliate, type Affiliate, type Report } from "./stack.ts";

const atATime = 4;
const lookEveryMs = 400;
const patienceMs = 120_000;

/** Campaigns, affiliates and their claims, judged by the platforms; disputes, and what a person settled. */
export const reconciliation: Area = {
  name: "reconciliation",
  vendors: ["instagram", "meta_ads", "reddit"],
  counted: "select count(*)::int as rows from recon.affiliate_reports where _client_id = $1 and $2::date <= $3::date",
  async fill(demo, show) {
    const claims = claimsOf(demo.client);
    // What is true of the posts lies in the sandbox's memory, and is gone when it was started again.
    await demo.stack.sandbox(
      "POST",
      "/posts",
      claims.flatMap(({ truth }) => (truth === null ? [] : [truth])),
    );
    if (await isThere(demo)) return;
    show("campaigns and affiliates");
    const campaigns = await makeCampaigns(demo);
    const affiliates = new Map<string, Affiliate>();
    for (const wanted of demoAffiliateCast) affiliates.set(wanted.name, await makeAffiliate(demo.stack, wanted));
    const reportIds = await submitAll(demo, show, { claims, campaigns, affiliates });
    await judged(demo, show, reportIds);
    await dateVerdicts(demo, { claims, reportIds });
    show("disputes");
    await dispute(demo, { affiliates, reportIds });
    await demo.stack.api("PUT", "/recon/platforms/reddit/config", { body: { mode: "sandbox" } });
  },
};

/** What a person did last is the end of it. */
async function isThere({ context, client }: Demo): Promise<boolean> {
  const { rowCount } = await (
    await context.database()
  ).query(
    `select from recon.disputes d join recon.affiliates a using (_client_id, affiliate_id)
      where d._client_id = $1 and a.name = any($2) and d.outcome is not null limit 1`,
    [client, demoAffiliateCast.map(({ name }) => name)],
  );
  return rowCount !== 0;
}

async function makeCampaigns({ stack, days, today }: Demo): Promise<Map<string, string>> {
  const campaigns = new Map<string, string>();
  const known = (
    await stack.api<{ items: { campaignId: string; name: string }[] }>("GET", "/recon/campaigns?limit=500")
  ).items;
  for (const { name, advertiserId, platforms } of demoPrograms) {
    const there = known.find((one) => one.name === name);
    const { campaignId } =
      there ??
      (await stack.api<{ campaignId: string }>("POST", "/recon/campaigns", {
        body: { name, advertiserId, platforms, startsOn: days[0] ?? today, origin: "sandbox" },
      }));
    campaigns.set(name, campaignId);
  }
  return campaigns;
}

async function submitAll(
  { stack }: Demo,
  show: Show,
  of: { claims: Claim[]; campaigns: Map<string, string>; affiliates: Map<string, Affiliate> },
): Promise<string[]> {
  let done = 0;
  return inParallel(atATime, of.claims, async (claim) => {
    const { reportId } = await stack.api<{ reportId: string }>("POST", "/recon/affiliates/submissions", {
      key: of.affiliates.get(claim.by)?.key ?? "",
      body: {
        campaignId: of.campaigns.get(claim.campaign),
        platform: claim.platform,
        url: claim.url,
        claimed: claim.claimed,
        title: claim.title,
        evidence: { note: "screenshot of the platform's own page", claimed: claim.claimed },
      },
    });
    done += 1;
    show(`${done} of ${of.claims.length} claims submitted`);
    return reportId;
  });
}

/** Until every claim has its verdict, or waits for a platform that has no numbers yet. */
async function judged({ context, client }: Demo, show: Show, reportIds: string[]): Promise<void> {
  const database = await context.database();
  for (const until = Date.now() + patienceMs; ; await wait(lookEveryMs)) {
    const { rows } = await database.query<{ judged: number; pending: number }>(
      `select count(*) filter (where verdict is not null)::int as judged, count(*) filter (where state = 'PENDING')::int as pending
         from recon.report_state where _client_id = $1 and report_id = any($2::bigint[])`,
      [client, reportIds],
    );
    const { judged: done, pending } = rows[0] ?? { judged: 0, pending: 0 };
    show(`${done} of ${reportIds.length} verdicts`);
    if (pending === 0) return;
    if (Date.now() > until) throw new CommandError(exitCodes.found, `${pending} claims are still to be judged`);
  }
}

/** One affiliate's verdicts lie weeks apart: that its trust rises or falls takes time. What was submitted keeps its moment. */
async function dateVerdicts(
  { context, client, days, now }: Demo,
  { claims, reportIds }: { claims: Claim[]; reportIds: string[] },
): Promise<void> {
  const over = days.slice(0, -1);
  const at = claims.map((_, index) => {
    const day = over[Math.floor((index / claims.length) * over.length)];
    return day === undefined ? now : clockTime(day, 9 + (index % 9), (index * 7) % 60, zone);
  });
  await (
    await context.database()
  ).query(
    `update recon.report_state s set reconciled_at = least(s.reconciled_at, g.at)
       from unnest($2::bigint[], $3::timestamptz[]) g(report_id, at)
      where s._client_id = $1 and s.report_id = g.report_id and s.verdict is not null`,
    [client, reportIds, at],
  );
}

/** Three affiliates object; one of them was right. */
async function dispute(
  { stack }: Demo,
  { affiliates, reportIds }: { affiliates: Map<string, Affiliate>; reportIds: string[] },
): Promise<void> {
  const { items } = await stack.api<{ items: Report[] }>("GET", "/recon/submissions?verdict=DISCREPANCY&limit=500");
  const objections: [by: string, reason: string][] = [
    ["Just Trends", "The boosted views are missing in your number."],
    ["Daily Deals Łukasz", "I claimed before the platform had corrected its count."],
    ["Kitchen & Söhne", "The post was split in two; the other half is missing."],
  ];
  let last: string | null = null;
  for (const [by, reason] of objections) {
    const affiliate = affiliates.get(by);
    const report = items.find(
      (one) =>
        one.affiliateId === affiliate?.affiliateId && reportIds.includes(one.reportId) && one.verdict?.level !== "LOW",
    );
    if (affiliate === undefined || report === undefined) continue;
    const opened = await stack.api<{ disputeId: string }>("POST", `/recon/submissions/${report.reportId}/dispute`, {
      key: affiliate.key,
      body: { reason },
    });
    last = opened.disputeId;
  }
  if (last !== null)
    await stack.api("PUT", `/recon/disputes/${last}/settle`, {
      body: { outcome: "affiliate", notes: "Checked with the platform: both halves count." },
    });
}
