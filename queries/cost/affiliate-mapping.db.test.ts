import { writeFile } from "node:fs/promises";
import { mkdtemp } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { watchMapping } from "../../activities/cost/watch-affiliate-mapping.ts";
import { loadFirstMapping, loadMapping } from "../../scripts/shared/affiliate-mapping-file.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { readAlerts, resolveAlert } from "../ops/alerts.ts";
import { MappingConflict, matchLabels, mergeMapping, readMapping, type MappedSource } from "./affiliate-mapping.ts";

const client = "713";
let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());
beforeEach(async () => {
  await database.pool.query(
    "truncate everflow.daily_stats, redtrack.daily_spend, public.affiliate_mapping, public.account_currency, ops.alerts",
  );
});

const row = (
  redtrackSourceId: string | null,
  everflowAffiliateLabel: string,
  over: Partial<MappedSource> = {},
): MappedSource => ({
  redtrackSourceId,
  redtrackSourceName: null,
  everflowAffiliateId: null,
  everflowAffiliateLabel,
  isInternal: true,
  ...over,
});
const merge = (rows: MappedSource[], over: { client?: string; replace?: boolean } = {}) =>
  mergeMapping(database.pool, {
    client,
    rows,
    by: "test",
    actor: { actor: "cli:test", role: null },
    replace: false,
    ...over,
  });
const known = async (of = client) =>
  (await readMapping(database.pool, { client: of })).map((one) => [one.redtrackSourceId, one.everflowAffiliateLabel]);
const contents = async () =>
  (await database.pool.query("select *, xmin::text from public.affiliate_mapping order by 1, 2, 5")).rows;

test("a repeat changes nothing, not even when it was loaded", async () => {
  const rows = [row("s1", "A"), row("s2", "A"), row(null, "B")];
  expect(await merge(rows)).toEqual({ inserted: 3, updated: 0, unchanged: 0, removed: 0 });
  const before = await contents();
  expect(await merge(rows)).toEqual({ inserted: 0, updated: 0, unchanged: 3, removed: 0 });
  expect(await merge(rows, { replace: true })).toEqual({ inserted: 0, updated: 0, unchanged: 3, removed: 0 });
  expect(await contents()).toEqual(before);
});

test("a line that is gone stays until the file replaces all, and another client's stay in any case", async () => {
  await merge([row("s1", "A"), row("s2", "B"), row(null, "C"), row(null, "D")]);
  await merge([row("s1", "A")], { client: "acme" });
  expect(await merge([row("s2", "B2")])).toEqual({ inserted: 0, updated: 1, unchanged: 0, removed: 0 });
  expect(await known()).toEqual([
    ["s1", "A"],
    ["s2", "B2"],
    [null, "C"],
    [null, "D"],
  ]);
  expect(await merge([row("s2", "B2"), row(null, "D")], { replace: true })).toEqual({
    inserted: 0,
    updated: 0,
    unchanged: 2,
    removed: 2,
  });
  expect(await known()).toEqual([
    ["s2", "B2"],
    [null, "D"],
  ]);
  expect(await known("acme")).toEqual([["s1", "A"]]);
  expect(await merge([], { replace: true })).toMatchObject({ removed: 2 });
});

test("a mapping that contradicts what is stored is refused, and nothing of it is kept", async () => {
  await merge([row("s1", "A", { everflowAffiliateId: "7" })]);
  const before = await contents();
  await expect(merge([row("s2", "A", { isInternal: false }), row("s3", "Z")])).rejects.toThrow(
    new MappingConflict(['affiliate "A" is internal in one row and external in another']),
  );
  await expect(merge([row("s2", "B", { everflowAffiliateId: "7" })])).rejects.toThrow(
    "Everflow affiliate 7 has several labels: A, B",
  );
  expect(await contents()).toEqual(before);
});

test("merges at the same time leave each source once", async () => {
  await Promise.all(Array.from({ length: 8 }, (_, index) => merge([row("s1", `L${index}`), row(null, "C")])));
  expect(await known()).toHaveLength(2);
});

test("a file is merged whole or not at all; the one that comes with the code is loaded only where there is none", async () => {
  const file = path.join(await mkdtemp(path.join(os.tmpdir(), "mapping-")), "mine.csv");
  await writeFile(file, "redtrack_source_id,everflow_affiliate_label,is_internal\ns1,A,true\ns1,A2,true\ns2,,true\n");
  await expect(loadMapping(database.pool, { client, file, replace: true })).rejects.toThrow(
    "line 4, everflow_affiliate_label: is empty",
  );
  expect(await known()).toEqual([]);
  expect(await loadFirstMapping(database.pool, { client })).toMatchObject({ inserted: 4 });
  expect(await loadFirstMapping(database.pool, { client })).toBeNull();
  await writeFile(file, "redtrack_source_id,everflow_affiliate_label,is_internal\ns1,A,true\ns1,A2,true\n");
  expect(await loadMapping(database.pool, { client, file, replace: false })).toMatchObject({
    inserted: 1,
    superseded: [{ row: { line: 2, everflowAffiliateLabel: "A" }, byLine: 3 }],
  });
  expect((await readMapping(database.pool, { client })).find((one) => one.redtrackSourceId === "s1")).toMatchObject({
    everflowAffiliateLabel: "A2",
    loadedBy: "mine.csv",
  });
});

const spend = (source: string, cost: string) =>
  database.pool.query(
    "insert into redtrack.daily_spend (_client_id, date, source_id, source_name, clicks, conversions, cost, _slice, _run_id) values ($1, '2025-12-18', $2, 'Some \"source\"', 1, 0, $3, 's', 'r')",
    [client, source, cost],
  );
const watch = () =>
  watchMapping(database.pool, {
    client,
    accounts: new Map([[`redtrack/${client}`, { settings: { REDTRACK_CURRENCY: "EUR" } }]]),
  });
const alerts = async () =>
  (await readAlerts(database.pool, { client, limit: 100 }))
    .map((alert) => [alert.kind, alert.subject, alert.resolvedAt === null ? "open" : alert.notes])
    .sort();

const newest = async () => (await readAlerts(database.pool, { client, limit: 1 }))[0];
/** Which edition of each alert people were told of. */
const told = new Map<number, number>();
const openAlerts = async () =>
  (
    await database.pool.query<{ alertId: number; kind: string; edition: number }>(
      `select alert_id as "alertId", kind, edition from ops.alerts where resolved_at is null order by 1`,
    )
  ).rows;
const unsent = async () =>
  (await openAlerts()).filter(({ alertId, edition }) => told.get(alertId) !== edition).map(({ kind }) => kind);
const tell = async () => {
  for (const { alertId, edition } of await openAlerts()) told.set(alertId, edition);
};

test("all sources with spend and no affiliate are one alert, told again when there are more, closed when all are mapped", async () => {
  await spend("s1", "12.345");
  await spend("s2", "5");
  await spend("idle", "0");
  await watch();
  await watch();
  expect(await alerts()).toEqual([["unmapped_spend", "redtrack", "open"]]);
  const alert = await newest();
  expect(alert?.message).toMatch(
    /^2 Redtrack sources have spend and no affiliate: .*12\.35 EUR from 2025-12-18 to 2025-12-18; .*5\.00 EUR/,
  );
  expect(alert?.details).toMatchObject({ names: ["s1", "s2"] });
  await tell();
  await watch();
  expect(await unsent()).toEqual([]);
  await spend("s3", "1");
  await watch();
  expect(await unsent()).toEqual(["unmapped_spend"]);
  await tell();
  await merge([row("s1", "A"), row("s3", "A")]);
  await watch();
  // Less of it is no news.
  expect(await unsent()).toEqual([]);
  expect((await newest())?.message).toMatch(/^A Redtrack source has spend/);
  await merge([row("s2", "A")]);
  await watch();
  expect(await alerts()).toEqual([["unmapped_spend", "redtrack", "mapped"]]);
});

test("twenty sources are named up to the fifth, the greatest first, and listed in the details", async () => {
  for (let index = 1; index <= 20; index += 1) await spend(`s${index}`, String(index));
  await watch();
  const alert = await newest();
  expect(alert?.message).toMatch(/^20 Redtrack sources .*\(s20\): 20\.00 EUR.*\(s16\).*; and 15 more\. Add them/);
  expect((alert?.details as { found: unknown[] }).found).toHaveLength(20);
});

test("what somebody closed by hand stays closed until the source spends again, and other sources are told of", async () => {
  await spend("s1", "5");
  await watch();
  await resolveAlert(database.pool, { client, alertId: (await newest())?.alertId ?? 0, by: "ada", notes: "a test" });
  await watch();
  expect(await alerts()).toEqual([["unmapped_spend", "redtrack", "a test"]]);
  await spend("s2", "6");
  await watch();
  expect((await newest())?.details).toMatchObject({ names: ["s2"] });
  await database.pool.query("update redtrack.daily_spend set cost = 6, _loaded_at = now()");
  await watch();
  expect((await newest())?.details).toMatchObject({ names: ["s1", "s2"] });
});

test("a label that leads nowhere is an alert once there is something to compare it with", async () => {
  await spend("s1", "5");
  await merge([row("s1", "Nobody"), row(null, "No spend either")]);
  await watch();
  expect(await alerts()).toEqual([]);
  await database.pool.query(
    "insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id) values ($1, '2025-12-18', '7', 'Somebody', '1', '1', 'USD', 1, 1, 1, 1, 1, 1, 's', 'r')",
    [client],
  );
  await watch();
  expect(await alerts()).toEqual([["unmatched_affiliate", "everflow", "open"]]);
  await merge([row("s1", "Somebody")]);
  await watch();
  expect(await alerts()).toEqual([["unmatched_affiliate", "everflow", "matched"]]);
});

test("an id that its label led to is filled in, follows the label, and gives way to one that a person names", async () => {
  const ids = async () =>
    (await readMapping(database.pool, { client })).map((one) => [one.everflowAffiliateId, one.matchedAt !== null]);
  const seen = (id: string, name: string) =>
    database.pool.query(
      `insert into everflow.daily_stats (_client_id, date, affiliate_id, affiliate_name, advertiser_id, offer_id, currency, clicks, conversions, payout, revenue, profit, events, _slice, _run_id)
       values ($1, '2025-12-18', $2, $3, '1', '1', 'USD', 0, 0, 0, 0, 0, 0, 's', 'r')`,
      [client, id, name],
    );
  await merge([row("s1", "A"), row("s2", "B")]);
  expect(await ids()).toEqual([
    [null, false],
    [null, false],
  ]);
  await seen("1", "A");
  await seen("2", "B");
  await matchLabels(database.pool, { client });
  expect(await ids()).toEqual([
    ["1", true],
    ["2", true],
  ]);
  const before = await contents();
  await matchLabels(database.pool, { client });
  // Loaded again as the file has it, and given back as it was read: neither is a change.
  expect(await merge([row("s1", "A"), row("s2", "B", { everflowAffiliateId: "2" })])).toMatchObject({ unchanged: 2 });
  expect(await contents()).toEqual(before);
  // Loaded under another label the id follows; a second affiliate with the label leaves none.
  await merge([row("s2", "A")]);
  await seen("3", "A");
  await matchLabels(database.pool, { client });
  expect(await ids()).toEqual([
    [null, false],
    [null, false],
  ]);
  expect(await merge([row("s1", "A", { everflowAffiliateId: "3" })])).toMatchObject({ updated: 1 });
  await matchLabels(database.pool, { client });
  expect((await ids())[0]).toEqual(["3", false]);
});
