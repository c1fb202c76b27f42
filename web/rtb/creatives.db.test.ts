import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `"><script>alert(1)</script>`;
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool }));
  await database.pool.query(
    `insert into rtb.creatives (_client_id, buyer_id, creative_id, format, width, height, canonical_size, advertiser_name, languages, approval_status,
                                vanished_at, last_seen_at, declared_click_urls, destination_urls_parsed, origin)
     values ('713', '88', 'app', 'HTML', 301, 251, '300x250 (Medium Rectangle)', 'Drop Labs', '["pt_BR", "en"]', 'APPROVED', null, '2026-03-02T10:00:00Z',
             '["https://app.adjust.com/abc?redirect=https%3A%2F%2Fplay.google.com%2Fstore%2Fapps%2Fdetails%3Fid%3Dcom.drop.frenzy"]', null, 'real'),
            ('713', '88', 'site', 'VIDEO', null, null, null, 'DROP LABS', '["pt-BR"]', 'DISAPPROVED', '2026-03-01T10:00:00Z', '2026-02-28T10:00:00Z',
             '["%%CLICK_URL_UNESC%%https://shop.example/sale?gclid=1"]', null, 'real'),
            ('713', '88', 'odd', 'NATIVE', 1, 1, 'Native', $1, 'null', 'PENDING_REVIEW', null, null, null,
             '["text", {"kind": "site", "url": "javascript:alert(1)", "domain": "evil.example"}, {"kind": 7}]', 'real'),
            ('acme', '9', 'theirs', 'HTML', 300, 250, null, 'Drop Labs', '["pt"]', 'APPROVED', null, null, null, null, 'real')`,
    [hostile],
  );
  const put = { campaignName: "Frenzy", creativeIds: ["app"] };
  await api.inject({
    method: "PUT",
    url: "/api/v1/rtb/campaigns",
    headers: await bearer(),
    payload: { items: [put] },
  });
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const open = async (url: string, as: Parameters<typeof loggedIn>[1] = {}) =>
  api.inject({ url, headers: await loggedIn(database.pool, as) });
const listed = async (query: string) => {
  const answer = await api.inject({ url: `/api/v1/rtb/creatives?${query}`, headers: await bearer() });
  return answer.json<{ items: { creativeId: string }[] }>().items.map(({ creativeId }) => creativeId);
};

describe("creatives are found by", () => {
  test.each([
    ["advertiser, however it is spelt", "advertiser=drop+labs", ["app", "site"]],
    ["the exchange's verdict", "approval=disapproved", ["site"]],
    ["language", "language=pt", ["app", "site"]],
    ["language with its region, however it is written", "language=pt-br", ["app", "site"]],
    ["another of its languages", "language=EN", ["app"]],
    ["a language that no list names", "language=de", []],
    ["being listed no longer", "vanished=true", ["site"]],
    ["still being listed", "vanished=false", ["app", "odd"]],
    ["several of these at once", "advertiser=Drop+Labs&vanished=false", ["app"]],
  ])("%s", async (_what, query, found) => {
    expect((await listed(query)).sort()).toEqual(found);
    const { body, statusCode } = await open(`/creatives?period=all&${query}`);
    expect(statusCode).toBe(200);
    expect([...body.matchAll(/<li data-id="([^"]*)"/g)].map(([, id]) => id).sort()).toEqual(found);
    expect((await open(`/creatives.csv?period=all&${query}`)).body.trimEnd().split("\r\n")).toHaveLength(
      found.length + 1,
    );
  });

  test("what is no language is refused", async () => {
    expect((await open("/creatives?language=%25")).statusCode).toBe(400);
    expect((await open("/creatives?approval=A&approval=B&nonsense=1")).statusCode).toBe(400);
  });
});

test("what there is to choose is counted, spellings of one advertiser as one, and only the client's own", async () => {
  const answer = await api.inject({ url: "/api/v1/rtb/facets", headers: await bearer() });
  expect(answer.json()).toEqual({
    advertisers: [
      { value: expect.stringMatching(/^drop labs$/i), creatives: 2 },
      { value: hostile, creatives: 1 },
    ],
    approvals: [
      { value: "APPROVED", creatives: 1 },
      { value: "DISAPPROVED", creatives: 1 },
      { value: "PENDING_REVIEW", creatives: 1 },
    ],
    formats: expect.arrayContaining([{ value: "HTML", creatives: 1 }]),
    languages: expect.arrayContaining([
      { value: "pt_BR", creatives: 1 },
      { value: "pt-BR", creatives: 1 },
    ]),
    seats: [{ value: "88", name: null, creatives: 3 }],
    campaigns: [{ value: expect.any(String), name: "Frenzy", creatives: 1 }],
  });
  const { body } = await open("/creatives");
  expect(body).toMatch(
    /<option value="pt_br">Portuguese \(Brazil\) \(2\)|<option value="pt_br">Brazilian Portuguese \(2\)/,
  );
  expect(body).not.toContain("theirs");
  // A filter that there is nothing of stays chosen.
  expect((await open("/creatives?advertiser=Nobody")).body).toMatch(/<option value="Nobody" selected>/);
});

test("a card shows outline, format, advertiser, campaign and verdict, and loads nothing", async () => {
  const { body } = await open("/creatives?period=all");
  const cards = body.split("<li data-id=").slice(1);
  const card = cards.find((one) => one.startsWith('"app"')) ?? "";
  for (const shown of ["<svg", "301×251", "HTML", "Drop Labs", ">Frenzy</a>", "approved"])
    expect(card).toContain(shown);
  const gone = cards.find((one) => one.startsWith('"site"')) ?? "";
  for (const shown of ["vanished 2026-03-01", "disapproved", "size unknown"]) expect(gone).toContain(shown);
  expect(body).not.toMatch(/<img|<iframe|<video|url\(/);
  expect(body).not.toContain("<script>alert");
});

test("a card is short, for a page has 700 of them", async () => {
  const { body } = await open("/creatives?period=all");
  const cards = /<ul class="tiles creatives"[^>]*>(.*?)<\/ul>/s.exec(body)?.[1] ?? "";
  const items = cards.split("<li ").slice(1);
  expect(items.length).toBeGreaterThan(2);
  // An outline is one shape, and nothing stands between marks that are not there.
  for (const item of items) expect(item.match(/<(rect|path)/g)).toHaveLength(1);
  expect(cards).not.toMatch(/ {2}|> +<\/div>/);
  expect(cards.length / items.length).toBeLessThan(800);
});

test("the table has the same, cell by cell as the JSON route says it", async () => {
  const { body } = await open("/creatives?period=all&view=table");
  await expect(compareFigures(api, body)).resolves.toEqual({ compared: expect.any(Number), wrong: [] });
  expect(body).toContain(">Frenzy</a>");
});

test("a creative says where it leads: an app, a site, and nothing that is no web page as a link", async () => {
  const app = (await open("/creatives/app")).body;
  expect(app).toMatch(
    /Android app<\/span> <a href="https:\/\/play\.google\.com[^"]*" rel="noopener noreferrer nofollow"/,
  );
  for (const shown of [
    "com.drop.frenzy",
    "through <bdi>app.adjust.com",
    "Brazilian Portuguese, English",
    "301×251 as sent",
  ])
    expect(app).toContain(shown);
  const site = (await open("/creatives/site")).body;
  expect(site).toContain('href="https://shop.example/sale"');
  expect(site).toContain(">shop.example</a>");
  const odd = await open("/creatives/odd");
  expect(odd.statusCode).toBe(200);
  expect(odd.body).not.toContain('href="javascript:');
  expect(odd.body).not.toContain("<script>alert");
});
