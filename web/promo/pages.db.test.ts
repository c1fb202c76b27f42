import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import type { Analytics } from "../../api/promo/analytics-shapes.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures, figuresIn } from "../../test/page-figures.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";
import { promoEvents } from "../../test/promo-events.ts";
import { figuresOfSql, type Tuple } from "../../test/sql-figures.ts";

const hostile = `<script>alert(1)</script>"'`;
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({
    database: database.pool,
    env: { PROMO_ANALYTICS_CACHE_SECONDS: "0", PROMO_ANALYTICS_PER_MINUTE: "1000" },
  }));
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string, as: Parameters<typeof loggedIn>[1] = {}) => {
  const { body, statusCode } = await api.inject({ url, headers: await loggedIn(database.pool, as) });
  return { status: statusCode, body, text: body.replaceAll(/<[^>]*>/g, " ").replaceAll(/\s+/g, " ") };
};
const send = async (url: string, fields: Record<string, string>, as: Parameters<typeof loggedIn>[1] = {}) => {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, payload, headers: { ...(await loggedIn(database.pool, as)), ...type } });
};
const sorted = (tuples: Tuple[]) =>
  tuples.map((tuple) => JSON.stringify(Object.entries(tuple).sort(([one], [other]) => (one < other ? -1 : 1)))).sort();
const offers = async () =>
  (await api.inject({ url: "/api/v1/promo/offers?include_archived=true", headers: await bearer() })).json<{
    items: { offer_id: number; variations: { variation_id: number }[]; [name: string]: unknown }[];
  }>().items;

test("without an offer the page says the next step", async () => {
  const { status, text } = await open("/promo");
  expect([status, text.includes("No offer yet"), text.includes("npm run promo -- load")]).toEqual([200, true, true]);
});

test("offers and texts are made and changed with forms, which the JSON routes check and record", async () => {
  const made = await send("/promo/new", {
    name: hostile,
    slug: "made",
    destination_url: "https://shop.example/",
    weight: "2.5",
  });
  const [offer] = await offers();
  const id = String(offer?.offer_id);
  expect([made.statusCode, made.headers.location]).toEqual([303, `/promo/offers/${id}`]);
  expect(offer).toMatchObject({ name: hostile.trim(), weight: 2.5, click_id_parameter: null, active: true });
  await send("/promo/variations/new", { offer: id, text_content: hostile, weight: "1", approved: "on" });
  await send("/promo/variations/new", { offer: id, text_content: "plain", weight: "3", tone: "calm" });
  const [, plain] = (await offers())[0]?.variations ?? [];
  const changed = await send("/promo/variations/change", {
    offer: id,
    variation: String(plain?.variation_id),
    weight: "4",
    approved: "on",
  });
  expect(changed.headers.location).toBe(`/promo/offers/${id}#manage`);
  expect((await offers())[0]?.variations[1]).toMatchObject({
    weight: 4,
    approved: true,
    tone: "calm",
    text_content: "plain",
  });
  await send("/promo/offers/change", {
    offer: id,
    name: "renamed",
    destination_url: "https://n.example/",
    click_id_parameter: "sub1",
    weight: "1",
    active: "on",
  });
  expect((await offers())[0]).toMatchObject({
    name: "renamed",
    click_id_parameter: "sub1",
    active: true,
    archived: false,
  });
  await send("/promo/offers/change", {
    offer: id,
    name: hostile,
    destination_url: "https://n.example/",
    weight: "1",
    active: "on",
  });
  expect((await offers())[0]).toMatchObject({ click_id_parameter: null });
  const refused = await send("/promo/new", {
    name: "x",
    slug: "made",
    destination_url: "https://other.example/",
    weight: "1",
  });
  expect([refused.statusCode, refused.body.includes("nother offer has this slug")]).toEqual([409, true]);
  const { rows } = await database.pool.query(
    "select from ops.audit where action like 'offer_%' or action like 'variation_%'",
  );
  expect(rows).toHaveLength(6);
});

test("the form of a new offer names the fields its route takes, and a weight that is no number is refused in words", async () => {
  const { status, body } = await open("/promo/new");
  const names = [...body.matchAll(/<input[^>]*\sname="(\w+)"/g)].map(([, name]) => name);
  expect([status, names]).toEqual([
    200,
    expect.arrayContaining(["name", "slug", "destination_url", "click_id_parameter", "landing_url", "weight"]),
  ]);
  const before = (await offers()).length;
  const fields = { name: "heavy", slug: "heavy", destination_url: "https://h.example/", weight: "heavy" };
  const refused = await send("/promo/new", fields);
  expect([refused.statusCode, refused.body.includes("the weight must be a number")]).toEqual([400, true]);
  expect(await offers()).toHaveLength(before);
});

test("analysts look and change nothing; advertisers and affiliates see no promo", async () => {
  const [offer] = await offers();
  const url = `/promo/offers/${offer?.offer_id}`;
  const seen = await open(url, { role: "analyst" });
  expect([seen.status, seen.body.includes("<form")]).toEqual([200, seen.body.includes('action="/logout"')]);
  const mayMake = async (role: "admin" | "analyst") => (await open("/promo", { role })).text.includes("New offer");
  expect([await mayMake("admin"), await mayMake("analyst")]).toEqual([true, false]);
  expect((await open("/promo/new", { role: "analyst" })).status).toBe(404);
  expect((await send("/promo/offers/change", { offer: "1" }, { role: "analyst" })).statusCode).toBe(404);
  expect((await open("/promo", { role: "advertiser", advertiser: "1" })).status).toBe(404);
  expect((await open(url, { client: "acme" })).status).toBe(404);
});

test("what was counted is shown with intervals in words, and every figure is the JSON route's and the SQL views'", async () => {
  const [offer] = await offers();
  const id = offer?.offer_id ?? 0;
  const [one, two] = offer?.variations.map((variation) => variation.variation_id) ?? [];
  const events = promoEvents(database.pool, { "713": "America/New_York" });
  const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
  await events.show(id, one ?? 0, hoursAgo(50), { recipients: 1_000 });
  await events.show(id, two ?? 0, hoursAgo(50), { recipients: 1_000 });
  await events.click(one ?? 0, hoursAgo(30), { click_id: "k1" }, 1);
  await events.click(one ?? 0, hoursAgo(30), {}, 30);
  await events.click(two ?? 0, hoursAgo(30), {}, 25);
  await events.click(two ?? 0, hoursAgo(30), { device: "bot", is_bot: true }, 9);
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, currency, payout, revenue, sub1, _slice, _run_id)
     values ('713', 'c1', '2025-12-18', now(), 'approved', false, '7', 'EUR', 12.5, 20, 'k1', '2025-12-18', 'r')`,
  );
  const routes = ["/promo", "/promo/offers/:id"];
  const pages = await Promise.all(routes.map((route) => open(`${route.replace(":id", String(id))}?days=90`)));
  for (const [place, { status, body }] of pages.entries()) {
    expect([status, body.includes("<script>alert")]).toEqual([200, false]);
    const { compared, wrong } = await compareFigures(api, body);
    expect([wrong, compared > 20]).toEqual([[], true]);
    const route = routes[place] ?? "";
    const inSql = await figuresOfSql(database.pool, { route, page: body, figures: figuresIn(body) });
    expect(inSql.length).toBeGreaterThan(3);
    for (const { name, shown, stored } of inSql)
      expect([name, shown.length > 0, sorted(shown)]).toEqual([name, true, sorted(stored)]);
  }
  const [all, own] = pages.map(({ text }) => text);
  expect(all).toContain("not yet distinguishable: the intervals of variations");
  expect(all).toContain("€12.50");
  expect(own).toContain("leads, but not yet distinguishable");
  expect(own).toContain("not yet distinguishable from the leading text");
  await events.click(one ?? 0, hoursAgo(29), {}, 100);
  const later = (await open(`/promo/offers/${id}`)).text;
  expect(later).toContain("the best");
  expect(later).toContain("lower than the leading text");
  await events.click(two ?? 0, hoursAgo(29), {}, 2_000);
  expect((await open(`/promo/offers/${id}`)).text).toContain("more clicks than impressions, so its rate is not known");
});

test("what is not known is said, and what was not shown is listed apart", async () => {
  const id = 9_000;
  await database.pool.query(`
    insert into promo.promo_offers (_client_id, id, name, slug, destination_url, archived, active, origin)
    values ('acme', ${id}, 'mailed', 'mailed', 'https://m.example/', false, true, 'sandbox'), ('acme', 9001, 'over', 'over', 'https://o.example/', true, true, 'real'),
           ('acme', 9002, 'waiting', 'waiting', 'https://w.example/', false, false, 'real'), ('acme', 9003, 'ready', 'ready', 'https://r.example/', false, true, 'real'),
           ('acme', 9004, 'strange', 'strange', 'https://user:secret@s.example/', false, true, 'real');
    insert into promo.promo_text_variations (_client_id, id, offer_id, text_content, approved) values ('acme', 90, ${id}, 'x', true), ('acme', 91, ${id}, 'y', true), ('acme', 92, ${id}, 'never sent', false)`);
  const events = promoEvents(database.pool, { acme: "America/New_York" });
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
  for (let days = 1; days <= 20; days += 1) await events.show(id, 90, daysAgo(days), { recipients: 100 });
  await events.click(90, daysAgo(1), { click_id: "unpaid" }, 1);
  await events.click(90, daysAgo(1), { click_id: "paid" }, 1);
  await events.click(91, daysAgo(1), { is_bot: true, device: "bot" }, 3);
  const url = `/promo/offers/${id}`;
  const as = { client: "acme" };
  await database.pool.query(
    `insert into anytrack.conversions (_client_id, conversion_key, type, click_id, event_time, version, date, seen_by_pull_at, _run_id)
     values ('acme', 'order:1', 'SALE', 'unpaid', now(), now(), '2025-12-18', now(), 'r')`,
  );
  expect((await open("/promo", as)).text).toContain("the conversions came without an amount");
  await database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, affiliate_name, currency, payout, revenue, sub1, _slice, _run_id)
     values ('acme', 'c1', '2025-12-18', now(), 'approved', false, '7', 'Seven', 'USD', 10, 15, 'paid', '2025-12-18', 'r')`,
  );
  const all = await open("/promo", as);
  for (const said of [
    "6 earlier days",
    "no affiliate named",
    "Seven",
    "50.00 %",
    "$10.00",
    "over",
    "archived",
    "not selected: inactive",
    "Not shown in these days",
  ])
    expect([said, all.text.includes(said)]).toEqual([said, true]);
  // An amount that AnyTrack sends without a currency is shown as it came, and as nobody's dollars.
  await events.click(90, daysAgo(1), { click_id: "bare" }, 1);
  await database.pool.query(
    `insert into anytrack.conversions (_client_id, conversion_key, type, click_id, revenue, event_time, version, date, seen_by_pull_at, _run_id)
     values ('acme', 'order:2', 'SALE', 'bare', 8.25, now(), now(), '2025-12-18', now(), 'r')`,
  );
  const bare = await open("/promo", as);
  expect([bare.text.includes("8.25"), bare.text.includes("$8.25")]).toEqual([true, false]);
  const own = await open(url, as);
  expect(own.text).toContain("not shown");
  expect(own.text).toMatch(/not approved/);
  // A text that nobody was shown is compared, too.
  expect(own.text.match(/never sent/g)?.length).toBeGreaterThan(1);
  expect(own.text).toContain("No text is best: only one variation was shown");
  for (const body of [bare.body, own.body]) expect((await compareFigures(api, body, "acme")).wrong).toEqual([]);
  for (const [other, said] of [
    ["9001", "archived"],
    ["9002", "not selected: inactive"],
    ["9003", "No text yet"],
    ["9004", "https://user:secret@s.example/"],
  ] as const) {
    const page = await open(`/promo/offers/${other}`, as);
    expect([other, page.text.includes(said), page.text.includes("Nothing was shown in these days")]).toEqual([
      other,
      true,
      true,
    ]);
    expect(page.body).not.toContain('href="https://user');
  }
});

test("the export has the variations of the same days as the JSON route", async () => {
  const { body } = await api.inject({ url: "/promo.csv?days=7", headers: await loggedIn(database.pool) });
  const answer = (
    await api.inject({ url: "/api/v1/promo/analytics?days=7&include_variations=true", headers: await bearer() })
  ).json<Analytics>();
  const [head = "", ...lines] = body.replace("\ufeff", "").trimEnd().split("\r\n");
  expect(lines).toHaveLength(answer.variations?.length ?? 0);
  const at = head.split(",").indexOf("clicks");
  expect(at).toBeGreaterThan(0);
  const [, name = ""] = lines[0]?.split(",") ?? [];
  expect([head.split(",")[1], name.length > 0]).toEqual(["offer_name", true]);
  for (const variation of answer.variations ?? [])
    expect(body).toContain(`,${variation.impressions},${variation.clicks},${variation.raw_clicks},`);
});
