import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { idOf } from "../../bench/pretargeting-world.ts";
import { warning } from "../../rules/pretargeting/warning.ts";
import { pretargetingWorkflowId } from "../../rules/pretargeting/workflow-ids.ts";
import { readable } from "../../test/histories.ts";
import { openWorld, result, startPretargetingStack, type World } from "../../test/pretargeting.ts";
import type { TestStack } from "../../test/stack.ts";

jest.setTimeout(180_000);

// Each case has a client, and so a bidder, of its own: they run beside each other.
const clients = Array.from({ length: 24 }, (_, number) => `c${number + 1}`);
const left = [...clients];
const worlds: World[] = [];
let stack: TestStack;

beforeAll(async () => {
  stack = await startPretargetingStack(clients);
});
afterAll(async () => {
  await Promise.all(worlds.map(({ feed }) => feed.stop()));
  await stack.stop();
});

async function world(): Promise<World> {
  const opened = await openWorld(stack, left.shift() ?? "");
  worlds.push(opened);
  return opened;
}

test("a plan is a dry run: it says what would change and how, and nothing is written", async () => {
  const { plan, state, before, feed } = await world();
  expect(await plan()).toMatchObject({
    state: "planned",
    title: "Leave out the country Brazil",
    rollout: "gradual",
    totalQps: 1_200,
    blockedBy: null,
    difference: [{ path: "geoTargeting.excludedIds", before: ["2643"], after: ["2076", "2643"] }],
  });
  expect((await state()).configs).toEqual(before);
  expect(await plan({ wanted: { by: "hour", value: "3" } })).toMatchObject({ state: "refused" });
  await feed.stop();
});

test("an approved change goes over 10 and 50 % to the original itself, and is taken back later", async () => {
  const { client, plan, apply, state, stageIs, end, rollBack, critical, feed } = await world();
  const made = await plan();
  const handle = await apply(made);
  await stageIs(made.planId, 10);
  const [capped, clone] = (await state()).configs;
  expect([capped?.["maximumQps"], clone?.["maximumQps"], clone?.["geoTargeting"]]).toEqual([
    "1080",
    "120",
    { excludedIds: ["2076", "2643"] },
  ]);
  await stageIs(made.planId, 50);
  expect((await state()).configs.map((one) => one["maximumQps"])).toEqual(["600", "600"]);
  expect(await result(handle)).toMatchObject({ outcome: "applied", stage: 100 });
  expect(await end(made.planId)).toMatchObject({ end: "approved", alerts: [] });
  expect(readable(await handle.fetchHistory())).not.toMatch(/ada@example|PRIVATE KEY/);
  const written = "select from ops.audit where action = 'pretargeting_written' and _client_id = $1";
  expect(await stack.rows(written, [client])).toHaveLength(6);
  const said =
    "select details ->> 'words' as words from ops.audit where action = 'pretargeting_written' and _client_id = $1 order by 1";
  expect((await stack.rows<{ words: string }>(said, [client])).map(({ words }) => words)).toEqual([
    "countries excluded: Brazil, Russia; maximum QPS: 1,200",
    "maximum QPS: 1,080",
    "maximum QPS: 600",
    "maximum QPS: 600",
    "the whole configuration",
    "the whole configuration",
  ]);
  expect(await (await rollBack(made.planId)).result()).toMatchObject({ outcome: "rolled_back" });
  expect(await end(made.planId)).toMatchObject({ end: "snapshot" });
  expect(await critical()).toEqual([]);
  await feed.stop();
});

test("members of a list are added and taken out singly, all at once where that was asked for", async () => {
  const { plan, apply, end, rollBack, feed } = await world();
  const made = await plan({ wanted: { by: "publisher", value: "pub-1" }, rollout: "at_once" });
  expect(await result(await apply(made))).toMatchObject({ outcome: "applied" });
  expect(await end(made.planId)).toMatchObject({ end: "approved" });
  expect(await (await rollBack(made.planId)).result()).toMatchObject({ outcome: "rolled_back" });
  expect(await end(made.planId)).toMatchObject({ end: "snapshot" });
  await feed.stop();
});

test("it goes back by itself: QPS that falls by half, a silent feed, a refused step; and when a person asks", async () => {
  const goesBack = async (trouble: (of: World, planId: number) => Promise<unknown>, why: RegExp) => {
    const of = await world();
    const made = await of.plan();
    const { planId } = made;
    const handle = await of.apply(made);
    await of.stageIs(planId, 10);
    await trouble(of, planId);
    const { outcome, reason } = await result(handle);
    expect([outcome, reason]).toEqual(["rolled_back", expect.stringMatching(why)]);
    expect(await of.end(planId)).toMatchObject({ end: "snapshot" });
    expect(await of.found(planId)).toMatchObject({ state: "rolled_back", stage: 0 });
    await of.feed.stop();
  };
  await Promise.all([
    goesBack(({ mock }) => mock("traffic", { factor: 0.4 }), /fell by half/),
    goesBack(({ feed }) => Promise.resolve(feed.silence(true)), /silent/),
    goesBack(({ mock }) => mock("trouble", { on: "write", kind: "refused" }), /refused/),
    goesBack(
      ({ client }, planId) =>
        stack.client.workflow.getHandle(pretargetingWorkflowId(client, planId)).signal("rollBack"),
      /a person asked/,
    ),
  ]);
});

test("answers that get lost, hang, come late or not: what was approved, or exactly what was there before", async () => {
  const kinds = ["lost", "hangs", "late", "unavailable", "reset", "quota"];
  const ends = await Promise.all(
    kinds.map(async (kind) => {
      const { mock, plan, apply, end, feed } = await world();
      const made = await plan();
      for (const after of [0, 2, 3]) await mock("trouble", { on: "write", kind, after });
      await mock("trouble", { on: "read", kind: "unavailable", after: 4 });
      const { outcome } = await result(await apply(made));
      const ended = await end(made.planId);
      await feed.stop();
      return [kind, outcome, ended.end];
    }),
  );
  expect(ends).toEqual(ends.map(([kind, outcome]) => [kind, outcome, outcome === "applied" ? "approved" : "snapshot"]));
});

test("what another hand changed stands, with a critical alert", async () => {
  const overtaken = async (configId: string, set: object, stage: number) => {
    const { mock, plan, apply, stageIs, end, critical, found, feed } = await world();
    const made = await plan();
    const handle = await apply(made);
    await stageIs(made.planId, stage);
    await mock("hand", { configId, set });
    expect((await result(handle)).outcome).toBe("overtaken");
    expect(await end(made.planId)).toMatchObject({
      end: "another hand's",
      alerts: ["pretargeting_overtaken"],
      why: "",
    });
    expect(await critical()).toEqual(["pretargeting_overtaken"]);
    expect(await found(made.planId)).toMatchObject({ state: "overtaken" });
    await feed.stop();
  };
  const betweenPlanAndApproval = async () => {
    const { mock, plan, apply, end, before, feed } = await world();
    const made = await plan();
    const [first] = before;
    await mock("hand", { configId: first === undefined ? "" : idOf(first), set: { maximumQps: "900" } });
    expect((await result(await apply(made))).outcome).toBe("overtaken");
    expect(await end(made.planId)).toMatchObject({ end: "another hand's", why: "" });
    expect(await stack.rows("select from rtb.pretargeting_writes where plan_id = $1", [made.planId])).toEqual([]);
    await feed.stop();
  };
  const sinceItWasApplied = async () => {
    const { mock, plan, apply, end, rollBack, found, critical, feed } = await world();
    const made = await plan({ rollout: "at_once" });
    expect((await result(await apply(made))).outcome).toBe("applied");
    await mock("hand", { configId: "7310001", set: { minimumViewabilityDecile: 1 } });
    expect(await (await rollBack(made.planId)).result()).toMatchObject({ outcome: "refused" });
    expect(await end(made.planId)).toMatchObject({ end: "another hand's", why: "" });
    expect(await found(made.planId)).toMatchObject({ state: "applied" });
    expect(await critical()).toEqual(["pretargeting_overtaken"]);
    await feed.stop();
  };
  await Promise.all([
    overtaken("7310001", { minimumViewabilityDecile: 5 }, 10),
    overtaken("7310001", { maximumQps: "77" }, 10),
    overtaken("7310001", { geoTargeting: { excludedIds: ["2840"] } }, 50),
    overtaken("7310001", { state: "SUSPENDED" }, 10),
    overtaken("newest", { minimumViewabilityDecile: 9 }, 10),
    betweenPlanAndApproval(),
    sinceItWasApplied(),
  ]);
});

test("without a feed it stops after the dry run and says why; without an acceptance no update is taken", async () => {
  const { client, plan, apply, found, feed } = await world();
  await feed.stop();
  await stack.rows("delete from rtb.rtb_traffic where _client_id = $1", [client]);
  const made = await plan();
  expect(made.blockedBy).toMatch(/no QPS feed/);
  expect(await result(await apply(made))).toMatchObject({
    outcome: "blocked",
    reason: expect.stringMatching(/no QPS feed/),
  });
  expect(await found(made.planId)).toMatchObject({ state: "planned", stage: 0 });

  const { planId, digest } = await plan();
  const handle = await stack.start("applyPretargeting", pretargetingWorkflowId(client, planId), {
    ...{ client, planId, digest, warningVersion: warning.version },
  });
  for (const accepted of [
    { digest: "another", warningVersion: warning.version },
    { digest, warningVersion: 0 },
    { digest, warningVersion: warning.version },
  ])
    await expect(handle.executeUpdate("approve", { args: [accepted] })).rejects.toThrow();
  await handle.terminate();
});
