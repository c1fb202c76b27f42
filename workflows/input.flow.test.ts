import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { failureOf, startStack, uniqueId, type TestStack } from "../test/stack.ts";

jest.setTimeout(30_000);

let stack: TestStack;
beforeAll(async () => {
  // Nobody works on the queues of those who are pulled: what a person typed wrongly has to be told all the same.
  stack = await startStack({ WORKER_QUEUES: "signal-room,ingest,vendor-anytrack" });
});
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";
const december = { source, from: "2025-12-01", to: "2025-12-02" };

test.each([
  ["backfill", { ...december, from: "2025-12-09" }, /from 2025-12-09 is after to 2025-12-02: swap them/],
  [
    "backfill",
    { ...december, to: "2999-01-01" },
    /to 2999-01-01 is in the future: today is \d{4}-\d\d-\d\d in America\/New_York/,
  ],
  ["backfill", { ...december, from: "2025-02-30" }, /^from: must be a day, written YYYY-MM-DD$/],
  ["backfill", { ...december, from: "yesterday", to: 7 }, /^from: must be a day.*; to: .*YYYY-MM-DD$/],
  ["backfill", { source, from: "2025-12-01" }, /^to: .*missing: write it as YYYY-MM-DD$/],
  ["backfill", { source, from: "1925-12-01", to: "2025-12-01" }, /^36526 days are more than one backfill takes/],
  [
    "backfill",
    { ...december, source: "redtrack.spend" },
    /^unknown source "redtrack\.spend": there are redtrack\.daily_spend/,
  ],
  ["backfill", { ...december, client: "714" }, /^unknown client "714": there are 713 \(the setting CLIENTS\)$/],
  ["backfill", { ...december, parallel: 0 }, /^parallel: must be a whole number from 1 to 50$/],
  ["backfill", undefined, /source: is missing.*redtrack\.daily_spend.*from: .*missing.*to: .*missing/],
  ["syncSlice", { source, day: "2025-13-01" }, /^day: must be a day/],
  ["syncSlice", { source, day: "2999-01-01" }, /^day 2999-01-01 is in the future/],
  ["syncSlice", { source, day: "2025-12-01", client: "714" }, /^unknown client "714"/],
  ["syncSlice", undefined, /source: is missing.*day: .*missing/],
  ["syncSource", { source: "nobody.knows" }, /^unknown source "nobody\.knows"/],
  ["syncSource", { source, client: "714" }, /^unknown client "714"/],
  ["syncSource", undefined, /^source: is missing/],
])("%s of %j fails at once with a message to act on", async (type, input, message) => {
  const handle = await stack.start(type, uniqueId(`${type}/typed`), ...(input === undefined ? [] : [input]));
  expect(await failureOf(handle.result())).toEqual({ type: "InvalidInput", message: expect.stringMatching(message) });
  expect(await stack.rows("select from ops.runs")).toHaveLength(0);
});

/** Per workflow what somebody may type with a slip in it, and what is said: an option that is not known must not act as if it had been left out. */
const slips: Record<string, [input: unknown, said: string][]> = {
  backfill: [
    [{ ...december, dryrun: true }, 'unknown field "dryrun": did you mean dryRun?'],
    [
      { ...december, runId: "another", workflowId: "x" },
      'unknown field "runId": there are source, client, from, to, dryRun, parallel, acceptEmpty; unknown field "workflowId": there are source, client, from, to, dryRun, parallel, acceptEmpty',
    ],
    [
      { source, form: "2025-12-01", to: "2025-12-40", acceptempty: 1 },
      'from: is missing: write it as YYYY-MM-DD; to: must be a day, written YYYY-MM-DD; unknown field "form": there are source, client, from, to, dryRun, parallel, acceptEmpty; unknown field "acceptempty": did you mean acceptEmpty?',
    ],
  ],
  checkAffiliateToken: [
    [
      {
        client: "713",
        affiliateId: 1,
        platform: "reddit",
        offerId: "6f0a3c1e-7a63-4a6e-9b43-2f6a1c1d9e10",
        plattform: "x",
      },
      'unknown field "plattform": did you mean platform?',
    ],
  ],
  clusterCampaigns: [
    [{ ai_provder: "claude" }, 'unknown field "ai_provder": did you mean ai_provider?'],
    [{ ai_provider: "parrot" }, "ai_provider: must be one of rule-based, claude, gemini"],
    [{ dryrun: true }, 'unknown field "dryrun": did you mean dryRun?'],
  ],
  askQuestions: [[{ onlyifchanged: true }, 'unknown field "onlyifchanged": did you mean onlyIfChanged?']],
  understandQuestion: [
    [{ sentence: "hi" }, "sentence: must have at least 5 characters"],
    [{ sentence: "campaigns by CPC", ai_provider: "parrot" }, "ai_provider: must be one of claude, gemini"],
  ],
  detectFindings: [[{ onlyifchanged: true }, 'unknown field "onlyifchanged": did you mean onlyIfChanged?']],
  tieOut: [[{ clients: "713" }, 'unknown field "clients": did you mean client?']],
  detectOpportunities: [[{ onlyifchanged: true }, 'unknown field "onlyifchanged": did you mean onlyIfChanged?']],
  deliverAlerts: [[{ client: "713" }, 'unknown field "client": deliverAlerts takes no input']],
  deliverConversions: [[{ destinaton: "meta" }, 'unknown field "destinaton": did you mean destination?']],
  fetchPost: [
    [{ client: "713", platform: "reddit", postId: 1, postid: 1 }, 'unknown field "postid": did you mean postId?'],
  ],
  ingestFile: [[{ path: "day.csv", dryrun: true }, 'unknown field "dryrun": did you mean dryRun?']],
  keepHouse: [[{ client: "713" }, 'unknown field "client": keepHouse takes no input']],
  mirrorDays: [[{ client: "713" }, 'unknown field "client": mirrorDays takes no input']],
  previewFile: [
    [{ client: "713", draftId: "a".repeat(32), mappin: "meta" }, 'unknown field "mappin": did you mean mapping?'],
  ],
  applyPretargeting: [
    [
      { client: "713", planId: 5, digest: "d", warningVersion: 1, force: true },
      'unknown field "force": there are client, planId, digest, warningVersion',
    ],
  ],
  planPretargeting: [[{ client: "713", planId: 5, dryRun: true }, 'unknown field "dryRun": there are client, planId']],
  rollBackPretargeting: [
    [{ client: "713", planId: 5, reason: "x" }, 'unknown field "reason": there are client, planId'],
  ],
  reconcileMany: [
    [
      { client: "713", scope: "campaign", scopeId: 5, latestonly: true },
      'unknown field "latestonly": did you mean latestOnly?',
    ],
  ],
  reconcileReport: [
    [{ client: "713", reportId: 5, attempt: 1 }, 'unknown field "attempt": there are client, reportId'],
  ],
  redeliver: [
    [
      { destination: "hubspot", from: "2025-12-01", to: "2025-12-02", dryrun: true },
      'unknown field "dryrun": did you mean dryRun?',
    ],
  ],
  sweepReports: [[{ client: "713" }, 'unknown field "client": sweepReports takes no input']],
  redriveFiles: [[{ client: 713, fileid: 5 }, 'unknown field "fileid": did you mean fileId?']],
  discoverSeats: [[{ clinet: "713" }, 'unknown field "clinet": did you mean client?']],
  fetchThumbnails: [[{ clinet: "713" }, 'unknown field "clinet": did you mean client?']],
  syncCreatives: [[{ buyerid: "1" }, 'unknown field "buyerid": did you mean buyerId?']],
  refreshAggregates: [[{ clinet: "713" }, 'unknown field "clinet": did you mean client?']],
  syncSlice: [
    [{ source, day: "2025-12-01", clientid: 713 }, 'unknown field "clientid": did you mean client?'],
    [
      { source, day: "2025-12-01", runId: "another" },
      'unknown field "runId": there are source, client, day, acceptEmpty',
    ],
  ],
  syncSource: [
    [{ source, clinet: "714" }, 'unknown field "clinet": did you mean client?'],
    // What only the run itself says of itself.
    [{ source, runId: "another" }, 'unknown field "runId": there are source, client'],
    [
      { source, moment: "2025-12-01T12:00:00Z", scheduled: true },
      'unknown field "moment": there are source, client; unknown field "scheduled": there are source, client',
    ],
  ],
  notifyChannel: [[{ client: "713", channelId: 1, chanelId: 1 }, 'unknown field "chanelId": did you mean channelId?']],
  testChannel: [[{ client: "713", channelId: 1, chanelId: 1 }, 'unknown field "chanelId": did you mean channelId?']],
  trackConversion: [
    [{ type: "SALE", orderId: 7, clickId: "c", revenu: 99.99 }, 'unknown field "revenu": did you mean revenue?'],
  ],
  trackLead: [[{ leadId: "L-1", clickId: "c", clikId: "c" }, 'unknown field "clikId": did you mean clickId?']],
  trackSale: [
    [
      { orderId: "O-1", clickId: "c", revenue: 99.99, curency: "EUR" },
      'unknown field "curency": did you mean currency?',
    ],
  ],
  watchFiles: [[{ client: "713" }, 'unknown field "client": watchFiles takes no input']],
};

test("every registered workflow is among those that are tried with a slip", async () => {
  const registered = await readFile(path.join(import.meta.dirname, "index.ts"), "utf8");
  expect(Object.keys(slips).sort()).toEqual(
    [...registered.matchAll(/export \{ (\w+) \}/g)].map(([, name]) => name).sort(),
  );
});

test.each(Object.entries(slips).flatMap(([type, tried]) => tried.map(([input, said]) => [type, input, said] as const)))(
  "%s of %j does nothing, and says what was meant",
  async (type, input, said) => {
    const handle = await stack.start(type, uniqueId(`${type}/slip`), input);
    expect(await failureOf(handle.result())).toEqual({ type: "InvalidInput", message: said });
  },
);

test("where a backfill goes on is no input of a person's", async () => {
  const handle = await stack.start("backfill", uniqueId("backfill/typed"), december, { runId: "another", cursor: 1 });
  expect(await failureOf(handle.result())).toEqual({
    type: "InvalidInput",
    message: 'unknown field "runId" in a second input: a backfill takes one',
  });
});

test("numbers are taken where ids are text", async () => {
  const handle = await stack.start("syncSlice", uniqueId("typed/number"), { source, day: "2999-01-01", client: 714 });
  expect(await failureOf(handle.result())).toMatchObject({ message: expect.stringMatching(/^unknown client "714"/) });
});
