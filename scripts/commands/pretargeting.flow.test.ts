import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import type { planDetails } from "../../api/pretargeting/shapes.ts";
import { projectRoot } from "../../settings/environment.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { openWorld, pretargetingSettings, startPretargetingStack, type World } from "../../test/pretargeting.ts";
import { until, type TestStack } from "../../test/stack.ts";
import type { z } from "zod";

// The first command after a change builds dist/.
jest.setTimeout(180_000);

type Plan = z.infer<typeof planDetails>;

const clients = ["later", "meanwhile", "refused"];
let stack: TestStack;
let api: Api;
let base: string;
beforeAll(async () => {
  stack = await startPretargetingStack(clients);
  api = await testServer({
    ...{ database: stack.database.pool, temporal: { client: stack.client }, clients },
    env: { ...pretargetingSettings },
  });
  base = await api.listen({ port: 0, host: "127.0.0.1" });
});
afterAll(async () => {
  await api?.close();
  await stack?.stop();
});

function rollback(client: string, planId: number): Promise<{ code: number; said: string }> {
  const env = {
    ...{ ...process.env, NODE_OPTIONS: "", CLIENTS: clients.join(","), DATABASE_URL: stack.database.url },
    ...{ TEMPORAL_ADDRESS: stack.temporal.address, TEMPORAL_NAMESPACE: stack.temporal.namespace },
    SEARCH_ATTRIBUTES: stack.config.searchAttributes ? "on" : "off",
  };
  return promisify(execFile)(
    process.execPath,
    ["scripts/run.mjs", "pretargeting", "rollback", "--client", client, "--plan", String(planId)],
    { cwd: projectRoot(), env },
  ).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, said: stdout + stderr }),
  );
}

/** A change that an operator asked for and approved over HTTP, from the moment at which this share has it. */
async function approved(
  client: string,
  stage: number,
): Promise<{ world: World; planId: number; read: () => Promise<Plan> }> {
  const world = await openWorld(stack, client);
  const headers = { ...(await bearer({ client, subject: "ada" })), "content-type": "application/json" };
  const ask = async <Body>(method: string, path: string, body?: object): Promise<Body> => {
    const answer = await fetch(`${base}/api/v1/rtb/pretargeting/plans${path}`, {
      ...{ method, headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text) as Body;
  };
  const { planId } = await ask<{ planId: number }>("POST", "", { waste: { by: "country", value: "BR" } });
  const read = () => ask<Plan>("GET", `/${planId}`);
  await until("a plan", async () => (await read()).state === "planned", 60_000);
  const { digest, warning, difference, whyNot } = await read();
  expect(whyNot).toBeNull();
  expect(difference).toEqual([
    {
      ...{ path: "geoTargeting.excludedIds", part: "countries excluded", before: "Russia", after: "Brazil, Russia" },
      exact: { before: ["2643"], after: ["2076", "2643"] },
    },
  ]);
  await ask("POST", `/${planId}/approve`, { digest, warningVersion: warning.version, accepted: true });
  await until(`stage ${stage}`, async () => (await read()).stage === stage, 60_000);
  return { world, planId, read };
}

const askedBy = (client: string) =>
  stack.rows(
    "select actor like 'cli:%' as cli, action from ops.audit where _client_id = $1 and action = 'pretargeting_rollback_asked'",
    [client],
  );

test("a change that was applied is taken back from the command line, to the last field, and not twice", async () => {
  const { world, planId, read } = await approved("later", 100);
  await until("applied", async () => (await read()).state === "applied", 60_000);
  expect(await world.end(planId)).toMatchObject({ end: "approved" });

  const { code, said } = await rollback("later", planId);
  expect([code, said]).toEqual([0, expect.stringContaining(`plan ${planId} is rolled_back: a person asked for it`)]);
  expect(await world.end(planId)).toMatchObject({ end: "snapshot", alerts: [] });
  expect((await world.state()).configs).toEqual(world.before);
  expect(await read()).toMatchObject({ state: "rolled_back", stage: 0 });
  expect(await askedBy("later")).toEqual([{ cli: true, action: "pretargeting_rollback_asked" }]);

  expect(await rollback("later", planId)).toMatchObject({
    code: 2,
    said: expect.stringContaining("there is nothing to take back"),
  });
  expect(await askedBy("later")).toHaveLength(1);
  await world.feed.stop();
});

test("one that is being applied goes back at once, and the command waits until it has", async () => {
  const { world, planId, read } = await approved("meanwhile", 10);
  expect((await world.state()).configs).toHaveLength(2);
  expect(await rollback("meanwhile", planId)).toMatchObject({ code: 0 });
  expect((await world.state()).configs).toEqual(world.before);
  expect(await read()).toMatchObject({ state: "rolled_back", stage: 0 });
  await world.feed.stop();
});

test("where another person has changed something since, nothing is taken back, and the command exits 1", async () => {
  const { world, planId, read } = await approved("refused", 100);
  await until("applied", async () => (await read()).state === "applied", 60_000);
  await world.mock("hand", { configId: "7310001", set: { geoTargeting: { excludedIds: ["2840", "1023191"] } } });
  const { code, said } = await rollback("refused", planId);
  expect(code).toBe(1);
  expect(said).toContain("countries excluded is location 1023191, United States, not Brazil, Russia");
  expect(await read()).toMatchObject({ state: "applied", stage: 100 });
  expect(await world.critical()).toEqual(["pretargeting_overtaken"]);
  await world.feed.stop();
});
