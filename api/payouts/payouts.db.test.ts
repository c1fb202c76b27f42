import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { bearer } from "../../test/api-server.ts";
import { everyRow, testDatabase, type TestDatabase } from "../../test/database.ts";
import { formBody, loggedIn, pageServer } from "../../test/page-server.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { madeSigningKey, storeDay } from "../../test/payouts.ts";
import { hashAffiliateKey } from "../../rules/recon/affiliate-key.ts";
import { verifyStatement } from "../../rules/payouts/verify-statement.ts";
import type { Api } from "../server/parts.ts";

jest.setTimeout(60_000);

const client = "713";
const key = madeSigningKey();
/** Somebody's address, typed into a note. */
const canary = "ask canary7x@mail.example";
const hostile = '=cmd|"\u202E<script>alert(1)</script>';
let database: TestDatabase;
let api: Api;
let recon: Record<"one" | "other", string>;
const keys = { one: `aff_${"a".repeat(43)}`, other: `aff_${"b".repeat(43)}` };

beforeAll(async () => {
  database = await testDatabase();
  ({ api } = await pageServer({ database: database.pool, statementKey: key }));
  const store = (day: string, found: Parameters<typeof storeDay>[1]["found"]) =>
    storeDay(database.pool, { client, day, found }, { origin: "sandbox" });
  await store("2026-01-05", [
    { id: "a", more: { affiliateName: hostile } },
    { id: "b", affiliateId: "2002", payout: "4.005", status: "pending" },
  ]);
  await store("2026-02-05", [{ id: "c", payout: "3" }]);
  const made = await database.pool.query<{ id: string; name: string }>(
    `insert into recon.affiliates (_client_id, name, api_key_hash) values ($1, 'one', $2), ($1, 'other', $3) returning affiliate_id::text as id, name`,
    [client, hashAffiliateKey(keys.one), hashAffiliateKey(keys.other)],
  );
  recon = Object.fromEntries(made.rows.map(({ id, name }) => [name, id])) as typeof recon;
  await database.pool.query(
    `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
     values ($1, '2026-01-05', '1001', 'One', '1', '1', 'USD', 1, 1, 10, 20, 10, 0, '2026-01-05', 'r')`,
    [client],
  );
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const ask = async (url: string, as: Record<string, string>, method: "GET" | "POST" | "PUT" = "GET", payload?: object) =>
  api.inject({ method, url: `/api/v1/payouts${url}`, headers: as, ...(payload === undefined ? {} : { payload }) });
const operator = () => bearer({ client });

test("a key of the client's is published to everybody, and without one no month is closed", async () => {
  expect((await api.inject("/api/v1/payouts/public-key")).json()).toEqual({
    algorithm: "Ed25519",
    keyId: key.keyId,
    publicKey: key.publicKey,
  });
  const { api: without } = await pageServer({ database: database.pool });
  const answer = await without.inject({
    method: "POST",
    url: "/api/v1/payouts/months/2026-01/close",
    headers: await operator(),
    payload: {},
  });
  expect([answer.statusCode, answer.json<{ message: string }>().message]).toEqual([
    503,
    expect.stringContaining("STATEMENT_SIGNING_KEY"),
  ]);
  expect((await without.inject("/api/v1/payouts/public-key")).statusCode).toBe(404);
  await without.close();
});

test("an account is linked once, with a reason where a person decides, and each change is in the audit log", async () => {
  const link = (affiliateId: string, body: object, as = operator()) =>
    as.then((headers) => ask(`/accounts/${affiliateId}`, headers, "PUT", body));
  const one = { reconAffiliateId: Number(recon.one), hold: "automatic" };
  expect((await link("1001", one)).json()).toMatchObject({ reconAffiliate: "one", hold: "automatic", setBy: "ada" });
  expect((await link("1001", one)).statusCode).toBe(200);
  expect((await link("1001", { ...one, hold: "all" })).statusCode).toBe(400);
  expect((await link("unknown", one)).statusCode).toBe(404);
  expect((await link("1001", { ...one, reconAffiliateId: 999 })).json()).toMatchObject({
    error: "conflict",
    message: "reconciliation has no affiliate 999",
  });
  expect((await link("1001", one, bearer({ client, role: "analyst" }))).statusCode).toBe(403);
  const { rows } = await database.pool.query(
    "select actor, subject from ops.audit where action = 'payout_account_set'",
  );
  expect(rows).toEqual([{ actor: "ada", subject: "payouts/affiliate/1001" }]);
});

test("a month is closed by keepers alone, once, and says what is missing", async () => {
  const close = async (month: string, body: object, as: Record<string, string>) =>
    ask(`/months/${month}/close`, as, "POST", body);
  for (const role of ["analyst", "advertiser"] as const)
    expect((await close("2026-01", {}, await bearer({ client, role, advertiser: "1" }))).statusCode).toBe(403);
  expect((await close("2026-01", {}, { "x-api-key": keys.one })).statusCode).toBe(401);
  expect((await close("2026-01", {}, await operator())).json()).toMatchObject({
    error: "conflict",
    message: expect.stringContaining("30 days of 2026-01 are not final"),
  });
  expect((await close("2026-02", { reason: "x" }, await operator())).json()).toMatchObject({
    error: "conflict",
    message: expect.stringContaining("2026-01 has conversions"),
  });
  const both = await Promise.all([
    close("2026-01", { reason: "test" }, await operator()),
    close("2026-01", { reason: "test" }, await operator()),
  ]);
  expect(both.map((one) => one.json<{ isNew: boolean }>().isNew).sort()).toEqual([false, true]);
  const { items } = (await ask("/months", await operator())).json<{ items: object[] }>();
  expect(items).toMatchObject([
    { month: "2026-02", state: "open", isNext: true, daysNotFinal: 27 },
    { month: "2026-01", state: "closed", closedBy: "ada", forcedReason: "test" },
  ]);
});

const idOf = async (affiliateId: string) =>
  (
    await database.pool.query<{ id: number }>(
      "select statement_id as id from payouts.statements where affiliate_id = $1 order by 1 limit 1",
      [affiliateId],
    )
  ).rows[0]?.id ?? 0;

test("an affiliate reads and downloads their own statements, and finds no others, drafts or months", async () => {
  const own = { "x-api-key": keys.one };
  const { items } = (await ask("/statements", own)).json<{ items: { affiliateId: string; statementId: number }[] }>();
  expect(items).toMatchObject([{ affiliateId: "1001", state: "closed", owed: "10.00" }]);
  const mine = await idOf("1001");
  expect((await ask(`/statements/${mine}`, own)).json()).toMatchObject({
    affiliate: hostile,
    closedBy: null,
    forcedReason: null,
  });
  for (const form of ["json", "csv", "html"]) {
    const file = await ask(`/statements/${mine}/statement.${form}`, own);
    expect([form, verifyStatement(file.body, key.publicKey).problems]).toEqual([form, []]);
  }
  const others = await idOf("2002");
  for (const url of [`/statements/${others}`, `/statements/${others}/lines`, `/statements/${others}/statement.csv`])
    expect([url, (await ask(url, own)).statusCode, (await ask(url, { "x-api-key": keys.other })).statusCode]).toEqual([
      url,
      404,
      404,
    ]);
  expect((await ask("/statements", { "x-api-key": keys.other })).json()).toEqual({ items: [], totals: [] });
  expect((await ask("/statements?affiliateId=2002&month=2026-02", own)).json()).toEqual({ items: [], totals: [] });
  expect((await ask("/statements?affiliateId=2002", own)).json()).toEqual({ items: [], totals: [] });
  expect((await ask("/statements?affiliateId=1001", own)).json()).toMatchObject({ items: [{ affiliateId: "1001" }] });
  for (const url of ["/months", "/accounts", "/drafts/2026-02/1001", "/drafts/2026-02/1001/lines"])
    expect([url, (await ask(url, own)).statusCode]).toEqual([url, 401]);
  for (const url of ["/statements", `/statements/${mine}`])
    expect((await ask(url, await bearer({ client, role: "advertiser", advertiser: "1" }))).statusCode).toBe(403);
  expect((await ask(`/statements/${mine}`, await bearer({ client: "acme" }))).statusCode).toBe(404);
});

test("lines are read page by page in the order of the statement, of closed ones and of drafts", async () => {
  await storeDay(
    database.pool,
    {
      client,
      day: "2026-01-05",
      found: [
        { id: "a", status: "rejected" },
        { id: "late", payout: "2" },
        { id: "b", affiliateId: "2002", payout: "4.005" },
      ],
    },
    { origin: "sandbox" },
  );
  const all: { key: string; why: string; amount: string }[] = [];
  let next: string | null = "";
  while (next !== null) {
    const page: { items: typeof all; next: string | null } = (
      await ask(`/drafts/2026-02/1001/lines?limit=1${next === "" ? "" : `&cursor=${next}`}`, await operator())
    ).json<{ items: typeof all; next: string | null }>();
    all.push(...page.items);
    next = page.next;
  }
  expect(all.map(({ key: of, amount, why }) => [of, amount, why])).toEqual([
    ["c", "3.00", "approved"],
    ["a", "-10.00", "rejected since it was approved: stated 10 of it, as approved"],
    ["late", "2.00", "arrived after its month was closed"],
  ]);
  expect((await ask("/drafts/2026-02/1001", await operator())).json()).toMatchObject({
    totals: [{ owed: "-5.00", corrections: 2, correctionsAmount: "-8.00" }],
  });
  const held = (await ask(`/statements/${await idOf("2002")}/lines?held=true`, await operator())).json();
  expect(held).toMatchObject({ items: [{ key: "b", held: "4.01", why: "pending at Everflow" }] });
});

test("SQL, JSON and the pages say the same, and a closed month equals what was drafted", async () => {
  const statements = () =>
    ask("/statements?month=2026-02", bearerOf).then(
      (answer) => answer.json<{ items: Record<string, unknown>[] }>().items,
    );
  const bearerOf = await operator();
  const drafted = await statements();
  const { rows } = await database.pool.query<Record<string, string>>(
    "select affiliate_id, round(owed, 2)::text as owed, state from payouts.owed where month = '2026-02-01' order by affiliate_id",
  );
  expect(rows).toEqual(
    drafted
      .map(({ affiliateId, owed, state }) => ({ affiliate_id: affiliateId, owed, state }))
      .sort((one, other) => String(one.affiliate_id).localeCompare(String(other.affiliate_id))),
  );
  await ask("/months/2026-02/close", bearerOf, "POST", { reason: "test" });
  const closed = await statements();
  const bare = (items: Record<string, unknown>[]) => items.map(({ state: _s, statementId: _i, ...rest }) => rest);
  expect(bare(closed)).toEqual(bare(drafted));
});

test("pages show statements, drafts and files, to each what they may see, with hostile names as text", async () => {
  const staff = await loggedIn(database.pool, { client });
  const own = await loggedIn(database.pool, { client, affiliateId: recon.one, keyHash: hashAffiliateKey(keys.one) });
  const visit = (url: string, as: Record<string, string>) => api.inject({ url, headers: as });
  const mine = await idOf("1001");
  const second = (
    await database.pool.query<{ id: number }>(
      "select max(statement_id) as id from payouts.statements where affiliate_id = '1001'",
    )
  ).rows[0]?.id;
  for (const url of [
    "/statements",
    "/statements?month=2026-01",
    `/statements/${mine}`,
    `/statements/${second}`,
    "/statements/drafts/2026-03/1001",
    "/statements/affiliates",
    "/statements/affiliates/1001",
  ]) {
    const page = await visit(url, staff);
    expect([url, page.statusCode]).toEqual([url, 200]);
    expect(page.body).not.toContain("<script>alert");
    const { wrong } = await compareFigures(api, page.body, client);
    expect([url, wrong]).toEqual([url, []]);
  }
  expect((await visit(`/statements/${second}`, staff)).body).toMatch(/rejected since it was approved/);
  const list = await visit("/statements", own);
  expect(list.body).toContain("Your statements");
  expect(
    (await compareFigures(api, (await visit("/statements?month=2026-01", staff)).body, client)).compared,
  ).toBeGreaterThan(8);
  for (const form of ["json", "csv", "html"]) {
    const file = await visit(`/statements/${mine}/${form}`, own);
    expect([form, verifyStatement(file.body, key.publicKey).problems]).toEqual([form, []]);
    expect(file.headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-/);
  }
  expect((await visit(`/statements/${await idOf("2002")}`, own)).statusCode).toBe(404);
  expect((await visit(`/statements/${await idOf("2002")}/csv`, own)).statusCode).toBe(404);
  expect((await visit("/statements.csv?month=2026-01", staff)).body).toMatch(/^affiliate,affiliateId,month/);
  expect((await visit("/statements.csv", own)).body.split("\r\n")).toHaveLength(4);
  const other = await loggedIn(database.pool, {
    client,
    affiliateId: recon.other,
    keyHash: hashAffiliateKey(keys.other),
  });
  expect((await visit("/statements.csv", other)).body.split("\r\n")).toHaveLength(2);
  const advertiser = await loggedIn(database.pool, { client, role: "advertiser", advertiser: "1" });
  expect((await visit("/statements", advertiser)).statusCode).toBe(404);
});

test("the forms close a month and set an account through the JSON routes", async () => {
  const staff = await loggedIn(database.pool, { client });
  const send = (url: string, fields: Record<string, string>) => {
    const { payload, type } = formBody(fields);
    return api.inject({ method: "POST", url, headers: { ...staff, ...type }, payload });
  };
  const held = await send("/statements/affiliates/1001", {
    hold: "all",
    reason: `they left, ${canary}`,
    recon: recon.one,
    back: "/statements/affiliates/1001",
  });
  expect([held.statusCode, held.headers.location]).toEqual([303, "/statements/affiliates/1001"]);
  expect(
    (await send("/statements/affiliates/1001", { hold: "all", reason: "x", back: "//evil.example/" })).statusCode,
  ).toBe(400);
  expect((await ask("/accounts", await operator())).json<{ items: object[] }>().items).toMatchObject([
    { affiliateId: "1001", hold: "all", heldFor: expect.stringMatching(/^they left, ask \S+$/) },
  ]);
  expect((await send("/statements/months/2026-03/close", {})).statusCode).toBe(409);
  const closed = await send("/statements/months/2026-03/close", { reason: `test, ${canary}` });
  expect([closed.statusCode, closed.headers.location]).toEqual([303, "/statements?month=2026-03"]);
  // Neither the audit log nor what is closed can be cleaned.
  expect(await everyRow(database.pool)).not.toContain("canary7x");
});
