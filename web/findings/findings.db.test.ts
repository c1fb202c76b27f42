import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Api } from "../../api/server/parts.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { clusteringByRules } from "../../test/clustering-by-rules.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { putFindingRows } from "../../test/finding-rows.ts";
import { compareFigures } from "../../test/page-figures.ts";
import { loggedIn, pageServer } from "../../test/page-server.ts";

const hostile = `=cmd|' /c calc'!A0"><script>alert(1)</script>`;
const to = addDays(dayAt(new Date(), "America/New_York"), -1);
let database: TestDatabase;
let api: Api;

beforeAll(async () => {
  database = await testDatabase();
  const temporal = clusteringByRules(database.pool, { started: [], keepsWaiting: () => false });
  ({ api } = await pageServer({ database: database.pool, temporal }));
}, 60_000);
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

type As = Parameters<typeof loggedIn>[1];
const open = async (url: string, as: As = {}) => api.inject({ url, headers: await loggedIn(database.pool, as) });
const post = async (url: string, body: Record<string, string>, as: As = {}) =>
  api.inject({
    method: "POST",
    url,
    headers: { ...(await loggedIn(database.pool, as)), "content-type": "application/x-www-form-urlencoded" },
    payload: new URLSearchParams(body).toString(),
  });
const idOf = async (subject: string) =>
  (
    await database.pool.query<{ id: number }>(
      "select finding_id as id from findings.findings where subject = $1 order by 1 limit 1",
      [subject],
    )
  ).rows[0]?.id ?? 0;

test("before a search the page says what it takes", async () => {
  const { body, statusCode } = await open("/findings");
  expect([statusCode, body.includes("Not looked for yet")]).toEqual([200, true]);
});

test("“Look again” finds them, the most at stake first, and every figure is the JSON route's", async () => {
  await putFindingRows(database.pool, { to });
  await database.pool.query("update everflow.conversions set affiliate_name = $1 where affiliate_id = '5'", [hostile]);
  const asked = await post("/findings/search", {});
  expect(asked.statusCode).toBe(303);
  const { body } = await open(asked.headers.location ?? "");
  expect(body).toContain("Looked through");
  const { compared, wrong } = await compareFigures(api, body);
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(30);
});

test.each(["affiliate/5/USD", "affiliate/3", "source/s1", "source/s2", "source/s3", "anytrack/a2"])(
  "%s shows its rows, its SQL and what may lie behind it, with the figures of its JSON routes",
  async (subject) => {
    const id = await idOf(subject);
    const { body } = await open(`/findings/${id}`);
    for (const text of ["Before you ask anybody", "findings.evidence", "At stake"]) expect(body).toContain(text);
    expect((await compareFigures(api, body)).wrong).toEqual([]);
    const csv = (await open(`/findings/${id}.csv`)).body.trim().split("\r\n");
    const { rows } = await database.pool.query<{ cases: number }>(
      "select cases from findings.findings where finding_id = $1",
      [id],
    );
    expect(csv).toHaveLength((rows[0]?.cases ?? 0) + 1);
  },
);

test("filters stand in the address, and empty ones are none", async () => {
  const { body } = await open("/findings?kind=parted_ways&state=&min_at_stake=");
  expect(body).toContain("Source 3");
  expect(body).not.toContain("Source 1<");
  expect((await open("/findings?min_at_stake=9999999")).body).toContain("Nothing under these filters");
  expect((await open("/findings?type=x")).statusCode).toBe(400);
});

test("whoever keeps things decides on the page; whoever reads does not, and affiliates and advertisers see nothing", async () => {
  const id = await idOf("source/s1");
  expect((await open(`/findings/${id}`, { role: "analyst" })).body).not.toContain("What do you make of it?");
  expect((await post(`/findings/${id}/state`, { state: "seen" }, { role: "analyst" })).statusCode).toBe(404);
  expect((await open("/findings", { role: "advertiser", advertiser: "1" })).statusCode).toBe(404);
  expect((await open("/findings", { affiliateId: "1", keyHash: "k" })).statusCode).not.toBe(200);
  const done = await post(`/findings/${id}/state`, { state: "dismissed", reason: "a flat fee" });
  expect([done.statusCode, done.headers.location]).toEqual([303, `/findings/${id}`]);
  expect((await open(`/findings/${id}`)).body).toMatch(/new → dismissed/);
  expect((await post(`/findings/${id}/state`, { state: "snoozed", reason: "" })).statusCode).toBe(400);
});

test("a hostile name is text on the pages and safe in the export", async () => {
  for (const url of ["/findings", `/findings/${await idOf("affiliate/5/USD")}`]) {
    const { body } = await open(url);
    expect(body).not.toContain("<script>alert(1)");
    expect(body).toContain("&lt;script");
  }
  const csv = (await open("/findings.csv")).body;
  expect(csv).toContain(`"'=cmd`);
  expect(csv).not.toMatch(/(^|,)"?=cmd/m);
});
