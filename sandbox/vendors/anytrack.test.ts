import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "../server.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ today: "2026-06-30" });
});
afterAll(() => sandbox.close());

const collect = (body: unknown) =>
  fetch(`${sandbox.url}/anytrack/acct/collect/shop`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const control = async (method: string, path: string, body?: unknown) =>
  (
    await fetch(`${sandbox.url}/_control/anytrack${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  ).json();

test("the collect address takes nothing without a click id, ref id or e-mail, however it is spelled", async () => {
  const refused = await collect({ value: 5, transaction_id: "t" });
  expect([refused.status, await refused.json()]).toEqual([400, { error: "Missing click_id, ref_id and email" }]);
  for (const body of [{ click_id: "a" }, { ClickId: "a" }, { "ref-id": "a" }, { email: "a@b.example" }])
    expect((await collect(body)).status).toBe(200);
  expect((await collect("{")).status).toBe(400);
  expect((await fetch(`${sandbox.url}/anytrack/acct/collect/shop?click_id=x&value=1`)).status).toBe(200);
});

test("one transaction is kept once; without an event's name, the amount decides which it is", async () => {
  await control("DELETE", "/collected");
  await collect({ click_id: "a", value: "9.50", transaction_id: "t1" });
  await collect({ click_id: "a", value: "9.50", transaction_id: "t1" });
  await collect({ click_id: "a", value: 0, transaction_id: "t2" });
  await collect({ click_id: "a", value: 0, transaction_id: "t3", event_name: "CompleteRegistration" });
  expect(await control("GET", "/collected")).toMatchObject([
    { event: "Purchase", times: 2 },
    { event: "Lead", times: 1 },
    { event: "CompleteRegistration" },
  ]);
});

test("the reading API wants a key and an account, and gives the days asked for", async () => {
  const read = (headers: Record<string, string>) =>
    fetch(`${sandbox.url}/anytrack/v1/conversions?date_from=2026-03-08T05:00:00Z&date_to=2026-03-09T04:00:00Z`, {
      headers,
    });
  expect((await read({})).status).toBe(401);
  expect((await read({ authorization: "Bearer sandbox-713" })).status).toBe(401);
  const { data } = (await (await read({ authorization: "Bearer sandbox-713", "x-account-id": "1" })).json()) as {
    data: { timestamp: string }[];
  };
  expect(data.length).toBeGreaterThan(5);
  expect(data.every((row) => row.timestamp.startsWith("2026-03-08T"))).toBe(true);
});

test("of the last days everything up to now is posted, clicks and all, and the same when asked again", async () => {
  await fetch(`${sandbox.url}/_control/clock`, {
    method: "PUT",
    body: JSON.stringify({ now: "2025-12-18T13:10:00Z" }),
  });
  const posted = async () => {
    const bodies: string[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        bodies.push(body);
        response.writeHead(200).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { id } = (await control("POST", "/webhooks", { url, lastDays: 3 })) as { id: number };
    const over = async () => ((await control("GET", "/webhooks")) as { tookMs: number | null }[])[id]?.tookMs !== null;
    while (!(await over())) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => server.close(resolve));
    return bodies.sort();
  };
  const first = await posted();
  const times = first.map((body) => (JSON.parse(body) as { eventTime: string }).eventTime).sort();
  expect([times[0]?.slice(0, 10), (times.at(-1) ?? "") <= "2025-12-18T13:10:00Z"]).toEqual(["2025-12-16", true]);
  const clicks = first.filter((body) => body.includes("OutboundClick"));
  expect(clicks.length).toBeGreaterThan(3 * (first.length - clicks.length));
  expect(await posted()).toEqual(first);
  await fetch(`${sandbox.url}/_control/clock`, { method: "DELETE" });
}, 30_000);

test("webhooks are posted as often as asked, out of order, and again where they were not taken", async () => {
  const seen: string[] = [];
  let refusals = 3;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      refusals -= 1;
      if (refusals < 0) seen.push((JSON.parse(body) as { clickId: string }).clickId);
      response.writeHead(refusals < 0 ? 200 : 503).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { id } = (await control("POST", "/webhooks", {
    url,
    count: 20,
    repeats: 3,
    shuffle: true,
    connections: 5,
    retryMs: 5,
  })) as { id: number };
  const state = async () =>
    ((await control("GET", "/webhooks")) as { tookMs: number | null; accepted: number; failed: number }[])[id];
  while ((await state())?.tookMs === null) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(await state()).toMatchObject({ accepted: 60, failed: 3 });
  expect([seen.length, new Set(seen).size]).toEqual([60, 20]);
  const inOrder = Array.from({ length: 20 }, (_, index) => `atclk_713-stream-${index}`);
  expect(seen.slice(0, 20)).not.toEqual(inOrder);
  await new Promise((resolve) => server.close(resolve));
});

test("what the collect address took goes out to the webhook that was named, as the vendor does", async () => {
  const taken: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      taken.push(body);
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await control("PUT", "/outgoing", { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` });
  await collect({ click_id: "c-1", value: "9.50", currency: "USD", transaction_id: "t9", event_name: "Purchase" });
  while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect(JSON.parse(taken[0] ?? "")).toMatchObject({
    eventName: "Purchase",
    eventValue: "9.50",
    currency: "USD",
    transactionId: "t9",
    clickId: "c-1",
    eventTime: expect.stringMatching(/Z$/),
  });
  await new Promise((resolve) => server.close(resolve));
});
