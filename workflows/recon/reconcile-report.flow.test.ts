import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { keyRing, seal } from "../../core/crypto.ts";
import { sealCredentials } from "../../rules/recon/platform-credentials.ts";
import type { Given } from "../../test/reconciliation.ts";
import { client, createCampaign, taken } from "../../test/reconciliation.ts";
import { tokenContext } from "../../queries/recon/discord.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { failureOf, logLines, startStack, uniqueId, until, type TestStack } from "../../test/stack.ts";
import type { TokenChecked } from "../../activities/recon/check-token.ts";
import { offerToken } from "../../queries/recon/tokens.ts";
import type { ManyReconciled } from "./reconcile-many.ts";
import type { Reconciled, Waited } from "./reconcile-report.ts";
import type { Swept } from "./sweep-reports.ts";

jest.setTimeout(120_000);

const credentialsKey = keyRing(randomBytes(32));
const interactionToken = "canary-interaction-token";

let stack: TestStack;
let campaignId: string;
let affiliateIds: string[];
beforeAll(async () => {
  stack = await startStack({
    CREDENTIALS_ENCRYPTION_KEY: credentialsKey.current.toString("base64"),
    RECON_FIRST_WAIT_MS: "100",
    RECON_LONGEST_WAIT_MS: "60000",
    RECON_SWEEP_QUIET_MS: "0",
    // Nobody is there.
    DISCORD_BASE_URL: "http://127.0.0.1:9/",
  });
  ({ campaignId, affiliateIds } = await createCampaign(stack.database.pool, ["one", "two", "three"]));
});
afterEach(async () => {
  for (const vendor of ["reddit", "instagram", "meta_ads"]) await stack.control("DELETE", `/faults?vendor=${vendor}`);
});
afterAll(() => stack.stop());

let ads = 120210000000000000n;
/** An ad that the platform counts like this. */
async function ad(numbers: object = {}): Promise<{ platform: string; url: string; id: string }> {
  const id = String((ads += 1n));
  const url = `https://www.facebook.com/adsmanager/manage/ads?act=1&selected_ad_ids=${id}`;
  await play("meta", id, { views: 1_000, clicks: 100, conversions: 10, ...numbers });
  return { platform: "meta", url, id };
}
const play = (platform: string, id: string, numbers: object) =>
  stack.control("POST", "/posts", { platform, id, ...numbers });
const fault = (vendor: string, kind: string, more: object = {}) =>
  stack.control("POST", "/faults", { vendor, kind, ...more });

const submit = (more: Partial<Given>, affiliate = 0) =>
  taken(stack.database.pool, { campaignId, affiliateId: affiliateIds[affiliate] ?? "", ...more });
const start = (reportId: string) => stack.start("reconcileReport", `reconcile/${reportId}`, { client, reportId });
const judged = async (reportId: string) => (await (await start(reportId)).result()) as Reconciled;
const state = async (reportId: string) =>
  (await stack.rows<State>("select * from recon.report_state where report_id = $1", [reportId]))[0] as State;
const alerts = (subject: string) =>
  stack.rows<{ kind: string; severity: string; message: string }>(
    "select kind, severity, message from ops.alerts where subject = $1 order by kind",
    [subject],
  );
interface State {
  state: string;
  detail: string | null;
  attempt: number;
  tries: number;
  post_id: number;
  verdict: string | null;
  next_try_at: Date | null;
}

describe("a report comes to its verdict:", () => {
  test("MATCHED, with the numbers it stood on, in a log that can be followed from the report", async () => {
    const { reportId } = await submit(await ad({ views: 1_500 }));
    expect(await judged(reportId)).toEqual({
      ...{ client, reportId, attempt: 1, verdict: "MATCHED", level: null },
      reason: "views 1,000 claimed, 1,500 on meta; clicks 100 claimed, 100 on meta; conversions 10 claimed, 10 on meta",
    });
    expect(await state(reportId)).toMatchObject({ state: "RECONCILED", verdict: "MATCHED", detail: null });
    const [log] = await stack.rows(
      `select l.verified_views, l.views_discrepancy, l.views_diff_pct, l.workflow_id, f.views, f.report_id::text, f.raw_data is not null as raw
         from recon.reconciliation_logs l join recon.platform_reports f using (_client_id, platform_report_id) where l.report_id = $1`,
      [reportId],
    );
    expect(log).toEqual({
      ...{ verified_views: 1_500, views_discrepancy: -500, views_diff_pct: "-33.33" },
      ...{ workflow_id: `reconcile/${reportId}`, views: 1_500, report_id: reportId, raw: true },
    });
    expect(
      await stack.rows("select step from recon.report_steps where report_id = $1 order by step_id", [reportId]),
    ).toEqual([{ step: "accepted" }, { step: "fetched" }, { step: "verdict" }]);
  });

  test("as the API starts it, told what it would look up: without a look of its own, and audited where it is late", async () => {
    const localActivities = async (reportId: string) => {
      const { events } = await stack.client.workflow.getHandle(`reconcile/${reportId}`).fetchHistory();
      return (events ?? []).filter(({ markerRecordedEventAttributes }) => markerRecordedEventAttributes != null).length;
    };
    const told = async (reportId: string, more: object = {}) => {
      const takenIn = { attempt: 1, platform: "meta", vendor: "meta_ads", hasInteraction: false, ...more };
      const run = await stack.client.workflow.start("reconcileReport", {
        ...{
          workflowId: `reconcile/${reportId}`,
          taskQueue: stack.taskQueue,
          args: [{ client, reportId }],
          memo: { takenIn },
        },
      });
      return (await run.result()) as Reconciled;
    };
    const starts = (reportId: string) =>
      stack.rows("select actor from ops.audit where subject like $1", [`%reconcile/${reportId}`]);
    const [soon, looked, late] = [await submit(await ad()), await submit(await ad()), await submit(await ad())];
    expect(await told(soon.reportId)).toMatchObject({ attempt: 1, verdict: "MATCHED" });
    expect(await localActivities(soon.reportId)).toBe(0);
    expect(await starts(soon.reportId)).toEqual([]);
    expect(await judged(looked.reportId)).toMatchObject({ attempt: 1, verdict: "MATCHED" });
    expect(await localActivities(looked.reportId)).toBe(1);
    // Submitted a while ago: somebody may have started it by hand, with a memo of their own.
    await stack.rows(
      "update recon.report_state set attempt_since = now() - interval '2 minutes' where report_id = $1",
      [late.reportId],
    );
    expect(await told(late.reportId)).toMatchObject({ verdict: "MATCHED" });
    expect(await starts(late.reportId)).toHaveLength(1);
  });

  test.each([
    ["LOW", 1_049, null, true],
    ["MEDIUM", 1_050, "warning", false],
    ["HIGH", 1_201, "critical", false],
  ])("DISCREPANCY %s at %s of 1000, with an alert that is %s", async (level, views, severity, isAccurate) => {
    const { reportId } = await submit({ ...(await ad()), claimed: { views, clicks: 100, conversions: 10 } });
    expect(await judged(reportId)).toMatchObject({ verdict: "DISCREPANCY", level });
    expect((await alerts(`report/${reportId}`)).map((alert) => alert.severity)).toEqual(
      severity === null ? [] : [severity],
    );
    expect(
      await stack.rows("select is_accurate, worst_metric from recon.reconciliation_logs where report_id = $1", [
        reportId,
      ]),
    ).toEqual([{ is_accurate: isAccurate, worst_metric: "views" }]);
  });

  test("whoever starts it by hand is in the audit log; its own start, right after it was taken in, is not a person's", async () => {
    const audited = (reportId: string) =>
      stack.rows("select action, details->>'from' as from from ops.audit where subject like '%reconcile/' || $1", [
        reportId,
      ]);
    const { reportId: isNew } = await submit(await ad());
    await judged(isNew);
    expect(await audited(isNew)).toEqual([]);
    const { reportId: lay } = await submit(await ad());
    await stack.rows(
      "update recon.report_state set attempt_since = now() - interval '2 minutes' where report_id = $1",
      [lay],
    );
    await judged(lay);
    expect(await audited(lay)).toEqual([{ action: "workflow_started", from: "outside" }]);
  });

  test("UNVERIFIABLE where the platform tells strangers nothing, and trust is none the worse", async () => {
    await play("reddit", "1views", {});
    const { reportId } = await submit({ url: "https://redd.it/1views" }, 1);
    expect(await judged(reportId)).toMatchObject({ verdict: "UNVERIFIABLE", level: null });
    expect(
      await stack.rows("select trust_score, total_submissions from recon.affiliates where affiliate_id = $1", [
        affiliateIds[1],
      ]),
    ).toEqual([{ trust_score: "1.00", total_submissions: 0 }]);
  });

  test("POST_DELETED and POST_UNKNOWN", async () => {
    await play("reddit", "1gone0", { state: "deleted" });
    const { reportId } = await submit({ url: "https://redd.it/1gone0" });
    expect(await judged(reportId)).toMatchObject({ verdict: "POST_DELETED" });
    const unknown = await submit({ url: "https://www.reddit.com/comments/zzzzzzzzzzz" });
    const came = await judged(unknown.reportId);
    // What chance makes of an id that nobody set is the stand-in's to say.
    expect(["POST_UNKNOWN", "UNVERIFIABLE"]).toContain(came.verdict);
  });

  test("by the affiliate's own token where there is one", async () => {
    const affiliateId = affiliateIds[2] ?? "";
    const owner = { client, platform: "instagram", affiliateId };
    const url = "https://www.instagram.com/p/DOwnPost123/";
    await play("instagram", "DOwnPost123", { owner: "somebody", views: 500 });
    const before = await submit({ platform: "instagram", url, claimed: { views: 500, clicks: 0, conversions: 0 } }, 2);
    expect(await judged(before.reportId)).toMatchObject({ verdict: "UNVERIFIABLE" });
    await stack.rows(
      "insert into recon.affiliate_tokens (_client_id, affiliate_id, platform, sealed) values ($1, $2, 'instagram', $3)",
      [client, affiliateId, sealCredentials(credentialsKey, owner, { INSTAGRAM_ACCESS_TOKEN: "sandbox-somebody" })],
    );
    const after = await submit({ platform: "instagram", url, claimed: { views: 499, clicks: 0, conversions: 0 } }, 2);
    expect(await judged(after.reportId)).toMatchObject({ verdict: "MATCHED" });
  });
});

describe("an affiliate's own token", () => {
  const give = (affiliate: number, platform: string, credentials: Record<string, string>) => {
    const owner = { client, platform, affiliateId: affiliateIds[affiliate] ?? "" };
    return stack.rows(
      `insert into recon.affiliate_tokens (_client_id, affiliate_id, platform, sealed) values ($1, $2, $3, $4)
       on conflict on constraint affiliate_tokens_key do update set sealed = excluded.sealed, failing_since = null`,
      [client, owner.affiliateId, platform, sealCredentials(credentialsKey, owner, credentials)],
    );
  };
  const offer = async (affiliate: number, platform: string, credentials: Record<string, string>) => {
    const owner = { client, platform, affiliateId: affiliateIds[affiliate] ?? "" };
    const sealed = sealCredentials(credentialsKey, owner, credentials);
    const offerId = await offerToken(stack.database.pool, { ...owner, sealed });
    const run = await stack.start("checkAffiliateToken", uniqueId("check-token"), { ...owner, offerId });
    return (await run.result()) as TokenChecked;
  };
  const token = async (affiliate: number) =>
    (
      await stack.rows(
        "select sealed is not null as kept, offered_sealed is null as tried, failing_since is not null as failing from recon.affiliate_tokens where affiliate_id = $1",
        [affiliateIds[affiliate]],
      )
    )[0];

  test.each([
    ["does not work", "taken-back", "DOurs12345"],
    ["belongs to another account", "sandbox-somebody-else", "DOurs67890"],
  ])("that %s does not keep the client's own from checking the claim", async (_how, given, code) => {
    await give(1, "instagram", { INSTAGRAM_ACCESS_TOKEN: given });
    await play("instagram", code, { owner: client, views: 500 });
    const url = `https://www.instagram.com/p/${code}/`;
    const claimed = { views: 5_000, clicks: 0, conversions: 0 };
    const { reportId } = await submit({ platform: "instagram", url, claimed }, 1);
    await start(reportId);
    await until("a look", async () => (await state(reportId)).state !== "PENDING");
    expect(await state(reportId)).toMatchObject({ state: "RECONCILED", verdict: "DISCREPANCY", level: "HIGH" });
    await stack.rows("delete from recon.affiliate_tokens where affiliate_id = $1", [affiliateIds[1]]);
  });

  test("that stops working leaves the verdict to the client's, says so, and opens one alert until it is renewed", async () => {
    const subject = `affiliate/${affiliateIds[0]}/instagram`;
    const url = "https://www.instagram.com/p/DStopped123/";
    await play("instagram", "DStopped123", { owner: "stopped", views: 500 });
    const claim = (views: number) =>
      submit({ platform: "instagram", url, claimed: { views, clicks: 0, conversions: 0 } });
    await give(0, "instagram", { INSTAGRAM_ACCESS_TOKEN: "taken-back" });
    for (const views of [500, 501]) {
      const verdict = await judged((await claim(views)).reportId);
      expect(verdict).toMatchObject({ verdict: "UNVERIFIABLE" });
      expect(verdict.reason).toContain("the affiliate's own token is refused");
    }
    expect(await alerts(subject)).toMatchObject([{ kind: "affiliate_token_failing", severity: "warning" }]);
    expect(await offer(0, "instagram", { INSTAGRAM_ACCESS_TOKEN: "sandbox-stopped" })).toEqual({ works: true });
    expect(await judged((await claim(499)).reportId)).toMatchObject({ verdict: "MATCHED" });
    expect(await stack.rows("select times_seen, resolved_by from ops.alerts where subject = $1", [subject])).toEqual([
      { times_seen: 1, resolved_by: "pipeline" },
    ]);
    expect(await token(0)).toEqual({ kept: true, tried: true, failing: false });
  });

  test("is tried when it is given: one that is refused is not kept, and the one before stays in use", async () => {
    expect(await offer(1, "instagram", { INSTAGRAM_ACCESS_TOKEN: "wrong" })).toMatchObject({
      works: false,
      reason: expect.stringContaining("instagram refuses it"),
    });
    expect(await token(1)).toBeUndefined();
    expect(await offer(1, "instagram", { INSTAGRAM_ACCESS_TOKEN: "sandbox-one" })).toEqual({ works: true });
    expect(await offer(1, "instagram", { INSTAGRAM_ACCESS_TOKEN: "wrong" })).toMatchObject({ works: false });
    expect(await token(1)).toEqual({ kept: true, tried: true, failing: false });
    expect(await offer(1, "instagram", { INSTAGRAM_APP_ID: "1" })).toMatchObject({
      works: false,
      reason: "it must hold INSTAGRAM_ACCESS_TOKEN or INSTAGRAM_USER_ID",
    });
    await stack.rows("delete from recon.affiliate_tokens where affiliate_id = $1", [affiliateIds[1]]);
  });

  test.each([
    ["REDDIT_ACCESS_TOKEN", "sandbox-author", { works: true }],
    ["REDDIT_REFRESH_TOKEN", "sandbox-author", { works: true }],
    ["REDDIT_REFRESH_TOKEN", "taken-back", { works: false, reason: expect.stringContaining("reddit refuses it") }],
  ])("Reddit's %s %s is tried by itself", async (name, value, checked) => {
    expect(await offer(1, "reddit", { [name]: value })).toEqual(checked);
    await stack.rows("delete from recon.affiliate_tokens where affiliate_id = $1", [affiliateIds[1]]);
  });
});

test("a second start of a report that has its verdict says the same, and writes nothing", async () => {
  const { reportId } = await submit({ ...(await ad()), claimed: { views: 2_000, clicks: 1, conversions: 1 } });
  const first = await judged(reportId);
  expect(await judged(reportId)).toEqual(first);
  expect(await stack.rows("select attempt from recon.reconciliation_logs where report_id = $1", [reportId])).toEqual([
    { attempt: 1 },
  ]);
  expect(await alerts(`report/${reportId}`)).toHaveLength(1);
});

describe("a platform that has no numbers yet", () => {
  test("is waited for, longer each time, in words that the affiliate can read", async () => {
    const post = await ad();
    await fault("meta_ads", "server_error", { times: 3 });
    const { reportId } = await submit(post);
    const run = await start(reportId);
    const waiting = await until("the wait", async () => {
      const now = await state(reportId);
      return now.state === "WAITING" ? now : null;
    });
    expect(waiting.detail).toBe("meta does not answer at the moment");
    expect(await run.result()).toMatchObject({ verdict: "MATCHED", attempt: 1 });
    const steps = await stack.rows("select step from recon.report_steps where report_id = $1 order by step_id", [
      reportId,
    ]);
    expect(steps.map(({ step }) => step)).toEqual([
      ...["accepted", "waiting", "waiting", "waiting", "fetched", "verdict"],
    ]);
    const { events } = await run.fetchHistory();
    const timers = (events ?? []).flatMap(({ timerStartedEventAttributes: timer }) =>
      timer == null ? [] : [(timer.startToFireTimeout?.nanos ?? 0) / 1e6],
    );
    expect(timers).toEqual([100, 200, 400]);
    expect(
      await stack.rows("select failing_since, last_error_kind from ops.platform_health where platform = 'meta'"),
    ).toEqual([{ failing_since: null, last_error_kind: "unavailable" }]);
  });

  test("is asked at once by the signal, and a refused token is a minute's wait, not a hundred tries", async () => {
    await fault("meta_ads", "unauthorized");
    const { reportId } = await submit(await ad());
    const run = await start(reportId);
    await until("the wait", async () => (await state(reportId)).state === "WAITING");
    expect(await state(reportId)).toMatchObject({ detail: "meta does not let us in at the moment", tries: 1 });
    await stack.control("DELETE", "/faults?vendor=meta_ads");
    await run.signal("retryNow");
    expect(await run.result()).toMatchObject({ verdict: "MATCHED" });
    expect(await state(reportId)).toMatchObject({ tries: 1, next_try_at: null });
  });

  test("is given up after the days of the setting: the claim is one that nobody can check", async () => {
    await fault("meta_ads", "unauthorized");
    const { reportId } = await submit(await ad());
    await stack.rows("update recon.report_state set attempt_since = now() - interval '15 days' where report_id = $1", [
      reportId,
    ]);
    expect(await judged(reportId)).toMatchObject({
      verdict: "UNVERIFIABLE",
      reason: "nothing was heard of meta in 14 days: meta does not let us in at the moment",
    });
  });

  test("and is cancelled: the report is stopped, not started by a sweep, and taken up by a run", async () => {
    await fault("meta_ads", "unauthorized");
    const { reportId } = await submit(await ad());
    const run = await start(reportId);
    await until("the wait", async () => (await state(reportId)).state === "WAITING");
    await run.cancel();
    expect((await failureOf(run.result())).type).toBe("CancelledFailure");
    expect(await state(reportId)).toMatchObject({ state: "STOPPED", detail: "stopped by hand" });
    await stack.control("DELETE", "/faults?vendor=meta_ads");
    await sweep();
    expect(await state(reportId)).toMatchObject({ state: "STOPPED" });
    expect(await many("report", reportId)).toMatchObject({ planned: 1, verdicts: { MATCHED: 1 } });
    expect(await state(reportId)).toMatchObject({ state: "RECONCILED", attempt: 1 });
  });
});

const sweep = async () => (await (await stack.start("sweepReports", uniqueId("sweep"))).result()) as Swept;
const many = async (scope: string, scopeId: string, more: object = {}) =>
  (await (
    await stack.start("reconcileMany", uniqueId("many"), { client, scope, scopeId, ...more })
  ).result()) as ManyReconciled;

test("reports taken in while Temporal was away are all started by the next sweep, once", async () => {
  const reports = [];
  for (let index = 0; index < 30; index += 1) reports.push(await submit(await ad()));
  const [one, other] = await Promise.all([sweep(), sweep()]);
  expect(one.started + other.started).toBeGreaterThanOrEqual(30);
  for (const { reportId } of reports)
    await until(`report ${reportId}`, async () => (await state(reportId)).state === "RECONCILED");
  expect(
    await stack.rows("select count(*) from recon.reconciliation_logs where report_id = any($1)", [
      reports.map(({ reportId }) => reportId),
    ]),
  ).toEqual([{ count: 30 }]);
  expect(await sweep()).toMatchObject({ found: 0 });
});

test("a report that is under way is left out by a sweep", async () => {
  await fault("meta_ads", "latency", { ms: 3_000 });
  const { reportId } = await submit(await ad());
  const run = await start(reportId);
  await until("its activity", async () => (await run.describe()).raw.pendingActivities?.length);
  expect(await sweep()).toEqual({ found: 0, started: 0, underWay: 0 });
  await stack.control("DELETE", "/faults?vendor=meta_ads");
  expect(await run.result()).toMatchObject({ verdict: "MATCHED" });
  // Its workflow may be gone for good: after a while it is looked at again.
  const left = await submit(await ad());
  await stack.rows("update recon.report_state set under_way_at = now() - interval '16 minutes' where report_id = $1", [
    left.reportId,
  ]);
  expect(await sweep()).toMatchObject({ found: 1, started: 1 });
});

test("a backlog is started in small batches, in histories that stay short, without waiting for a verdict", async () => {
  const urls = Array.from({ length: 210 }, (_, index) => `https://redd.it/1${(60_000 + index).toString(36)}`);
  for (const url of urls) await submit({ url });
  const run = await stack.start("sweepReports", uniqueId("sweep"));
  // A report that was only just started may be found once more, before its workflow has said so in the table.
  const { found, started: begun, underWay } = await run.result();
  expect({ begun, leftToBegin: found - underWay }).toEqual({ begun: 210, leftToBegin: 210 });
  const last = await stack.client.workflow.getHandle(run.workflowId).fetchHistory();
  const [started] = last.events ?? [];
  expect(started?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId).toBe(run.firstExecutionRunId);
  const first = await stack.client.workflow.getHandle(run.workflowId, run.firstExecutionRunId).fetchHistory();
  expect(first.events?.length).toBeLessThan(1_200);
});

describe("judged again by hand", () => {
  test("each report gets its next attempt, and the latest verdict counts", async () => {
    const post = await ad();
    const { reportId, postId } = await submit({ ...post, claimed: { views: 1_300, clicks: 1, conversions: 1 } });
    expect(await judged(reportId)).toMatchObject({ level: "HIGH" });
    await play("meta", post.id, { views: 1_300 });
    expect(await many("post", postId, { runId: "again-1", requestedBy: "somebody" })).toMatchObject({
      ...{ runId: "again-1", planned: 1, verdicts: { MATCHED: 1 }, waiting: 0, failed: 0 },
    });
    expect(
      await stack.rows("select attempt, verdict from recon.reconciliation_logs where report_id = $1 order by attempt", [
        reportId,
      ]),
    ).toEqual([
      { attempt: 1, verdict: "DISCREPANCY" },
      { attempt: 2, verdict: "MATCHED" },
    ]);
    expect(
      await stack.rows("select kind, resolved_by from ops.alerts where subject = $1", [`report/${reportId}`]),
    ).toEqual([{ kind: "high_discrepancy", resolved_by: "pipeline" }]);
    expect(
      await stack.rows(
        "select outcome, planned, requested_by, finished_at is not null as over from recon.runs where run_id = 'again-1'",
      ),
    ).toEqual([{ outcome: "completed", planned: 1, requested_by: "somebody", over: true }]);
  });

  test("one that waits is asked about at once, and stays the attempt it is", async () => {
    await fault("meta_ads", "unauthorized");
    const { reportId } = await submit(await ad());
    const run = await start(reportId);
    await until("the wait", async () => (await state(reportId)).state === "WAITING");
    await stack.control("DELETE", "/faults?vendor=meta_ads");
    expect(await many("report", reportId)).toMatchObject({ waiting: 1, failed: 0 });
    expect(await run.result()).toMatchObject({ attempt: 1, verdict: "MATCHED" });
  });

  test("what is not there is said, and nothing is planned", async () => {
    const run = await stack.start("reconcileMany", uniqueId("many"), { client, scope: "campaign", scopeId: "999999" });
    expect(await failureOf(run.result())).toEqual({
      type: "InvalidInput",
      message: 'client "713" has no report of campaign 999999',
    });
  });
});

describe("a share link", () => {
  test("is followed on the platform's hosts, and its report joins the post that is known", async () => {
    await play("reddit", "1shared", { shareCode: "AbCdEf1234" });
    const known = await submit({ url: "https://redd.it/1shared" });
    await judged(known.reportId);
    const link = { url: "https://www.reddit.com/r/test/s/AbCdEf1234", evidence: { by: "link" } };
    const { reportId, postId } = await submit(link);
    expect(postId).not.toBe(known.postId);
    expect(await judged(reportId)).toMatchObject({ verdict: "UNVERIFIABLE" });
    expect(String((await state(reportId)).post_id)).toBe(known.postId);
  });

  test("that leads elsewhere is no post, and elsewhere is never asked", async () => {
    const path = "/r/test/s/Elsewhere1";
    const order = { host: "www.reddit.com", path, location: "http://169.254.169.254/latest/meta-data" };
    await stack.control("POST", "/reddit/links", order);
    const { reportId } = await submit({ url: `https://www.reddit.com${path}` });
    expect(await judged(reportId)).toMatchObject({ verdict: "POST_UNKNOWN" });
    const asked = (await stack.control("GET", "/reddit/links")) as { host: string }[];
    expect(new Set(asked.map(({ host }) => host))).toEqual(new Set(["www.reddit.com"]));
  });
});

test("what is odd about a claim is told once: the same post from two affiliates, clicks above views, a jump", async () => {
  const post = await ad({ views: 90_000, clicks: 90_000, conversions: 90_000 });
  const claim = (views: number, clicks: number) => ({ ...post, claimed: { views, clicks, conversions: 0 } });
  await judged((await submit(claim(500, 1))).reportId);
  const jump = await submit(claim(5_000, 1));
  await judged(jump.reportId);
  expect(await alerts(`post/${jump.postId}`)).toMatchObject([{ kind: "claim_jump" }]);
  const other = await submit(claim(10, 11), 1);
  await judged(other.reportId);
  expect(await alerts(`report/${other.reportId}`)).toMatchObject([{ kind: "impossible_claim" }]);
  const shared = await alerts(`meta/${post.id}`);
  expect(shared).toMatchObject([{ kind: "shared_url", severity: "warning" }]);
  const names = await stack.rows<{ name: string }>(
    "select name || ' (' || affiliate_id || ')' as name from recon.affiliates where affiliate_id = any($1) order by affiliate_id",
    [affiliateIds.slice(0, 2)],
  );
  expect(shared[0]?.message).toContain(`2 affiliates, ${names.map(({ name }) => name).join(", ")}, claim the same`);
  const [jumped] = await alerts(`post/${jump.postId}`);
  expect(jumped?.message).toContain(`${names[0]?.name} claims`);
  await many("report", other.reportId);
  expect(await stack.rows("select times_seen from ops.alerts where subject = $1", [`meta/${post.id}`])).toEqual([
    { times_seen: 1 },
  ]);
});

test("an ad that is claimed beside the campaign it is part of is told, whichever of the two is judged first, and once", async () => {
  const overlapsOf = (whole: string) =>
    stack.rows<{ message: string; details: unknown; times: number }>(
      "select message, details, times_seen as times from ops.alerts where kind = 'overlapping_posts' and subject = $1",
      [`meta/${whole}`],
    );
  const inTab = (tab: string, id: string) => ({
    platform: "meta",
    url: `https://www.facebook.com/adsmanager/manage/${tab}s?selected_${tab}_ids=${id}`,
  });
  const [campaign, adSet] = [await ad(), await ad()];
  await play("meta", adSet.id, { partOf: [campaign.id] });
  const one = await ad({ partOf: [adSet.id, campaign.id] });
  const other = await ad({ partOf: [adSet.id, campaign.id] });
  await judged((await submit({ ...one }, 0)).reportId);
  expect(await overlapsOf(campaign.id)).toEqual([]);
  const whole = await submit(inTab("campaign", campaign.id), 1);
  await judged(whole.reportId);
  expect(await overlapsOf(campaign.id)).toEqual([
    {
      message: expect.stringMatching(
        new RegExp(`^meta ${campaign.id}, claimed by two \\S+ \\(\\d+\\), contains ${one.id} of one \\S+ \\(\\d+\\): `),
      ),
      details: { whole: campaign.id, parts: [one.id], affiliates: [affiliateIds[1], affiliateIds[0]] },
      times: 1,
    },
  ]);
  await judged((await submit({ ...other }, 2)).reportId);
  expect(await overlapsOf(campaign.id)).toMatchObject([{ details: { parts: [one.id, other.id] }, times: 2 }]);
  expect(await overlapsOf(adSet.id)).toEqual([]);
  await judged((await submit(inTab("adset", adSet.id), 0)).reportId);
  expect(await overlapsOf(adSet.id)).toMatchObject([{ details: { parts: [one.id, other.id] } }]);
  expect(await overlapsOf(campaign.id)).toMatchObject([{ details: { parts: [one.id, other.id, adSet.id].sort() } }]);
  // Closed by a person, it is not opened again by another look at the same claim.
  await stack.database.pool.query("update ops.alerts set resolved_at = now() where kind = 'overlapping_posts'");
  const [{ id: again = "" } = {}] = await stack.rows<{ id: string }>(
    "update recon.report_state set attempt = attempt + 1 where report_id = $1 returning report_id::text as id",
    [whole.reportId],
  );
  const run = await stack.start("reconcileReport", `reconcile/${again}`, { client, reportId: again });
  expect(await run.result()).toMatchObject({ attempt: 2, verdict: "MATCHED" });
  expect(
    await stack.rows("select alert_id from ops.alerts where kind = 'overlapping_posts' and resolved_at is null"),
  ).toEqual([]);
});

test("a platform is asked about a post without judging anything", async () => {
  const { reportId, postId } = await submit(await ad({ views: 77 }));
  const run = await stack.start("fetchPost", uniqueId("fetch"), { client, platform: "meta", postId });
  expect(await run.result()).toMatchObject({ kind: "metrics", metrics: { views: 77 } });
  expect(await stack.rows("select views, report_id from recon.platform_reports where post_id = $1", [postId])).toEqual([
    { views: 77, report_id: null },
  ]);
  expect(await state(reportId)).toMatchObject({ state: "PENDING" });
  const wrong = await stack.start("fetchPost", uniqueId("fetch"), { client, platform: "reddit", postId });
  expect((await failureOf(wrong.result())).type).toBe("InvalidInput");
});

test("that nobody can be told in Discord keeps no verdict from being written", async () => {
  const applicationId = "1";
  const sealed = seal(credentialsKey, Buffer.from(interactionToken), tokenContext({ client, applicationId }));
  const interaction = { applicationId, sealedToken: sealed };
  const { reportId } = await submit({ ...(await ad()), method: "DISCORD", idempotencyKey: "i-1", interaction });
  const run = await start(reportId);
  await until("the verdict", async () => (await state(reportId)).state === "RECONCILED");
  expect((await run.describe()).status.name).toBe("RUNNING");
  await until("a try to tell", async () =>
    (await run.describe()).raw.pendingActivities?.some(({ activityType }) => activityType?.name === "sendVerdict"),
  );
  await run.cancel();
  await failureOf(run.result());
  expect(await state(reportId)).toMatchObject({ state: "RECONCILED", verdict: "MATCHED" });
});

test("a report that waits for long goes on in another history, again and again, as the attempt it is", async () => {
  const post = await ad();
  await fault("meta_ads", "server_error", { times: 5 });
  const { reportId } = await submit(post);
  const waited: Waited = { tries: 0, triesPerHistory: 2 };
  const run = await stack.start("reconcileReport", `reconcile/${reportId}`, { client, reportId }, waited);
  expect(await run.result()).toMatchObject({ verdict: "MATCHED", attempt: 1 });
  const { events } = await stack.client.workflow.getHandle(run.workflowId).fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  expect(started?.firstExecutionRunId).toBe(run.firstExecutionRunId);
  const before = stack.client.workflow.getHandle(run.workflowId, started?.continuedExecutionRunId ?? "");
  const [first] = (await before.fetchHistory()).events ?? [];
  // The third history of three.
  expect(first?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId).toBe(run.firstExecutionRunId);
  expect(await state(reportId)).toMatchObject({ state: "RECONCILED", tries: 5 });
  expect(await alerts(`report/${reportId}`)).toEqual([]);
});

test("a report that is cancelled while somebody is being told in Discord that it waits is stopped", async () => {
  const applicationId = "1";
  const sealedToken = seal(credentialsKey, Buffer.from(interactionToken), tokenContext({ client, applicationId }));
  await fault("meta_ads", "unauthorized");
  const of = { ...(await ad()), method: "DISCORD" as const, idempotencyKey: "i-2" };
  const { reportId } = await submit({ ...of, interaction: { applicationId, sealedToken } });
  const run = await start(reportId);
  await until("a try to tell", async () =>
    (await run.describe()).raw.pendingActivities?.some(({ activityType }) => activityType?.name === "sendVerdict"),
  );
  await run.cancel();
  expect((await failureOf(run.result())).type).toBe("CancelledFailure");
  expect(await state(reportId)).toMatchObject({ state: "STOPPED", detail: "stopped by hand" });
});

test.each([
  [{ client }, "reportId: is missing"],
  [{ client, reportId: "0" }, "reportId: must be an id"],
  [{ client, reportId: "987654321" }, 'client "713" has no report 987654321'],
  [{ client: "nobody", reportId: "1" }, 'client "nobody" has no report 1'],
])("input that a person can mend is refused: %j", async (input, message) => {
  const run = await stack.start("reconcileReport", uniqueId("reconcile"), input);
  expect(await failureOf(run.result())).toEqual({ type: "InvalidInput", message });
});

test("no credential is in any history or log line", async () => {
  const canary = "EAAG-canary-0123456789abcdef";
  const owner = { client, platform: "meta", affiliateId: null };
  await stack.rows(
    "insert into recon.platform_config (_client_id, platform, mode, sealed, updated_by) values ($1, 'meta', 'sandbox', $2, 'somebody')",
    [client, sealCredentials(credentialsKey, owner, { META_ADS_ACCESS_TOKEN: canary })],
  );
  const { reportId } = await submit(await ad());
  const run = await start(reportId);
  await until("a try", async () => (await state(reportId)).state !== "PENDING");
  await run.cancel();
  await failureOf(run.result()).catch(() => undefined);
  const histories = await allHistories(stack);
  expect(histories.length).toBeGreaterThan(10);
  for (const { history } of histories) {
    const text = readable(history);
    for (const secret of [canary, "sandbox-somebody", interactionToken, credentialsKey.current.toString("base64")])
      expect(text).not.toContain(secret);
  }
  expect(logLines.join("\n")).not.toMatch(/canary-/);
  const kept = await stack.rows<{ all: string }>(
    "select concat((select json_agg(h) from ops.platform_health h), (select json_agg(s) from recon.report_steps s), (select json_agg(s) from recon.report_state s), (select json_agg(f) from recon.platform_reports f), (select json_agg(a) from ops.alerts a)) as all",
  );
  expect(kept[0]?.all).not.toMatch(/canary-/);
  await stack.rows("delete from recon.platform_config");
});
