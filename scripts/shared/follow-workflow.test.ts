import { getMaxListeners } from "node:events";
import { expect, test } from "@jest/globals";
import { WorkflowFailedError, WorkflowNotFoundError } from "@temporalio/client";
import { ApplicationFailure, CancelledFailure, RetryState, TerminatedFailure } from "@temporalio/common";
import type { CommandContext } from "./command-line.ts";
import { runToEnd } from "./follow-workflow.ts";

const workflowId = "opportunities/713";
const notes: string[] = [];
const waiting: AbortSignal[] = [];

/** A server on which the workflow starts and ends as told. */
function contextOf(ends: () => Promise<unknown>): CommandContext {
  const raw = { workflowExecutionInfo: { firstRunId: "run-1" } };
  const handle = { result: ends, describe: () => Promise.resolve({ raw }) };
  const workflow = {
    start: () => Promise.resolve(handle),
    getHandle: () => ({
      describe: () => Promise.reject(new WorkflowNotFoundError("there is none", workflowId, undefined)),
    }),
  };
  const withAbortSignal = (signal: AbortSignal, work: () => unknown) => {
    waiting.push(signal);
    return work();
  };
  const client = { workflow, withAbortSignal };
  return {
    config: { searchAttributes: false, queuePrefix: "" },
    temporal: () => Promise.resolve({ client }),
    note: (text: string) => notes.push(text),
    progress: { show: () => undefined, end: () => undefined },
  } as unknown as CommandContext;
}

const run = (ends: () => Promise<unknown>) =>
  runToEnd(contextOf(ends), {
    start: { workflowType: "detectOpportunities", workflowId, input: {}, summary: "by hand", searchAttributes: {} },
    progress: "looking",
    again: "npm run opportunities",
  });
const failing = (cause: Error) => () =>
  Promise.reject(new WorkflowFailedError("it failed", cause, RetryState.NON_RETRYABLE_FAILURE));

test("a workflow that completes gives its result, and one that does not is a report with its exit code", async () => {
  expect(await run(() => Promise.resolve({ listed: 3 }))).toEqual({ result: { listed: 3 } });
  expect(notes).toEqual([`started ${workflowId}`]);
  const ends: [Error, string, string][] = [
    [ApplicationFailure.nonRetryable("no rows", "Empty"), "failed", "no rows"],
    [new TerminatedFailure("ended"), "failed", "the workflow was terminated from outside"],
    [new CancelledFailure("by ada"), "cancelled", "by ada"],
  ];
  for (const [cause, state, reason] of ends)
    expect(await run(failing(cause))).toEqual({
      report: {
        exitCode: 1,
        document: { workflowId, runId: "run-1", state, reason },
        lines: [`${workflowId} ${state}: ${reason}`],
      },
    });
});

test("Ctrl-C leaves the workflow running, and says how to follow it", async () => {
  const left = run(() => {
    setImmediate(() => process.emit("SIGINT"));
    return new Promise(() => undefined);
  });
  expect(await left).toMatchObject({
    report: {
      exitCode: 130,
      document: { workflowId, runId: "run-1", state: "running" },
      lines: [`${workflowId} goes on.`, "  follow it:  npm run opportunities", expect.any(String)],
    },
  });
});

test("a workflow of many minutes, which is asked for again and again, is no leak to Node", async () => {
  waiting.splice(0);
  await run(() => Promise.resolve({}));
  const [signal] = waiting.splice(0);
  // Temporal's client adds a listener for each call, which stays.
  expect(signal && getMaxListeners(signal)).toBe(Infinity);
});
