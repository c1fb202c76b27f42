import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import fc from "fast-check";
import { cents, exactMoney, sumMoney } from "../../core/money.ts";
import { verifyStatement, writeStatement } from "../../rules/payouts/verify-statement.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { close, madeSigningKey, storeDay, type MadeConversion } from "../../test/payouts.ts";
import { inTransaction } from "../../schema/database.ts";
import { findStatement, readOwed, readSigned } from "./statements.ts";
import { firstDay } from "./shapes.ts";

jest.setTimeout(120_000);

let database: TestDatabase;
let client: string;
let clients = 0;
const key = madeSigningKey();
beforeAll(async () => {
  database = await testDatabase();
});
beforeEach(() => {
  clients += 1;
  client = `payouts-${clients}`;
});
afterAll(() => database?.drop());

const rows = async <Row extends object>(text: string, values: unknown[] = [client]) =>
  (await database.pool.query<Row>(text, values)).rows;
const store = (day: string, found: MadeConversion[], how = {}) => storeDay(database.pool, { client, day, found }, how);
const closing = (month: string, more = {}) => close(database.pool, { client, month, key, ...more });
const owed = async (month: string) => readOwed(database.pool, { client, month, affiliateId: null });
const lines = (month: string) =>
  rows<Record<string, string>>(
    `select kind, key, status, amount::text, held::text, reason, detail from payouts.statement_lines where _client_id = $1 and month = $2 order by key`,
    [client, firstDay(month)],
  );
const draft = (month: string, whole = false) =>
  rows<Record<string, string>>(
    `select affiliate_id, kind, key, status, currency, amount::text, held::text, reason from payouts.draft($1, $2, null, $3)
      where kind <> 'claim' order by key, affiliate_id, currency`,
    [client, firstDay(month), whole],
  );
const draftTotals = (month: string, whole = false) =>
  rows<Record<string, string>>(
    `select affiliate_id, currency, approved, approved_amount::float8, pending, pending_amount::float8, rejected, rejected_amount::float8, held, held_amount::float8,
            (new_amount + corrections_amount)::float8 as added, rounding_carried::float8, owed::float8, lines
       from payouts.draft_totals($1, $2, null, $3) order by 1, 2`,
    [client, firstDay(month), whole],
  );
const statements = async () => {
  const found = await rows<{ id: number }>(
    "select statement_id as id from payouts.statements where _client_id = $1 order by month, affiliate_id",
  );
  return Promise.all(
    found.map(async ({ id }) => {
      const one = await findStatement(database.pool, { client, statementId: id, reconAffiliateId: null });
      if (one === null) throw new Error("gone");
      return readSigned(database.pool, one);
    }),
  );
};

test("a month is stated, and what changes later is a negative line of the next statement", async () => {
  await store("2026-01-05", [
    { id: "a" },
    { id: "b", payout: "5.25" },
    { id: "c", status: "pending" },
    { id: "d", status: "rejected" },
  ]);
  await store("2026-02-03", [{ id: "e", payout: "7" }]);
  expect(await owed("2026-01")).toMatchObject([
    { state: "draft", approved: 2, pending: 1, rejected: 1, heldAmount: "10.00", owed: "15.25" },
  ]);
  expect(await closing("2026-01")).toMatchObject({ isNew: true, statements: 1 });
  expect(await owed("2026-01")).toMatchObject([{ state: "closed", approved: 2, heldAmount: "10.00", owed: "15.25" }]);
  const before = await statements();

  await store("2026-01-05", [
    { id: "a", status: "rejected" },
    { id: "b", payout: "6.25" },
    { id: "c" },
    { id: "late" },
  ]);
  expect(await owed("2026-02")).toMatchObject([
    { newAmount: "7.00", corrections: 4, correctionsAmount: "11.00", owed: "18.00" },
  ]);
  await closing("2026-02");
  expect(await lines("2026-02")).toMatchObject([
    { key: "a", kind: "correction", amount: "-10.000000", reason: "rejected_since" },
    { key: "b", kind: "correction", amount: "1.000000", reason: "amount_changed" },
    { key: "c", kind: "correction", amount: "10.000000", reason: "approved_since" },
    { key: "e", kind: "conversion", amount: "7.000000", reason: "owed" },
    { key: "late", kind: "correction", amount: "10.000000", reason: "arrived_late" },
  ]);
  expect((await statements()).slice(0, 1)).toEqual(before);
  await store("2026-01-05", [{ id: "a", status: "rejected" }, { id: "c" }, { id: "late" }]);
  await closing("2026-03");
  expect(await lines("2026-03")).toMatchObject([
    { key: "b", amount: "-6.250000", status: "withdrawn", reason: "withdrawn" },
  ]);
  for (const one of await statements())
    expect(verifyStatement(writeStatement(one, "json"), key.publicKey).problems).toEqual([]);
});

test("what is pending still is not said to be counted on another day, and what was approved with nothing is not let go", async () => {
  const day = [
    { id: "later", status: "pending" },
    { id: "nothing", payout: "0" },
    { id: "named", status: "in_review" },
  ];
  await store("2026-01-05", day);
  await closing("2026-01");
  await store(
    "2026-01-05",
    day.map((one) => (one.id === "nothing" ? { ...one, payout: "0.005" } : one)),
  );
  await closing("2026-02");
  const pending = { kind: "correction", amount: "0.000000", held: "10.000000", reason: "pending" };
  expect(await lines("2026-02")).toMatchObject([
    { ...pending, key: "later", detail: null },
    { ...pending, key: "named", detail: "Everflow calls it in_review" },
    { key: "nothing", amount: "0.005000", reason: "amount_changed", detail: "stated 0 of it, as approved" },
  ]);
});

test("a month at the end of the calendar is not over, as any other", async () => {
  await expect(closing("9999-12")).rejects.toThrow("9999-12 is not over");
});

test("what is held waits with its reason, is named in each statement, and is released by what released it", async () => {
  await store("2026-01-05", [{ id: "a" }]);
  await store("2026-01-06", [{ id: "b" }], { isFinal: false });
  await database.pool.query(
    "insert into recon.affiliates (_client_id, name, trust_score, total_submissions, accurate_submissions) values ($1, 'x', 0.5, 4, 2)",
    [client],
  );
  await database.pool.query(
    "insert into payouts.accounts (_client_id, affiliate_id, recon_affiliate_id, set_by) select $1, '1001', affiliate_id, 't' from recon.affiliates where _client_id = $1",
    [client],
  );
  await closing("2026-01");
  expect(await lines("2026-01")).toMatchObject([
    {
      key: "a",
      amount: "0.000000",
      held: "10.000000",
      reason: "affiliate_unreliable",
      detail: "trust 0.50 is below 0.70",
    },
    { key: "b", amount: "0.000000", held: "10.000000", reason: "day_not_final", detail: "2026-01-06 is not final" },
  ]);
  await store("2026-01-06", [{ id: "b" }]);
  await closing("2026-02");
  expect(await lines("2026-02")).toMatchObject([
    { key: "a", held: "10.000000", reason: "affiliate_unreliable" },
    { key: "b", held: "10.000000", reason: "affiliate_unreliable" },
  ]);
  await database.pool.query(
    "update payouts.accounts set hold = 'none', reason = 'a person looked' where _client_id = $1",
    [client],
  );
  await closing("2026-03");
  expect(await lines("2026-03")).toMatchObject([
    { key: "a", amount: "10.000000", held: "0.000000", reason: "released" },
    { key: "b", amount: "10.000000", held: "0.000000", reason: "released" },
  ]);
  await closing("2026-04");
  expect(await lines("2026-04")).toEqual([]);
});

test("closing twice, and twenty at once while a fetch stores conversions, makes one statement", async () => {
  await store("2026-01-05", [{ id: "a" }]);
  const all = await Promise.all([
    ...Array.from({ length: 6 }, () => closing("2026-01")),
    store("2026-01-06", [{ id: "b" }]),
    ...Array.from({ length: 6 }, () => closing("2026-01")),
  ]);
  expect(all.filter((one) => one?.isNew === true)).toHaveLength(1);
  expect(await closing("2026-01")).toMatchObject({ isNew: false, statements: 1 });
  expect(await statements()).toHaveLength(1);
  await store("2026-01-07", [{ id: "c" }]);
  await closing("2026-02");
  const [sum] = await rows<{ sum: string; keys: number }>(
    "select sum(amount)::text as sum, count(distinct key)::int as keys from payouts.statement_lines where _client_id = $1",
  );
  expect(sum).toEqual({ sum: "30.000000", keys: 3 });
});

test("killed in the middle, a closing leaves nothing, and the next makes the statement whole", async () => {
  await store("2026-01-05", [{ id: "a" }]);
  const session = await database.pool.connect();
  const { rows: pids } = await session.query<{ pid: number }>("select pg_backend_pid() as pid");
  session.on("error", () => undefined);
  const { closeMonth } = await import("./close-month.ts");
  await session.query("begin");
  await closeMonth(session, {
    client,
    month: "2026-01",
    key,
    by: { actor: "t", role: null },
    reason: "test",
    startHere: false,
    now: new Date("2026-11-01T12:00:00Z"),
  });
  await database.pool.query("select pg_terminate_backend($1)", [pids[0]?.pid]);
  await expect(session.query("commit")).rejects.toThrow();
  session.release(new Error("killed"));
  expect(await rows("select 1 from payouts.closings where _client_id = $1")).toEqual([]);
  expect(await rows("select 1 from ops.audit where _client_id = $1 and action = 'month_closed'")).toEqual([]);
  expect(await closing("2026-01")).toMatchObject({ isNew: true, statements: 1 });
  expect(await rows("select 1 from ops.audit where _client_id = $1 and action = 'month_closed'")).toHaveLength(1);
});

test("months are closed in order, when they are over, and with days that are not final only for a reason", async () => {
  await store("2026-01-05", [{ id: "a" }]);
  await store("2026-03-05", [{ id: "b" }]);
  await expect(closing("2026-03")).rejects.toMatchObject({
    kind: "out_of_order",
    message: expect.stringContaining("2026-01 has conversions"),
  });
  await expect(closing("2025-12")).rejects.toMatchObject({ kind: "nothing_there" });
  await expect(closing("2026-01", { reason: null })).rejects.toMatchObject({
    kind: "not_final",
    message: expect.stringContaining("30 days of 2026-01 are not final, the first is 2026-01-01"),
  });
  await expect(closing("2026-11")).rejects.toMatchObject({ kind: "not_over" });
  expect(await rows("select 1 from payouts.closings where _client_id = $1")).toEqual([]);
  expect(await closing("2026-02", { startHere: true })).toMatchObject({ statements: 0, daysNotFinal: 28 });
  await expect(closing("2026-01")).rejects.toMatchObject({
    kind: "out_of_order",
    message: expect.stringContaining("before the first month"),
  });
  await closing("2026-03");
  expect(await lines("2026-03")).toMatchObject([{ key: "b" }]);
  expect(
    await rows(
      "select actor, details->>'reason' as reason from ops.audit where _client_id = $1 and action = 'month_closed' order by audit_id limit 1",
    ),
  ).toEqual([{ actor: "tester", reason: "a test" }]);
});

test("a closed statement refuses every change, to its owner too, and gets no further lines", async () => {
  await store("2026-01-05", [{ id: "a" }]);
  await closing("2026-01");
  for (const table of ["closings", "statements", "statement_totals", "statement_lines"]) {
    await expect(
      database.pool.query(`update payouts.${table} set _client_id = 'x' where _client_id = $1`, [client]),
    ).rejects.toThrow(/never changed/);
    await expect(database.pool.query(`delete from payouts.${table} where _client_id = $1`, [client])).rejects.toThrow(
      /never changed|violates foreign key/,
    );
    await expect(database.pool.query(`truncate payouts.${table} cascade`)).rejects.toThrow(/never changed/);
    await inTransaction(database.pool, async (session) => {
      await session.query("set local session_replication_role = replica");
      await expect(
        session.query(`update payouts.${table} set _client_id = 'x' where _client_id = $1`, [client]),
      ).rejects.toThrow(/never changed/);
    }).catch(() => undefined);
  }
  await expect(
    database.pool.query(
      `insert into payouts.statement_lines select _client_id, statement_id, 99, kind, 'forged', month, affiliate_id, date, status, currency, payout, stated, amount, held, reason, detail, offer, receipt_id, carried
         from payouts.statement_lines where _client_id = $1`,
      [client],
    ),
  ).rejects.toThrow(/gets no further rows/);
});

test("a line that is edited in place, past its guard, is found by what was signed and by what was kept", async () => {
  await store("2026-01-05", [{ id: "a" }, { id: "b" }]);
  await closing("2026-01");
  const [before] = await statements();
  for (const edit of [
    "amount = amount + 1",
    "status = 'rejected'",
    "held = 1",
    "date = date + 1",
    "affiliate_id = 'x'",
    "month = month + 31",
  ]) {
    // Undone again: other tests have statements here.
    const edited = await inTransaction(database.pool, async (session) => {
      await session.query("alter table payouts.statement_lines disable trigger user");
      await session.query(`update payouts.statement_lines set ${edit} where _client_id = $1 and key = 'a'`, [client]);
      const found = await findStatement(session, {
        ...{ client, statementId: before?.statement.statementId ?? 0, reconAffiliateId: null },
      });
      if (found === null) throw new Error("gone");
      throw Object.assign(new Error("undo"), { signed: await readSigned(session, found) });
    }).catch((error: { signed?: Awaited<ReturnType<typeof readSigned>> }) => error.signed);
    if (edited === undefined) throw new Error("nothing was read");
    expect([edit, verifyStatement(writeStatement(edited, "json"), key.publicKey).problems]).not.toEqual([edit, []]);
    expect(edited).not.toEqual(before);
  }
  expect(await statements()).toEqual([before]);
});

test("a month begins and ends at midnight in New York, whatever the zone of the session", async () => {
  const at = (time: string) => ({ more: { convertedAt: new Date(time) } });
  await store("2026-02-28", [{ id: "last second", ...at("2026-03-01T04:59:59Z") }]);
  await store("2026-03-01", [{ id: "midnight", ...at("2026-03-01T05:00:00Z") }]);
  // New York's clock has gone forward meanwhile.
  await store("2026-03-31", [{ id: "last of March", ...at("2026-04-01T03:59:59Z") }]);
  await store("2026-04-01", [{ id: "first of April", ...at("2026-04-01T04:00:00Z") }]);
  const keys = async (month: string) => (await lines(month)).map((line) => line["key"]);
  for (const [month, tooEarly, over, expected] of [
    ["2026-02", "2026-03-01T04:59:59Z", "2026-03-01T05:00:00Z", ["last second"]],
    ["2026-03", "2026-04-01T03:59:59Z", "2026-04-01T04:00:00Z", ["last of March", "midnight"]],
  ] as const) {
    await expect(closing(month, { now: new Date(tooEarly) })).rejects.toMatchObject({ kind: "not_over" });
    const drafted = await inTransaction(database.pool, async (session) => {
      const of = async (zone: string) => {
        await session.query(`set local timezone = '${zone}'`);
        return (await session.query("select * from payouts.draft($1, $2, null, false)", [client, firstDay(month)]))
          .rows;
      };
      return Promise.all(["Asia/Tokyo", "America/Los_Angeles"].map(of));
    });
    expect(drafted[0]?.map(({ key: name }) => name as string).sort()).toEqual(expected);
    expect(drafted[1]).toEqual(drafted[0]);
    await closing(month, { now: new Date(over) });
    expect(await keys(month)).toEqual(expected);
  }
});

test("an affiliate that is renamed after a closing keeps the closed name there, and owes and is owed nothing by it", async () => {
  const named = (affiliateName: string) => ({ more: { affiliateName } });
  await store("2026-01-05", [{ id: "a", ...named("Before") }]);
  await store("2026-02-03", [{ id: "b", ...named("Before") }]);
  await closing("2026-01");
  const before = await statements();
  await store("2026-01-05", [{ id: "a", ...named("After") }]);
  await store("2026-02-03", [{ id: "b", ...named("After") }]);
  expect(await statements()).toEqual(before);
  expect(await owed("2026-01")).toMatchObject([{ affiliate: "Before", owed: "10.00" }]);
  expect(await owed("2026-02")).toMatchObject([{ affiliate: "After", corrections: 0, owed: "10.00" }]);
  await closing("2026-02");
  const after = await statements();
  expect(after.slice(0, 1)).toEqual(before);
  expect(after.map(({ statement }) => statement.affiliate)).toEqual(["Before", "After"]);
  expect(after[1]?.statement.previousHash).toBe(before[0]?.hash);
});

test("two months that are closed at the same time come out as one after the other, and state nothing twice", async () => {
  await store("2026-01-05", [{ id: "a" }, { id: "b", status: "pending" }]);
  await store("2026-02-03", [{ id: "c" }]);
  const both = await Promise.allSettled([
    ...[closing("2026-02"), closing("2026-01"), closing("2026-02")],
    store("2026-01-05", [{ id: "a" }, { id: "b" }]),
  ]);
  for (const one of both) if (one.status === "rejected") expect(one.reason).toMatchObject({ kind: "out_of_order" });
  for (const month of ["2026-01", "2026-02", "2026-03"]) await closing(month);
  expect(await statements()).toHaveLength((await rows("select from payouts.statements where _client_id = $1")).length);
  expect(
    await rows(
      "select key, sum(amount)::text as amount, sum((amount <> 0)::int)::int as times from payouts.statement_lines where _client_id = $1 group by 1 order by 1",
    ),
  ).toEqual(["a", "b", "c"].map((name) => ({ key: name, amount: "10.000000", times: 1 })));
});

test("parts of a cent are carried on, so that statements come to the ledger to the cent", async () => {
  for (const [index, month] of ["2026-01", "2026-02", "2026-03", "2026-04"].entries()) {
    await store(`${month}-05`, [{ id: `x${index}`, payout: "0.003" }]);
    await closing(month);
  }
  const found = await rows<{ owed: string; carried: string }>(
    "select t.owed::text, t.rounding_carried::text as carried from payouts.statement_totals t join payouts.statements s using (_client_id, statement_id) where _client_id = $1 order by s.month",
  );
  expect(found.map(({ owed: amount }) => cents(amount))).toEqual(["0.00", "0.01", "0.00", "0.00"]);
  expect(found.map(({ carried }) => exactMoney(carried))).toEqual(["0.00", "0.003", "-0.004", "-0.001"]);
});

test("trust is held against the threshold that alerts have", async () => {
  const { trustAlertBelow } = await import("../../rules/recon/trust-threshold.ts");
  const [view] = await rows<{ text: string }>("select pg_get_viewdef('payouts.affiliate_holds'::regclass) as text", []);
  expect(view?.text).toContain(`trust_score < ${trustAlertBelow}`);
});

const days = ["2026-01-05", "2026-01-20", "2026-02-03", "2026-02-25", "2026-03-10", "2026-04-11"];
const conversion = fc.record({
  id: fc.constantFrom("a", "b", "c", "d", "e", "f", "g"),
  affiliateId: fc.constantFrom("1001", "1002"),
  status: fc.constantFrom("approved", "approved", "approved", "pending", "rejected", "invalid", "odd"),
  payout: fc.constantFrom("10", "5.005", "-3", "0", "0.333333"),
  currency: fc.constantFrom("USD", "USD", "EUR"),
  more: fc.constantFrom({}, {}, { affiliateName: "Renamed" }),
});
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("store" as const),
      day: fc.constantFrom(...days),
      found: fc.uniqueArray(conversion, { selector: ({ id }) => id, maxLength: 5 }),
      isFinal: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("hold" as const),
      affiliateId: fc.constantFrom("1001", "1002"),
      hold: fc.constantFrom("all", "automatic", "none"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("close" as const) }) },
);

/** What Everflow says now that each affiliate has earned, of all that statements are about. */
const ledger = () =>
  rows<{ of: string; amount: string }>(
    `select affiliate_id || ' ' || currency as of, sum(payout)::text as amount from everflow.conversions c
      where _client_id = $1 and status = 'approved' group by 1`,
  );
const stated = () =>
  rows<{ of: string; amount: string }>(
    "select affiliate_id || ' ' || currency as of, sum(amount)::text as amount from payouts.statement_lines where _client_id = $1 and kind <> 'claim' group by 1",
  );
/** Of an affiliate that goes by two names at once, a draft may show the other one. */
const amountsOf = (all: Awaited<ReturnType<typeof owed>>) =>
  all
    .map(({ state: _s, statementId: _i, origin: _o, affiliate: _a, ...total }) => total)
    .sort((one, other) => (`${one.affiliateId} ${one.currency}` < `${other.affiliateId} ${other.currency}` ? -1 : 1));
const summed = (all: { of: string; amount: string }[]) => {
  const sums = new Map<string, string>();
  for (const { of, amount } of all) sums.set(of, sumMoney([sums.get(of) ?? "0", amount]));
  return Object.fromEntries([...sums].filter(([, amount]) => amount !== "0").sort());
};

test("over random histories closed statements never change, and they and the drafts always come to the ledger", async () => {
  const months = ["2026-01", "2026-02", "2026-03", "2026-04"];
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      clients += 1;
      client = `payouts-${clients}`;
      await store("2026-01-02", [{ id: "first", payout: "1" }]);
      let next = 0;
      let kept: string[] = [];
      for (const one of [...steps, { kind: "close" as const }]) {
        if (one.kind === "store") await store(one.day, one.found, { isFinal: one.isFinal });
        else if (one.kind === "hold")
          await database.pool.query(
            `insert into payouts.accounts (_client_id, affiliate_id, hold, reason, set_by) values ($1, $2, $3, 'r', 't')
             on conflict on constraint accounts_key do update set hold = excluded.hold`,
            [client, one.affiliateId, one.hold],
          );
        else if (next < months.length) {
          const month = months[next] ?? "";
          const expected = await draft(month);
          expect(expected).toEqual(
            (await draft(month, true)).map((line, at) => ({
              ...line,
              kind: expected[at]?.["kind"],
              reason: expected[at]?.["reason"],
            })),
          );
          // What pages show while a month is open comes from sums by day: the same as from its lines, to the last digit.
          for (const open of months.slice(next, next + 2))
            expect(await draftTotals(open)).toEqual(await draftTotals(open, true));
          const totals = await owed(month);
          await closing(month);
          next += 1;
          expect(amountsOf(await owed(month))).toEqual(amountsOf(totals));
        }
        if (one.kind !== "close") continue;
        const texts = (await statements()).map((statement) => writeStatement(statement, "json"));
        expect(texts.slice(0, kept.length)).toEqual(kept);
        kept = texts;
        const open = (await Promise.all(months.slice(next).map((month) => draft(month)))).flat();
        const toCome = open.flatMap((line) =>
          [line["amount"] ?? "0", line["reason"] === "pending" ? "0" : (line["held"] ?? "0")].map((amount) => ({
            of: `${line["affiliate_id"]} ${line["currency"]}`,
            amount,
          })),
        );
        // The last month's corrections have no draft: nothing is compared once all are closed.
        if (next < months.length) expect(summed([...(await stated()), ...toCome])).toEqual(summed(await ledger()));
      }
      for (const text of kept) expect(verifyStatement(text, key.publicKey).problems).toEqual([]);
    }),
    // A counterexample as it was drawn: to make it smaller takes minutes.
    { numRuns: Number(process.env["PROPERTY_RUNS"] ?? 6), endOnFailure: true },
  );
});

test("purging the sandbox deletes what was made of it, and no real month", async () => {
  const { purgeStatements } = await import("../ops/purge-statements.ts");
  await store("2026-01-05", [{ id: "a" }], { origin: "sandbox" });
  await closing("2026-01");
  const by = { actor: "t", role: null };
  const count = () =>
    rows<{ count: number }>("select count(*)::int from payouts.statement_lines where _client_id = $1");
  const counts = await purgeStatements(database.pool, client, { atATime: 10, by });
  expect(counts.map(({ table, rows: deleted }) => [table, deleted])).toEqual([
    ["payouts.statement_lines", 1],
    ["payouts.statement_totals", 1],
    ["payouts.statements", 1],
    ["payouts.closings", 1],
  ]);
  clients += 1;
  client = `payouts-${clients}`;
  await store("2026-01-05", [{ id: "a" }]);
  await closing("2026-01");
  expect(await purgeStatements(database.pool, client, { atATime: 10, by })).toEqual([]);
  expect(await count()).toEqual([{ count: 1 }]);
});
