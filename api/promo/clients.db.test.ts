import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { createNewsletter, type Promo } from "../../docs/promo/newsletter.ts";
import { createTrackClick, promoVarOf } from "../../docs/promo/redirect.ts";
import { hostilities, startHostileServer } from "../../test/hostile-server.ts";
import { startPromoSite, type PromoSite } from "../../test/promo-site.ts";

let site: PromoSite;
let hostile: Awaited<ReturnType<typeof startHostileServer>>;
beforeAll(async () => {
  site = await startPromoSite();
  hostile = await startHostileServer();
}, 60_000);
afterAll(async () => {
  hostile?.stop();
  await site?.stop();
});

const promo: Promo = { offer_id: 4, variation_id: 42, text_content: "x", cta_text: null, link: "https://x.example/" };

test("a newsletter selects a text and counts its send once; a click on its link is counted", async () => {
  const newsletter = createNewsletter({ baseUrl: site.url });
  const selected = await newsletter.select();
  expect(selected).toMatchObject({ offer_id: 4, variation_id: 42, text_content: "Build your startup", cta_text: null });
  for (let times = 0; times < 2; times += 1)
    expect(await newsletter.shown(selected ?? promo, { sendId: "2025-10-18-daily", recipients: 500 })).toBe(true);
  const track = createTrackClick({ baseUrl: site.url });
  expect(await track(selected?.link ?? "", { userAgent: null, referrer: "gmail_app", ipAddress: "1.2.3.4" })).toBe(
    true,
  );
  expect(await track("https://news.example/nocodemba?utm_source=x&promo_var=42")).toBe(true);
  expect(await site.counters()).toEqual({ impressions: 500, clicks: 2 });
});

test("what the server refuses is not counted, and said in the log", async () => {
  const said: string[] = [];
  const newsletter = createNewsletter({ baseUrl: site.url, client: "acme", log: (message) => void said.push(message) });
  expect(await newsletter.select()).toBeNull();
  expect(await newsletter.shown({ ...promo, variation_id: 999 }, { sendId: "a", recipients: 1 })).toBe(false);
  expect(said).toEqual([
    "selecting a promo failed: the server answered 404",
    "tracking an impression failed: the server answered 400",
  ]);
});

describe.each(["nowhere", ...hostilities])("a server that is %s breaks nothing:", (hostility) => {
  const baseUrl = () => (hostility === "nowhere" ? "http://127.0.0.1:1" : hostile.urlOf(hostility));
  const log = () => undefined;

  test("a newsletter is sent without a promo or a count, in time", async () => {
    const newsletter = createNewsletter({ baseUrl: baseUrl(), selectTimeoutMs: 150, trackTimeoutMs: 150, log });
    const started = performance.now();
    expect(await newsletter.select()).toBeNull();
    expect(await newsletter.shown(promo, { sendId: "s", recipients: 1 })).toBe(false);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test("a redirect goes on at once", async () => {
    const track = createTrackClick({ baseUrl: baseUrl(), timeoutMs: 150, log });
    const started = performance.now();
    const tracked = track("https://x.example/?promo_var=42");
    expect(performance.now() - started).toBeLessThan(100);
    expect(await tracked).toBe(false);
  });
});

test("an event that the server has recorded for later counts as counted", async () => {
  const baseUrl = hostile.urlOf("spooling");
  expect(await createNewsletter({ baseUrl }).shown(promo, { sendId: "s", recipients: 1 })).toBe(true);
  expect(await createTrackClick({ baseUrl })("https://x.example/?promo_var=42")).toBe(true);
});

test("a server that hangs does not pile up clicks", async () => {
  const track = createTrackClick({ baseUrl: hostile.urlOf("silent"), timeoutMs: 200, atMost: 2, log: () => undefined });
  const started = performance.now();
  const url = "https://x.example/?promo_var=42";
  const tracked = [track(url), track(url), track(url)];
  expect(await tracked[2]).toBe(false);
  expect(performance.now() - started).toBeLessThan(150);
  await Promise.all(tracked);
});

test.each([
  ["https://x.example/a?promo_var=42", 42],
  ["/a?promo_var=42&promo_var=7", 42],
  ["/a", null],
  ["/a?promo_var=", null],
  ["/a?promo_var=042", null],
  ["/a?promo_var=-1", null],
  ["/a?promo_var=4294967296", null],
  ["/a?promo_var=1e3", null],
])("promo_var of %s is %s", (url, variation) => {
  expect(promoVarOf(url)).toBe(variation);
});

test("an address that is none is no click", async () => {
  const track = createTrackClick({ baseUrl: site.url, log: () => undefined });
  expect(await track("http://[")).toBe(false);
});
