import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { compareAgain, compareWhole, storedTieOut } from "../../test/tie-out.ts";
import { receiveEvents } from "../conversions/anytrack-events.ts";

jest.setTimeout(120_000);

const client = "713";
let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await database.pool.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     values ($1, '2026-03-01', '1', 'One', 'a', 'o', 'USD', 1, 1, 1, 1, 1, 1, '2026-03-01', 'r')`,
    [client],
  );
  await database.pool.query(
    `insert into ops.slices (_client_id, source, slice, day, timezone, is_final, origin)
     select $1, 'everflow.conversions', d::date::text, d::date, 'America/New_York', true, 'real' from generate_series('2026-03-01'::date, '2026-04-30', '1 day') d`,
    [client],
  );
});
afterAll(() => database?.drop());

interface Said {
  key: string;
  day?: string;
  order?: string | null;
  click?: string | null;
  amount?: string | null;
  currency?: string;
}

const everflow = (
  { key, day = "2026-03-10", order = null, click = null, amount = "20", currency = "USD" }: Said,
  more: object = {},
) =>
  database.pool.query(
    `insert into everflow.conversions (_client_id, conversion_id, date, converted_at, status, is_event, affiliate_id, currency, payout, revenue, order_id, sub3, transaction_id, _slice, _run_id)
     select $1, $2, $3::date, $3::date + interval '15 hours', coalesce(m ->> 'status', 'approved'), coalesce((m ->> 'isEvent')::boolean, false), '1', $6, coalesce((m ->> 'payout')::numeric, 5), $5, $4, $7, m ->> 'transaction', $3, 'r' from (select $8::jsonb) x(m)
     on conflict on constraint conversions_key do update set (date, converted_at, order_id, sub3, transaction_id, revenue, status, is_event, _slice) = (excluded.date, excluded.converted_at, excluded.order_id, excluded.sub3, excluded.transaction_id, excluded.revenue, excluded.status, excluded.is_event, excluded._slice)`,
    [client, key, day, order, amount, currency, click, JSON.stringify(more)],
  );
const anytrack = (
  { key, day = "2026-03-10", order = null, click = null, amount = "20", currency = "USD" }: Said,
  more: object = {},
) =>
  database.pool.query(
    `insert into anytrack.conversions (_client_id, conversion_key, order_id, click_id, type, revenue, currency, affiliate_id, event_time, version, date, seen_by_pull_at, _run_id, origin)
     select $1, $2, $4, $7, coalesce(m ->> 'type', 'SALE'), $5, $6, coalesce(m ->> 'affiliate', '1'), $3::date + interval '15 hours', now(), $3, now(), 'r', coalesce(m ->> 'origin', 'real') from (select $8::jsonb) x(m)
     on conflict on constraint conversions_key do update set (date, event_time, order_id, click_id, type, revenue) = (excluded.date, excluded.event_time, excluded.order_id, excluded.click_id, excluded.type, excluded.revenue)`,
    [client, key, day, order, amount, currency, click, JSON.stringify(more)],
  );
/** As AnyTrack's webhook brings it. */
const clicked = (clickId: string) =>
  receiveEvents(
    database.pool,
    {
      ...{ client, origin: "real", conversions: [] },
      clicks: [
        {
          ...{ clickId, at: new Date("2026-02-20T12:00:00Z"), visitor: null },
          ...{ source: null, campaignId: null, adId: null, affiliateId: null },
        },
      ],
    },
    { halfLifeDays: 7 },
  );

async function differences(): Promise<string[]> {
  await compareAgain(database, client);
  const { rows } = await database.pool.query<{ what: string }>(
    "select concat_ws(' ', difference, item, trim_scale(at_stake)) as what from findings.tie_out_differences where _client_id = $1 order by item",
    [client],
  );
  await database.pool.query("truncate everflow.conversions, anytrack.conversions, anytrack.clicks");
  return rows.map(({ what }) => what);
}

test("what only looks different is no difference", async () => {
  // Written otherwise, and a day later.
  await everflow({ key: "e1", order: "A-1" });
  await anytrack({ key: "order:#a-1", order: "#a-1", day: "2026-03-11" });
  // On a day weeks away.
  await everflow({ key: "e2", order: "B" });
  await anytrack({ key: "order:B", order: "B", day: "2026-04-20" });
  // Two of one click, and one after midnight.
  for (const [key, day] of [
    ["e3", "2026-03-10"],
    ["e4", "2026-03-10"],
    ["e5", "2026-03-14"],
  ] as const)
    await everflow({ key, click: "c", day });
  for (const [key, day] of [
    ["event:1", "2026-03-10"],
    ["event:2", "2026-03-10"],
    ["event:3", "2026-03-15"],
  ] as const)
    await anytrack({ key, click: "c", day });
  // Two conversions of an order, which AnyTrack has as one; and what was sold on top.
  await everflow({ key: "e6", order: "D", amount: "12" });
  await everflow({ key: "e7", order: "D", amount: "8" });
  await anytrack({ key: "order:D", order: "D" });
  await everflow({ key: "e8", order: "E", amount: "15" });
  await everflow({ key: "e9", order: "E", amount: "5" }, { isEvent: true });
  await anytrack({ key: "order:E", order: "E" });
  // A chargeback, one that was refused and is nowhere else, an event, a lead without an amount, and other traffic.
  await everflow({ key: "f1", amount: "-20", order: "A-1" }, { payout: -5 });
  await everflow({ key: "f2" }, { status: "rejected" });
  await everflow({ key: "f3" }, { isEvent: true });
  await everflow({ key: "f4", order: "L", amount: "3" });
  await anytrack({ key: "order:L", order: "L", amount: null }, { type: "LEAD" });
  await anytrack({ key: "order:X", order: "X" }, { affiliate: "newsletter" });
  // Sent by us, without an order number.
  await everflow({ key: "f5" });
  await anytrack({ key: "order:f5", order: "f5" });
  expect(await differences()).toEqual([]);
});

test("what differs is named, with what is at stake", async () => {
  await everflow({ key: "e1", order: "A" });
  await anytrack({ key: "order:A", order: "A", amount: "20.01" });
  await everflow({ key: "e2", order: "B" });
  await anytrack({ key: "order:B", order: "B", currency: "EUR" });
  await everflow({ key: "e3", order: "C" });
  await anytrack({ key: "order:C", order: "C", amount: null });
  await everflow({ key: "e4", order: "D", amount: "12" });
  await everflow({ key: "e5", order: "D", amount: "9" });
  await anytrack({ key: "order:D", order: "D" });
  // A click brings one conversion of AnyTrack, and two of Everflow.
  await everflow({ key: "e6", click: "c" });
  await everflow({ key: "e7", click: "c" });
  await anytrack({ key: "event:1", click: "c" });
  await everflow({ key: "e8", order: "E" }, { status: "invalid" });
  await anytrack({ key: "order:E", order: "E" });
  await anytrack({ key: "order:F", order: "F" });
  // Made up for an order of Everflow's: it meets nothing real.
  await everflow({ key: "e9", order: "G" });
  await anytrack({ key: "order:G", order: "G" }, { origin: "sandbox" });
  expect(await differences()).toEqual([
    "missing_in_everflow anytrack:order:F 20",
    "missing_in_everflow anytrack:order:G 20",
    "amount_differs everflow:e1 0.01",
    "amount_differs everflow:e2",
    "amount_differs everflow:e3 20",
    "amount_differs everflow:e4 1",
    "missing_in_anytrack everflow:e7 20",
    "refused_by_everflow everflow:e8 20",
    "missing_in_anytrack everflow:e9 20",
  ]);
});

test("a day that is not final names nothing as missing", async () => {
  await database.pool.query("update ops.slices set is_final = false where slice = '2026-03-10'");
  await everflow({ key: "e1" });
  await anytrack({ key: "order:F", order: "F" });
  expect(await differences()).toEqual([]);
  await database.pool.query("update ops.slices set is_final = true");
});

test("what an order leads to is compared again, on whatever day it is", async () => {
  await everflow({ key: "e1", order: "A" });
  await anytrack({ key: "order:#a", order: "#a", day: "2026-03-11" });
  await anytrack({ key: "order:A", order: "A", day: "2026-03-25" });
  await compareAgain(database, client);
  await database.pool.query("delete from everflow.conversions where conversion_id = 'e1'");
  expect(await differences()).toEqual([
    "missing_in_everflow anytrack:order:#a 20",
    "missing_in_everflow anytrack:order:A 20",
  ]);
  // Three payments of one order, weeks apart: AnyTrack's is compared with their sum, whatever day is asked for.
  for (const [key, date] of [
    ["e2", "2026-03-01"],
    ["e3", "2026-03-15"],
    ["e4", "2026-03-29"],
  ] as const)
    await everflow({ key, order: "B", day: date });
  await anytrack({ key: "order:B", order: "B", day: "2026-04-20", amount: "60" });
  await compareAgain(database, client);
  // Another of AnyTrack's meets one of them nearby: the sum is of two.
  await anytrack({ key: "order:#b", order: "#b", day: "2026-03-16" });
  expect(await differences()).toEqual(["amount_differs everflow:e2 20"]);
  // AnyTrack has it under Everflow's id, ten days later.
  await everflow({ key: "e5" });
  await anytrack({ key: "order:e5", order: "e5", day: "2026-03-20" });
  expect(await differences()).toEqual([]);
});

test("AnyTrack's conversion of an order on days near and far counts once, and what Redtrack has is unknown without its number", async () => {
  const days = async () => {
    await compareAgain(database, client);
    const { rows } = await database.pool.query<{ day: string }>(
      `select concat_ws(' ', date, everflow, anytrack, coalesce(in_all::text, 'unknown'), in_two, in_one) as day
         from findings.tie_out_daily where _client_id = $1 order by date`,
      [client],
    );
    return rows.map(({ day: said }) => said);
  };
  await everflow({ key: "e1", order: "A" });
  await everflow({ key: "e2", order: "A", day: "2026-03-20" });
  await anytrack({ key: "order:A", order: "A", day: "2026-03-12", amount: "40" });
  expect(await days()).toEqual(["2026-03-10 1 1 unknown 1 0", "2026-03-20 1 0 unknown 1 0"]);
  // The near one goes: the day of the other is compared again, although nothing of it has changed.
  await database.pool.query("delete from everflow.conversions where conversion_id = 'e1'");
  expect(await days()).toEqual(["2026-03-20 1 1 unknown 1 0"]);
  await differences();
});

test.each(["sub3", "transaction_id"])(
  "a click that AnyTrack reports after its conversion, which names it as its %s, lets it be sent",
  async (column) => {
    const click = "late";
    await everflow(
      { key: "e1", click: column === "sub3" ? click : null },
      column === "sub3" ? {} : { transaction: click },
    );
    const known = async () => {
      await compareAgain(database, client);
      const { rows } = await database.pool.query<{ click: string | null }>(
        "select click_id as click from findings.tie_out_differences where _client_id = $1",
        [client],
      );
      return rows;
    };
    expect(await known()).toEqual([{ click: null }]);
    await clicked("another");
    expect((await compareAgain(database, client)).compared).toBe(0);
    await clicked(click);
    expect(await known()).toEqual([{ click }]);
    await database.pool.query("delete from anytrack.clicks where click_id = $1", [click]);
    expect(await known()).toEqual([{ click: null }]);
    await differences();
  },
);

const day = fc.integer({ min: 1, max: 30 }).map((number) => `2026-03-${String(number).padStart(2, "0")}`);
const change = fc.record({
  feed: fc.constantFrom(
    "everflow" as const,
    "everflow" as const,
    "anytrack" as const,
    "anytrack" as const,
    "click" as const,
  ),
  isGone: fc.boolean(),
  key: fc.integer({ min: 1, max: 6 }),
  day,
  order: fc.constantFrom("A", "A", "#a", "B", "e1", "#E1", null),
  click: fc.constantFrom("c", "d", null),
  amount: fc.constantFrom("20", "21"),
  more: fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.constantFrom({ isEvent: true }, { status: "rejected" }, { type: "refund" }, { transaction: "d" }),
    },
  ),
});

/** Each conversion of the days as it comes out when they are compared in parts of so many. */
const comparedBy = async (days: number) => {
  const { rows } = await database.pool.query<{ said: string }>(
    `select to_jsonb(t)::text as said from generate_series('2026-02-20'::date, '2026-04-10', $2::int * interval '1 day') d(first)
      cross join lateral findings.tie_out($1, d.first::date, d.first::date + $2::int - 1) t order by 1`,
    [client, days],
  );
  return rows.map(({ said }) => said);
};

test("comparing what has changed, or days one by one, comes to the same as comparing everything", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(change, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 4 }),
      async (rounds) => {
        await database.pool.query("truncate everflow.conversions, anytrack.conversions");
        await database.pool.query("delete from anytrack.clicks");
        for (const changes of rounds) {
          for (const { feed, isGone, key, more, ...said } of changes)
            if (feed === "click") {
              if (isGone) await database.pool.query("delete from anytrack.clicks where click_id = $1", [said.click]);
              else await clicked(said.click ?? "c");
            } else if (isGone)
              await database.pool.query(
                feed === "everflow"
                  ? "delete from everflow.conversions where conversion_id = $1"
                  : "delete from anytrack.conversions where conversion_key = any($1)",
                [feed === "everflow" ? `e${key}` : [`event:${key}`, `order:${said.order}`]],
              );
            else if (feed === "everflow") await everflow({ key: `e${key}`, ...said }, more);
            // Its key is its order's, where it has one.
            else await anytrack({ key: said.order === null ? `event:${key}` : `order:${said.order}`, ...said }, more);
          await compareAgain(database, client);
        }
        const whole = await comparedBy(50);
        for (const days of [1, 5]) expect(await comparedBy(days)).toEqual(whole);
        const stored = await storedTieOut(database, client);
        await compareWhole(database, client);
        expect(stored).toEqual(await storedTieOut(database, client));
      },
    ),
    {
      numRuns: Number(process.env["PROPERTY_RUNS"] ?? 20),
      ...(process.env["PROPERTY_SEED"] === undefined ? {} : { seed: Number(process.env["PROPERTY_SEED"]) }),
    },
  );
});

test("a comparison that is stopped half way leaves its days to the next, and two at once do no harm", async () => {
  await database.pool.query("truncate everflow.conversions, anytrack.conversions");
  await everflow({ key: "e1" });
  await database.pool.query("alter table findings.tie_out_runs rename to moved");
  await expect(compareAgain(database, client)).rejects.toThrow();
  await database.pool.query("alter table findings.moved rename to tie_out_runs");
  await Promise.all([compareAgain(database, client), compareAgain(database, client)]);
  expect(await differences()).toEqual(["missing_in_anytrack everflow:e1 20"]);
});
