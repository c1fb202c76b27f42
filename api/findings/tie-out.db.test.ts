import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { daysFromTo } from "../../core/days.ts";
import { fakeTemporal } from "../../test/api-recon.ts";
import { bearer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";
import { compareAgain, sandboxWorlds, type World } from "../../test/tie-out.ts";
import type { Api } from "../server/parts.ts";

jest.setTimeout(120_000);

const [from, to] = ["2026-03-05", "2026-03-10"];
/** Each seeds a world of its own; days have 23 hours in it, too. */
const clients = ["713", "acme", "third"];
const planted = 30;
/** 30 of each over six days; of 36 counts of Redtrack, 30 are others than Everflow's. */
const plan = new Map(
  daysFromTo(from, to).map((day, index) => {
    const redtrack = [-2, 1, 3, -1, 2, -3].map((shift, place) => (place === index ? 0 : shift));
    return [day, { missing: 5, extra: 5, amounts: 5, refused: 5, redtrack }] as const;
  }),
);

let database: TestDatabase;
let api: Api;
let worlds: Map<string, World>;
const { access, started } = fakeTemporal();
beforeAll(async () => {
  database = await testDatabase();
  worlds = await sandboxWorlds(database, clients, plan);
  for (const client of clients) await compareAgain(database, client);
  ({ api } = await pageServer({
    ...{ database: database.pool, clients, temporal: access },
    anytrack: {
      ...{ halfLifeDays: 7, webhookPerMinute: 60_000, webhookSecrets: new Map() },
      collect: new Map([["713", { baseUrl: "http://127.0.0.1:1", accountId: "a", integration: "i" }]]),
    },
  }));
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

interface Item {
  difference: string;
  everflowId: string | null;
  orderId: string | null;
  canSend: boolean;
  whyNot: string | null;
}
interface Day {
  date: string;
  affiliateId: string | null;
  sourceId: string | null;
  everflow: number | null;
  inAll: number | null;
  inTwo: number;
  inOne: number;
  missingInRedtrack: number | null;
  moreInRedtrack: number | null;
}

async function all<Row>(client: string, path: string, query = ""): Promise<Row[]> {
  const items: Row[] = [];
  for (let cursor = ""; ;) {
    const answer = await api.inject({
      url: `/api/v1/tie-out${path}?from=${from}&to=${to}&limit=100${query}${cursor}`,
      headers: await bearer({ client }),
    });
    expect(answer.statusCode).toBe(200);
    const page = answer.json<{ items: Row[]; next: string | null }>();
    items.push(...page.items);
    if (page.next === null) return items;
    cursor = `&cursor=${page.next}`;
  }
}
const kinds = {
  missing: "missing_in_anytrack",
  extra: "missing_in_everflow",
  amounts: "amount_differs",
  refused: "refused_by_everflow",
} as const;
const get = async (client: string, path: string) =>
  (await api.inject({ url: `/api/v1/tie-out${path}`, headers: await bearer({ client }) })).json<object>();

test.each(clients)(
  "of client %s 30 planted differences of each kind are named, each once, and none is invented",
  async (client) => {
    const world = worlds.get(client);
    const items = await all<Item>(client, "");
    for (const kind of ["missing", "extra", "amounts", "refused"] as const) {
      const found = items
        .filter(({ difference }) => difference === kinds[kind])
        .map(({ everflowId, orderId }) => (kind === "extra" ? orderId : everflowId));
      expect([kind, found.sort()]).toEqual([kind, world?.planted[kind].toSorted()]);
      expect(found).toHaveLength(planted);
      expect(await all(client, "", `&difference=${kinds[kind]}`)).toHaveLength(planted);
    }
    expect(items).toHaveLength(4 * planted);
    expect(await get(client, `/totals?from=${from}&to=${to}`)).toMatchObject({
      differences: 120,
      ...{ missingInAnytrack: 30, missingInEverflow: 30, amountDiffers: 30, refusedByEverflow: 30 },
    });
  },
);

test.each(clients)(
  "of client %s 30 counts of Redtrack that differ are named by day and affiliate, with by how many",
  async (client) => {
    const days = await all<Day>(client, "/days");
    const found = new Map(
      days
        .filter(({ missingInRedtrack, moreInRedtrack }) => missingInRedtrack || moreInRedtrack)
        .map((one) => [`${one.date} ${one.affiliateId}`, (one.moreInRedtrack ?? 0) - (one.missingInRedtrack ?? 0)]),
    );
    const wanted = [...(worlds.get(client)?.redtrack ?? [])].filter(([, shift]) => shift !== 0);
    expect([...found].sort()).toEqual(wanted.sort());
    expect(found.size).toBe(planted);
    // What is in all, in two and in one is all there is, and sources of no affiliate are in Redtrack alone.
    const { rows } = await database.pool.query<{ count: number }>(
      "select (select count(*) from everflow.conversions where _client_id = $1 and not is_event and revenue >= 0 and status not in ('rejected', 'invalid'))::int as count",
      [client],
    );
    const own = days.filter(({ sourceId }) => sourceId === null);
    const sum = (of: (one: Day) => number | null) => own.reduce((total, one) => total + (of(one) ?? 0), 0);
    expect(sum(({ everflow }) => everflow)).toBe(rows[0]?.count);
    expect(sum(({ inAll, inTwo, inOne }) => (inAll ?? 0) + inTwo + inOne)).toBeGreaterThanOrEqual(
      (rows[0]?.count ?? 0) + 2 * planted,
    );
    expect(
      days.filter(({ sourceId }) => sourceId !== null).every(({ inAll, inTwo }) => (inAll ?? 0) + inTwo === 0),
    ).toBe(true);
  },
);

test("what is missing can be sent where AnyTrack knows its click, first as a dry run, and each order once", async () => {
  const missing = await all<Item>("713", "", "&difference=missing_in_anytrack");
  const can = missing.filter(({ canSend }) => canSend);
  // Of each second one the click had come: three a day.
  expect(can).toHaveLength(18);
  expect(missing.find(({ canSend }) => !canSend)?.whyNot).toMatch(/none of its values is a click/);
  expect((await all<Item>("713", "", "&difference=missing_in_everflow"))[0]?.whyNot).toMatch(/advertiser/);
  const resend = async (body: object, role: "operator" | "analyst" = "operator", client = "713") =>
    api.inject({
      ...{ method: "POST", url: "/api/v1/tie-out/resend" },
      headers: await bearer({ client, role }),
      payload: body,
    });
  const ids = missing.map(({ everflowId }) => everflowId);
  expect((await resend({ everflowIds: ids }, "analyst")).statusCode).toBe(403);
  type Answer = {
    conversions: { orderId: string; workflowId: string; clickId: string }[];
    left: { everflowId: string; why: string }[];
  };
  const other = (await all<Item>("713", "", "&difference=amount_differs"))[0]?.everflowId;
  const dry = (await resend({ everflowIds: [...ids, ...ids, other], dryRun: true })).json<Answer>();
  expect([dry.conversions.length, dry.left.length, started.length]).toEqual([18, 13, 0]);
  expect(dry.left.find(({ everflowId }) => everflowId === other)?.why).toBe("AnyTrack does not miss it");
  const sent = await resend({ everflowIds: ids });
  expect([sent.statusCode, sent.json<Answer>().conversions]).toEqual([202, dry.conversions]);
  await resend({ everflowIds: ids });
  expect(new Set(started.map(({ workflowId }) => workflowId)).size).toBe(18);
  const [first] = dry.conversions;
  expect(started[0]).toMatchObject({
    ...{ type: "trackConversion", workflowId: `anytrack/track/713/${first?.orderId}` },
    input: { client: "713", type: "SALE", orderId: first?.orderId, clickId: first?.clickId },
  });
  // Sent, and not reported yet: it is still named, and not sent again.
  await database.pool.query(
    `insert into anytrack.tracked (_client_id, tracking_key, content_hash, type, revenue, currency, state, attempts, _run_id, sent_at) values ('713', $1, 'h', 'SALE', 20, 'USD', 'sent', 1, 'r', now())`,
    [first?.orderId],
  );
  const again = (await resend({ everflowIds: ids })).json<Answer>();
  expect(again.conversions).toHaveLength(17);
  expect(again.left.filter(({ why }) => why.startsWith("sent to AnyTrack"))).toHaveLength(1);
  // Another client's conversions are nobody's here, and without an integration nothing is sent.
  expect((await resend({ everflowIds: ids, dryRun: true }, "operator", "acme")).json<Answer>().conversions).toEqual([]);
  expect((await all<Item>("acme", "", "&difference=missing_in_anytrack")).some(({ canSend }) => canSend)).toBe(false);
  const { rows } = await database.pool.query("select from ops.audit where action = 'conversions_resent'");
  expect(rows).toHaveLength(3);
});

test("ranges that are too long or the wrong way round are refused", async () => {
  for (const path of ["", "/totals", "/days", "/days/totals"])
    for (const range of ["from=2024-01-01&to=2026-03-01", "from=2026-03-02&to=2026-03-01"]) {
      const { statusCode } = await api.inject({
        url: `/api/v1/tie-out${path}?${range}`,
        headers: await bearer({ client: "713" }),
      });
      expect([path, range, statusCode]).toEqual([path, range, 400]);
    }
});

const open = async (url: string, as: Parameters<typeof loggedIn>[1] = { client: "acme" }) =>
  api.inject({ url, headers: await loggedIn(database.pool, as) });

test("every figure of the page is the JSON route's, and its exports have every row", async () => {
  const page = await open(`/tie-out?from=${from}&to=${to}`);
  expect(page.statusCode).toBe(200);
  const { compared, wrong } = await compareFigures(api, page.body, "acme");
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(400);
  expect(page.body).toMatch(/Redtrack counts <?.*conversions/s);
  const rows = async (url: string) => (await open(url)).body.trim().split("\r\n").length - 1;
  expect(await rows(`/tie-out.csv?from=${from}&to=${to}`)).toBe(4 * planted);
  expect(await rows(`/tie-out.csv?from=${from}&to=${to}&difference=amount_differs`)).toBe(planted);
  expect(await rows(`/tie-out/days.csv?from=${from}&to=${to}`)).toBe((await all("acme", "/days")).length);
  expect((await open("/tie-out?from=2026-01-01&to=2026-01-02")).body).toContain("Nothing differs");
  expect((await open(`/tie-out?from=${from}&to=${to}&difference=amount_differs&affiliate=nobody`)).body).toContain(
    "Nothing under these filters",
  );
});

test("whoever keeps things sees what would be sent, then sends it; whoever reads does neither", async () => {
  const address = `/tie-out/resend?from=${from}&to=${to}`;
  const before = started.length;
  const page = await open(address, { client: "713" });
  expect(page.body).toMatch(/Send 17 to AnyTrack/);
  expect(page.body).toContain("none of its values is a click that AnyTrack knows");
  expect([started.length, (await open(address, { client: "713", role: "analyst" })).statusCode]).toEqual([before, 404]);
  expect((await open(`/tie-out?from=${from}&to=${to}`, { client: "713", role: "analyst" })).body).not.toContain(
    "resend",
  );
  const ids = [...page.body.matchAll(/name="id" value="([^"]+)"/g)].map(([, id = ""]) => id);
  const { payload, type } = formBody({ id: ids[0] ?? "", back: `/tie-out?from=${from}&to=${to}` });
  const sent = await api.inject({
    ...{ method: "POST", url: "/tie-out/resend", payload },
    headers: { ...(await loggedIn(database.pool, { client: "713" })), ...type },
  });
  expect([sent.statusCode, sent.headers.location, started.length]).toEqual([
    303,
    `/tie-out?from=${from}&to=${to}&sent=1&difference=missing_in_anytrack`,
    before + 1,
  ]);
  expect((await open(String(sent.headers.location), { client: "713" })).body).toContain("1 conversion is being sent");
  expect((await open("/tie-out", { client: "713", role: "advertiser", advertiser: "1" })).statusCode).toBe(404);
});
