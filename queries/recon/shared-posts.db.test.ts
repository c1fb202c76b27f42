import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { client, createCampaign, high, judge, taken } from "../../test/reconciliation.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readCampaignTotals } from "./dashboards.ts";
import { listReports, readTrend } from "./reports.ts";
import { listRunReports } from "./list-runs.ts";
import { readReportToJudge } from "./report-to-judge.ts";
import { planRun } from "./runs.ts";
import { openDispute, settleDispute } from "./trust.ts";

let database: TestDatabase;
let campaignId: string;
let one = "";
let other = "";
beforeAll(async () => void (database = await testDatabase()));
beforeEach(async () => {
  const created = await createCampaign(database.pool, ["one", "other"]);
  campaignId = created.campaignId;
  [one = "", other = ""] = created.affiliateIds;
});
afterAll(() => database.drop());

const rows = async <Row extends object>(statement: string, parameters: unknown[] = []) =>
  (await database.pool.query<Row>(statement, parameters)).rows;

let ids = 0;
const newId = () => String(120_200_000_000 + (ids += 1));
const inTab = (tab: "ad" | "adset" | "campaign", id: string) =>
  `https://www.facebook.com/adsmanager/manage/${tab}s?selected_${tab}_ids=${id}`;
const claim = async (affiliateId: string, url: string, views = 500) => ({
  ...(await taken(database.pool, {
    ...{ campaignId, affiliateId, url, platform: "meta" },
    claimed: { views, clicks: 1, conversions: 1 },
  })),
  affiliateId,
});
const fetched = { views: 500, clicks: 10, conversions: 1, spend: "12.50", currency: "USD", hints: {}, raw: {} };
const nothing = { countsForTrust: false, isAccurate: false } as const;

/** As it is kept; the view computes the same from the logs. */
async function trust(affiliateId: string): Promise<string> {
  const columns = "trust_score || ' of ' || total_submissions as trust";
  const [[kept], [anew]] = await Promise.all([
    rows<{ trust: string }>(`select ${columns} from recon.affiliates where affiliate_id = $1`, [affiliateId]),
    rows<{ trust: string }>(`select ${columns} from recon.affiliate_trust where affiliate_id = $1`, [affiliateId]),
  ]);
  expect(kept).toEqual(anew);
  return kept?.trust ?? "";
}
const trustOfReport = async (reportId: string) =>
  (
    await listReports(database.pool, {
      scope: { client, affiliateId: null, advertiserId: null },
      filter: { reportId },
      limit: 1,
    })
  )[0]?.trust;

describe("one post in several spellings", () => {
  test("is one post by the platform's id, from whichever tab it was copied: its numbers and trust count once", async () => {
    const id = newId();
    const first = await claim(one, inTab("campaign", id));
    const second = await claim(one, inTab("ad", id));
    const theirs = await claim(other, inTab("adset", `0${id}`));
    expect(second.postId).toBe(first.postId);
    expect(theirs.postId).not.toBe(first.postId);
    for (const report of [first, second, theirs]) await judge(database.pool, report, { platform: "meta", fetched });
    expect(await trust(one)).toBe("1.00 of 1");
    const totals = await readCampaignTotals(database.pool, { client, campaignId });
    expect(totals).toEqual([
      expect.objectContaining({ posts: 1, reports: 3, verifiedViews: "500", verifiedClicks: "10", postsWithSpend: 1 }),
    ]);
    expect(Number(totals[0]?.spend)).toBe(12.5);
    const of = { client, reportId: theirs.reportId, attempt: 1, workflowId: "w" };
    expect(await readReportToJudge(database.pool, { of, giveUpDays: 14, jumpHours: 24 })).toMatchObject({
      otherAffiliates: [{ id: one }],
    });
  });

  test("counts with the platform's latest numbers when only some of its claims were checked", async () => {
    const id = newId();
    await claim(one, inTab("campaign", id));
    await judge(database.pool, await claim(other, inTab("ad", id)), { platform: "meta", fetched });
    expect(await readCampaignTotals(database.pool, { client, campaignId })).toMatchObject([
      { currency: "USD", posts: 1, reports: 2, claimedViews: "1000", comparableViews: "500", verifiedViews: "500" },
    ]);
  });
});

describe("a post that several affiliates claim", () => {
  test("counts for whoever claimed it first, and against anyone", async () => {
    const url = inTab("ad", newId());
    const first = await claim(one, url);
    const second = await claim(other, url);
    await judge(database.pool, second);
    expect(await trust(other)).toBe("1.00 of 1");
    await judge(database.pool, first);
    expect([await trust(one), await trust(other)]).toEqual(["1.00 of 1", "1.00 of 0"]);
    expect(await trustOfReport(second.reportId)).toBe("claimed_before");
    expect(await trustOfReport(first.reportId)).toBe("accurate");
    await judge(database.pool, await claim(other, url, 9_000), high);
    expect(await trust(other)).toBe("0.00 of 1");
  });

  test("is not taken from its author by an empty claim, or a lie, that came first", async () => {
    for (const before of [nothing, high]) {
      const url = inTab("ad", newId());
      await judge(database.pool, await claim(one, url, 1), before);
      const theirs = await claim(other, url);
      await judge(database.pool, theirs);
      expect(await trustOfReport(theirs.reportId)).toBe("accurate");
    }
    expect(await trust(other)).toBe("1.00 of 2");
    expect(await trust(one)).toBe("0.00 of 1");
  });

  test("is judged for both at once without one waiting for the other for ever", async () => {
    const posts = Array.from({ length: 10 }, () => inTab("ad", newId()));
    const reports = [];
    for (const url of posts) reports.push(await claim(one, url), await claim(other, url));
    await Promise.all(reports.map((report) => judge(database.pool, report)));
    expect([await trust(one), await trust(other)]).toEqual(["1.00 of 10", "1.00 of 0"]);
  });
});

test("claims that say nothing do not wash away a lie, and are told apart", async () => {
  await judge(database.pool, await claim(one, inTab("ad", newId()), 9_000), high);
  for (let index = 0; index < 19; index += 1) {
    const empty = await claim(one, inTab("ad", newId()), index % 2);
    await judge(database.pool, empty, nothing);
    expect(await trustOfReport(empty.reportId)).toBe("says_nothing");
  }
  expect(await trust(one)).toBe("0.00 of 1");
  const trend = await readTrend(database.pool, { client, affiliateId: one, advertiserId: null, days: 1 });
  expect(trend).toMatchObject([{ judged: 20, counted: 1, accurate: 0 }]);
});

describe("what a person settled", () => {
  const alert = (reportId: string) => ({
    ...{ client, area: "recon", kind: "high_discrepancy", severity: "critical" as const, message: "m" },
    subject: `report/${reportId}`,
  });
  const lie = async () => {
    const report = await claim(one, inTab("ad", newId()), 9_000);
    await judge(database.pool, report, { ...high, raise: [alert(report.reportId)] });
    const opened = await openDispute(database.pool, {
      ...{ client, affiliateId: one, reportId: report.reportId, reason: "it is not" },
    });
    if (opened?.outcome !== "opened") throw new Error("not opened");
    return { ...report, disputeId: opened.dispute.disputeId };
  };
  const settle = (disputeId: string, outcome: "affiliate" | "platform") =>
    settleDispute(database.pool, { client, disputeId, outcome, by: { actor: "ada", role: "operator" }, notes: null });
  const again = async (report: { reportId: string; postId: string; affiliateId: string }, attempt: number) => {
    const run = { client, runId: `r-${report.reportId}-${attempt}`, requestedBy: "somebody", all: true } as const;
    await planRun(database.pool, { ...run, scope: "affiliate", scopeId: one });
    await judge(database.pool, { ...report, attempt }, { ...high, raise: [alert(report.reportId)] });
    return run.runId;
  };
  const openAlerts = (reportId: string) =>
    rows("select kind from ops.alerts where subject = $1 and resolved_at is null", [`report/${reportId}`]);

  test("for the affiliate holds through every later run: trust stays, and nobody is called again", async () => {
    const report = await lie();
    await settle(report.disputeId, "affiliate");
    expect(await trust(one)).toBe("1.00 of 1");
    const runId = await again(report, 2);
    expect(await trust(one)).toBe("1.00 of 1");
    expect(await openAlerts(report.reportId)).toEqual([]);
    expect(await trustOfReport(report.reportId)).toBe("accurate");
    const [shown] = await rows<{ level: string; dispute_outcome: string }>(
      "select level, dispute_outcome from recon.reports where report_id = $1",
      [report.reportId],
    );
    expect(shown).toEqual({ level: "HIGH", dispute_outcome: "affiliate" });
    const told = await listRunReports(database.pool, { client, runId, afterId: null, limit: 10 });
    expect(told).toMatchObject([{ trustBefore: "1.00", trustAfter: "1.00" }]);
    const trend = await readTrend(database.pool, { client, affiliateId: one, advertiserId: null, days: 1 });
    expect(trend).toMatchObject([{ counted: 1, accurate: 1 }]);
    // A new claim is another matter.
    await judge(database.pool, await claim(one, inTab("ad", newId()), 9_001), high);
    expect(await trust(one)).toBe("0.50 of 2");
  });

  test("for the platform holds, too: a later attempt does not clear the claim", async () => {
    const report = await lie();
    await settle(report.disputeId, "platform");
    await again(report, 2);
    await planRun(database.pool, {
      ...{ client, runId: `late-${report.reportId}`, requestedBy: "somebody", all: true },
      scope: "report",
      scopeId: report.reportId,
    });
    await judge(database.pool, { ...report, attempt: 3 });
    expect(await trust(one)).toBe("0.00 of 1");
  });

  test("holds when a run judges the report at the same moment", async () => {
    for (let round = 0; round < 5; round += 1) {
      const report = await lie();
      await Promise.all([settle(report.disputeId, "affiliate"), again(report, 2)]);
      expect(await openAlerts(report.reportId)).toEqual([]);
      expect(await trustOfReport(report.reportId)).toBe("accurate");
    }
    expect(await trust(one)).toBe("1.00 of 5");
  });

  test("is still to be settled after a run: an open dispute stays with its report", async () => {
    const report = await lie();
    await again(report, 2);
    const open = await listReports(database.pool, {
      scope: { client, affiliateId: one, advertiserId: null },
      filter: { disputed: true },
      limit: 10,
    });
    expect(open).toMatchObject([{ reportId: report.reportId, disputeId: report.disputeId }]);
  });
});
