import { describe, expect, test } from "@jest/globals";
import { Big } from "big.js";
import { addDays } from "../../core/days.ts";
import {
  today,
  database,
  creativeOf,
  get,
  everyPage,
  lengths,
  inPeriod,
  places,
  ratio,
  recomputed,
  rowsOf,
  all713,
  tierOf,
  type Row,
  type Page,
} from "../../test/api-rtb.ts";

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
