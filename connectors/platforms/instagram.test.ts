import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { playPlatform } from "../../test/platform.ts";
import { describePlatform } from "../../test/describe-platform.ts";
import { classifyGraph, graphQuota } from "./graph.ts";
import { instagram } from "./instagram.ts";

jest.setTimeout(30_000);

describePlatform(instagram, ["instagram-reel.json", "instagram-not-yet.json", "instagram-few-viewers.json"]);

const urlOf = (code: string) => `https://www.instagram.com/p/${code}`;
let people = 0;
/** What was seen of an account's posts is remembered, so each test has an account of its own. */
const someone = () => {
  const owner = `person-${(people += 1)}`;
  return { owner, own: { INSTAGRAM_ACCESS_TOKEN: `sandbox-${owner}`, CREDENTIALS_OF: "affiliate" } };
};

let play: Awaited<ReturnType<typeof playPlatform>>;
beforeAll(async () => {
  play = await playPlatform(instagram, { limits: { instagram: { perMinute: null } } });
});
beforeEach(() => play.reset());
afterAll(() => play.close());

const paths = async () => (await play.calls()).map(({ path }) => path.replace(/\d{5,}/, "<id>"));

describe("against the stand-in", () => {
  test.each(["FEED", "REELS"])("views of a post of the account, kind %s", async (kind) => {
    const { owner, own } = someone();
    await play.set({ id: "DPost0000_1", owner, kind, views: 15_044, likes: 600, comments: 9 });
    expect(await play.fetch(urlOf("DPost0000_1"), own)).toMatchObject({
      kind: "metrics",
      metrics: { views: 15_044, clicks: null, conversions: null, spend: null, hints: { likes: 600, comments: 9 } },
    });
  });

  test("a post of somebody else is unknown to the affiliate who claims it, and cannot be verified with our token", async () => {
    const { owner, own } = someone();
    await play.set({ id: "DPost0000_2", owner: "somebody" });
    expect(await play.fetch(urlOf("DPost0000_2"), own)).toMatchObject({ kind: "unknown_post" });
    expect(await play.fetch(urlOf("DPost0000_2"), { INSTAGRAM_ACCESS_TOKEN: `sandbox-${owner}` })).toMatchObject({
      kind: "metrics",
      metrics: { views: null, clicks: null, conversions: null },
    });
  });

  test("no numbers yet is waited for, however often; then they are there", async () => {
    const { owner, own } = someone();
    await play.set({ id: "DPost0000_3", owner, views: 7, readyAfterRequests: 2 });
    for (const kind of ["not_ready", "not_ready", "metrics"])
      expect(await play.fetch(urlOf("DPost0000_3"), own)).toMatchObject({ kind });
    await play.control("PUT", "/clock", { now: "2026-03-10T12:00:00Z" });
    await play.set({ id: "DPost0000_4", owner, readyInSeconds: 48 * 3_600 });
    expect(await play.fetch(urlOf("DPost0000_4"), own)).toMatchObject({ kind: "not_ready" });
    await play.control("PUT", "/clock", { now: "2026-03-12T12:00:01Z" });
    expect(await play.fetch(urlOf("DPost0000_4"), own)).toMatchObject({ kind: "metrics" });
  });

  test("too few viewers is waited for; posted before the account was professional is never known", async () => {
    const { owner, own } = someone();
    await play.set({ id: "DPost0000_5", owner, state: "too_few_viewers" });
    expect(await play.fetch(urlOf("DPost0000_5"), own)).toMatchObject({ kind: "not_ready" });
    await play.set({ id: "DPost0000_6", owner, state: "before_professional" });
    expect(await play.fetch(urlOf("DPost0000_6"), own)).toMatchObject({ kind: "metrics", metrics: { views: null } });
  });

  test("a post without views as a metric is asked once more for them alone, and is not verifiable", async () => {
    const { owner, own } = someone();
    await play.set({ id: "DPost0000_7", owner, kind: "OLD" });
    expect(await play.fetch(urlOf("DPost0000_7"), own)).toMatchObject({ kind: "metrics", metrics: { views: null } });
    const metrics = (await play.calls()).flatMap(({ query }) => query["metric"] ?? []);
    expect(metrics).toEqual([expect.stringContaining("views,reach,saved"), "views"]);
  });

  test("deleted after it was seen is deleted, before that unknown", async () => {
    const { owner, own } = someone();
    await play.set({ id: "DPost0000_8", owner });
    await play.fetch(urlOf("DPost0000_8"), own);
    await play.set({ id: "DPost0000_8", owner, state: "deleted" });
    expect(await play.fetch(urlOf("DPost0000_8"), own)).toMatchObject({ kind: "deleted" });
    await play.set({ id: "DPost0000_9", owner, state: "deleted" });
    expect(await play.fetch(urlOf("DPost0000_9"), own)).toMatchObject({ kind: "unknown_post" });
  });

  test("an account of thousands is paged through by cursors, and each post is looked for once", async () => {
    const { owner, own } = someone();
    await play.control("POST", "/instagram/accounts", { owner, posts: 450 });
    const dump = (await play.control(
      "GET",
      `/dump?vendor=instagram&client=${owner}&from=2020-01-01&to=2100-01-01`,
    )) as { id: string; views: number }[];
    const last = dump.at(-1);
    expect(await play.fetch(urlOf(last?.id ?? ""), own)).toMatchObject({ metrics: { views: last?.views } });
    expect(await paths()).toEqual([...Array.from({ length: 5 }, () => "/v26.0/me/media"), "/v26.0/<id>/insights"]);
    expect(JSON.stringify(await play.calls())).not.toContain("sandbox-person");
    await play.control("DELETE", "/log");
    await play.fetch(urlOf(dump[300]?.id ?? ""), own);
    expect(await paths()).toEqual(["/v26.0/<id>/insights"]);
  });

  test("a walk cut short by a limit goes on where it stopped, after a look at what is new", async () => {
    const { owner, own } = someone();
    await play.control("POST", "/instagram/accounts", { owner, posts: 450 });
    const dump = (await play.control(
      "GET",
      `/dump?vendor=instagram&client=${owner}&from=2020-01-01&to=2100-01-01`,
    )) as { id: string }[];
    await play.fault("rate_limited", { match: { page: 4 }, times: 1 });
    await expect(play.fetch(urlOf(dump.at(-1)?.id ?? ""), own)).rejects.toMatchObject({ kind: "rate_limited" });
    await play.control("DELETE", "/log");
    expect(await play.fetch(urlOf(dump.at(-1)?.id ?? ""), own)).toMatchObject({ kind: "metrics" });
    const pages = (await play.calls())
      .filter(({ path }) => path.endsWith("/media"))
      .map(({ query }) => query["after"] ?? "");
    expect(pages.map((after) => Buffer.from(after, "base64url").toString())).toEqual(["", "page:4", "page:5"]);
  });

  test("one that is too long for one go is waited for and found later", async () => {
    const { owner, own } = someone();
    await play.control("POST", "/instagram/accounts", { owner, posts: 3_150 });
    const dump = (await play.control(
      "GET",
      `/dump?vendor=instagram&client=${owner}&from=2020-01-01&to=2100-01-01`,
    )) as { id: string; views: number }[];
    const last = dump.at(-1);
    expect(await play.fetch(urlOf(last?.id ?? ""), own)).toMatchObject({ kind: "not_ready", retryAfterMs: 1_000 });
    expect(await play.fetch(urlOf(last?.id ?? ""), own)).toMatchObject({ metrics: { views: last?.views } });
  });

  test("a page that repeats itself is no list", async () => {
    const { owner, own } = someone();
    await play.control("POST", "/instagram/accounts", { owner, posts: 450 });
    await play.fault("repeat_page");
    // The first page over and over, each time with a way on: it ends with the pages of one go.
    const answer = await play.fetch(urlOf("DNowhere000"), own).catch((error: unknown) => error);
    expect(answer).toMatchObject(answer instanceof Error ? { kind: "malformed" } : { kind: "not_ready" });
    expect((await play.calls()).length).toBeLessThanOrEqual(30);
  });

  test("an expired token is a person's business, and a request limit that comes as 400 is waited for", async () => {
    const { owner, own } = someone();
    await play.set({ id: "DPost00010", owner });
    await play.fault("unauthorized", { times: 1 });
    await expect(play.fetch(urlOf("DPost00010"), own)).rejects.toMatchObject({ kind: "unauthorized", code: "190/463" });
    await play.fault("rate_limited", { times: 1 });
    await expect(play.fetch(urlOf("DPost00010"), own)).rejects.toMatchObject({
      kind: "rate_limited",
      retryAfterMs: 60_000,
    });
    await expect(play.fetch(urlOf("DPost00010"), { INSTAGRAM_ACCESS_TOKEN: "nobodys" })).rejects.toMatchObject({
      kind: "unauthorized",
    });
  });
});

describe("code 10 says two things, and only its words tell which", () => {
  const error = (more: object) => ({ error: { type: "OAuthException", code: 10, ...more } });
  test.each([
    [error({ message: "(#10) Not enough viewers for the media to show insights" }), "rejected", "10/viewers"],
    [error({ message: "(#10) Application does not have permission for this action" }), "unauthorized", "10"],
    [error({ message: "(#10) not enough viewers", error_subcode: 2_108_010 }), "rejected", "10/viewers"],
    [{ error: { code: 190, message: "Not enough viewers" } }, "unauthorized", "190"],
    [{ error: { code: 803, message: "Some of the aliases you requested do not exist" } }, "rejected", "100/33"],
    [{ error: { code: 100, error_subcode: 2_108_006, message: "Invalid parameter" } }, "rejected", "100/2108006"],
  ])("%j", (body, kind, code) => {
    expect(classifyGraph(400, body)).toMatchObject({ kind, code });
  });
});

describe("what four headers say of the quota", () => {
  const business = (minutes: number, percent = 96) =>
    JSON.stringify({
      "17": [
        {
          type: "instagram",
          call_count: percent,
          total_cputime: 4,
          total_time: 7,
          estimated_time_to_regain_access: minutes,
        },
      ],
    });
  test.each<[Record<string, string>, number, number]>([
    [{ "X-App-Usage": '{"call_count":28,"total_time":25,"total_cputime":25}' }, 0, 28],
    [{ "X-App-Usage": '{"call_count":28,"total_time":97,"total_cputime":25}' }, 60_000, 97],
    // Minutes.
    [{ "X-Business-Use-Case-Usage": business(3) }, 180_000, 96],
    [{ "X-Business-Use-Case-Usage": business(0, 12) }, 0, 12],
    // Seconds, and no wait before nearly all is used.
    [
      {
        "X-Ad-Account-Usage":
          '{"acc_id_util_pct":98.5,"reset_time_duration":120,"ads_api_access_tier":"standard_access"}',
      },
      120_000,
      99,
    ],
    [{ "X-Ad-Account-Usage": '{"acc_id_util_pct":9.67,"reset_time_duration":120}' }, 0, 10],
    [{ "X-FB-Ads-Insights-Throttle": '{"app_id_util_pct":100,"acc_id_util_pct":10}' }, 60_000, 100],
    // Longer than anybody should wait without asking again.
    [{ "X-Business-Use-Case-Usage": business(600) }, 900_000, 96],
    // The scarcest counts.
    [{ "X-App-Usage": '{"call_count":1}', "X-Business-Use-Case-Usage": business(2, 140) }, 120_000, 100],
  ])("%j", (headers, waitMs, percent) => {
    expect(graphQuota(new Headers(headers))).toMatchObject({ waitMs, used: { percent } });
  });

  test.each<Record<string, string>>([
    {},
    { "X-App-Usage": "not json" },
    { "X-Business-Use-Case-Usage": "[]" },
    { "X-App-Usage": "null" },
  ])("%j says nothing", (headers) => {
    expect(graphQuota(new Headers(headers))).toBeNull();
  });
});
