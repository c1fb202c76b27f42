import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { toMicros } from "../../core/money.ts";
import { readLanding } from "../../rules/rtb/landing.ts";
import { dimensions, question } from "../../rules/intelligence/question.ts";
import { makeCreatives } from "../../sandbox/data/creatives.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { plainAnswer, type PlainRow } from "../../test/plain-question.ts";
import { asker, fillQuestionWorld, last, questions, stores } from "../../test/question-world.ts";
import { runQuestion } from "./run-question.ts";

let database: TestDatabase;
let rows: PlainRow[];
beforeAll(async () => {
  database = await testDatabase();
  // The same again for another client: nothing of it may be seen.
  rows = await fillQuestionWorld(database, "713", 1);
  await fillQuestionWorld(database, "acme", 2);
}, 60_000);
afterAll(() => database?.drop());

test("any question answers what a plain pass over the rows answers, to the last digit", async () => {
  let answered = 0;
  await fc.assert(
    fc.asyncProperty(questions, async (asked) => {
      const expected = plainAnswer(asked, rows, last);
      const found = await runQuestion(database.pool, asker, asked);
      expect(
        found.rows.map(({ subject, sums }) => [subject, sums.impressions, sums.clicks, toMicros(sums.spend)]),
      ).toEqual(
        expected.rows.map(({ subject, own }) => [...[subject, String(own.impressions), String(own.clicks), own.spend]]),
      );
      expect(found.matched).toBe(expected.matched);
      const sides = (of: { impressions: unknown; clicks: unknown } | null) =>
        of && [String(of.impressions), String(of.clicks)];
      expect(found.rows.map(({ otherSums }) => sides(otherSums))).toEqual(
        expected.rows.map(({ other }) => sides(other)),
      );
      if (found.rows.length > 0) answered += 1;
    }),
    { numRuns: 250, seed: 15 },
  );
  // A property that is true of empty answers only says nothing.
  expect(answered).toBeGreaterThan(100);
}, 60_000);

test("how much each side varies is measured from its own days", async () => {
  const weekend = ["saturday", "sunday"];
  const asked = question.parse({
    ...{ subject: "seat", metric: "cpc", period: { days: 24 } },
    compare: { with: "slice", is: "above", slice: { dimension: "weekday", values: weekend }, by: { percent: "0" } },
  });
  const { rows: found } = await runQuestion(database.pool, asker, asked);
  expect(found.length).toBeGreaterThan(0);
  for (const { subject, value, other, low, high } of found) {
    const varianceOf = (isWeekend: boolean) => {
      const days = new Map<string, { clicks: number; spend: number }>();
      for (const { creative, date, clicks, spend } of rows) {
        if (creative.seat !== subject || [0, 6].includes(new Date(date).getUTCDay()) !== isWeekend) continue;
        const day = days.get(date) ?? { clicks: 0, spend: 0 };
        days.set(date, { clicks: day.clicks + clicks, spend: day.spend + Number(spend) / 1e6 });
      }
      const all = [...days.values()];
      const clicks = all.reduce((sum, day) => sum + day.clicks, 0);
      const spend = all.reduce((sum, day) => sum + day.spend, 0);
      const squares = all.reduce((sum, day) => sum + day.clicks ** 2 / day.spend, 0);
      const dispersion = ((squares * spend) / clicks - clicks) / (all.length - 1);
      expect(dispersion).toBeGreaterThan(2);
      return dispersion / clicks;
    };
    const width = Math.exp(1.6449 * Math.sqrt(varianceOf(true) + varianceOf(false)));
    const ratio = Number(value) / Number(other);
    expect(Number(low)).toBeCloseTo((ratio / width - 1) * 100, -0.3);
    expect(Number(high)).toBeCloseTo((ratio * width - 1) * 100, -0.3);
  }
});

test("no value of a question becomes a part of a statement", async () => {
  const hostile = ["x' or true --", "'); drop table rtb.campaigns;--", "$1", ":client", "%", "\\"];
  for (const dimension of dimensions) {
    const parsed = question.safeParse({
      ...{ subject: "day", metric: "clicks" },
      where: [{ dimension, values: hostile }],
    });
    if (!parsed.success) continue;
    const { rows: found } = await runQuestion(database.pool, asker, parsed.data);
    const expected = plainAnswer(parsed.data, rows, last);
    expect(found.map(({ subject, value }) => [subject, value])).toEqual(
      expected.rows.map(({ subject, own }) => [subject, String(own.clicks)]),
    );
  }
  expect((await database.pool.query("select count(*)::int as n from rtb.campaigns")).rows).toEqual([{ n: 8 }]);
});

test("another client's campaign by its number is a value that nothing is called by", async () => {
  const { rows: theirs } = await database.pool.query<{ id: string }>(
    "select campaign_id::text as id from rtb.campaigns where _client_id = 'acme' order by 1 limit 1",
  );
  const id = theirs[0]?.id ?? "";
  const asked = question.parse({
    ...{ subject: "campaign", metric: "spend" },
    where: [{ dimension: "campaign", values: [id] }],
  });
  const found = await runQuestion(database.pool, asker, asked);
  expect(found).toMatchObject({ rows: [], unknown: [`campaign ${id}`] });
});

test("whose store a creative leads to is told in SQL as the catalogue tells it", async () => {
  const urls = makeCreatives({ count: 400 }).flatMap(
    ({ wire }) => (wire["declaredClickThroughUrls"] as string[] | undefined) ?? [],
  );
  const hand = [
    "https://app.appsflyer.com/id1559000101?pid=x",
    "https://app.appsflyer.com/com.tidal.drop-samsung?pid=x",
    "market://details?id=com.tidal.drop",
    "itms-apps://itunes.apple.com/app/id1559000101",
    "https://adclick.g.doubleclick.net/pcs/click?adurl=https%3A%2F%2Fplay.google.com%2Fstore%2Fapps%2Fdetails%3Fid%3Dcom.a.b",
    "https://shop.example/apple.com/play",
  ];
  const all = [...new Set([...urls, ...hand])];
  const { rows: told } = await database.pool.query<{ url: string; store: string | null }>(
    "select url, rtb.app_store_of(jsonb_build_array(url), null) as store from unnest($1::text[]) url",
    [all],
  );
  const differ = told.filter(({ url, store }) => store !== (readLanding(url).app?.store ?? null));
  expect({ of: all.length, differ }).toEqual({ of: all.length, differ: [] });
  const { rows: both } = await database.pool.query("select rtb.app_store_of($1, null) as store", [
    JSON.stringify([stores[0], stores[1]]),
  ]);
  expect(both).toEqual([{ store: null }]);
});
