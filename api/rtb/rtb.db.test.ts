import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { Big } from "big.js";
import { addDays, dayAt } from "../../core/days.ts";
import { refreshAggregates } from "../../queries/rtb/rollups.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";
import { bearer, testServer } from "../../test/api-server.ts";

const today = dayAt(new Date(), "America/New_York");
const countries = ["BR", "IE", "NA", "US", ""];
const devices = ["mobile", "desktop", ""];

interface Row {
  client: string;
  creative: string;
  date: string;
  hour: number;
  geography: string;
  device: string;
  impressions: number;
  clicks: number;
  spend: string;
}

let database: TestDatabase;
let api: Api;
const rows: Row[] = [];

/** The same numbers each time. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Past 2^53, and next to each other: a JS number could not tell them apart. */
const creativeOf = (number: number) => String(9_007_199_254_740_993n + BigInt(number));
const creativesOf: Record<string, number> = { "713": 40, acme: 7 };

beforeAll(async () => {
  database = await testDatabase();
  const random = createRandom(7);
  for (const [client, many] of Object.entries(creativesOf)) {
    await database.pool.query(
      `insert into rtb.creatives (_client_id, id, creative_id, buyer_id, format, width, height, canonical_size, html_snippet, vast_xml, is_stub)
       select $1, ($2::numeric + n)::bigint, $2::numeric + n, 'of ' || $1 || ' ' || n % 3, (array['HTML', 'VIDEO', 'NATIVE'])[1 + n % 3], 300, 250, '300x250', '<b>heavy</b>', null, n % 10 = 9
         from generate_series(0, $3 - 1) n`,
      [client, creativeOf(0), many],
    );
    await database.pool.query(
      "insert into rtb.buyer_seats (_client_id, buyer_id, display_name) values ($1, 'of ' || $1 || ' 0', 'Seat')",
      [client],
    );
    for (let creative = 0; creative < many; creative += 1) {
      // Some have nothing, some cost nothing, two are equal to the cent and beyond.
      if (creative % 8 === 7) continue;
      const seen = new Set<string>();
      for (let record = 0; record < 40; record += 1) {
        const row: Row = {
          client,
          creative: creativeOf(creative),
          date: addDays(today, -random(record % 2 === 0 ? 16 : 90)),
          hour: random(3) - 1,
          geography: countries[random(countries.length)] ?? "",
          device: devices[random(devices.length)] ?? "",
          impressions: random(4) === 0 ? 0 : random(100_000),
          clicks: 0,
          spend: creative % 8 === 6 ? "0.000000" : `${random(900)}.${String(random(1_000_000)).padStart(6, "0")}`,
        };
        row.clicks = random(Math.min(row.impressions, 5) + 1);
        const key = [row.date, row.hour, row.geography, row.device].join();
        if (!seen.has(key)) rows.push(row);
        seen.add(key);
      }
      if (creative === 12)
        rows.push(
          ...rows
            .filter((row) => row.client === client && row.creative === creativeOf(creative))
            .map((row) => ({ ...row, creative: creativeOf(13) })),
        );
      if (creative === 12) creative += 1;
    }
  }
  await database.pool.query("select rtb.ensure_months($1)", [[...new Set(rows.map(({ date }) => date))]]);
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
     select c, i::bigint, d, h, g, v, '', m, k, s, 1
       from unnest($1::text[], $2::text[], $3::date[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::numeric[]) as t(c, i, d, h, g, v, m, k, s)`,
    [
      rows.map((row) => row.client),
      rows.map((row) => row.creative),
      rows.map((row) => row.date),
      rows.map((row) => row.hour),
      rows.map((row) => row.geography),
      rows.map((row) => row.device),
      rows.map((row) => row.impressions),
      rows.map((row) => row.clicks),
      rows.map((row) => row.spend),
    ],
  );
  for (const client of Object.keys(creativesOf)) await refreshAggregates(database.pool, { client, today });
  api = await testServer({ database: database.pool, env: { API_RATE_LIMIT_PER_MINUTE: "100000" } });
}, 120_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type Claims = Parameters<typeof bearer>[0];
const get = async (url: string, claims: Claims = {}) =>
  api.inject({ url: `/api/v1/rtb${url}`, headers: await bearer(claims) });
const send = async (method: "PUT" | "POST", url: string, payload: object, claims: Claims = {}) =>
  api.inject({ method, url: `/api/v1/rtb${url}`, headers: await bearer(claims), payload });

interface Listed {
  creativeId: string;
  format: string | null;
  performance: Record<string, unknown> & { spend: string; cpc: string | null; cpm: string | null; tier: string };
}
interface Page {
  items: Listed[];
  next: string | null;
}

async function everyPage(query: string, limit = 7): Promise<Listed[]> {
  const items: Listed[] = [];
  let cursor = "";
  for (let page = 0; ; page += 1) {
    expect(page).toBeLessThan(30);
    const answer = await get(`/creatives?${query}&limit=${limit}${cursor}`);
    expect([query, answer.statusCode]).toEqual([query, 200]);
    const { items: found, next } = answer.json<Page>();
    items.push(...found);
    if (next === null) return items;
    expect(found).toHaveLength(limit);
    cursor = `&cursor=${next}`;
  }
}

type Period = "1d" | "7d" | "30d" | "all";
const lengths = { "1d": 1, "7d": 7, "30d": 30 };

function inPeriod(period: Period, back = 0): (row: Row) => boolean {
  if (period === "all") return () => back === 0;
  const last = addDays(today, (period === "1d" ? -1 : 0) - back * lengths[period]);
  const first = addDays(last, 1 - lengths[period]);
  return (row) => row.date >= first && row.date <= last;
}

const total = (of: readonly Row[], what: "spend" | "clicks" | "impressions") =>
  of.reduce((sum, row) => sum.plus(row[what]), new Big(0));
const places = (number: Big, digits: number) => number.round(digits, Big.roundHalfUp);
const ratio = (above: Big, below: Big) => (below.eq(0) ? null : places(above.div(below), 4).toFixed(4));
const percent = (part: Big, whole: Big) =>
  whole.eq(0) ? null : Number(places(part.times(100).div(whole), 2).toFixed(2));

/** A plain recomputation from the rows: what every figure has to equal. */
function recomputed(own: readonly Row[], period: Period, geography?: string) {
  const restricted = geography === undefined ? own : own.filter((row) => row.geography === geography);
  const now = restricted.filter(inPeriod(period));
  // A running day is held against no whole one: today is left out, and the day that would stand beside it.
  const isOver = (date: string) => date < today && date !== addDays(today, period === "30d" ? -30 : -7);
  const spentOver = (ago: 0 | 1) =>
    total(
      restricted.filter((row) => inPeriod(period, ago)(row) && isOver(row.date)),
      "spend",
    );
  const before = spentOver(1);
  const [spend, clicks, impressions] = [total(now, "spend"), total(now, "clicks"), total(now, "impressions")];
  const whole = own.filter(inPeriod(period));
  const top = countries
    .filter((country) => country !== "")
    .map((country) => ({
      country,
      spend: total(
        whole.filter((row) => row.geography === country),
        "spend",
      ),
    }))
    .filter((one) => one.spend.gt(0))
    .sort((one, other) => other.spend.cmp(one.spend) || (one.country < other.country ? -1 : 1))[0];
  return {
    spend: places(spend, 2).toFixed(2),
    impressions: Number(impressions),
    clicks: Number(clicks),
    cpc: ratio(spend, clicks),
    cpm: ratio(spend.times(1_000), impressions),
    trend: period === "all" ? null : percent(spentOver(0).minus(before), before),
    topGeography: top?.country ?? null,
    topGeographyShare: top === undefined ? null : percent(top.spend, total(whole, "spend")),
    exact: spend,
    exactCpc: clicks.eq(0) ? null : spend.div(clicks),
    exactCpm: impressions.eq(0) ? null : spend.times(1_000).div(impressions),
  };
}

const rowsOf = (client: string, creative: string) =>
  rows.filter((row) => row.client === client && row.creative === creative);
const all713 = Array.from({ length: creativesOf["713"] ?? 0 }, (_, number) => creativeOf(number));

function tierOf(spends: readonly Big[], spend: Big): string {
  if (spend.eq(0)) return "zero";
  const sorted = spends.filter((one) => one.gt(0)).sort((one, other) => other.cmp(one));
  const quarter = Math.ceil(sorted.length / 4);
  if (spend.gte(sorted[quarter - 1] ?? 0)) return "high";
  return spend.lte(sorted[sorted.length - quarter] ?? 0) ? "low" : "medium";
}

describe.each(["1d", "7d", "30d", "all"] as const)("creatives over %s", (period) => {
  test.each([undefined, "BR", "NA"])("every figure equals a plain recomputation (geography %s)", async (geography) => {
    const found = await everyPage(`period=${period}${geography === undefined ? "" : `&geography=${geography}`}`);
    const spends = all713.map((creative) => recomputed(rowsOf("713", creative), period).exact);
    const expected = all713
      .filter(
        (creative) =>
          geography === undefined ||
          rowsOf("713", creative).some((row) => row.geography === geography && inPeriod(period)(row)),
      )
      .map((creative, number) => ({ creative, number, ...recomputed(rowsOf("713", creative), period, geography) }))
      .sort((one, other) => other.exact.cmp(one.exact) || one.number - other.number);
    expect(found.map(({ creativeId }) => creativeId)).toEqual(expected.map(({ creative }) => creative));
    for (const [
      index,
      { creative, exact: _exact, exactCpc: _cpc, exactCpm: _cpm, number: _number, ...figures },
    ] of expected.entries()) {
      const whole = recomputed(rowsOf("713", creative), period).exact;
      expect({ creative, ...found[index]?.performance }).toEqual({
        creative,
        period,
        from: period === "all" ? null : addDays(today, period === "1d" ? -1 : 1 - lengths[period]),
        to: period === "all" ? null : addDays(today, period === "1d" ? -1 : 0),
        ...figures,
        tier: tierOf(spends, whole),
      });
    }
  });

  test.each(["cpc", "cpm"] as const)("by %s the cheapest come first, those without one last", async (sort) => {
    const found = await everyPage(`period=${period}&sort=${sort}`);
    const exact = sort === "cpc" ? "exactCpc" : "exactCpm";
    const expected = all713
      .map((creative, number) => ({ creative, number, ratio: recomputed(rowsOf("713", creative), period)[exact] }))
      .sort((one, other) => {
        if (one.ratio === null || other.ratio === null)
          return Number(one.ratio === null) - Number(other.ratio === null) || one.number - other.number;
        return one.ratio.cmp(other.ratio) || one.number - other.number;
      });
    expect(found.map(({ creativeId }) => creativeId)).toEqual(expected.map(({ creative }) => creative));
  });

  test("a tier lists its own, and the four tiers list all", async () => {
    const listed = [];
    for (const tier of ["high", "medium", "low", "zero"]) {
      const found = await everyPage(`period=${period}&tier=${tier}`, 3);
      expect(found.every(({ performance }) => performance.tier === tier)).toBe(true);
      listed.push(...found.map(({ creativeId }) => creativeId));
    }
    expect(listed).toEqual((await everyPage(`period=${period}`)).map(({ creativeId }) => creativeId));
  });

  test("one creative tells the same as the list", async () => {
    for (const item of await everyPage(`period=${period}`)) {
      const answer = (await get(`/creatives/${item.creativeId}`)).json<{ performance: { period: string }[] }>();
      expect(answer.performance.find((one) => one.period === period)).toEqual(item.performance);
      expect(answer.performance).toHaveLength(4);
    }
  });
});

test("slim leaves out what is heavy, and filters find by format, buyer and campaign", async () => {
  const [fat] = (await get("/creatives?sort=id&limit=1")).json<Page>().items;
  const [slim] = (await get("/creatives?sort=id&limit=1&slim=true")).json<Page>().items;
  expect(fat).toMatchObject({ creativeId: creativeOf(0), htmlSnippet: "<b>heavy</b>", vastXml: null });
  expect(slim).not.toHaveProperty("htmlSnippet");
  expect(slim).not.toHaveProperty("vastXml");
  expect(slim).toMatchObject({ creativeId: creativeOf(0), performance: fat?.performance });
  const video = await everyPage("format=video&sort=id");
  expect(video.map(({ creativeId }) => creativeId)).toEqual(all713.filter((_, number) => number % 3 === 1));
  const seat = await everyPage("buyer_id=of%20713%202&sort=spend");
  expect(new Set(seat.map(({ creativeId }) => creativeId))).toEqual(
    new Set(all713.filter((_, number) => number % 3 === 2)),
  );
});

test("a page goes on where it ended, also when rows before it have gone", async () => {
  const first = (await get("/creatives?limit=5")).json<Page>();
  const rest = (await get(`/creatives?limit=500&cursor=${first.next}`)).json<Page>();
  expect([...first.items, ...rest.items]).toEqual(await everyPage(""));
  expect((await get(`/creatives?period=30d&cursor=${first.next}`)).statusCode).toBe(400);
  expect((await get(`/creatives?sort=cpc&cursor=${first.next}`)).statusCode).toBe(400);
});

test("records of a creative come newest first, page by page, each with its ratios", async () => {
  const creative = creativeOf(3);
  const own = rowsOf("713", creative);
  const found: Record<string, unknown>[] = [];
  let cursor = "";
  do {
    const page = (await get(`/performance/metrics/${creative}?limit=4${cursor}`)).json<{
      items: typeof found;
      next: string | null;
    }>();
    found.push(...page.items);
    cursor = page.next === null ? "" : `&cursor=${page.next}`;
  } while (cursor !== "");
  const place = (row: Row) => `${row.date} ${String(row.hour + 1).padStart(2, "0")} ${row.geography} ${row.device}`;
  expect(found).toEqual(
    [...own]
      .sort((one, other) => (place(one) < place(other) ? 1 : -1))
      .map((row) => ({
        date: row.date,
        hour: row.hour === -1 ? null : row.hour,
        geography: row.geography === "" ? null : row.geography,
        deviceType: row.device === "" ? null : row.device,
        placement: null,
        impressions: row.impressions,
        clicks: row.clicks,
        spend: new Big(row.spend).round(2, Big.roundHalfUp).toFixed(2),
        spendExact: row.spend,
        cpc: ratio(new Big(row.spend), new Big(row.clicks)),
        cpm: ratio(new Big(row.spend).times(1_000), new Big(row.impressions)),
        fileId: 1,
      })),
  );
  const [from, to] = [addDays(today, -10), addDays(today, -2)];
  const some = (
    await get(`/performance/metrics/${creative}?start_date=${from}&end_date=${to}&geography=na&limit=500`)
  ).json<{ items: object[] }>();
  expect(some.items).toHaveLength(
    own.filter((row) => row.date >= from && row.date <= to && row.geography === "NA").length,
  );
  expect(some.items.length).toBeGreaterThan(0);
});

test("analysts read the ratios of a record with six places", async () => {
  const { rows: found } = await database.pool.query<{ spend: string; clicks: number; cpc: string | null }>(
    "select spend, clicks, cpc from rtb.performance where _client_id = '713' and clicks > 0",
  );
  expect(found.length).toBeGreaterThan(0);
  for (const { spend, clicks, cpc } of found) expect(cpc).toBe(places(new Big(spend).div(clicks), 6).toFixed(6));
});

test("a creative without performance has no records, and one that is unknown is 404", async () => {
  expect((await get(`/performance/metrics/${creativeOf(7)}`)).json()).toEqual({ items: [], next: null });
  expect((await get("/performance/metrics/1")).statusCode).toBe(404);
  expect((await get("/creatives/1")).statusCode).toBe(404);
  expect((await get("/creatives/9223372036854775807")).statusCode).toBe(404);
});

describe("campaigns", () => {
  const members = [0, 3, 12, 13, 7, 6].map(creativeOf);
  let campaignId = 0;

  test("are made by name, once, with their sums in the same moment", async () => {
    const body = {
      items: [{ campaignName: "Puzzle Brazil", confidenceScore: 0.95, aiProvider: "claude", creativeIds: members }],
    };
    const made = await send("PUT", "/campaigns", body);
    expect(made.statusCode).toBe(200);
    expect(made.json()).toMatchObject({ created: 1, updated: 0, unchanged: 0 });
    campaignId = made.json<{ campaignIds: number[] }>().campaignIds[0] ?? 0;
    expect((await send("PUT", "/campaigns", body)).json()).toEqual({
      created: 0,
      updated: 0,
      unchanged: 1,
      campaignIds: [campaignId],
    });
    const own = rows.filter((row) => row.client === "713" && members.includes(row.creative));
    const week = recomputed(own, "7d");
    expect((await get("/campaigns")).json<{ items: object[] }>().items).toEqual([
      expect.objectContaining({
        campaignId,
        campaignName: "Puzzle Brazil",
        creatives: members.length,
        totalSpend7d: week.spend,
        totalSpend30d: recomputed(own, "30d").spend,
        totalSpendAllTime: recomputed(own, "all").spend,
        avgCpc7d: week.cpc,
        avgCpm7d: week.cpm,
        topGeography: week.topGeography,
        lastPerformanceUpdate: expect.stringMatching(/Z$/),
      }),
    ]);
  });

  test.each(["1d", "7d", "30d", "all"] as const)("tell where the money of %s went", async (period) => {
    const own = rows.filter((row) => row.client === "713" && members.includes(row.creative));
    const answer = (await get(`/campaigns/${campaignId}?period=${period}`)).json<{
      performance: object;
      geographies: object[];
      topCreative: object;
      creativeIds: string[];
    }>();
    const {
      exact,
      exactCpc: _cpc,
      exactCpm: _cpm,
      topGeography: _top,
      topGeographyShare: _share,
      ...figures
    } = recomputed(own, period);
    expect(answer.performance).toMatchObject({ period, ...figures });
    const parts = countries
      .map((country) => ({ country, own: own.filter((row) => row.geography === country && inPeriod(period)(row)) }))
      .filter((part) => part.own.length > 0)
      .map((part) => ({ ...part, spend: total(part.own, "spend") }))
      .sort((one, other) => other.spend.cmp(one.spend) || (one.country < other.country ? -1 : 1));
    expect(answer.geographies).toEqual(
      parts.map((part) => ({
        geography: part.country === "" ? null : part.country,
        spend: places(part.spend, 2).toFixed(2),
        impressions: Number(total(part.own, "impressions")),
        clicks: Number(total(part.own, "clicks")),
        cpc: ratio(part.spend, total(part.own, "clicks")),
        cpm: ratio(part.spend.times(1_000), total(part.own, "impressions")),
        share: percent(part.spend, exact),
      })),
    );
    const [best] = members
      .map((creative) => ({ creative, ...recomputed(rowsOf("713", creative), period) }))
      .sort((one, other) => other.exact.cmp(one.exact) || (one.creative < other.creative ? -1 : 1));
    expect(answer.topCreative).toMatchObject({
      creativeId: best?.creative,
      spend: best?.spend,
      cpc: best?.cpc,
      share: percent(best?.exact ?? new Big(0), exact),
    });
    expect(answer.creativeIds).toEqual([...members].sort());
  });

  test("lose and gain creatives, and a filter by campaign lists what is in it", async () => {
    const body = { items: [{ campaignId, creativeIds: members.slice(0, 2) }] };
    expect((await send("PUT", "/campaigns", body)).json()).toMatchObject({ updated: 1 });
    const own = rows.filter((row) => row.client === "713" && members.slice(0, 2).includes(row.creative));
    expect((await get(`/campaigns/${campaignId}`)).json()).toMatchObject({
      creatives: 2,
      totalSpendAllTime: recomputed(own, "all").spend,
      confidenceScore: 0.95,
    });
    expect((await everyPage(`campaign=${campaignId}&sort=id`)).map(({ creativeId }) => creativeId)).toEqual(
      members.slice(0, 2),
    );
    expect((await get(`/creatives/${members[0]}`)).json()).toMatchObject({
      campaigns: [{ campaignId, campaignName: "Puzzle Brazil" }],
    });
  });

  test("name what is wrong, and nothing of such a call is done", async () => {
    const unknown = await send("PUT", "/campaigns", {
      items: [{ campaignName: "Other" }, { campaignName: "More", creativeIds: ["17"] }],
    });
    expect(unknown.statusCode).toBe(400);
    expect(unknown.json()).toMatchObject({ details: { "items.1": "creatives that are not known: 17" } });
    expect(
      (await send("PUT", "/campaigns", { items: [{ campaignId: 999_999, campaignName: "Other" }] })).statusCode,
    ).toBe(400);
    expect((await send("PUT", "/campaigns", { items: [{ confidenceScore: 1 }] })).statusCode).toBe(400);
    expect((await get("/campaigns")).json<{ items: object[] }>().items).toHaveLength(1);
  });
});

test("creatives are merged by id: left out stays, null goes, the same again changes nothing", async () => {
  const item = {
    creativeId: creativeOf(9),
    format: "VIDEO",
    width: 640,
    height: 360,
    htmlSnippet: null,
    creativeAttributes: { tag: ["a"] },
  };
  const fresh = { creativeId: "18014398509481985", buyerId: "of 713 0", declaredClickUrls: ["https://shop.example/"] };
  expect((await send("PUT", "/creatives", { items: [item, fresh] })).json()).toEqual({
    inserted: 1,
    updated: 1,
    unchanged: 0,
  });
  expect((await send("PUT", "/creatives", { items: [item, fresh] })).json()).toEqual({
    inserted: 0,
    updated: 0,
    unchanged: 2,
  });
  expect((await get(`/creatives/${item.creativeId}`)).json()).toMatchObject({
    buyerId: "of 713 0",
    format: "VIDEO",
    canonicalSize: "640x360",
    htmlSnippet: null,
    creativeAttributes: { tag: ["a"] },
    isStub: false,
  });
  expect((await get(`/creatives/${fresh.creativeId}`)).json()).toMatchObject({
    declaredClickUrls: ["https://shop.example/"],
    canonicalSize: null,
  });
  const seats = (await get("/seats")).json<{ items: object[] }>().items;
  expect(seats).toEqual([
    expect.objectContaining({
      buyerId: "of 713 0",
      creativeCount: all713.filter((_, number) => number % 3 === 0).length + 1,
    }),
  ]);
  await database.pool.query("delete from rtb.creatives where _client_id = '713' and creative_id = '18014398509481985'");

  const twice = await send("PUT", "/creatives", { items: [item, item] });
  expect(twice.json()).toMatchObject({
    error: "validation_error",
    details: { "items.1": `${item.creativeId} is given twice` },
  });
  expect((await send("PUT", "/seats", { items: [{ buyerId: "s1", displayName: "One" }] })).json()).toEqual({
    inserted: 1,
    updated: 0,
    unchanged: 0,
  });
  expect((await send("PUT", "/seats", { items: [{ buyerId: "s1", displayName: "Two" }] })).json()).toEqual({
    inserted: 0,
    updated: 1,
    unchanged: 0,
  });
});

test("sizes and statistics count what is there", async () => {
  const { items } = (await get("/sizes")).json<{ items: { creatives: number; canonicalSize: string }[] }>();
  expect(items.reduce((sum, size) => sum + size.creatives, 0)).toBe(40);
  const own = rows.filter((row) => row.client === "713");
  expect((await get("/stats")).json()).toMatchObject({
    creatives: 40,
    campaigns: 1,
    withPerformance: new Set(own.map(({ creative }) => creative)).size,
    spend: recomputed(own, "all").spend,
    impressions: recomputed(own, "all").impressions,
    cpc: recomputed(own, "all").cpc,
  });
});

test("who is cheapest is remembered until the records change, for pages of any size", async () => {
  const client = "cheap";
  const add = (creative: number, spend: number) =>
    database.pool.query(
      `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
       values ($1, $2, $3, -1, 'BR', 'mobile', '', 1000, 10, $4, 1)`,
      [client, creative, today, spend],
    );
  const order = async (query = "") =>
    (await get(`/creatives?sort=cpc${query}`, { client })).json<Page>().items.map(({ creativeId }) => creativeId);
  await database.pool.query(
    "insert into rtb.creatives (_client_id, id, creative_id) select $1, n, n from generate_series(1, 5) n",
    [client],
  );
  for (const [creative, spend] of [
    [1, 40],
    [2, 30],
    [3, 20],
    [4, 10],
  ] as const)
    await add(creative, spend);
  await refreshAggregates(database.pool, { client, today });
  for (let look = 0; look < 2; look += 1) {
    expect(await order("&limit=2")).toEqual(["4", "3"]);
    expect(await order("&limit=1")).toEqual(["4"]);
    expect(await order()).toEqual(["4", "3", "2", "1", "5"]);
    expect(await order("&tier=high")).toEqual(["1"]);
  }
  await add(5, 5);
  await refreshAggregates(database.pool, { client, today });
  expect(await order("&limit=2")).toEqual(["5", "4"]);
  expect(await order()).toEqual(["5", "4", "3", "2", "1"]);
  // Gone by hand, which no version tells of.
  await database.pool.query("delete from rtb.creatives where _client_id = $1 and creative_id = '4'", [client]);
  expect(await order("&limit=2")).toEqual(["5", "3"]);
});

test("a day that has begun moves the periods on before they are read", async () => {
  const client = "late";
  const yesterday = addDays(today, -1);
  await database.pool.query("insert into rtb.creatives (_client_id, id, creative_id) values ($1, 5, '5')", [client]);
  await database.pool.query(
    `insert into rtb.performance_metrics (_client_id, creative_id, date, hour, geography, device_type, placement, impressions, clicks, spend, _file_id)
     values ($1, 5, $2, -1, 'BR', 'mobile', '', 10, 2, 3.5, 1)`,
    [client, yesterday],
  );
  await refreshAggregates(database.pool, { client, today: yesterday });
  const zone = { importDir: "/nowhere", maxBytes: 1, slots: 1, watchMinutes: null, stillMs: 0, uploadsDays: 1 };
  const clients = new Map([[client, { timezone: "America/New_York" }]]) as never;
  const server = await testServer({ database: database.pool, ingest: { ...zone, clients } });
  const answer = await server.inject({ url: "/api/v1/rtb/creatives?period=1d", headers: await bearer({ client }) });
  expect(answer.json()).toMatchObject({ items: [{ performance: { from: yesterday, to: yesterday, spend: "3.50" } }] });
  await server.close();
});

const reads = [
  "/creatives",
  "/creatives?geography=BR",
  "/seats",
  "/campaigns",
  "/sizes",
  "/stats",
  "/performance/imports",
];
const single = () => [
  `/creatives/${creativeOf(20)}`,
  `/performance/metrics/${creativeOf(20)}`,
  "/campaigns/1",
  "/performance/imports/1",
  `/performance/imports/${"a".repeat(32)}`,
];

test("another client's token finds none of it", async () => {
  for (const url of reads) {
    const answer = await get(url, { client: "nobody" });
    expect([url, answer.statusCode]).toEqual([url, 200]);
    expect(answer.payload).not.toMatch(/of 713|of acme|9007199254/);
    if (url !== "/stats") expect(answer.json()).toMatchObject({ items: [] });
    else expect(answer.json()).toMatchObject({ creatives: 0, spend: "0.00", rows: 0 });
  }
  expect((await get(single()[0] ?? "")).statusCode).toBe(200);
  expect((await get("/campaigns/1")).statusCode).toBe(200);
  for (const url of single()) {
    const answer = await get(url, { client: "nobody" });
    expect([url, answer.statusCode, answer.json<{ error: string }>().error]).toEqual([url, 404, "not_found"]);
  }
  // The same ids of two clients are two creatives.
  expect((await get(`/creatives/${creativeOf(1)}`, { client: "acme" })).json()).toMatchObject({ buyerId: "of acme 1" });
  const foreign = await send(
    "PUT",
    "/campaigns",
    { items: [{ campaignId: 1, campaignName: "mine now" }] },
    { client: "acme" },
  );
  expect(foreign.statusCode).toBe(400);
  expect((await get("/campaigns/1")).json()).toMatchObject({ campaignName: "Puzzle Brazil" });
});

test("without a token nothing is told, and an analyst writes nothing", async () => {
  for (const url of [...reads, ...single()]) {
    expect([url, (await api.inject(`/api/v1/rtb${url}`)).statusCode]).toEqual([url, 401]);
    expect([url, (await get(url, { role: "advertiser", advertiser: "1" })).statusCode]).toEqual([url, 403]);
  }
  for (const [method, url] of [
    ["PUT", "/creatives"],
    ["PUT", "/seats"],
    ["PUT", "/campaigns"],
    ["POST", "/campaigns/refresh"],
    ["POST", "/seats/discover"],
    ["POST", "/seats/1/sync"],
    ["POST", "/performance/import"],
  ] as const) {
    expect([url, (await send(method, url, {}, { role: "analyst" })).statusCode]).toEqual([url, 403]);
    expect([url, (await api.inject({ method, url: `/api/v1/rtb${url}` })).statusCode]).toEqual([url, 401]);
  }
});

test("rubbish in any parameter is the caller's mistake, never ours", async () => {
  const rubbish = [
    "",
    "0",
    "-1",
    "1e9",
    "99999999999999999999",
    "NaN",
    "'; drop table rtb.creatives; --",
    "a\u0000b",
    "\u202e",
    "💥",
    "%",
    "null",
    "[]",
    "{}",
    "__proto__",
    "x".repeat(5_000),
    "2025-02-30",
    "9223372036854775808",
  ];
  const cursors = [
    ...rubbish,
    ...[
      {},
      [],
      1,
      "x",
      null,
      { sort: "spend", period: "7d", place: "1e999999", creativeId: "1" },
      { sort: "spend", period: "7d", place: null, creativeId: "1" },
      { sort: "spend", period: "7d", place: "9".repeat(79), creativeId: "9223372036854775807" },
      { date: "2025-01-01", hour: 99, geography: "", deviceType: "", placement: "" },
    ].map((place) => Buffer.from(JSON.stringify(place)).toString("base64url")),
  ];
  const parameters: [string, string[]][] = [
    ["/creatives", ["sort", "period", "tier", "format", "geography", "buyer_id", "campaign", "slim", "limit"]],
    ["/campaigns", ["period", "limit"]],
    ["/campaigns/1", ["period"]],
    ["/seats", ["limit"]],
    ["/performance/imports", ["outcome", "limit"]],
    [`/performance/metrics/${creativeOf(0)}`, ["start_date", "end_date", "geography", "limit"]],
  ];
  const statuses = new Set<number>();
  const look = async (url: string) => {
    const { statusCode, payload } = await get(url);
    if (statusCode >= 500) throw new Error(`${url}: ${statusCode} ${payload}`);
    statuses.add(statusCode);
  };
  for (const [url, names] of parameters) {
    for (const name of names) for (const value of rubbish) await look(`${url}?${name}=${encodeURIComponent(value)}`);
    for (const value of cursors) await look(`${url}?cursor=${encodeURIComponent(value)}`);
  }
  for (const value of rubbish)
    for (const url of ["/creatives/", "/campaigns/", "/performance/metrics/", "/performance/imports/"])
      await look(`${url}${encodeURIComponent(value)}`);
  const bodies = [
    null,
    [],
    {},
    { items: [] },
    { items: [null] },
    { items: [{}] },
    ...rubbish.map((value) => ({
      items: [
        {
          creativeId: value,
          buyerId: value,
          campaignName: value,
          campaignId: value,
          width: value,
          creativeIds: [value],
          creativeAttributes: value,
        },
      ],
    })),
  ];
  for (const url of ["/creatives", "/seats", "/campaigns"])
    for (const body of bodies) {
      const answer = await api.inject({
        method: "PUT",
        url: `/api/v1/rtb${url}`,
        headers: { ...(await bearer()), "content-type": "application/json" },
        payload: JSON.stringify(body),
      });
      expect([url, body, answer.statusCode]).toEqual([url, body, 400]);
    }
  expect([...statuses].sort()).toEqual([200, 400, 404]);
}, 60_000);

test("every answer of the area is described", async () => {
  const { paths } = (await api.inject("/openapi.json")).json<{
    paths: Record<
      string,
      Record<string, { responses: Record<string, { content?: unknown }>; requestBody?: { content: object } }>
    >;
  }>();
  const own = Object.entries(paths).filter(([path]) => path.startsWith("/api/v1/rtb"));
  expect(own.length).toBeGreaterThanOrEqual(24);
  for (const [path, methods] of own)
    for (const [method, route] of Object.entries(methods))
      // What only ever starts something answers 202.
      expect([path, method, (route.responses["200"] ?? route.responses["202"])?.content]).toEqual([
        path,
        method,
        path.endsWith("/thumbnail")
          ? { "image/*": { schema: expect.objectContaining({ format: "binary" }) } }
          : { "application/json": { schema: expect.objectContaining({ type: "object" }) } },
      ]);
  expect(Object.keys(paths["/api/v1/rtb/performance/import"]?.["post"]?.requestBody?.content ?? {})).toEqual([
    "multipart/form-data",
  ]);
});
