import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { playPlatform } from "../../test/platform.ts";
import { describePlatform, fetchFrom, load } from "../../test/describe-platform.ts";
import { meta } from "./meta.ts";

jest.setTimeout(30_000);

describePlatform(meta, ["meta-campaign.json", "meta-unknown.json"]);

const account = { META_ADS_ACCESS_TOKEN: "sandbox-713" };
const urlOf = (id: string) => `https://www.facebook.com/adsmanager/manage/campaigns?selected_campaign_ids=${id}`;

let play: Awaited<ReturnType<typeof playPlatform>>;
beforeAll(async () => {
  play = await playPlatform(meta);
});
beforeEach(() => play.reset());
afterAll(() => play.close());

describe("against the stand-in", () => {
  test("impressions, link clicks, purchases and spend to the cent, of the whole life of a campaign", async () => {
    await play.set({
      id: "120210000000000001",
      views: 94_012,
      clicks: 4_399,
      conversions: 31,
      likes: 313,
      spend: "4240.06",
      currency: "EUR",
    });
    expect(await play.fetch(urlOf("120210000000000001"), account)).toMatchObject({
      kind: "metrics",
      metrics: {
        views: 94_012,
        clicks: 4_399,
        conversions: 31,
        spend: "4240.06",
        currency: "EUR",
        hints: { allClicks: 4_712 },
      },
    });
    const [call] = await play.calls();
    expect(call?.query).toMatchObject({ date_preset: "maximum" });
    expect(call?.query).not.toHaveProperty("breakdowns");
  });

  test("an ad says which ad set and campaign it is part of, an ad set its campaign, and a campaign is part of none", async () => {
    const [adId, adSet, campaign] = ["120210000000000011", "120210000000000012", "120210000000000013"];
    await play.set({ id: adId, views: 10, partOf: [adSet, campaign] });
    await play.set({ id: adSet, views: 10, partOf: [campaign] });
    await play.set({ id: campaign, views: 10 });
    const partOf = async (id: string) => (await play.fetch(urlOf(id), account)) as object;
    expect(await partOf(adId)).toMatchObject({ metrics: { partOf: [adSet, campaign] } });
    expect(await partOf(adSet)).toMatchObject({ metrics: { partOf: [campaign] } });
    const before = (await play.calls()).length;
    expect(await partOf(campaign)).toMatchObject({ metrics: { partOf: [] } });
    // What is known needs no further request.
    expect(await play.calls()).toHaveLength(before + 1);
  });

  test("what an advertiser counts as a conversion is a setting", async () => {
    await play.set({ id: "120210000000000001", views: 10, clicks: 5, conversions: 2, likes: 1 });
    const engaged = { ...account, META_ADS_CONVERSION_ACTION: "post_engagement" };
    expect(await play.fetch(urlOf("120210000000000001"), engaged)).toMatchObject({ metrics: { conversions: 6 } });
    expect(
      await play.fetch(urlOf("120210000000000001"), { ...account, META_ADS_CONVERSION_ACTION: "lead" }),
    ).toMatchObject({ metrics: { conversions: 0 } });
  });

  test("nothing delivered is zero for what is older than a day, not ready for what is new, deleted for what is gone", async () => {
    const now = new Date();
    const ago = (hours: number) => new Date(now.getTime() - hours * 3_600_000).toISOString();
    await play.set({ id: "120210000000000002", views: 0, postedAt: ago(25) });
    expect(await play.fetch(urlOf("120210000000000002"), account)).toMatchObject({
      metrics: { views: 0, clicks: 0, conversions: 0, spend: "0" },
    });
    await play.set({ id: "120210000000000003", views: 0, postedAt: ago(23) });
    expect(await play.fetch(urlOf("120210000000000003"), account)).toMatchObject({
      kind: "not_ready",
      retryAfterMs: 3_600_000,
    });
    await play.set({ id: "120210000000000004", state: "deleted", postedAt: ago(99) });
    expect(await play.fetch(urlOf("120210000000000004"), account)).toMatchObject({ kind: "deleted" });
  });

  test("an unknown id, and another client's campaign, are unknown posts", async () => {
    await play.set({ id: "120210000000000005", owner: "acme" });
    for (const id of ["120219999999999999", "120210000000000005"])
      expect(await play.fetch(urlOf(id), account)).toMatchObject({ kind: "unknown_post" });
    expect(await play.fetch(urlOf("120210000000000005"), { META_ADS_ACCESS_TOKEN: "sandbox-acme" })).toMatchObject({
      kind: "metrics",
    });
  });

  test("an organic post names no ad: nobody is asked and nothing is verified", async () => {
    expect(await play.fetch("https://www.facebook.com/somepage/posts/1234567890123456", account)).toMatchObject({
      kind: "metrics",
      metrics: { views: null, clicks: null, conversions: null, spend: null },
    });
    expect(await play.calls()).toEqual([]);
  });

  test.each([[undefined], ["user"]])("throttling comes as 400 and is waited for (%s)", async (policy) => {
    await play.set({ id: "120210000000000001" });
    await play.fault("rate_limited", { times: 1, ...(policy === undefined ? {} : { policy }) });
    await expect(play.fetch(urlOf("120210000000000001"), account)).rejects.toMatchObject({
      kind: "rate_limited",
      retryAfterMs: 60_000,
    });
  });

  test("a limit that is reached is told in minutes, and holds everybody that long", async () => {
    await play.set({ id: "120210000000000001" });
    await play.control("PUT", "/limits", { vendor: "meta_ads", perMinute: 1 });
    await play.fetch(urlOf("120210000000000001"), account);
    // The one call is all there was: Meta's own clients hold back too.
    expect(play.turns.at(-1)).toEqual({ waitMs: 60_000 });
    const refused = play.fetch(urlOf("120210000000000001"), account);
    await refused.catch((error: unknown) => expect(error).toMatchObject({ kind: "rate_limited" }));
    expect(play.turns.at(-1)).toEqual({ waitMs: 60_000 });
    await play.control("PUT", "/limits", { vendor: "meta_ads", perMinute: null });
  });

  test("an expired token is a person's business", async () => {
    await expect(play.fetch(urlOf("120210000000000001"), { META_ADS_ACCESS_TOKEN: "nobodys" })).rejects.toMatchObject({
      kind: "unauthorized",
    });
  });

  test.each([
    ["null_field", { field: "impressions" }],
    ["raw_field", { field: "impressions", raw: '"1,234"' }],
    ["raw_field", { field: "spend", raw: "null" }],
    ["raw_field", { field: "spend", raw: '"12,50"' }],
    ["raw_field", { field: "actions", raw: '[{"action_type":"purchase","value":"1.5"}]' }],
    ["raw_field", { field: "account_currency", raw: '"EURO"' }],
  ])("%s %j is no number we would believe", async (kind, parameters) => {
    await play.set({ id: "120210000000000001" });
    await play.fault(kind, parameters);
    await expect(play.fetch(urlOf("120210000000000001"), account)).rejects.toMatchObject({ kind: "malformed" });
  });
});

describe("several rows", () => {
  const fixture = load("meta-campaign.json");
  const path = "/v26.0/120210000000000001/insights";
  const row = (spend: string, currency = "EUR") => ({
    impressions: "10",
    clicks: "3",
    spend,
    account_currency: currency,
    actions: [{ action_type: "link_click", value: "2" }],
  });
  const page = (after: string | null, ...rows: object[]) => ({
    data: rows,
    paging: {
      cursors: { after: after ?? "last" },
      ...(after === null ? {} : { next: `https://graph.facebook.com/x?access_token=canary&after=${after}` }),
    },
  });
  const ask = (...answers: { after?: string; answer: unknown }[]) =>
    fetchFrom(meta, { ...fixture, answers: answers.map((one) => ({ path, ...one })) });

  test("are added up over pages whose addresses are ours, and money stays exact", async () => {
    const { answer, requests } = await ask(
      { after: "p2", answer: page(null, row("0.2")) },
      { answer: page("p2", row("0.1"), row("9007199254.740993")) },
    );
    expect(answer).toMatchObject({
      metrics: { views: 30, clicks: 6, spend: "9007199255.040993", hints: { allClicks: 9 } },
    });
    expect(requests.map(({ query }) => query?.["after"])).toEqual([undefined, "p2"]);
  });

  test("in two currencies are no sum, and a page that leads to itself is no list", async () => {
    await expect(ask({ answer: page(null, row("1"), row("1", "USD")) })).rejects.toMatchObject({ kind: "malformed" });
    await expect(
      ask({ after: "p2", answer: page("p2", row("1")) }, { answer: page("p2", row("1")) }),
    ).rejects.toMatchObject({ kind: "malformed" });
  });
});
