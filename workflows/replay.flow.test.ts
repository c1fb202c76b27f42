import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { WorkflowHandle } from "@temporalio/client";
import { DeterminismViolationError } from "@temporalio/workflow";
import { Worker, type ReplayResult, type WorkflowBundle } from "@temporalio/worker";
import type { PreviewInput } from "../activities/files/preview-draft.ts";
import { keyRing, sha256 } from "../core/crypto.ts";
import { addDays } from "../core/days.ts";
import { projectRoot } from "../settings/environment.ts";
import { historyFromJSON, historyToJSON, type History } from "@temporalio/common/lib/proto-utils.js";
import { offerToken } from "../queries/recon/tokens.ts";
import { draftName } from "../rules/files/drafts.ts";
import { uploadFolder } from "../rules/files/uploads.ts";
import { sealCredentials } from "../rules/recon/platform-credentials.ts";
import { addConversions, createDeliverables } from "../test/deliverable.ts";
import { readable } from "../test/histories.ts";
import { createCampaign, taken } from "../test/reconciliation.ts";
import { recordClusters } from "../test/record-clusters.ts";
import { recordPretargeting } from "../test/record-pretargeting.ts";
import { recordSeats } from "../test/record-seats.ts";
import { recordHouse } from "../test/record-house.ts";
import {
  failureOf,
  startStack,
  uniqueId,
  until,
  workflowBundle,
  type StartedRun,
  type TestStack,
} from "../test/stack.ts";

jest.setTimeout(120_000);

/**
 * Runs that really happened, replayed against today's workflows: a change that running workflows could not follow
 * fails here, before it is deployed. After such a change on purpose (behind `patched()`, or because nothing of the old
 * kind runs any more) record anew: RECORD_HISTORIES=1 npm test -- --selectProjects flow --testPathPatterns replay
 */
const folder = path.join(projectRoot(), "workflows/histories");
const recording = process.env["RECORD_HISTORIES"] === "1";

const source = "redtrack.daily_spend";
const recorded = new Map<string, History>();

async function replay(bundle: WorkflowBundle, name: string): Promise<ReplayResult> {
  const history = recorded.get(name);
  if (history === undefined) throw new Error(`no history ${name}`);
  for await (const result of Worker.runReplayHistories({ workflowBundle: bundle }, [{ workflowId: name, history }]))
    return result;
  throw new Error(`${name} gave no result`);
}

beforeAll(async () => {
  if (recording) {
    await record();
    await recordDeliveries();
    await recordFiles();
    await recordReconciliation();
    await recordHouse(keep);
    await recordSeats(keep);
    await recordClusters(keep);
    await recordPretargeting(keep);
  }
  for (const file of await readdir(folder)) {
    if (file.endsWith(".json"))
      recorded.set(
        file.replace(/\.json$/, ""),
        historyFromJSON(JSON.parse(await readFile(path.join(folder, file), "utf8"))),
      );
  }
});

// Listed here so that a history that went missing is missed.
const names = [
  "apply-pretargeting",
  "apply-pretargeting-overtaken",
  "apply-pretargeting-rolled-back",
  "apply-pretargeting-unclear",
  "ask-questions",
  "backfill-cancelled-by-update",
  "backfill-cancelled-while-paused",
  "backfill-dry-run",
  "backfill-paused-1-continued",
  "backfill-paused-2-failed",
  "backfill-waited-for-another",
  "check-affiliate-token",
  "cluster-campaigns",
  "cluster-campaigns-by-model",
  "cluster-campaigns-without-model",
  "deliver-alerts",
  "deliver-conversions",
  "deliver-conversions-stopped",
  "detect-findings",
  "detect-findings-without-rows",
  "detect-opportunities",
  "detect-opportunities-without-rows",
  "discover-seats",
  "fetch-post",
  "fetch-thumbnails",
  "ingest-file",
  "ingest-file-dry-run",
  "ingest-file-failed-in-a-watch",
  "ingest-file-refused",
  "ingest-file-refused-input",
  "keep-house",
  "keep-house-that-sent-alerts",
  "mirror-days",
  "notify-channel",
  "plan-pretargeting",
  "preview-file",
  "reconcile-many",
  "reconcile-report",
  "reconcile-report-stopped",
  "reconcile-report-waited",
  "redeliver",
  "redeliver-dry-run",
  "redrive-files",
  "refresh-aggregates",
  "roll-back-pretargeting",
  "sweep-reports",
  "sync-creatives",
  "sync-creatives-read-again",
  "sync-slice-by-hand",
  "sync-slice-failed",
  "sync-slice-of-a-run",
  "sync-slice-rate-limited",
  "sync-source",
  "sync-source-refused-input",
  "test-channel",
  "tie-out",
  "track-conversion-refused",
  "track-lead",
  "track-sale",
  "understand-question",
  "understand-question-refused-key",
  "understand-question-without-key",
  "watch-files",
  "watch-files-nothing-new",
];

test.each(names)("the recorded %s replays against today's workflows", async (name) => {
  expect((await replay(await workflowBundle(), name)).error).toBeUndefined();
});

test("every recorded history is replayed, and every workflow has one", async () => {
  expect([...recorded.keys()].sort()).toEqual(names);
  const exported = [
    ...(await readFile(path.join(projectRoot(), "workflows/index.ts"), "utf8")).matchAll(/export \{ (\w+) \}/g),
  ].map(([, name]) => name);
  const types = [...recorded.values()].map(
    (history) => history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name,
  );
  expect([...new Set(types)].sort()).toEqual(exported.toSorted());
});

test("no history tells of the machine it was recorded on", () => {
  for (const history of recorded.values()) {
    const text = readable(history);
    for (const trace of [projectRoot(), "node_modules", os.hostname(), `${os.userInfo().username}@`, "test-"])
      expect({ trace, found: text.includes(trace) }).toEqual({ trace, found: false });
  }
});

describe("a changed workflow is noticed", () => {
  test.each([
    ["keep-house-that-sent-alerts", "another order of activities", /await applyRetention\(\)/, "await sendAlerts()"],
    ["sync-source", "another child workflow", /executeChild\)\("syncSlice"/, 'executeChild)("pullSlice"'],
    ["ingest-file-failed-in-a-watch", "no word of a failure", /noteIngestFailure\(\{/, "Promise.resolve({"],
    ["deliver-conversions", "no look at the destination", /await checkDestination\.executeWithOptions\(.*?\]\);/s, ""],
    ["backfill-paused-1-continued", "fewer days at a time", /settleWithin\)\(plan\.parallel,/, "settleWithin)(1,"],
    [
      "sync-slice-by-hand",
      "an activity less",
      /records\.checkSlice\(.*?\)\.catch\(/,
      'Promise.resolve({ client: "713" }).catch(',
    ],
  ])("%s with %s does not replay", async (name, _change, before, after) => {
    // Changed in the bundle: that is where an import is spelled `(0,module.name)(`.
    const { code } = await workflowBundle();
    expect(code.match(before)).not.toBeNull();
    const { error } = await replay({ code: code.replace(before, after) }, name);
    expect(error).toBeInstanceOf(DeterminismViolationError);
  });
});

async function keep(name: string, handle: Pick<WorkflowHandle, "fetchHistory">): Promise<void> {
  await mkdir(folder, { recursive: true });
  const history = anonymous(JSON.parse(historyToJSON(await handle.fetchHistory())) as object);
  await writeFile(path.join(folder, `${name}.json`), `${JSON.stringify(history, null, 2)}\n`);
}

async function recordDeliveries(): Promise<void> {
  const key = "sandbox-713";
  const stack = await startStack({ META_PIXEL_ID: key, META_ACCESS_TOKEN: key, HUBSPOT_ACCESS_TOKEN: key });
  const run = async (name: string, type: string, input: object) =>
    keep(name, await finished(await stack.start(type, uniqueId(type), input)));
  try {
    await createDeliverables(stack.database.pool);
    await addConversions(stack.database.pool, [
      ...Array.from({ length: 110 }, (_, index) => ({ key: `everflow:${index}` })),
      { key: "everflow:refused", currency: "XQZ" },
    ]);
    const today = new Date().toISOString().slice(0, 10);
    const range = { destination: "hubspot", from: addDays(today, -2), to: today };
    await run("redeliver-dry-run", "redeliver", { ...range, dryRun: true });
    await run("deliver-conversions", "deliverConversions", {});
    await run("redeliver", "redeliver", range);
    await addConversions(stack.database.pool, [{ key: "everflow:late" }]);
    await stack.control("POST", "/faults", { vendor: "meta", kind: "unauthorized" });
    await run("deliver-conversions-stopped", "deliverConversions", {});
  } finally {
    await stack.stop();
  }
}

async function putDraft(importDir: string, content: string): Promise<PreviewInput> {
  const { client, draftId } = { client: "713", draftId: "d".repeat(32) };
  const file = `${draftId}-0123456789abcdef.csv`;
  const record = { draftId, client, file, fileName: "day.csv", contentHash: sha256(content), bytes: content.length };
  const folder = path.join(importDir, uploadFolder(client) ?? "");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, file), content);
  await writeFile(
    path.join(folder, draftName(draftId)),
    JSON.stringify({ ...record, isGzip: false, by: "ada", receivedAt: new Date().toISOString() }),
  );
  return { client, draftId };
}

async function recordFiles(): Promise<void> {
  // A name of its own, for histories tell no folder of the machine they were recorded on.
  const importDir = await mkdtemp(path.join(os.tmpdir(), "import-"));
  const stack = await startStack({ IMPORT_DIR: importDir, INGEST_STILL_SECONDS: "1" });
  const put = async (name: string, ...lines: string[]) => {
    await mkdir(path.join(importDir, "713"), { recursive: true });
    await writeFile(path.join(importDir, "713", name), `${[performanceHeader, ...lines].join("\n")}\n`);
  };
  const run = async (name: string, type: string, input?: object) =>
    keep(name, await finished(await stack.start(type, uniqueId(type), ...(input === undefined ? [] : [input]))));
  try {
    await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 79783)");
    await put("day.csv", "79783,2025-11-29,10000,250,125.50", "1,2025-11-29,1,1,1");
    await put("broken.csv", '79783,2025-11-29,1,1,"0.50');
    await run("ingest-file-dry-run", "ingestFile", { path: "713/day.csv", dryRun: true });
    await run("watch-files", "watchFiles");
    await run("watch-files-nothing-new", "watchFiles");
    await mkdir(path.join(importDir, "713/sender"));
    await writeFile(path.join(importDir, "713/sender/mapping.json"), "{}");
    await writeFile(path.join(importDir, "713/sender/x.csv"), performanceHeader);
    const watch = await finished(await stack.start("watchFiles", uniqueId("watchFiles")));
    const child = await until("the child", async () => {
      const { events } = await watch.fetchHistory();
      return events?.find((event) => event.startChildWorkflowExecutionInitiatedEventAttributes != null);
    });
    const { workflowId } = child.startChildWorkflowExecutionInitiatedEventAttributes ?? {};
    await keep("ingest-file-failed-in-a-watch", stack.client.workflow.getHandle(workflowId ?? ""));
    await run("ingest-file", "ingestFile", { path: "713/day.csv", force: true });
    await run(
      "preview-file",
      "previewFile",
      await putDraft(importDir, `${performanceHeader}\n79783,2025-11-29,1,1,0.50\n`),
    );
    await run("ingest-file-refused", "ingestFile", { path: "713/broken.csv" });
    await run("ingest-file-refused-input", "ingestFile", { path: "713/nowhere.csv" });
    await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 1)");
    await run("redrive-files", "redriveFiles", {});
    await run("refresh-aggregates", "refreshAggregates", {});
  } finally {
    await stack.stop();
    await rm(importDir, { recursive: true, force: true });
  }
}

const credentialsKey = keyRing(randomBytes(32));
const performanceHeader = "creative_id,date,impressions,clicks,spend";

async function recordReconciliation(): Promise<void> {
  const stack = await startStack({
    RECON_FIRST_WAIT_MS: "50",
    RECON_LONGEST_WAIT_MS: "60000",
    RECON_SWEEP_QUIET_MS: "0",
    CREDENTIALS_ENCRYPTION_KEY: credentialsKey.current.toString("base64"),
  });
  try {
    const { campaignId, affiliateIds } = await createCampaign(stack.database.pool, ["one"]);
    const submit = async (ad: number) => {
      const id = `12021000000000${ad}`;
      const post = { platform: "meta", id, views: 1_000, clicks: 100, conversions: 10 };
      await stack.control("POST", "/posts", post);
      const url = `https://www.facebook.com/adsmanager/manage/ads?selected_ad_ids=${id}`;
      return taken(stack.database.pool, { campaignId, affiliateId: affiliateIds[0] ?? "", platform: "meta", url });
    };
    const start = ({ reportId }: { reportId: string }) =>
      stack.start("reconcileReport", `reconcile/${reportId}`, { client: "713", reportId });
    const first = await submit(101);
    await keep("reconcile-report", await finished(await start(first)));
    await stack.control("POST", "/faults", { vendor: "meta_ads", kind: "server_error", times: 2 });
    await keep("reconcile-report-waited", await finished(await start(await submit(102))));
    await stack.control("POST", "/faults", { vendor: "meta_ads", kind: "unauthorized" });
    const waits = await start(await submit(103));
    await until(
      "the wait",
      async () => (await stack.rows("select 1 from recon.report_state where state = 'WAITING'"))[0],
    );
    await waits.cancel();
    await keep("reconcile-report-stopped", await finished(waits));
    await stack.control("DELETE", "/faults?vendor=meta_ads");
    const input = { client: "713", scope: "affiliate", scopeId: affiliateIds[0] };
    await keep("reconcile-many", await finished(await stack.start("reconcileMany", uniqueId("many"), input)));
    const look = { client: "713", platform: "meta", postId: first.postId };
    await keep("fetch-post", await finished(await stack.start("fetchPost", uniqueId("fetch"), look)));
    const owner = { client: "713", platform: "instagram", affiliateId: affiliateIds[0] ?? "" };
    const sealed = sealCredentials(credentialsKey, owner, { INSTAGRAM_ACCESS_TOKEN: "sandbox-one" });
    const offer = { ...owner, offerId: await offerToken(stack.database.pool, { ...owner, sealed }) };
    const check = await stack.start("checkAffiliateToken", uniqueId("check-token"), offer);
    await keep("check-affiliate-token", await finished(check));
    await submit(104);
    await keep("sweep-reports", await finished(await stack.start("sweepReports", uniqueId("sweep"))));
  } finally {
    await stack.stop();
  }
}

/** Plays every kind of run on a stack of its own, and writes down what happened. */
async function record(): Promise<void> {
  const stack = await startStack({ ANYTRACK_ACCOUNT_ID: "acct-1", ANYTRACK_INTEGRATION: "shop" });
  const slice = async (name: string, day: string) => {
    const handle = await stack.start("syncSlice", `${source}/713/${day}`, { source, day });
    await handle.result().catch(() => undefined);
    await keep(name, handle);
  };
  const backfill = (from: string, to: string, more: object = {}, progress?: object) =>
    stack.start(
      "backfill",
      uniqueId("backfill"),
      { source, from, to, parallel: 2, ...more },
      ...(progress === undefined ? [] : [progress]),
    );
  try {
    const sync = await stack.start("syncSource", uniqueId("sync"), { source });
    await sync.result();
    await keep("sync-source", sync);
    const [{ slice: today } = {}] = await stack.rows<{ slice: string }>("select max(slice) as slice from ops.slices");
    await keep("sync-slice-of-a-run", stack.client.workflow.getHandle(`${source}/713/${today}`));
    const refused = await stack.start("syncSource", uniqueId("sync"), { source: "nobody.knows" });
    await failureOf(refused.result());
    await keep("sync-source-refused-input", refused);

    await slice("sync-slice-by-hand", "2025-12-01");
    await stack.fault("rate_limited", { retryAfterSeconds: 1, times: 1, match: { day: "2025-12-02" } });
    await slice("sync-slice-rate-limited", "2025-12-02");
    await stack.fault("server_error", { match: { day: "2025-12-03" } });
    await slice("sync-slice-failed", "2025-12-03");

    await keep("backfill-dry-run", await finished(await backfill("2025-12-04", "2025-12-06", { dryRun: true })));
    await recordPaused(stack, keep, backfill);
    await recordWaiting(stack, keep, backfill);
    await recordTracking(stack, keep);
  } finally {
    await stack.stop();
  }
}

type Keep = (name: string, handle: WorkflowHandle) => Promise<void>;
type Backfill = (from: string, to: string, more?: object, progress?: object) => Promise<StartedRun>;

async function recordPaused(stack: TestStack, keep: Keep, backfill: Backfill): Promise<void> {
  await stack.fault("server_error", { status: 404, match: { day: "2025-11-02" } });
  await stack.fault("latency", { ms: 800, match: { day: "2025-11-03" } });
  const handle = await backfill("2025-11-01", "2025-11-08", {}, { slicesPerHistory: 5 });
  await until("the slow day", async () => (await stack.calls("2025-11-03")).length > 0);
  await handle.executeUpdate("pause");
  await handle.executeUpdate("resume");
  await finished(handle);
  await keep(
    "backfill-paused-1-continued",
    stack.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId),
  );
  await keep("backfill-paused-2-failed", stack.client.workflow.getHandle(handle.workflowId));

  const day = "2025-11-11";
  await stack.fault("slow_bytes", { ms: 400, bytes: 4, match: { day } });
  const cancelled = await backfill("2025-11-10", "2025-11-16");
  await until("the slow day", async () => (await stack.calls(day)).length > 0);
  await cancelled.executeUpdate("cancel");
  await keep("backfill-cancelled-by-update", await finished(cancelled));
  const paused = await backfill("2025-11-20", "2025-11-22", {}, { paused: true });
  await until("the pause", async () => (await paused.query<{ days: number }>("progress")).days > 0);
  await paused.cancel();
  await keep("backfill-cancelled-while-paused", await finished(paused));
}

async function recordWaiting(stack: TestStack, keep: Keep, backfill: Backfill): Promise<void> {
  const day = "2025-10-01";
  await stack.fault("latency", { ms: 1_000, times: 1, match: { day } });
  await stack.start("syncSlice", `${source}/713/${day}`, { source, day });
  await keep("backfill-waited-for-another", await finished(await backfill(day, day)));
}

async function recordTracking(stack: TestStack, keep: Keep): Promise<void> {
  const click = { client: "713", clickId: "atclk_1" };
  const play = async (name: string, type: string, input: object) =>
    keep(name, await finished(await stack.start(type, uniqueId("track"), { ...click, ...input })));
  await stack.fault("server_error", { vendor: "anytrack", times: 1 });
  await play("track-sale", "trackSale", { orderId: "ORD-1", revenue: "99.99", productId: "VIDEO-PRO" });
  await play("track-lead", "trackLead", { leadId: "L-1" });
  await play("track-conversion-refused", "trackConversion", { type: "SALE", orderId: "ORD-1", revenue: "1.00" });
}

async function finished(handle: WorkflowHandle): Promise<WorkflowHandle> {
  await handle.result().catch(() => undefined);
  return handle;
}

/** Takes out what names a process, a machine or a namespace; nothing that a replay looks at. */
function anonymous(history: object): object {
  return JSON.parse(
    JSON.stringify(history, (name, value: unknown) => {
      if (name === "identity") return "worker";
      if (name === "stackTrace") return "";
      if (name === "requestId") return "request";
      if (/namespace$/i.test(name) && typeof value === "string") return "default";
      if (
        name === "taskQueue" &&
        typeof value === "object" &&
        value !== null &&
        "kind" in value &&
        value.kind === "TASK_QUEUE_KIND_STICKY"
      )
        return { ...value, name: "sticky" };
      return value;
    }),
  ) as object;
}
