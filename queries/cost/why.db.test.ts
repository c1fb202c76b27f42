import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { sumMoney } from "../../core/money.ts";
import { explained, type Explained } from "../../rules/cost/why.ts";
import { mapSources, readDay, type Mapped, type Reading, type Spend, type Stat } from "../../test/cost-readings.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readCpaByAffiliate, readCpaTotals } from "./cpa.ts";
import { readSpendTotal } from "./spend.ts";
import { explainChanges, type AskedChange, type ExplainedChange } from "./why.ts";

jest.setTimeout(120_000);
let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const before = { from: "2025-12-01", to: "2025-12-02" };
const now = { from: "2025-12-03", to: "2025-12-04" };
const days = ["2025-12-01", "2025-12-02", "2025-12-03", "2025-12-04"];

let clients = 0;
async function newClient(mapped: Mapped[] = []): Promise<string> {
  clients += 1;
  const client = `why-${clients}`;
  await mapSources(database.pool, client, mapped);
  return client;
}
const read = (client: string, reading: Reading) => readDay(database.pool, client, reading);

const explain = (asked: AskedChange, metrics: readonly Explained[] = explained) =>
  explainChanges(database.pool, asked, metrics);

const moment = async () => {
  const { rows } = await database.pool.query<{ at: Date }>("select clock_timestamp() as at");
  // To the millisecond, which a Date holds: what is committed after it comes later.
  await new Promise((resolve) => setTimeout(resolve, 2));
  return rows[0]?.at ?? new Date(0);
};

const partsOf = ({ parts }: Pick<ExplainedChange, "parts">) =>
  Object.fromEntries(parts.filter(({ amount }) => Number(amount) !== 0).map(({ part, amount }) => [part, amount]));

describe("of two periods", () => {
  const spend = (cost: string, clicks = 100): Spend[] => [
    { sourceId: "s1", clicks, conversions: 0, cost, revenue: null },
  ];
  const stats = (conversions: number, revenue = "0"): Stat[] => [
    { affiliateId: "1", offerId: "a", currency: "USD", clicks: 0, conversions, payout: "0", revenue },
  ];
  const whole = { isWhole: true };
  const one = { from: "2025-12-01", to: "2025-12-01" };
  const other = { from: "2025-12-03", to: "2025-12-03" };
  const ofOneDay = async (readings: Reading[]) => {
    const client = await newClient([["s1", "label 1", true]]);
    for (const reading of readings) await read(client, reading);
    return { client, before: one, ...other };
  };

  test("a dearer click is price, fewer conversions per click are the rate, and a day that is corrected is restatement", async () => {
    const asked = await ofOneDay([
      { day: one.from, ...whole, spend: spend("100") },
      { day: one.from, ...whole, stats: stats(10) },
      { day: other.from, ...whole, spend: spend("120") },
      { day: other.from, ...whole, stats: stats(10) },
    ]);
    const [dearer] = await explain(asked, ["cpa"]);
    expect(dearer).toMatchObject({ before: "10.00", after: "12.00", change: "2.00", note: null });
    expect(partsOf(dearer as ExplainedChange)).toEqual({ price: "2.00" });
    expect(dearer?.parts[3]?.shares).toEqual([expect.objectContaining({ amount: "2.00", basis: "spend", leaf: "s1" })]);

    await read(asked.client, { day: other.from, ...whole, stats: stats(8) });
    const [corrected] = await explain(asked, ["cpa"]);
    expect(corrected).toMatchObject({ before: "10.00", after: "15.00", change: "5.00" });
    expect(Object.keys(partsOf(corrected as ExplainedChange))).toEqual(["restatement", "price"]);
    expect(corrected?.parts[0]?.shares).toEqual([expect.objectContaining({ date: other.from, isOfAfter: true })]);
  });
});

describe("for any history of readings,", () => {
  const money = (least: number) =>
    fc.integer({ min: least, max: 90_000_000 }).map((millionths) => (millionths / 1_000_000).toFixed(6));
  const spend = fc.uniqueArray(
    fc.record({
      sourceId: fc.constantFrom("s1", "s2", "s3", "s4"),
      clicks: fc.nat(50),
      conversions: fc.nat(5),
      cost: money(-5_000_000),
      revenue: fc.option(money(0)),
    }),
    { selector: ({ sourceId }) => sourceId, maxLength: 4 },
  );
  const stats = fc.uniqueArray(
    fc.record({
      affiliateId: fc.constantFrom("1", "2", "3"),
      offerId: fc.constantFrom("a", "b"),
      currency: fc.constantFrom("USD", "USD", "USD", "EUR"),
      clicks: fc.nat(50),
      conversions: fc.integer({ min: -2, max: 6 }),
      payout: money(-5_000_000),
      revenue: money(-5_000_000),
    }),
    { selector: ({ affiliateId, offerId, currency }) => `${affiliateId}/${offerId}/${currency}`, maxLength: 4 },
  );
  const content = fc.oneof(
    spend.map((rows) => ({ spend: rows })),
    stats.map((rows) => ({ stats: rows })),
  );
  // What is read of a day goes on to its end: a reading of the running day never comes after one of the whole.
  const readings = fc
    .array(fc.record({ day: fc.constantFrom(...days), isWhole: fc.constantFrom(true, true, false), of: content }), {
      maxLength: 14,
    })
    .map((all): Reading[] => {
      const over = new Set<string>();
      return all.map(({ day, isWhole, of }) => {
        const key = `${day} ${"spend" in of}`;
        if (isWhole) over.add(key);
        return { day, isWhole: over.has(key), ...of };
      });
    });
  const mapped = fc.record({
    labels: fc.tuple(...["s1", "s2", "s3"].map(() => fc.constantFrom("label 1", "label 2", "label 9"))),
    internal: fc.subarray(["label 1", "label 2", "label 9"]),
  });

  const sum = (amounts: readonly string[]) => Number(sumMoney(amounts));

  async function figures(client: string, range: { from: string; to: string }) {
    const of = { client, ...range };
    const key = ({ currency, origin }: { currency: string; origin: string }) => `${currency} ${origin}`;
    return {
      totals: new Map((await readCpaTotals(database.pool, of)).map((row) => [key(row), row])),
      affiliates: new Map(
        (await readCpaByAffiliate(database.pool, of)).map((row) => [
          `${row.affiliateId ?? row.affiliate} ${key(row)}`,
          row,
        ]),
      ),
      source: await readSpendTotal(database.pool, { ...of, before: range, compared: null, sourceId: "s1" }),
    };
  }
  type Shown = Awaited<ReturnType<typeof figures>>;
  type Row = {
    finalCost: string | null;
    efConversions: number | null;
    cpa: string | null;
    revenue: string | null;
    margin: string | null;
  };

  function compare(
    answers: readonly ExplainedChange[],
    side: "before" | "after",
    rowOf: (key: string) => Row | undefined,
  ) {
    for (const answer of answers) {
      const row = rowOf(`${answer.currency} ${answer.origin}`);
      const conversions = row?.efConversions == null ? null : String(row.efConversions);
      const shown = { cost: row?.finalCost, conversions, cpa: row?.cpa, revenue: row?.revenue, margin: row?.margin };
      expect([answer.metric, answer[side]]).toEqual([answer.metric, shown[answer.metric] ?? null]);
    }
  }

  let asks = 0;
  /** What must hold of every answer: it adds up, and SQL says the same. */
  async function check(asked: AskedChange): Promise<ExplainedChange[]> {
    const answers = await explain(asked);
    for (const { before: first, after: last, change, parts } of answers) {
      expect(change === null).toBe(first === null || last === null);
      if (change === null) continue;
      expect(sum([last ?? "", `-${first}`.replace("--", "")])).toBe(Number(change));
      expect(sum(parts.map(({ amount }) => amount))).toBe(Number(change));
      for (const { amount, shares } of parts) expect(sum(shares.map((share) => share.amount))).toBe(Number(amount));
    }
    // SQL is asked for one of them each time: it makes them all of the same rows.
    asks += 1;
    for (const metric of explained.filter((_, index) => index === asks % explained.length)) {
      const { rows } = await database.pool.query<{
        key: string;
        before: string;
        after: string;
        change: string;
        parts: Record<string, string>;
      }>(
        `select currency || ' ' || origin as key, before::text, after::text, change::text, json_object_agg(part, amount::text) as parts
           from public.explain_change($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) group by 1, 2, 3, 4 order by 1`,
        [
          ...[asked.client, metric, asked.from, asked.to, asked.before.from, asked.before.to],
          ...[
            asked.seenBefore ?? null,
            asked.seen ?? null,
            asked.affiliateId ?? null,
            asked.affiliate ?? null,
            asked.sourceId ?? null,
            asked.campaignId ?? null,
          ],
        ],
      );
      const ours = answers
        .filter((answer) => answer.metric === metric)
        .map(({ currency, origin, before: first, after: last, change, parts }) => ({
          ...{ key: `${currency} ${origin}`, before: first, after: last, change },
          parts: Object.fromEntries(parts.map(({ part, amount }) => [part, amount])),
        }))
        .sort((one, other) => (one.key < other.key ? -1 : 1));
      const theirs = rows.map((row) => ({ ...row, parts: row.change === null ? {} : row.parts }));
      const plain = (value: unknown) =>
        JSON.parse(JSON.stringify(value).replaceAll(/"(-?\d+)\.00"/g, '"$1"')) as unknown;
      expect(plain(theirs)).toEqual(plain(ours));
    }
    return answers;
  }

  test("the ends are the figures that are shown, the parts add up to the change, and SQL says the same", async () => {
    await fc.assert(
      fc.asyncProperty(readings, mapped, fc.nat(14), async (history, { labels, internal }, looked) => {
        const client = await newClient(
          labels.map((label, index): [string, string, boolean] => [`s${index + 1}`, label, internal.includes(label)]),
        );
        // Whose a source is, is asked as it is known now: labels find their affiliates before the first look.
        const labelled = ["1", "2", "3"].map((affiliateId) => ({
          ...{ affiliateId, offerId: "a", currency: "USD", clicks: 0, conversions: 0, payout: "0", revenue: "0" },
        }));
        await read(client, { day: "2025-11-01", isWhole: true, stats: labelled });
        let then = { at: new Date(0), shown: await figures(client, now) };
        for (const [index, reading] of history.entries()) {
          await read(client, reading);
          if (index === looked) then = { shown: await figures(client, now), at: await moment() };
        }
        const shown: [Shown, Shown] = [await figures(client, before), await figures(client, now)];
        const ends = (
          [ofBefore, ofNow]: readonly [Shown, Shown],
          answers: readonly ExplainedChange[],
          pick: (of: Shown) => (key: string) => Row | undefined,
        ) => {
          compare(answers, "before", pick(ofBefore));
          compare(answers, "after", pick(ofNow));
        };
        const asked = { client, before, ...now };
        const look = { client, before: now, ...now, seenBefore: then.at };
        const all = (of: Shown) => (key: string) => of.totals.get(key);
        ends(shown, await check(asked), all);
        // Whether ratios are spoilt by several currencies is asked of the range as it is now.
        const isMixed = [then.shown, shown[1]].some(({ totals }) => totals.size > 1);
        const asSeen = (answers: readonly ExplainedChange[]) =>
          isMixed ? answers.filter(({ metric }) => metric !== "cpa" && metric !== "margin") : answers;
        ends([then.shown, shown[1]], asSeen(await check(look)), all);
        ends([then.shown, then.shown], asSeen(await check({ ...look, seen: then.at })), all);
        for (const affiliateId of ["1", "2"]) {
          const own = (of: Shown) => (key: string) => of.affiliates.get(`${affiliateId} ${key}`);
          ends(shown, await check({ ...asked, affiliateId }), own);
          ends([then.shown, shown[1]], asSeen(await check({ ...look, affiliateId })), own);
        }
        const named = (of: Shown) => (key: string) => of.affiliates.get(`label 9 ${key}`);
        ends(shown, await check({ ...asked, affiliate: "label 9" }), named);
        for (const answer of await check({ ...asked, sourceId: "s1" })) {
          const name = answer.metric === "cost" ? "cost" : answer.metric === "revenue" ? "revenue" : null;
          if (name !== null) expect([answer.before, answer.after]).toEqual(shown.map(({ source }) => source[name]));
        }
      }),
      { numRuns: 10, seed: 2026, endOnFailure: true },
    );
  });

  test("a campaign's change is that of its own rows, over all its sources, between two periods and two looks", async () => {
    const campaigns = fc
      .uniqueArray(
        fc.record({
          campaignId: fc.constantFrom("c1", "c2"),
          sourceId: fc.constantFrom("s1", "s2", "none"),
          clicks: fc.nat(50),
          conversions: fc.nat(5),
          cost: money(-5_000_000),
          revenue: fc.option(money(0)),
        }),
        { selector: ({ campaignId, sourceId }) => `${campaignId}/${sourceId}`, maxLength: 6 },
      )
      .map((rows) => ({ campaigns: rows }));
    const history = fc.array(fc.record({ day: fc.constantFrom(...days), of: campaigns }), {
      minLength: 4,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(history, fc.nat(11), async (all, looked) => {
        const client = await newClient();
        const costOf = async (range: { from: string; to: string }) =>
          (
            await database.pool.query<{ cost: string | null }>(
              "select round(sum(cost), 2) as cost from redtrack.campaign_spend where _client_id = $1 and campaign_id = 'c1' and date between $2 and $3",
              [client, range.from, range.to],
            )
          ).rows[0]?.cost ?? null;
        let then = { cost: await costOf(now), at: new Date(0) };
        for (const [index, { day, of }] of all.entries()) {
          await read(client, { day, isWhole: true, ...of });
          if (index === looked) then = { cost: await costOf(now), at: await moment() };
        }
        const ends = (answers: readonly ExplainedChange[]) =>
          answers.filter(({ metric }) => metric === "cost").map((one) => [one.before, one.after]);
        const known = [await costOf(before), await costOf(now)];
        const isKnown = (of: (string | null)[]) => (of.some((one) => one !== null) ? [of] : []);
        expect(ends(await check({ client, before, ...now, campaignId: "c1" }))).toEqual(isKnown(known));
        const looks = await check({ client, before: now, ...now, seenBefore: then.at, campaignId: "c1" });
        expect(ends(looks)).toEqual(isKnown([then.cost, known[1] ?? null]));
        expect(
          looks.flatMap(({ parts }) => parts.flatMap(({ shares }) => shares)).every(({ date }) => date !== null),
        ).toBe(true);
      }),
      { numRuns: 10, seed: 2026, endOnFailure: true },
    );
  });
});
