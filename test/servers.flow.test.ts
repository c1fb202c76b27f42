import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { type TestTemporal, testTemporal } from "./temporal.ts";

let temporal: TestTemporal;
beforeAll(async () => void (temporal = await testTemporal()));
afterAll(() => temporal.close());

test("the flow ring runs on a real Temporal server, in a namespace of its own with our search attributes", async () => {
  const { client, connection, namespace } = temporal;
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  expect(serverVersion).toMatch(/^1\./);
  const handle = await client.workflow.start("unregisteredWorkflow", {
    taskQueue: "no-worker",
    workflowId: "redtrack.daily_spend/713/2025-12-18",
    searchAttributes: { ClientId: ["713"], SliceDay: ["2025-12-18"] },
  });
  const { searchAttributes, type } = await handle.describe();
  expect(type).toBe("unregisteredWorkflow");
  expect(searchAttributes).toMatchObject({ ClientId: ["713"], SliceDay: ["2025-12-18"] });
  await handle.terminate();
  expect(namespace).toMatch(/^test-/);
});
