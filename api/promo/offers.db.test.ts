import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

let database: TestDatabase;
let api: Api;

beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({
    database: database.pool,
    clients: ["713", "acme", "beta", "gamma"],
    env: {
      PROMO_SELECT_PER_MINUTE: "400",
      PROMO_SELECTION_ACME: "thompson",
      PROMO_SELECTION_BETA: "performance",
      PROMO_LINK_BASE_ACME: "https://news.example/?utm_source=newsletter",
    },
  });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Answer {
  offer_id: number;
  variation_id: number;
  [name: string]: unknown;
}
type Method = "GET" | "POST" | "PATCH";
const call = async (method: Method, url: string, body?: object, claims: Parameters<typeof bearer>[0] = {}) =>
  api.inject({
    method,
    url: `/api/v1/promo${url}`,
    headers: await bearer(claims),
    ...(body === undefined ? {} : { payload: body }),
  });
const made = async (url: string, body: object, client = "713"): Promise<Answer> => {
  const answer = await call("POST", url, body, { client });
  expect(answer.statusCode).toBe(201);
  return answer.json<Answer>();
};
const audit = async (subject: string) =>
  (
    await database.pool.query<{ action: string; details: unknown }>(
      "select action, details from ops.audit where subject = $1 order by audit_id",
      [subject],
    )
  ).rows;
const offerOf = (slug: string, more: object = {}) => ({
  name: "No Code MBA",
  slug,
  destination_url: "https://shop.example/?a=1",
  ...more,
});

describe("an offer", () => {
  test("is created once per slug: the same again is the same, another one is refused", async () => {
    const body = offerOf("once", { click_id_parameter: "sub1", weight: 2.5 });
    const first = await made("/offers", body);
    expect(first).toMatchObject({
      slug: "once",
      weight: 2.5,
      active: true,
      archived: false,
      impressions: 0,
      ctr: null,
    });
    const again = await call("POST", "/offers", body);
    expect([again.statusCode, again.json<Answer>()]).toEqual([200, first]);
    const other = await call("POST", "/offers", { ...body, weight: 3, destination_url: "https://else.example/" });
    expect(other.statusCode).toBe(409);
    expect(other.json()).toMatchObject({
      error: "conflict",
      details: { slug: `is offer ${first.offer_id}, with another destination_url, weight` },
    });
    expect(await audit(`promo/offer/${first.offer_id}`)).toEqual([
      {
        action: "offer_created",
        details: { ...body, offer_type: "affiliate", landing_url: null, active: true, origin: "real" },
      },
    ]);
  });

  test("has a slug that no other client can have, and shows nothing of it", async () => {
    await made("/offers", offerOf("of-acme", { name: "hidden" }), "acme");
    const answer = await call("POST", "/offers", offerOf("of-acme"));
    expect([answer.statusCode, answer.json()]).toEqual([
      409,
      { error: "conflict", message: "another offer has this slug", details: { slug: "is taken" } },
    ]);
  });

  test("is changed by what is named, and a change that changes nothing is not recorded", async () => {
    const { offer_id: id } = await made(
      "/offers",
      offerOf("changes", { click_id_parameter: "s2s", landing_url: "https://l.example/" }),
    );
    const change = { weight: 0, active: false, click_id_parameter: null };
    const changed = await call("PATCH", `/offers/${id}`, change);
    expect(changed.json()).toMatchObject({
      ...change,
      name: "No Code MBA",
      landing_url: "https://l.example/",
      archived: false,
    });
    expect((await call("PATCH", `/offers/${id}`, change)).statusCode).toBe(200);
    const more = {
      name: "New",
      archived: true,
      landing_url: null,
      destination_url: "https://n.example/",
      active: true,
    };
    expect((await call("PATCH", `/offers/${id}`, more)).json()).toMatchObject({ ...more, weight: 0 });
    expect((await audit(`promo/offer/${id}`)).slice(1)).toEqual([
      { action: "offer_changed", details: change },
      { action: "offer_changed", details: more },
    ]);
  });

  test("cannot be changed in its slug, to nothing, or by nothing", async () => {
    const { offer_id: id } = await made("/offers", offerOf("fixed"));
    for (const body of [
      { slug: "other" },
      {},
      { weight: -1 },
      { destination_url: "javascript:alert(1)" },
      { name: null },
    ])
      expect((await call("PATCH", `/offers/${id}`, body)).json()).toMatchObject({ error: "validation_error" });
    expect((await audit(`promo/offer/${id}`)).length).toBe(1);
  });

  test("is listed by pages, archived ones when asked for", async () => {
    const client = "gamma";
    for (const slug of ["g1", "g2", "g3"]) await made("/offers", offerOf(slug), client);
    const slugs = async (query: string) => {
      const answer = (await call("GET", `/offers${query}`, undefined, { client, role: "analyst" })).json<{
        items: Answer[];
        next: string | null;
      }>();
      return { slugs: answer.items.map(({ slug }) => slug), next: answer.next, first: answer.items[0]?.offer_id };
    };
    const page = await slugs("?limit=2");
    expect(page.slugs).toEqual(["g1", "g2"]);
    expect((await slugs(`?limit=2&cursor=${page.next}`)).slugs).toEqual(["g3"]);
    await call("PATCH", `/offers/${page.first}`, { archived: true }, { client });
    expect((await slugs("")).slugs).toEqual(["g2", "g3"]);
    expect((await slugs("?include_archived=false")).slugs).toEqual(["g2", "g3"]);
    expect((await slugs("?include_archived=true")).slugs).toEqual(["g1", "g2", "g3"]);
  });
});

describe("a variation", () => {
  const words = { text_content: "Build your startup this weekend", cta_text: "Build now" };

  test("is created once per text, also when both calls come at once", async () => {
    const { offer_id: id } = await made("/offers", offerOf("texts"));
    const answers = await Promise.all([1, 2, 3, 4].map(() => call("POST", `/offers/${id}/variations`, words)));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 200, 201]);
    expect(new Set(answers.map((answer) => answer.json<Answer>().variation_id)).size).toBe(1);
    const variationId = answers[0]?.json<Answer>().variation_id;
    expect((await audit(`promo/variation/${variationId}`)).map(({ action }) => action)).toEqual(["variation_created"]);
    const other = await call("POST", `/offers/${id}/variations`, { ...words, approved: true });
    expect(other.json()).toMatchObject({
      error: "conflict",
      details: { text_content: `is variation ${variationId}, with another approved` },
    });
    expect((await made(`/offers/${id}/variations`, { ...words, cta_text: null })).variation_id).not.toBe(variationId);
  });

  test("is approved and weighed; its words stay", async () => {
    const { offer_id: id } = await made("/offers", offerOf("approve"));
    const { variation_id: variationId } = await made(`/offers/${id}/variations`, {
      ...words,
      tone: "calm",
      length_category: "short",
    });
    const change = { approved: true, weight: 4.5, tone: null };
    const changed = await call("PATCH", `/variations/${variationId}`, change);
    expect(changed.json()).toMatchObject({ ...change, ...words, length_category: "short", offer_id: id });
    await call("PATCH", `/variations/${variationId}`, change);
    await call("PATCH", `/variations/${variationId}`, { length_category: null });
    await call("PATCH", `/variations/${variationId}`, { approved: false });
    for (const body of [{ text_content: "other" }, {}, { weight: 1e9 }])
      expect((await call("PATCH", `/variations/${variationId}`, body)).statusCode).toBe(400);
    expect((await audit(`promo/variation/${variationId}`)).slice(1).map(({ details }) => details)).toEqual([
      change,
      { length_category: null },
      { approved: false },
    ]);
  });
});

test("another client's offers and variations are not there, and analysts change nothing", async () => {
  const { offer_id: id } = await made("/offers", offerOf("own"));
  const { variation_id: variationId } = await made(`/offers/${id}/variations`, { text_content: "own" });
  for (const [method, url, body] of [
    ["PATCH", `/offers/${id}`, { weight: 9 }],
    ["POST", `/offers/${id}/variations`, { text_content: "theirs" }],
    ["PATCH", `/variations/${variationId}`, { approved: true }],
    ["PATCH", "/offers/2147483647", { weight: 9 }],
  ] as const) {
    expect((await call(method, url, body, { client: "acme" })).statusCode).toBe(404);
    expect((await call(method, url, body, { role: "analyst" })).statusCode).toBe(403);
  }
  expect((await call("GET", `/offers/${id}`, undefined, { client: "acme" })).statusCode).toBe(404);
  const read = (await call("GET", `/offers/${id}`, undefined, { role: "analyst" })).json<{ variations: Answer[] }>();
  expect(read.variations.map((one) => one.variation_id)).toEqual([variationId]);
  expect((await call("GET", "/offers", undefined, { role: "advertiser", advertiser: "1" })).statusCode).toBe(403);
  expect((await call("PATCH", "/offers/2147483648", { weight: 9 })).statusCode).toBe(400);
  expect(await audit(`promo/offer/${id}`)).toHaveLength(1);
});

describe("select-random", () => {
  const select = async (query = "") =>
    api.inject({ url: `/api/v1/promo/select-random${query}`, headers: { host: "rooms.example:3003" } });

  test("has nothing to show without an active offer and an approved text, or for a client that there is not", async () => {
    for (const query of ["?client=gamma", "?client=unknown", "?client=" + "x".repeat(200)])
      expect([(await select(query)).statusCode, (await select(query)).json<{ error: string }>().error]).toEqual([
        404,
        "not_found",
      ]);
    expect((await select("?klient=713")).json()).toMatchObject({
      details: { klient: expect.stringContaining("client") },
    });
  });

  test("shows an approved text of an active offer, with its link and why; a seed repeats it", async () => {
    for (const slug of ["s-archived", "s-inactive", "s-unapproved", "s-weightless", "s-shown"]) {
      const { offer_id: id } = await made(
        "/offers",
        offerOf(slug, { weight: slug === "s-weightless" ? 0 : 1, active: slug !== "s-inactive" }),
      );
      await made(`/offers/${id}/variations`, { text_content: slug, approved: slug !== "s-unapproved", tone: "calm" });
      if (slug === "s-archived") await call("PATCH", `/offers/${id}`, { archived: true });
    }
    const answer = await select("?seed=a");
    expect(answer.statusCode).toBe(200);
    const chosen = answer.json<Answer>();
    expect(chosen).toEqual({
      offer_id: expect.any(Number),
      offer_name: "No Code MBA",
      offer_type: "affiliate",
      variation_id: expect.any(Number),
      text_content: expect.any(String),
      cta_text: null,
      tone: expect.anything(),
      length_category: null,
      link: `http://rooms.example:3003/r/s-shown?promo_var=${chosen.variation_id}`,
      mode: "fixed",
      reason: `offer ${chosen.offer_id} by weight 1 of 1; variation ${chosen.variation_id} by weight 1 of 1`,
      seed: "a",
    });
    expect((await select("?seed=a")).json()).toEqual(chosen);
    for (let n = 0; n < 20; n++) expect((await select()).json()).toMatchObject({ text_content: "s-shown" });
  });

  test("goes by the client's own setting, from people's clicks alone, and links to the client's own site", async () => {
    for (const client of ["acme", "beta"]) {
      const { offer_id: id } = await made("/offers", offerOf(`${client}-learns`), client);
      for (const [text, clicks, raw] of [
        ["good", 400, 400],
        ["clicked by bots", 10, 9_000],
      ] as const) {
        const { variation_id: variationId } = await made(
          `/offers/${id}/variations`,
          { text_content: text, approved: true },
          client,
        );
        await database.pool.query(
          "update promo.promo_text_variations set impressions = 10000, clicks = $2::bigint, raw_clicks = $3::bigint, bot_clicks = $3::bigint - $2::bigint where id = $1",
          [variationId, clicks, raw],
        );
      }
    }
    const acme = await Promise.all(
      Array.from({ length: 20 }, async () => (await select("?client=acme")).json<Answer>()),
    );
    expect(new Set(acme.map(({ text_content }) => text_content))).toEqual(new Set(["good"]));
    expect(acme[0]).toMatchObject({ mode: "thompson", reason: expect.stringContaining("drew a click rate of") });
    expect(acme[0]?.["link"]).toBe(
      `https://news.example/acme-learns?utm_source=newsletter&promo_var=${acme[0]?.variation_id}`,
    );
    expect((await select("?client=beta")).json()).toMatchObject({
      mode: "performance",
      reason: expect.stringContaining("CTR/100"),
    });
  });

  test("is limited for each caller, by a setting of its own", async () => {
    const few = await testServer({
      database: database.pool,
      env: { PROMO_SELECT_PER_MINUTE: "3", PUBLIC_URL: "https://rooms.example" },
    });
    const answers = [];
    for (let n = 0; n < 5; n++) answers.push(await few.inject({ url: "/api/v1/promo/select-random" }));
    await few.close();
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[4]?.headers["retry-after"]).toBeDefined();
    expect(answers[0]?.json<Answer>()["link"]).toMatch(/^https:\/\/rooms\.example\/r\/s-shown\?promo_var=\d+$/);
  });
});
