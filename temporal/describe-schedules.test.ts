import { expect, test } from "@jest/globals";
import { temporal } from "@temporalio/proto";
import { readDescribedSchedule } from "./describe-schedules.ts";

const { DescribeScheduleResponse } = temporal.api.workflowservice.v1;
const encoded = (answer: temporal.api.workflowservice.v1.IDescribeScheduleResponse) =>
  DescribeScheduleResponse.encode(answer).finish();

test("a schedule is read from Temporal's own encoding, whatever else the answer holds", () => {
  const at = (seconds: number, nanos = 0) => ({ seconds, nanos }) as never;
  const answer = encoded({
    schedule: {
      spec: { interval: [{ interval: at(900) }], timezoneName: "America/New_York" },
      action: { startWorkflow: { workflowId: "w".repeat(300) } },
      state: { notes: "Zürich is away ".repeat(20), paused: true, limitedActions: true, remainingActions: 7 as never },
    },
    info: {
      actionCount: 123_456_789 as never,
      recentActions: [{ scheduleTime: at(1) }],
      futureActionTimes: [at(1_795_883_450), at(1_795_884_350, 999_000_000)],
      createTime: at(5),
    },
    conflictToken: Buffer.from([0, 255]),
  });
  expect(readDescribedSchedule(answer)).toEqual({
    isPaused: true,
    note: "Zürich is away ".repeat(20),
    nextRuns: [new Date(1_795_883_450_000), new Date(1_795_884_350_999)],
  });
});

test("a schedule that runs, without a note", () => {
  const answer = encoded({ schedule: { state: { paused: false } }, info: {} });
  expect(readDescribedSchedule(answer)).toEqual({ isPaused: false, note: null, nextRuns: [] });
});

test("an answer that was cut short is an error, not another schedule", () => {
  const whole = encoded({ schedule: { state: { notes: "a note", paused: true } } });
  expect(() => readDescribedSchedule(whole.subarray(0, whole.length - 1))).toThrow("cut short");
});
