import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { createRedactor } from "../../core/redact.ts";
import { sizeMember, withLeaf } from "../../rules/pretargeting/leaves.ts";
import { startSandbox, type Sandbox } from "../../sandbox/server.ts";
import { googleAccount } from "../../test/google-account.ts";
import type { ConnectorError } from "../errors.ts";
import { createHttp } from "../http.ts";
import { authorizedBuyers, openExchange, type Exchange } from "./authorized-buyers.ts";
import { readConfigs, writeConfig, type PretargetingConfig, type PretargetingWrite } from "./pretargeting.ts";

jest.setTimeout(30_000);

const client = "713";
const bidder = "731100200";
const { key, known } = googleAccount(client);
let sandbox: Sandbox;
let exchange: Exchange;

const control = async (what: string, body: object) =>
  (
    await fetch(`${sandbox.url}/_control/authorized_buyers/${what}`, { method: "POST", body: JSON.stringify(body) })
  ).json();
const mock = (what: string, body: object = {}) => control(`pretargeting/${what}`, { client, ...body });
const write = (one: PretargetingWrite) => writeConfig(exchange, bidder, one);
const refused = (work: Promise<unknown>) =>
  work.then(
    () => null,
    (error: ConnectorError) => [error.kind, error.code],
  );
const only = async (): Promise<PretargetingConfig> => {
  const [one] = await readConfigs(exchange, bidder);
  if (one === undefined) throw new Error("there is none");
  return one;
};

beforeAll(async () => {
  sandbox = await startSandbox();
  await control("service-accounts", known);
  const http = createHttp({
    baseUrl: `${sandbox.url}/authorized_buyers`,
    addresses: { token: `${sandbox.url}/authorized_buyers` },
    erase: (text) => text,
    redact: createRedactor([key]),
    classify: authorizedBuyers.classify,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
    limits: { connectAttempts: 1, totalTimeoutMs: 1_000 },
  });
  exchange = openExchange(http, { AUTHORIZED_BUYERS_KEY: key }, () => new Date());
});
afterAll(() => sandbox.close());
beforeEach(() => mock("reset"));

test("a configuration is read whole: numbers and sizes as text, lists in one order", async () => {
  expect(await only()).toMatchObject({
    displayName: "Apps, worldwide",
    isActive: true,
    content: {
      maximumQps: "1200",
      minimumViewabilityDecile: "3",
      "geoTargeting.excludedIds": ["2643"],
      "publisherTargeting.targetingMode": "EXCLUSIVE",
      includedCreativeDimensions: [
        sizeMember({ width: 300, height: 250 }),
        sizeMember({ width: 320, height: 480 }),
        sizeMember({ width: 320, height: 50 }),
        sizeMember({ width: 728, height: 90 }),
      ],
    },
  });
});

test("a patch changes what its mask names and nothing else, and unsets what the body lacks", async () => {
  const before = await only();
  const { configId } = before;
  const excluded = ["2076", "2643"];
  const content = withLeaf(withLeaf(before.content, "geoTargeting.excludedIds", excluded), "maximumQps", undefined);
  await write({ kind: "patch", configId, content, paths: ["geoTargeting.excludedIds", "maximumQps"] });
  expect((await only()).content).toEqual(content);
  await write({ kind: "patch", configId, content: before.content, paths: ["geoTargeting.excludedIds", "maximumQps"] });
  expect((await only()).content).toEqual(before.content);
});

test("what is created is active at once, has a name of its own, and there are ten at most", async () => {
  const { content } = await only();
  const create = (displayName: string) => write({ kind: "create", displayName, content });
  await create("Copy 1");
  expect(await refused(create("Copy 1"))).toEqual(["rejected", "INVALID_ARGUMENT"]);
  const [, copy] = await readConfigs(exchange, bidder);
  expect(copy).toMatchObject({ displayName: "Copy 1", isActive: true, content });
  for (let number = 2; number <= 9; number += 1) await create(`Copy ${number}`);
  expect(await refused(create("Copy 10"))).toEqual(["rejected", "INVALID_ARGUMENT"]);
  await write({ kind: "delete", configId: copy?.configId ?? "" });
  expect(await readConfigs(exchange, bidder)).toHaveLength(9);
});

test("members of a list are added and removed singly, in the mode that the list has", async () => {
  const { configId, content } = await only();
  const list = "publisherTargeting.values";
  const members = ["pub-1"];
  await write({ kind: "add", configId, list, members, mode: "EXCLUSIVE" });
  expect((await only()).content[list]).toEqual(["pub-1", "pub-9000000000000007"]);
  expect(await refused(write({ kind: "add", configId, list, members: ["pub-2"], mode: "INCLUSIVE" }))).toEqual([
    "rejected",
    "INVALID_ARGUMENT",
  ]);
  await write({ kind: "remove", configId, list, members });
  expect((await only()).content).toEqual(content);
  await write({ kind: "remove", configId, list, members: ["pub-9000000000000007"] });
  expect(Object.keys((await only()).content).filter((path) => path.startsWith("publisherTargeting"))).toEqual([]);
});

test("the state is none of a patch's, and pages hold ten unless more are asked for", async () => {
  const { configId, content } = await only();
  expect(await refused(write({ kind: "patch", configId, content, paths: ["state"] }))).toEqual([
    "rejected",
    "INVALID_ARGUMENT",
  ]);
  const pages = (await exchange.ask({
    path: `/v1/bidders/${bidder}/pretargetingConfigs`,
    query: { pageSize: 1 },
  })) as object;
  expect(pages).not.toHaveProperty("nextPageToken");
});

test("troubles: refused and quota change nothing; what was lost or hangs was accepted; late arrives after its no", async () => {
  const { configId, content } = await only();
  const cap = (maximumQps: string) =>
    write({ kind: "patch", configId, content: { ...content, maximumQps }, paths: ["maximumQps"] });
  const now = async () => (await only()).content["maximumQps"];
  const trouble = async (kind: string) => void (await mock("trouble", { on: "write", kind, lateMs: 50 }));
  await trouble("refused");
  expect(await refused(cap("1"))).toEqual(["rejected", "FAILED_PRECONDITION"]);
  await trouble("quota");
  expect(await refused(cap("2"))).toEqual(["rate_limited", "RESOURCE_EXHAUSTED"]);
  await trouble("unavailable");
  expect(await refused(cap("3"))).toEqual(["unavailable", "UNAVAILABLE"]);
  expect(await now()).toBe("1200");
  await trouble("lost");
  expect(await refused(cap("4"))).toEqual(["unavailable", null]);
  expect(await now()).toBe("4");
  await trouble("hangs");
  expect(await refused(cap("5"))).toEqual(["unavailable", null]);
  expect(await now()).toBe("5");
  await trouble("late");
  expect(await refused(cap("6"))).toEqual(["unavailable", "UNAVAILABLE"]);
  while ((await now()) !== "6") await new Promise((resolve) => setTimeout(resolve, 10));
});
