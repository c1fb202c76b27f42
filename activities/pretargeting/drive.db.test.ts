import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { DefaultLogger } from "@temporalio/worker";
import { MockActivityEnvironment } from "@temporalio/testing";
import { addSeat, type MockState } from "../../bench/pretargeting-world.ts";
import { feeds, vendors } from "../../connectors/registry.ts";
import { createRedactor } from "../../core/redact.ts";
import { createPlan, findPlan, listEvents, movePlan } from "../../queries/pretargeting/plans.ts";
import { findLaterPlan, readWrites } from "../../queries/pretargeting/writes.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { eventually } from "../../test/eventually.ts";
import { googleAccount } from "../../test/google-account.ts";
import { createRateGate } from "../shared/rate-gate.ts";
import { createPretargetingActivities, type PretargetingActivities } from "./pretargeting-activities.ts";

jest.setTimeout(90_000);

const client = "713";
const { key, known } = googleAccount(client);
let database: TestDatabase;
let sandbox: Sandbox;
let activities: PretargetingActivities;

const control = async (what: string, body: object) =>
  (
    await fetch(`${sandbox.url}/_control/authorized_buyers/${what}`, { method: "POST", body: JSON.stringify(body) })
  ).json();
const mock = (what: string, body: object = {}) => control(`pretargeting/${what}`, { client, ...body });
const state = async () => (await mock("state")) as MockState;
const original = async () => (await state()).configs[0];
const written = async () =>
  (await state()).journal.flatMap(({ by, what }) => (by === "us" && what !== "read" ? [what] : []));

beforeAll(async () => {
  [database, sandbox] = await Promise.all([testDatabase(), startSandbox()]);
  await control("service-accounts", known);
  await addSeat(database.pool, client);
  const config = loadConfig(
    {
      ...{ DATABASE_URL: "postgres://unused", PRETARGETING_APPLY: "on", PRETARGETING_ANSWER_SECONDS: "10" },
      ...{ AUTHORIZED_BUYERS_KEY: key, AUTHORIZED_BUYERS_BASE_URL: `${sandbox.url}/authorized_buyers` },
      AUTHORIZED_BUYERS_INTERVAL_MS: "1",
    },
    vendors,
    feeds,
  );
  const gate = createRateGate(database.pool);
  activities = createPretargetingActivities({
    ...{ database: database.pool, config, gate, redact: createRedactor(config.secrets) },
  });
});
beforeEach(async () => {
  await database.pool.query(
    "truncate rtb.pretargeting_plans, rtb.pretargeting_approvals, rtb.pretargeting_writes, rtb.pretargeting_events, ops.alerts",
  );
  await mock("reset");
});
afterAll(async () => {
  await sandbox.close();
  await database.drop();
});

function run<Input, Result>(activity: (input: Input) => Promise<Result>, input: Input): Promise<Result> {
  return new MockActivityEnvironment({ attempt: 1 }, { logger: new DefaultLogger("ERROR") }).run(activity, input);
}

async function computed(more: Partial<Parameters<typeof createPlan>[1]> = {}) {
  const asked = { client, by: "ada", source: "waste" as const, opportunityId: null, configId: null, rollout: null };
  const wanted = { by: "country", value: "BR" };
  const planId = await createPlan(database.pool, { ...asked, wanted, ...more });
  const of = { client, planId };
  await run(activities.computePretargeting, of);
  return of;
}

/** A plan that is computed and, as after its approval and a first look, being applied. */
async function applying(rollout: "gradual" | "at_once", country = "BR") {
  const of = await computed({ wanted: { by: "country", value: country }, rollout });
  await movePlan(database.pool, of, { from: ["planned"], to: "applying" });
  return of;
}

async function applied(country = "BR") {
  const of = await applying("at_once", country);
  await run(activities.reachStage, { ...of, stage: 100 });
  await run(activities.finishPretargeting, of);
  return of;
}

const openAlerts = async () =>
  (
    await database.pool.query<{ kind: string; message: string }>(
      "select kind, message from ops.alerts where severity = 'critical' and resolved_at is null order by kind",
    )
  ).rows;
const actions = async ({ planId }: { planId: number }) =>
  (
    await database.pool.query<{ action: string }>("select action from ops.audit where subject = $1 order by audit_id", [
      `pretargeting/${planId}`,
    ])
  ).rows.map(({ action }) => action);
const hand = (set: object, more: object = {}) => mock("hand", { configId: "7310001", set, ...more });
const back = { reason: "a person asked for it", isLast: false };

test("what another hand changes after the first look is seen by the second: nothing is sent", async () => {
  const of = await applying("gradual");
  await mock("reset");
  await hand({ maximumQps: "333" }, { afterRequests: 1 });
  expect(await run(activities.reachStage, { ...of, stage: 10 })).toMatchObject({ outcome: "overtaken" });
  expect(await written()).toEqual([]);
  expect(await readWrites(database.pool, of)).toMatchObject([{ state: "withheld", settledNo: null }]);
  expect(await actions(of)).toEqual(["pretargeting_written", "pretargeting_withheld", "pretargeting_overtaken"]);
  expect(await openAlerts()).toMatchObject([{ kind: "pretargeting_overtaken", message: expect.stringMatching(/333/) }]);
});

test("a part that a person was seen to have changed is not written again, and a late request that took it away is said", async () => {
  const of = await applying("gradual");
  await mock("trouble", { on: "write", kind: "late", lateMs: 6_000 });
  await expect(run(activities.reachStage, { ...of, stage: 10 })).rejects.toThrow();
  await hand({ maximumQps: "333" });
  expect(await run(activities.reachStage, { ...of, stage: 10 })).toMatchObject({ outcome: "overtaken" });
  expect((await findPlan(database.pool, of))?.theirs).toMatchObject([{ path: "maximumQps", found: "333" }]);
  await eventually(async () => expect(await original()).toMatchObject({ maximumQps: "1080" }), 60_000);
  const rolledBack = await run(activities.rollBackPlan, { ...of, ...back, isLater: false });
  expect(rolledBack).toMatchObject({ outcome: "overtaken", isUnclear: false });
  expect(await openAlerts()).toMatchObject([
    { kind: "pretargeting_lost", message: expect.stringMatching(/was 333, set by a person, and is 1,080 now/) },
    { kind: "pretargeting_overtaken" },
  ]);
  expect(await findPlan(database.pool, of)).toMatchObject({
    state: "overtaken",
    theirs: [{ path: "maximumQps", found: "333", lost: { to: "1080" } }],
  });
  expect(await original()).toMatchObject({ maximumQps: "1080" });
  expect(await written()).toEqual(["patch maximumQps"]);
});

test("a later rollback is refused while nothing was sent, and may be asked for again; what has begun goes on", async () => {
  const of = await applied();
  await hand({ minimumViewabilityDecile: 7 });
  const later = { ...back, isLater: true };
  expect(await run(activities.rollBackPlan, { ...of, ...later })).toMatchObject({ outcome: "refused" });
  expect(await findPlan(database.pool, of)).toMatchObject({ state: "applied", theirs: [] });
  await hand({ minimumViewabilityDecile: 3 });
  expect(await run(activities.rollBackPlan, { ...of, ...later })).toMatchObject({ outcome: "rolled_back" });
  expect(await original()).toMatchObject({ geoTargeting: { excludedIds: ["2643"] } });

  await mock("reset");
  const second = await applied();
  // Behind two looks and the write.
  await hand({ state: "SUSPENDED" }, { afterRequests: 3 });
  expect(await run(activities.rollBackPlan, { ...second, ...later })).toMatchObject({ outcome: "overtaken" });
  expect(await findPlan(database.pool, second)).toMatchObject({ state: "overtaken", stage: 0 });
  expect(await original()).toMatchObject({ state: "SUSPENDED", geoTargeting: { excludedIds: ["2643"] } });
});

test("applied plans of one configuration go back newest first: what a later one wrote is no other person's", async () => {
  const [first, stale] = [await applied("BR"), await computed({ wanted: { by: "country", value: "PE" } })];
  const second = await applied("AR");
  const later = { ...back, isAsked: true, isLater: true };
  expect(await findLaterPlan(database.pool, first)).toBe(second.planId);
  expect(await run(activities.rollBackPlan, { ...first, ...later })).toMatchObject({
    ...{ outcome: "refused", reason: `plan ${second.planId} changed it since: take that back first` },
  });
  expect(await findPlan(database.pool, first)).toMatchObject({ state: "applied", stage: 100, theirs: [] });
  await movePlan(database.pool, stale, { from: ["planned"], to: "approved" });
  expect(await run(activities.beginPretargeting, { ...stale, workflowId: "w" })).toMatchObject({
    ...{ outcome: "blocked", reason: expect.stringContaining(`plan ${second.planId} has changed the configuration`) },
  });
  expect(await findPlan(database.pool, stale)).toMatchObject({ state: "planned", theirs: [] });
  expect(await openAlerts()).toEqual([]);

  // What a person puts in the place of what a plan of ours wrote is theirs.
  await hand({ geoTargeting: { excludedIds: ["2840"] } });
  expect(await run(activities.rollBackPlan, { ...first, ...later })).toMatchObject({
    outcome: "refused",
    reason: "another person changed it: countries excluded is United States, not Brazil, Russia",
  });
  expect(await openAlerts()).toMatchObject([{ kind: "pretargeting_overtaken" }]);
  await hand({ geoTargeting: { excludedIds: ["2032", "2076", "2643"] } });
  expect(await run(activities.rollBackPlan, { ...second, ...later })).toMatchObject({ outcome: "rolled_back" });
  expect(await findLaterPlan(database.pool, first)).toBeNull();
  expect(await run(activities.rollBackPlan, { ...first, ...later })).toMatchObject({ outcome: "rolled_back" });
  expect(await original()).toMatchObject({ geoTargeting: { excludedIds: ["2643"] } });
  expect(await actions(first)).toEqual([
    ...["pretargeting_written", "pretargeting_stage_reached", "pretargeting_applied"],
    ...["pretargeting_rollback_refused", "pretargeting_overtaken", "pretargeting_rollback_refused"],
    ...["pretargeting_written", "pretargeting_rolled_back"],
  ]);
});

test("of several configurations a person chooses one, and no temporary copy of ours is among them", async () => {
  const content = { maximumQps: "500", geoTargeting: { excludedIds: ["2643"] } };
  await mock("reset", {
    configs: [
      { displayName: "Apps", ...content },
      { displayName: "Web, Europe", ...content },
    ],
  });
  const of = await computed();
  const candidates = [
    { configId: "7310001", displayName: "Apps" },
    { configId: "7310002", displayName: "Web, Europe" },
  ];
  expect(await findPlan(database.pool, of)).toMatchObject({
    ...{ state: "refused", title: "Leave out the country Brazil", candidates },
    stateReason: "it could be made in Apps (7310001) or Web, Europe (7310002): name one",
  });
  const chosen = await computed({ configId: "7310002" });
  await movePlan(database.pool, chosen, { from: ["planned"], to: "applying" });
  await run(activities.reachStage, { ...chosen, stage: 10 });
  expect((await state()).configs).toHaveLength(3);
  const meanwhile = await computed();
  expect(await findPlan(database.pool, meanwhile)).toMatchObject({ state: "refused", candidates });
  const named = await computed({ configId: "7310003" });
  expect(await findPlan(database.pool, named)).toMatchObject({
    stateReason: `that configuration is the temporary copy of plan ${chosen.planId}`,
  });
});

test("each reason is said once, in plain words", async () => {
  const of = await applying("gradual");
  await run(activities.reachStage, { ...of, stage: 10 });
  await hand({ maximumQps: "777", minimumViewabilityDecile: 5 });
  await mock("hand", { configId: "newest", set: { minimumViewabilityDecile: 4 } });
  const { reason } = await run(activities.reachStage, { ...of, stage: 50 });
  const words =
    "another person changed it: maximum QPS is 777, not 1,080; minimum viewability is 50 %, not 30 %; the clone's minimum viewability is 40 %, not 30 %";
  expect(reason).toBe(words);
  await run(activities.rollBackPlan, { ...of, reason: reason ?? "", isLast: true, isLater: false });
  expect(await findPlan(database.pool, of)).toMatchObject({ state: "overtaken", stateReason: words });
  const events = (await listEvents(database.pool, of)).map((one) => one.words);
  expect(events.filter((one) => one.includes("777"))).toEqual([words]);
});

test("while another change of the bidder is under way nothing is taken back, and nobody is alarmed", async () => {
  const [first, second] = [await applied("BR"), await applying("at_once", "AR")];
  const later = { ...back, isAsked: true, isLater: true };
  expect(await run(activities.rollBackPlan, { ...first, ...later })).toMatchObject({
    ...{ outcome: "refused", reason: expect.stringMatching(/another change of this bidder is under way/) },
  });
  expect(await findPlan(database.pool, first)).toMatchObject({ state: "applied", stage: 100 });
  expect((await listEvents(database.pool, first))[0]).toMatchObject({ kind: "rollback_refused" });
  expect((await actions(first)).at(-1)).toBe("pretargeting_rollback_refused");
  expect(await openAlerts()).toEqual([]);
  await movePlan(database.pool, second, { from: ["applying"], to: "rolled_back" });
  expect(await run(activities.rollBackPlan, { ...first, ...later })).toMatchObject({ outcome: "rolled_back" });
});
