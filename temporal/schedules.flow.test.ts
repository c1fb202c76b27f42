import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { ScheduleOverlapPolicy, type ScheduleHandle } from "@temporalio/client";
import { msToTs, tsToMs } from "@temporalio/common/lib/time.js";
import { plannedSchedules } from "../temporal.config.ts";
import { startStack, uniqueId, until, type TestStack } from "../test/stack.ts";
import { applySchedules } from "./schedules.ts";

jest.setTimeout(60_000);

let stack: TestStack;
let syncs: ScheduleHandle;
beforeAll(async () => {
  stack = await startStack({ CLIENTS: "713,keyless" });
  syncs = stack.client.schedule.getHandle(syncId);
});
afterAll(() => stack.stop());

const source = "redtrack.daily_spend";
const syncId = `sync/${source}/713`;
/** In the order of the configuration. */
const planned = [
  syncId,
  "sync/redtrack.campaign_spend/713",
  "sync/everflow.daily_stats/713",
  "sync/everflow.conversions/713",
  "keep-house",
  "deliver-alerts",
  "sweep-reports",
  "refresh-aggregates/713",
  "refresh-aggregates/keyless",
  "detect-opportunities/713",
  "detect-opportunities/keyless",
  "ask-questions/713",
  "ask-questions/keyless",
  "detect-findings/713",
  "detect-findings/keyless",
  "tie-out/713",
  "tie-out/keyless",
  "watch-files",
];
const apply = () => applySchedules(stack.client, plannedSchedules(stack.config));

async function listed(): Promise<string[]> {
  const ids: string[] = [];
  for await (const { scheduleId } of stack.client.schedule.list()) ids.push(scheduleId);
  return ids.sort();
}

const listedAre = (ids: string[]) =>
  until(
    `the list to hold ${ids.join(", ")}`,
    async () => JSON.stringify(await listed()) === JSON.stringify(ids.toSorted()),
  );

/** The runs that the schedule has started, when all of them are over. */
const finishedRuns = (count: number) =>
  until(
    `${count} runs of the schedule`,
    async () => {
      const runs = await stack.rows<{ outcome: string; day: string; planned: number; scheduled: boolean }>(
        "select outcome, day_to as day, slices_planned as planned, scheduled_for is not null as scheduled from ops.runs where workflow_id like 'sync/%' and outcome <> 'running' order by day_to",
      );
      return runs.length >= count && runs;
    },
    40_000,
  );

test("what the configuration plans is created once and updated after that; a client without a key has no schedule", async () => {
  expect(await apply()).toEqual(planned.map((scheduleId) => ({ scheduleId, change: "created" })));
  await syncs.pause("not tonight");
  expect(await apply()).toEqual(planned.map((scheduleId) => ({ scheduleId, change: "updated" })));
  const { state, policies, spec } = await syncs.describe();
  expect(state).toMatchObject({ paused: true, note: "not tonight" });
  expect(policies).toMatchObject({ overlap: ScheduleOverlapPolicy.BUFFER_ONE, catchupWindow: 86_400_000 });
  expect(spec.timezone).toBe("America/New_York");
});

test("an update brings what the configuration says now, not what an operator typed over it", async () => {
  await syncs.update((existing) => ({ ...existing, spec: { intervals: [{ every: "1 hour" }] } }));
  await apply();
  const { spec, state } = await syncs.describe();
  expect(spec.intervals ?? []).toEqual([]);
  expect(spec.calendars).toHaveLength(1);
  expect(state.paused).toBe(true);
});

test("a schedule that left the configuration goes; those of others stay", async () => {
  const { options } = plannedSchedules(stack.config)[0] as ReturnType<typeof plannedSchedules>[number];
  await stack.client.schedule.create({
    ...options,
    scheduleId: "sync/gone.source/713",
    state: { paused: true },
  } as never);
  await stack.client.schedule.create({
    ...options,
    scheduleId: "somebody-elses",
    memo: {},
    state: { paused: true },
  } as never);
  await stack.client.schedule.create({
    ...options,
    scheduleId: "another-deployment",
    memo: { deployment: "staging.signal-room" },
    state: { paused: true },
  } as never);
  await listedAre([...planned, "sync/gone.source/713", "somebody-elses", "another-deployment"]);
  expect(await apply()).toContainEqual({ scheduleId: "sync/gone.source/713", change: "removed" });
  await listedAre([...planned, "somebody-elses", "another-deployment"]);
});

test.each([
  ["an ordinary day", "2025-12-18T05:00:00Z", "2025-12-19T05:00:00Z"],
  ["the day with 23 hours", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
  ["the day with 25 hours", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"],
])("on %s it runs 17 times, from 7 to 23 by the clock of New York", async (_name, start, end) => {
  const ms = (text: string) => msToTs(new Date(text).getTime());
  const { startTime } = await stack.temporal.connection.workflowService.listScheduleMatchingTimes({
    namespace: stack.temporal.namespace,
    scheduleId: syncId,
    startTime: ms(start),
    endTime: ms(end),
  });
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: "America/New_York",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  expect(startTime.map((moment) => clock.format(new Date(tsToMs(moment))))).toEqual(
    Array.from({ length: 17 }, (_, hour) => `${String(hour + 7).padStart(2, "0")}:00`),
  );
});

test("triggered, it pulls today and the window; a paused one too", async () => {
  await syncs.trigger();
  expect(await finishedRuns(1)).toMatchObject([{ outcome: "completed", planned: 4, scheduled: true }]);
  const [action] = (await syncs.describe()).info.recentActions;
  expect(action?.action.workflow.workflowId).toMatch(new RegExp(`^${syncId}-\\d{4}-`));
  expect(await stack.rows("select source from ops.coverage")).toEqual([{ source }]);
});

test("a backfill of three past moments with BUFFER_ALL pulls exactly the three days they name", async () => {
  const covered = await stack.rows("select * from ops.coverage");
  const callsBefore = (await stack.calls()).length;
  const moments = ["2025-12-02T13:00:00Z", "2025-12-10T20:00:00Z", "2025-12-16T04:00:00Z"];
  await syncs.backfill(
    moments.map((moment) => ({
      start: new Date(Date.parse(moment) - 60_000),
      end: new Date(Date.parse(moment) + 60_000),
      overlap: ScheduleOverlapPolicy.BUFFER_ALL,
    })),
  );
  const runs = await finishedRuns(4);
  // The last moment is 23:00 of the day before in New York.
  const named = ["2025-12-02", "2025-12-10", "2025-12-15"];
  expect(runs.slice(0, 3)).toEqual(named.map((day) => ({ outcome: "completed", day, planned: 1, scheduled: true })));
  const asked = (await stack.calls()).slice(callsBefore).map((call) => call.query["date_from"]);
  expect([...new Set(asked)].sort()).toEqual(named);
  expect(await stack.rows("select * from ops.coverage")).toEqual(covered);
});

test("its runs are found by what they are about", async () => {
  const found = await until("the closed runs to be listed", async () => {
    const ids: string[] = [];
    for await (const run of stack.client.workflow.list({
      query: `WorkflowType = 'syncSource' and Source = '${source}' and ClientId = '713' and Outcome = 'completed'`,
    }))
      ids.push(run.workflowId);
    return ids.length === 4 && ids;
  });
  expect(found.every((id) => id.startsWith(syncId))).toBe(true);
  const slice = await stack.start("syncSlice", uniqueId("by-hand"), { source, day: "2025-12-17" });
  await slice.result();
  const { searchAttributes } = await slice.describe();
  expect(searchAttributes).toMatchObject({
    ClientId: ["713"],
    Source: [source],
    SliceDay: ["2025-12-17"],
    Outcome: ["changed"],
  });
});
