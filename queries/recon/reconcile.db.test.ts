import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { createCampaign, high, judge, taken, client } from "../../test/reconciliation.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { joinPost } from "./join-post.ts";
import { recordStopped, recordWait } from "./record-progress.ts";
import { readReportToJudge, takeUpReport } from "./report-to-judge.ts";
import { notePlatformFails, notePlatformWorks, watchPlatforms } from "./health.ts";
import { closeReconRun, findPendingReports, planRun, readRunPage } from "./runs.ts";
import { openDispute, settleDispute } from "./trust.ts";

let database: TestDatabase;
let campaignId: string;
let affiliateId: string;
let otherId: string;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(async () => {
  const created = await createCampaign(database.pool, ["one", "other"]);
  campaignId = created.campaignId;
  [affiliateId = "", otherId = ""] = created.affiliateIds;
});
afterAll(() => database.drop());

const rows = async <Row extends object>(statement: string, parameters: unknown[] = []) =>
  (await database.pool.query<Row>(statement, parameters)).rows;
const of = (reportId: string) => ({ client, reportId, attempt: 1, workflowId: "w" });
let posts = 0;
const submit = async (more: { url?: string; affiliateId?: string; campaignId?: string; views?: number } = {}) => {
  const { url = `https://redd.it/${(10_000 + (posts += 1)).toString(36)}`, views = 1_000 } = more;
  const of = { campaignId: more.campaignId ?? campaignId, affiliateId: more.affiliateId ?? affiliateId };
  const accepted = await taken(database.pool, { ...of, url, claimed: { views, clicks: 1, conversions: 1 } });
  return { ...accepted, affiliateId: of.affiliateId };
};
const trust = async (of = affiliateId) => {
  const stored =
    "select trust_score, total_submissions, accurate_submissions from recon.affiliates where affiliate_id = $1";
  const anew =
    "select trust_score, total_submissions, accurate_submissions from recon.affiliate_trust where affiliate_id = $1";
  const [[kept], [recomputed]] = await Promise.all([rows<Trust>(stored, [of]), rows<Trust>(anew, [of])]);
  expect(kept).toEqual(recomputed);
  return kept;
};
interface Trust {
  trust_score: string;
  total_submissions: number;
  accurate_submissions: number;
}
const run = (runId: string, scope: "report" | "post" | "affiliate" | "campaign", scopeId: string, all = true) =>
  planRun(database.pool, { client, runId, scope, scopeId, requestedBy: "somebody", all });
const messageOf = async (subject: string) =>
  (await rows<{ message: string }>("select message from ops.alerts where subject = $1", [subject]))[0]?.message;
const nameAndId = async () =>
  (
    await rows<{ name: string }>(
      "select name || ' (' || affiliate_id || ')' as name from recon.affiliates where affiliate_id = $1",
      [affiliateId],
    )
  )[0]?.name;
const alerts = (subject: string) =>
  rows<{ kind: string; open: boolean; times_seen: number; message: string }>(
    "select kind, resolved_at is null as open, times_seen, message from ops.alerts where subject = $1 order by alert_id",
    [subject],
  );

describe("trust", () => {
  test("is 1.00 before the first verdict, and counts what could be checked from then on, half-up", async () => {
    expect(await trust()).toEqual({ trust_score: "1.00", total_submissions: 0, accurate_submissions: 0 });
    await judge(database.pool, await submit(), { verdict: "UNVERIFIABLE", countsForTrust: false, isAccurate: false });
    expect(await trust()).toMatchObject({ trust_score: "1.00", total_submissions: 0 });
    await judge(database.pool, await submit(), high);
    expect(await trust()).toMatchObject({ trust_score: "0.00", total_submissions: 1 });
    for (let index = 0; index < 7; index += 1) await judge(database.pool, await submit());
    // 7 of 8 is 0.875.
    expect(await trust()).toEqual({ trust_score: "0.88", total_submissions: 8, accurate_submissions: 7 });
  });

  test("is not lifted by repeating a true claim: a post counts once, however often it is claimed", async () => {
    await judge(database.pool, await submit(), high);
    const url = "https://redd.it/1same0";
    for (let views = 1; views <= 40; views += 1) await judge(database.pool, await submit({ url, views }));
    expect(await trust()).toEqual({ trust_score: "0.50", total_submissions: 2, accurate_submissions: 1 });
  });

  test("remembers a false claim of a post: a true one later does not clear it, nor does its deletion", async () => {
    const url = "https://redd.it/1twice";
    await judge(database.pool, await submit({ url, views: 9_000 }), high);
    await judge(database.pool, await submit({ url, views: 100 }));
    expect(await trust()).toMatchObject({ trust_score: "0.00", total_submissions: 1 });
    const deleted = { verdict: "POST_DELETED", countsForTrust: false, isAccurate: false } as const;
    await judge(database.pool, await submit({ url, views: 101 }), deleted);
    expect(await trust()).toMatchObject({ trust_score: "0.00", total_submissions: 1 });
  });

  test("counts the same post of two campaigns once", async () => {
    const { campaignId: other } = await createCampaign(database.pool, []);
    const url = "https://redd.it/1both0";
    await judge(database.pool, await submit({ url }));
    await judge(database.pool, await submit({ url, campaignId: other }));
    expect(await trust()).toMatchObject({ total_submissions: 1, accurate_submissions: 1 });
  });

  test("is right again when a false claim turns out to be true, by another attempt or by a person", async () => {
    const report = await submit();
    await judge(database.pool, report, high);
    await run("r-true", "report", report.reportId);
    await judge(database.pool, { ...report, attempt: 2 });
    expect(await trust()).toMatchObject({ trust_score: "1.00", total_submissions: 1 });
    const disputed = await submit();
    await judge(database.pool, disputed, high);
    const opened = await openDispute(database.pool, { client, affiliateId, reportId: disputed.reportId, reason: "no" });
    if (opened?.outcome !== "opened") throw new Error("not opened");
    const settled = {
      client,
      disputeId: opened.dispute.disputeId,
      by: { actor: "ada", role: "operator" },
      notes: null,
    };
    expect(await settleDispute(database.pool, { ...settled, outcome: "affiliate" })).toMatchObject({
      trustScore: "1.00",
    });
    expect(await trust()).toMatchObject({ trust_score: "1.00", total_submissions: 2, accurate_submissions: 2 });
  });

  test("50 verdicts at once, some of them twice, are all counted once", async () => {
    const reports = [];
    for (let index = 0; index < 50; index += 1) reports.push(await submit());
    const work = reports.flatMap((report, index) => {
      const verdict = index % 3 === 0 ? high : {};
      return index % 5 === 0
        ? [judge(database.pool, report, verdict), judge(database.pool, report, {})]
        : [judge(database.pool, report, verdict)];
    });
    await Promise.all(work);
    expect(await trust()).toMatchObject({ total_submissions: 50 });
    expect(await rows("select count(*) from recon.reconciliation_logs where affiliate_id = $1", [affiliateId])).toEqual(
      [{ count: 50 }],
    );
  });

  test("falling below the threshold opens one alert, which closes when it has risen again", async () => {
    await judge(database.pool, await submit(), high);
    await judge(database.pool, await submit(), high);
    expect(await alerts(`affiliate/${affiliateId}`)).toMatchObject([{ kind: "trust_low", open: true, times_seen: 1 }]);
    expect(await messageOf(`affiliate/${affiliateId}`)).toContain(`the trust of ${await nameAndId()} fell from`);
    for (let index = 0; index < 5; index += 1) await judge(database.pool, await submit());
    expect(await alerts(`affiliate/${affiliateId}`)).toMatchObject([{ kind: "trust_low", open: false }]);
  });
});

describe("a verdict", () => {
  test("is written once per attempt: whoever comes second hears the first one's, and nothing is counted or raised again", async () => {
    const report = await submit();
    const raise = [
      {
        client,
        area: "recon",
        kind: "high_discrepancy",
        subject: `report/${report.reportId}`,
        severity: "critical" as const,
        message: "m",
      },
    ];
    const first = await judge(database.pool, report, { ...high, raise });
    const again = await Promise.all(Array.from({ length: 20 }, () => judge(database.pool, report, { raise })));
    for (const one of again) expect(one).toEqual(first);
    expect(await trust()).toMatchObject({ total_submissions: 1, accurate_submissions: 0 });
    expect(await alerts(`report/${report.reportId}`)).toMatchObject([{ open: true, times_seen: 1 }]);
    expect(await rows("select count(*) from recon.platform_reports where report_id = $1", [report.reportId])).toEqual([
      { count: 1 },
    ]);
  });

  test("fails as a whole: no log, no trust, no platform's numbers without the rest", async () => {
    const report = await submit();
    const raise = [{ client, area: "recon", kind: "k", subject: "s", severity: "odd" as "info", message: "m" }];
    await expect(judge(database.pool, report, { raise })).rejects.toMatchObject({ code: "23514" });
    expect(await rows("select 1 from recon.reconciliation_logs where report_id = $1", [report.reportId])).toEqual([]);
    expect(await rows("select 1 from recon.platform_reports where report_id = $1", [report.reportId])).toEqual([]);
    expect(await rows("select state from recon.report_state where report_id = $1", [report.reportId])).toEqual([
      { state: "PENDING" },
    ]);
    expect(await trust()).toMatchObject({ total_submissions: 0 });
  });

  test("of numbers beyond what a double can tell keeps every digit", async () => {
    const report = await submit();
    const big = { claimed: "9007199254740993", verified: "9007199254740992", difference: "1", diffPct: "0.00" };
    await judge(database.pool, report, { metrics: { views: big, clicks: big, conversions: big } });
    expect(
      await rows(
        "select claimed_views::text, verified_clicks::text, conversions_discrepancy::text from recon.reconciliation_logs where report_id = $1",
        [report.reportId],
      ),
    ).toEqual([
      { claimed_views: "9007199254740993", verified_clicks: "9007199254740992", conversions_discrepancy: "1" },
    ]);
  });
});

describe("a run by hand", () => {
  test("gives what has a verdict its next attempt, once however often it is asked; the latest verdict counts", async () => {
    const [report, waiting] = [await submit(), await submit()];
    await judge(database.pool, report, high);
    expect(await run("r-1", "affiliate", affiliateId)).toBe(2);
    expect(await run("r-1", "affiliate", affiliateId)).toBe(2);
    expect(await readRunPage(database.pool, { client, runId: "r-1", after: null, limit: 10 })).toEqual([
      { reportId: report.reportId, attempt: 2 },
      { reportId: waiting.reportId, attempt: 1 },
    ]);
    expect(await trust()).toMatchObject({ trust_score: "0.00" });
    await judge(database.pool, { ...report, attempt: 2 });
    expect(await trust()).toEqual({ trust_score: "1.00", total_submissions: 1, accurate_submissions: 1 });
    // The attempt before has its verdict still, and is not written again.
    expect(await judge(database.pool, report)).toMatchObject({ verdict: "DISCREPANCY" });
  });

  test("takes each post's latest report, or all, or nothing when there is none", async () => {
    const url = "https://redd.it/latest1";
    const first = await submit({ url, views: 1 });
    const second = await submit({ url, views: 2 });
    expect(await run("r-2", "post", first.postId, false)).toBe(1);
    expect(await readRunPage(database.pool, { client, runId: "r-2", after: null, limit: 10 })).toEqual([
      { reportId: second.reportId, attempt: 1 },
    ]);
    expect(await run("r-3", "post", first.postId)).toBe(2);
    expect(await run("r-4", "campaign", "999999")).toBeNull();
    expect(await rows("select 1 from recon.runs where run_id = 'r-4'")).toEqual([]);
  });

  test("keeps its reports from the sweep while it goes on; cancelled, it stops those nobody began with", async () => {
    const [one, two] = [await submit(), await submit()];
    await judge(database.pool, one);
    await judge(database.pool, two);
    await run("r-5", "affiliate", affiliateId);
    const pending = async () =>
      (await findPendingReports(database.pool, { limit: 100, quietMs: 0 })).map(({ reportId }) => reportId);
    expect(await pending()).not.toContain(one.reportId);
    await closeReconRun(database.pool, {
      client,
      runId: "r-5",
      outcome: "cancelled",
      reason: null,
      after: one.reportId,
    });
    expect(await pending()).toContain(one.reportId);
    expect(await rows("select state from recon.report_state where report_id = $1", [two.reportId])).toEqual([
      { state: "STOPPED" },
    ]);
  });

  test("takes up again what was stopped, as the attempt it was", async () => {
    const report = await submit();
    await recordStopped(database.pool, {
      client,
      reportId: report.reportId,
      reason: "no luck",
      byHand: false,
      workflowId: "w",
    });
    expect(await alerts(`report/${report.reportId}`)).toMatchObject([{ kind: "report_stopped", open: true }]);
    await run("r-6", "report", report.reportId);
    expect(await rows("select state, attempt from recon.report_state where report_id = $1", [report.reportId])).toEqual(
      [{ state: "PENDING", attempt: 1 }],
    );
  });
});

test("the sweep finds what was never started and what was left waiting, and not what waits its time", async () => {
  const [fresh, waits, left, done] = [await submit(), await submit(), await submit(), await submit()];
  const wait = { reason: "later", raise: [] };
  await recordWait(database.pool, { ...wait, attempt: of(waits.reportId), waitMs: 60_000 });
  await recordWait(database.pool, { ...wait, attempt: of(left.reportId), waitMs: -600_000 });
  await judge(database.pool, done);
  const found = async (quietMs: number) =>
    (await findPendingReports(database.pool, { limit: 1_000, quietMs })).map(({ reportId }) => reportId);
  expect(await found(0)).toEqual(expect.arrayContaining([fresh.reportId, left.reportId]));
  expect(await found(0)).not.toEqual(expect.arrayContaining([waits.reportId]));
  expect(await found(0)).not.toEqual(expect.arrayContaining([done.reportId]));
  expect(await found(60_000)).toEqual([]);
});

test("a sweep leaves out what its workflow said it is at, for a while, until it is asked for again", async () => {
  const report = await submit();
  const found = async () =>
    (await findPendingReports(database.pool, { limit: 1_000, quietMs: 0 })).some(
      ({ reportId }) => reportId === report.reportId,
    );
  expect(await takeUpReport(database.pool, { ...report, client: "nobody" })).toBeNull();
  expect(await takeUpReport(database.pool, { ...report, client })).toEqual({
    ...{ attempt: 1, platform: "reddit", hasInteraction: false, isNew: true },
  });
  expect(await found()).toBe(false);
  await rows("update recon.report_state set under_way_at = now() - interval '16 minutes' where report_id = $1", [
    report.reportId,
  ]);
  expect(await found()).toBe(true);
  expect(await found()).toBe(false);
  await judge(database.pool, report);
  await run("r-under-way", "report", report.reportId);
  await closeReconRun(database.pool, { client, runId: "r-under-way", outcome: "completed", reason: null, after: null });
  expect(await found()).toBe(true);
});

describe("a share link", () => {
  const address = (url: string) => ({ url, platformPostId: url.slice(-6), isShareLink: false });
  const join = (report: { reportId: string; postId: string }, url: string) =>
    joinPost(database.pool, { attempt: of(report.reportId), postId: report.postId, address: address(url) });

  test("joins the post that is known by the address it leads to, with all its reports, and those to come", async () => {
    const url = "https://www.reddit.com/comments/1zzzzz";
    const known = await submit({ url, views: 1 });
    const link = "https://www.reddit.com/r/test/s/AbCdEf1234";
    const shared = await submit({ url: link, views: 2 });
    expect(shared.postId).not.toBe(known.postId);
    expect(await join(shared, url)).toBe(known.postId);
    expect(await join(shared, url)).toBe(known.postId);
    const later = await submit({ url: link, views: 3 });
    expect(later.postId).toBe(known.postId);
    expect(
      await rows("select post_id::text, reports, claimed_views from recon.post_totals where affiliate_id = $1", [
        affiliateId,
      ]),
    ).toEqual([{ post_id: known.postId, reports: 3, claimed_views: 3 }]);
  });

  test("makes the post where it is not known yet; another affiliate's stays theirs, and is seen", async () => {
    const url = "https://www.reddit.com/comments/1yyyyy";
    await submit({ url, affiliateId: otherId });
    const shared = await submit({ url: "https://www.reddit.com/r/test/s/ZyXwVu9876" });
    const postId = await join(shared, url);
    expect(postId).not.toBe(shared.postId);
    const report = await readReportToJudge(database.pool, {
      of: of(shared.reportId),
      giveUpDays: 14,
      jumpHours: 24,
    });
    expect(report).toMatchObject({ post: { postId, url, isShareLink: false }, otherAffiliates: [{ id: otherId }] });
  });
});

describe("a dispute", () => {
  const dispute = (reportId: string) =>
    openDispute(database.pool, { client, affiliateId, reportId, reason: "your numbers are old" });
  const settle = (disputeId: string, outcome: "affiliate" | "platform") =>
    settleDispute(database.pool, {
      client,
      disputeId,
      outcome,
      by: { actor: "judge", role: "operator" },
      notes: "looked at it",
    });

  test("is raised once per verdict, by whom it concerns, and tells a person", async () => {
    const report = await submit();
    expect(await dispute(report.reportId)).toEqual({ outcome: "undisputable" });
    await judge(database.pool, report, high);
    expect(
      await openDispute(database.pool, { client, affiliateId: otherId, reportId: report.reportId, reason: "r" }),
    ).toBeNull();
    expect(await dispute(report.reportId)).toMatchObject({ outcome: "opened" });
    expect(await dispute(report.reportId)).toEqual({ outcome: "again" });
    expect(await alerts(`report/${report.reportId}`)).toMatchObject([{ kind: "disputed", open: true }]);
    expect(await messageOf(`report/${report.reportId}`)).toContain(`${await nameAndId()} disputes the verdict`);
  });

  test("settled in the affiliate's favour makes the verdict count as accurate, once", async () => {
    const report = await submit();
    await judge(database.pool, report, high);
    const opened = await dispute(report.reportId);
    const disputeId = opened !== null && opened.outcome === "opened" ? opened.dispute.disputeId : "";
    const answers = await Promise.all([settle(disputeId, "affiliate"), settle(disputeId, "platform")]);
    expect(answers.filter((answer) => answer === "settled_before")).toHaveLength(1);
    const outcome = answers.find((answer) => answer !== "settled_before");
    expect(await trust()).toMatchObject({
      trust_score: outcome !== null && outcome?.outcome === "affiliate" ? "1.00" : "0.00",
    });
    expect(await alerts(`report/${report.reportId}`)).toMatchObject([{ kind: "disputed", open: false }]);
  });

  test("settled for the platform changes no trust", async () => {
    const report = await submit();
    await judge(database.pool, report, high);
    const opened = await dispute(report.reportId);
    if (opened === null || opened.outcome !== "opened") throw new Error("not opened");
    expect(await settle(opened.dispute.disputeId, "platform")).toMatchObject({
      outcome: "platform",
      trustScore: "0.00",
    });
    expect(await settle("999999", "platform")).toBeNull();
  });
});

test("a platform that fails for long is one alert, and none when it answers again", async () => {
  const of = { client, platform: "instagram" };
  const failing = { ...of, kind: "unavailable", message: "answered 503" };
  await notePlatformWorks(database.pool, of, { leftPct: 40, resetsInMs: 1_000 });
  await notePlatformFails(database.pool, failing);
  await notePlatformFails(database.pool, failing);
  expect(await watchPlatforms(database.pool, { failingForMs: 60_000 })).toEqual([]);
  expect(await watchPlatforms(database.pool, { failingForMs: -1 })).toEqual([`instagram/${client}`]);
  await watchPlatforms(database.pool, { failingForMs: -1 });
  expect(await alerts("platform/instagram")).toMatchObject([{ kind: "platform_failing", open: true, times_seen: 2 }]);
  await notePlatformWorks(database.pool, of, null);
  expect(await alerts("platform/instagram")).toMatchObject([{ open: false }]);
  expect(
    await rows(
      "select failing_since, works_since is not null as works, quota_left_pct from ops.platform_health where platform = 'instagram'",
    ),
  ).toEqual([{ failing_since: null, works: true, quota_left_pct: "40.00" }]);
});
