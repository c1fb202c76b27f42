import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Client } from "@temporalio/client";
import { Worker } from "@temporalio/worker";
import { keyRing } from "../core/crypto.ts";
import { allHistories, readable } from "../test/histories.ts";
import { failureOf, startStack, until, workflowBundle, type TestStack } from "../test/stack.ts";
import { dataConverter } from "./payload-codec.ts";

jest.setTimeout(60_000);

const key = randomBytes(32);
const source = "redtrack.daily_spend";

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ PAYLOAD_ENCRYPTION_KEY: key.toString("base64") });
  await stack.fault("server_error", { status: 404, match: { day: "2025-12-02" } });
});
afterAll(() => stack.stop());

test("with a key a run works end to end, and the client reads its result, its failure and its progress", async () => {
  const run = await stack.start("backfill", "backfill/secret", { source, from: "2025-12-01", to: "2025-12-03" });
  expect(await failureOf(run.result())).toEqual({
    type: "SlicesFailed",
    message: expect.stringMatching(/^1 of 3 days failed: 2025-12-02 \(RequestRejected\).*answered 404/),
  });
  expect(await run.query("progress")).toMatchObject({ done: 2, failedDays: ["2025-12-02"] });
  expect((await run.describe()).memo).toMatchObject({ summary: { done: 2 } });
  expect(await stack.rows("select count(*) from redtrack.daily_spend")).not.toEqual([{ count: 0 }]);
});

test("what the server keeps says neither what was asked for nor what went wrong", async () => {
  const histories = await until("the run and its slices", async () => {
    const found = await allHistories(stack);
    return found.length === 4 && found;
  });
  for (const { history, type } of histories) {
    // Names that an operator searches by stay readable: workflow ids, types, search attributes and summaries.
    const text = readable(history)
      .replaceAll(/"(searchAttributes|userMetadata)":\{.*?\}\}/g, "")
      .replaceAll(
        /"(workflowId|originalExecutionRunId|taskQueue|activityType|firstExecutionRunId|identity)":("[^"]*"|\{[^}]*\})/g,
        "",
      );
    expect(text).toContain("binary/encrypted");
    expect({
      type,
      clear: [
        "2025-12-02",
        "daily_spend",
        "answered 404",
        "days failed",
        "json/plain",
        "sync-slice.ts",
        "workflows/",
      ].filter((word) => text.includes(word)),
    }).toEqual({ type, clear: [] });
  }
});

test("the histories replay with the key, and cannot be read with another", async () => {
  const converter = dataConverter(keyRing(key), stack.temporal.namespace);
  const replayed: (Error | undefined)[] = [];
  const options = { workflowBundle: await workflowBundle(converter?.failureConverterPath), dataConverter: converter };
  for await (const { error } of Worker.runReplayHistories(options as never, await allHistories(stack)))
    replayed.push(error);
  expect(replayed).toEqual([undefined, undefined, undefined, undefined]);
  const stranger = new Client({
    connection: stack.temporal.connection,
    namespace: stack.temporal.namespace,
    dataConverter: dataConverter(keyRing(randomBytes(32)), stack.temporal.namespace) as never,
  });
  await expect(stranger.workflow.getHandle("backfill/secret").query("progress")).rejects.toThrow();
  await expect(stranger.workflow.getHandle("backfill/secret").result()).rejects.toThrow(/encrypted with another key/);
});
