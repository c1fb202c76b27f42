import { createServer } from "node:http";
import { createPublicKey, verify } from "node:crypto";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { startSandbox, type Sandbox } from "./server.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
beforeEach(async () => {
  for (const path of ["/posts", "/faults?vendor=reddit", "/clock", "/discord/messages"]) await control("DELETE", path);
});
afterAll(() => sandbox.close());

async function control(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${sandbox.url}/_control${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

async function call(path: string, init: RequestInit = {}) {
  const response = await fetch(`${sandbox.url}${path}`, { redirect: "manual", ...init });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text.startsWith("{") ? JSON.parse(text) : text) as Record<string, unknown>,
  };
}

const agent = { "user-agent": "node:signal-room:0.1 (by /u/somebody)" };
const asAnna = { headers: { ...agent, authorization: "Bearer sandbox-anna" } };

describe("posts", () => {
  const info = async (id: string) => {
    const { body } = await call(`/reddit/api/info?id=t3_${id}&raw_json=1`, asAnna);
    return (body["data"] as { children: { data: Record<string, unknown> }[] }).children.map(({ data }) => data);
  };

  test("that nobody set are made by chance, the same each time, and differ from each other", async () => {
    expect(await info("1abcde")).toEqual(await info("1abcde"));
    expect((await info("1abcde"))[0]?.["score"]).not.toEqual((await info("1abcdf"))[0]?.["score"]);
  });

  test("that are set have the numbers they are given, and keep what is not said", async () => {
    await control("POST", "/posts", { platform: "reddit", id: "1abcde", owner: "anna", views: 15_044 });
    await control("POST", "/posts", { platform: "reddit", id: "1abcde", score: 7 });
    expect(await info("1abcde")).toMatchObject([{ view_count: 15_044, score: 7 }]);
    expect(await control("GET", "/posts?platform=reddit")).toMatchObject([
      { id: "1abcde", owner: "anna", views: 15_044, score: 7 },
    ]);
  });

  test("can be set many at a time, and are refused with what is wrong about them", async () => {
    expect(
      await control("POST", "/posts", [
        { platform: "reddit", id: "1a" },
        { platform: "meta", id: "12021" },
      ]),
    ).toHaveLength(2);
    expect(await control("POST", "/posts", { platform: "reddit", id: "1a", views: -1 })).toMatchObject({
      error: expect.stringContaining("views"),
    });
    expect(await control("POST", "/posts", { platform: "myspace", id: "1a" })).toMatchObject({
      error: expect.stringContaining("platform"),
    });
  });
});

test("a share link of Reddit's leads to its post, the same each time; a code that is gone leads nowhere", async () => {
  const path = (code: string) => `/reddit/links/www.reddit.com/r/deals/s/${code}`;
  const lead = async (code: string) => call(path(code), { headers: agent });
  expect((await call(path("AbCdEf1234"))).status).toBe(429);
  expect((await lead("AbCdEf1234")).headers.get("location")).toMatch(
    /^https:\/\/www\.reddit\.com\/r\/deals\/comments\/1[0-9a-z]{6}\//,
  );
  expect((await lead("AbCdEf1234")).headers.get("location")).toBe((await lead("AbCdEf1234")).headers.get("location"));
  expect((await lead("gone123456")).status).toBe(404);
  await control("POST", "/posts", { platform: "reddit", id: "1abcde", shareCode: "AbCdEf1234" });
  expect((await lead("AbCdEf1234")).headers.get("location")).toContain("/comments/1abcde/");
});

test("Instagram refuses a whole call for one metric that a kind of post does not have, and an old version", async () => {
  await control("POST", "/posts", { platform: "instagram", id: "DStory00001", owner: "anna", kind: "STORY" });
  const dump = (await control("GET", "/dump?vendor=instagram&client=anna&from=2020-01-01&to=2100-01-01")) as {
    id: string;
    mediaId: string;
  }[];
  const media = dump.find(({ id }) => id === "DStory00001")?.mediaId;
  expect(await call(`/instagram/v26.0/${media}/insights?metric=views,replies`, asAnna)).toMatchObject({ status: 200 });
  for (const metric of ["saved", "impressions", "plays"])
    expect(await call(`/instagram/v26.0/${media}/insights?metric=views,${metric}`, asAnna)).toMatchObject({
      status: 400,
      body: { error: { code: 100 } },
    });
  expect(await call("/instagram/v20.0/me/media", asAnna)).toMatchObject({
    status: 400,
    body: { error: { code: 2635 } },
  });
});

test("the next page that Meta offers has the caller's token in it", async () => {
  const { body } = await call("/instagram/v26.0/me/media?limit=5", asAnna);
  expect(JSON.stringify(body["paging"])).toContain("access_token=sandbox-anna");
});

test("an instant sandbox has no limits and nothing that is not ready", async () => {
  const instant = await startSandbox({ instant: true });
  try {
    const limits = (await (await fetch(`${instant.url}/_control/limits`)).json()) as Record<
      string,
      Record<string, unknown>
    >;
    expect(
      Object.values(limits).flatMap((one) => [one["perMinute"], one["perSecond"], one["perTenSeconds"] ?? null]),
    ).toEqual(expect.not.arrayContaining([expect.any(Number)]));
    await fetch(`${instant.url}/_control/posts`, {
      method: "POST",
      body: JSON.stringify({ platform: "meta", id: "120210000000000001", views: 3, readyAfterRequests: 9 }),
    });
    const answer = await fetch(`${instant.url}/meta_ads/v26.0/120210000000000001/insights?fields=impressions`, asAnna);
    expect(await answer.json()).toMatchObject({ data: [{ impressions: "3" }] });
  } finally {
    await instant.close();
  }
});

describe("Discord's stand-in takes a follow-up", () => {
  const token = "aW50ZXJhY3Rpb246a_token-of-an.interaction";
  const good = { content: "MATCHED", allowed_mentions: { parse: [] } };
  const edit = (body: unknown, changed: { token?: string; application?: string; prefix?: string } = {}) =>
    call(
      `/discord${changed.prefix ?? "/api/v10"}/webhooks/${changed.application ?? "1001"}/${encodeURIComponent(changed.token ?? token)}/messages/@original`,
      {
        method: "PATCH",
        body: typeof body === "string" ? body : JSON.stringify(body),
      },
    );
  const issue = (issuedAt?: string) =>
    control("POST", "/discord/tokens", {
      applicationId: "1001",
      token,
      ...(issuedAt === undefined ? {} : { issuedAt }),
    });

  test("of a token it knows, and shows the last one", async () => {
    await issue();
    expect(await edit(good)).toMatchObject({ status: 200, body: { content: "MATCHED" } });
    expect(await edit({ ...good, content: "still" }, { prefix: "" })).toMatchObject({ status: 200 });
    expect(await control("GET", "/discord/messages")).toMatchObject([{ content: "still", edits: 2 }]);
  });

  test("not of a token or an application it does not know", async () => {
    await issue();
    expect(await edit(good, { token: "another" })).toMatchObject({ status: 404, body: { code: 10_015 } });
    expect(await edit(good, { application: "1002" })).toMatchObject({ status: 404, body: { code: 10_015 } });
  });

  test("not after fifteen minutes", async () => {
    await issue(new Date(Date.now() - 15 * 60_000 + 5_000).toISOString());
    expect((await edit(good)).status).toBe(200);
    await issue(new Date(Date.now() - 15 * 60_000 - 1_000).toISOString());
    expect(await edit(good)).toMatchObject({ status: 401, body: { code: 50_027 } });
  });

  test.each<[string, unknown]>([
    ["no JSON", "not json"],
    ["no content", { allowed_mentions: { parse: [] } }],
    ["2,001 characters", { ...good, content: "x".repeat(2_001) }],
    ["a field it does not know", { ...good, text: "x" }],
    ["leave to ring people", { content: "@everyone" }],
    ["leave to ring some people", { content: "@everyone", allowed_mentions: { parse: ["everyone"] } }],
  ])("not with %s", async (_, body) => {
    await issue();
    expect(await edit(body)).toMatchObject({ status: 400, body: { code: 50_035 } });
  });

  test("and writes no token into its log", async () => {
    await issue();
    await edit(good);
    expect(JSON.stringify(await control("GET", "/log?vendor=discord"))).not.toContain("token-of-an");
  });
});

describe("Discord's stand-in sends interactions", () => {
  let received: { signature: string; timestamp: string; body: string }[];
  const hook = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      received.push({
        signature: String(request.headers["x-signature-ed25519"] ?? ""),
        timestamp: String(request.headers["x-signature-timestamp"] ?? ""),
        body: Buffer.concat(chunks).toString(),
      });
      response.writeHead(200, { "content-type": "application/json" }).end('{"type":5}');
    });
  });
  beforeAll(async () => {
    hook.listen(0, "127.0.0.1");
    await once(hook, "listening");
  });
  beforeEach(() => {
    received = [];
  });
  afterAll(() => {
    hook.close();
  });

  const send = async (more: object = {}) => {
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hooks/discord`;
    const { id } = (await control("POST", "/discord/interactions", {
      url,
      options: { url: "https://redd.it/1abcde", views: 12 },
      ...more,
    })) as { id: string };
    for (;;) {
      const sent = (
        (await control("GET", "/discord/interactions")) as { id: string; status: number | null; answer: unknown }[]
      ).find((one) => one.id === id);
      if (sent?.status != null) return sent;
    }
  };
  const isSigned = async () => {
    const { publicKey } = (await control("GET", "/discord/application")) as { publicKey: string };
    const key = createPublicKey({
      key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), Buffer.from(publicKey, "hex")]),
      format: "der",
      type: "spki",
    });
    const [{ signature, timestamp, body } = { signature: "", timestamp: "", body: "" }] = received;
    return verify(null, Buffer.from(timestamp + body), key, Buffer.from(signature, "hex"));
  };

  test("signed over timestamp and body, with typed options, and keeps the answer", async () => {
    expect(await send()).toMatchObject({ status: 200, answer: { type: 5 } });
    expect(await isSigned()).toBe(true);
    expect(JSON.parse(received[0]?.body ?? "")).toMatchObject({
      type: 2,
      member: { user: { id: expect.any(String) } },
      data: {
        name: "submit",
        options: [
          { name: "url", type: 3 },
          { name: "views", type: 4, value: 12 },
        ],
      },
    });
  });

  test.each(["signature", "body", "timestamp", "missing"])("wrong on purpose in its %s", async (forge) => {
    await send({ forge });
    expect(await isSigned()).toBe(false);
  });

  test("signed an hour ago, and rightly", async () => {
    await send({ forge: "old" });
    expect(await isSigned()).toBe(true);
    expect(Date.now() / 1_000 - Number(received[0]?.timestamp)).toBeGreaterThan(3_500);
  });
});
