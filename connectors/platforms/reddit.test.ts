import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { playPlatform } from "../../test/platform.ts";
import { describePlatform } from "../../test/describe-platform.ts";
import { createTokenCache } from "./access-tokens.ts";
import { classifyReddit, reddit, redditQuota, redditRefusal } from "./reddit.ts";

jest.setTimeout(30_000);

describePlatform(reddit, ["reddit-author.json", "reddit-stranger.json", "reddit-absent.json", "reddit-removed.json"]);

const app = { REDDIT_CLIENT_ID: "an-app", REDDIT_CLIENT_SECRET: "sandbox-713" };
const anna = { ...app, REDDIT_REFRESH_TOKEN: "sandbox-anna" };
const urlOf = (id: string) => `https://www.reddit.com/comments/${id}`;

let play: Awaited<ReturnType<typeof playPlatform>>;
beforeAll(async () => {
  play = await playPlatform(reddit);
});
beforeEach(() => play.reset());
afterAll(() => play.close());

const paths = async () => (await play.calls()).map(({ method, path, status }) => `${method} ${path} ${status}`);

describe("against the stand-in", () => {
  test("views are there for the author's token, and unknown to everybody else", async () => {
    await play.set({ id: "1abcde", owner: "anna", views: 15_044, score: 12, comments: 3 });
    expect(await play.fetch(urlOf("1abcde"), anna)).toMatchObject({
      metrics: { views: 15_044, hints: { score: 12, comments: 3 } },
    });
    expect(await play.fetch(urlOf("1abcde"), { REDDIT_ACCESS_TOKEN: "sandbox-anna" })).toMatchObject({
      metrics: { views: 15_044 },
    });
    expect(await play.fetch(urlOf("1abcde"), app)).toMatchObject({ metrics: { views: null, clicks: null } });
    expect(await play.fetch(urlOf("1abcde"), { ...app, REDDIT_REFRESH_TOKEN: "sandbox-bert" })).toMatchObject({
      metrics: { views: null },
    });
  });

  test("an unknown id is an unknown post, a deleted one is deleted", async () => {
    expect(await play.fetch(urlOf("zz12345"), app)).toMatchObject({ kind: "unknown_post" });
    await play.set({ id: "1abcdf", state: "deleted" });
    expect(await play.fetch(urlOf("1abcdf"), app)).toMatchObject({ kind: "deleted" });
    expect(await play.fetch("https://www.reddit.com/r/deals/", app)).toMatchObject({ kind: "unknown_post" });
  });

  test("a token is had once and kept, also by those who ask at the same time", async () => {
    await play.control("DELETE", "/reddit/tokens");
    const credentials = { ...app, REDDIT_CLIENT_ID: "another-app" };
    await Promise.all(["1a", "1b", "1c"].map((id) => play.fetch(urlOf(id), credentials)));
    expect((await paths()).filter((path) => path.includes("access_token"))).toEqual(["POST /api/v1/access_token 200"]);
  });

  test("a token refused before its time is had anew once, and no more", async () => {
    await play.fetch(urlOf("1a"), app);
    await play.control("DELETE", "/reddit/tokens");
    await play.control("DELETE", "/log");
    expect(await play.fetch(urlOf("1a"), app)).toMatchObject({ kind: "metrics" });
    expect(await paths()).toEqual(["GET /api/info 401", "POST /api/v1/access_token 200", "GET /api/info 200"]);
    await play.control("DELETE", "/log");
    await play.fault("unauthorized", { match: { path: "/api/info" } });
    await expect(play.fetch(urlOf("1a"), app)).rejects.toMatchObject({ kind: "unauthorized", code: "401" });
    expect(await paths()).toEqual(["GET /api/info 401", "POST /api/v1/access_token 200", "GET /api/info 401"]);
  });

  test("wrong keys and a refresh token that was taken back are a person's business", async () => {
    const strangers = [
      { ...app, REDDIT_CLIENT_SECRET: "nobodys" },
      { ...app, REDDIT_REFRESH_TOKEN: "taken-back" },
      { REDDIT_ACCESS_TOKEN: "expired" },
    ];
    for (const credentials of strangers)
      await expect(play.fetch(urlOf("1a"), credentials)).rejects.toMatchObject({ kind: "unauthorized" });
  });

  test.each(["rate_limited", "rate_limited_200"])(
    "%s holds everybody for a minute when Reddit does not say how long",
    async (kind) => {
      await play.fault(kind, { match: { path: "/api/info" } });
      await expect(play.fetch(urlOf("1a"), app)).rejects.toMatchObject({ kind: "rate_limited", retryAfterMs: 60_000 });
      expect(Math.max(...play.turns.map(({ waitMs }) => waitMs ?? 0))).toBeGreaterThanOrEqual(60_000);
    },
  );

  test.each(["server_error", "html", "truncated", "empty_body"])("%s passes", async (kind) => {
    await play.fault(kind, { match: { path: "/api/info" } });
    await expect(play.fetch(urlOf("1a"), app)).rejects.toMatchObject({ kind: "unavailable" });
  });

  test("no secret and no name of a person shows in what was asked or in what is kept", async () => {
    await play.set({ id: "1abcde", owner: "anna" });
    const answer = await play.fetch(urlOf("1abcde"), anna);
    const shown = JSON.stringify([answer, await play.calls()]);
    expect(shown).not.toContain("sandbox-713");
    expect(shown).not.toContain("sandbox-anna");
    expect(JSON.stringify(answer)).not.toContain("anna");
  });

  test("who does not say who they are is told to slow down", async () => {
    await expect(play.fetch(urlOf("1a"), { ...app, REDDIT_USER_AGENT: "python-requests/2" })).rejects.toMatchObject({
      kind: "rate_limited",
    });
  });

  test("what the headers say of the quota is kept, and the calls of a full minute are refused", async () => {
    await play.control("PUT", "/limits", { vendor: "reddit", perMinute: 2 });
    await play.fetch(urlOf("1a"), app);
    expect(play.quotas.at(-1)).toMatchObject({ used: { percent: 50, resetsInMs: expect.any(Number) } });
    await play.fetch(urlOf("1a"), app);
    await play.fetch(urlOf("1a"), app).catch((error: unknown) => expect(error).toMatchObject({ kind: "rate_limited" }));
    await play.control("PUT", "/limits", { vendor: "reddit", perMinute: null });
  });
});

describe("the quota of ten minutes", () => {
  const quota = (used: string, remaining: string, reset: string) =>
    redditQuota(
      new Headers({ "X-Ratelimit-Used": used, "X-Ratelimit-Remaining": remaining, "X-Ratelimit-Reset": reset }),
    );

  test.each([
    ["10", "990.0", "590", 0, 1],
    // Half is used: what is left is spread over the time that is left.
    ["600", "400.0", "200", 500, 60],
    ["999", "1.0", "200", 200_000, 100],
    ["1000", "0.0", "200", 200_000, 100],
    ["0", "0.0", "7", 7_000, 100],
  ])("used %s, remaining %s, reset in %s s: wait %i ms", (used, remaining, reset, waitMs, percent) => {
    expect(quota(used, remaining, reset)).toEqual({ waitMs, used: { percent, resetsInMs: Number(reset) * 1_000 } });
  });

  test("headers that say nothing of the kind say nothing", () => {
    expect(redditQuota(new Headers())).toBeNull();
    expect(quota("x", "1", "1")).toBeNull();
    expect(quota("1", "-1", "1")).toBeNull();
  });
});

test.each([
  [401, { message: "Unauthorized", error: 401 }, "unauthorized"],
  [403, { message: "Forbidden", error: 403 }, "unauthorized"],
  [400, { error: "invalid_grant" }, "unauthorized"],
  [429, { message: "Too Many Requests", error: 429 }, "rate_limited"],
  [500, null, "unavailable"],
  [404, { message: "Not Found", error: 404 }, "rejected"],
])("%i %j is %s", (status, body, kind) => {
  expect(classifyReddit(status, body).kind).toBe(kind);
});

test("a refusal under 200 is told by having an error and no kind", () => {
  expect(redditRefusal({ message: "Too Many Requests", error: 429 })).toMatchObject({ kind: "rate_limited" });
  expect(redditRefusal({ error: "invalid_grant" })).toMatchObject({ kind: "unauthorized" });
  expect(redditRefusal({ kind: "Listing", error: 429 })).toBeNull();
  expect(redditRefusal({ access_token: "x", token_type: "bearer" })).toBeNull();
  expect(redditRefusal(null)).toBeNull();
});

test("a token is had anew a minute before it ends, and one that could not be had is asked for again", async () => {
  let nowMs = 0;
  let had = 0;
  const cache = createTokenCache(() => nowMs);
  const get = () => cache.get(["a"], () => Promise.resolve({ token: `token-${(had += 1)}`, lifetimeMs: 3_600_000 }));
  expect(await get()).toBe("token-1");
  nowMs = 3_539_999;
  expect(await get()).toBe("token-1");
  nowMs = 3_540_000;
  expect(await get()).toBe("token-2");
  await cache.forget(["a"], "token-1");
  expect(await get()).toBe("token-2");
  await cache.forget(["a"], "token-2");
  expect(await get()).toBe("token-3");
  await expect(cache.get(["b"], () => Promise.reject(new Error("away")))).rejects.toThrow("away");
  expect(await cache.get(["b"], () => Promise.resolve({ token: "b", lifetimeMs: 3_600_000 }))).toBe("b");
});
