import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { googleAccount } from "../../test/google-account.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { failureOf, startStack, uniqueId, type TestStack } from "../../test/stack.ts";
import { eventually } from "../../test/eventually.ts";
import type { fetchThumbnails } from "./fetch-thumbnails.ts";
import type { discoverSeats } from "./discover-seats.ts";
import type { syncCreatives } from "./sync-creatives.ts";

jest.setTimeout(120_000);

const { key, known } = googleAccount();
const vendor = "authorized_buyers";
const [apps, brands] = ["731100201", "731100202"];

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ AUTHORIZED_BUYERS_KEY: key, THUMBNAIL_CONSENT: "on", THUMBNAIL_INTERVAL_MS: "0" });
  await mock("service-accounts", known);
});
afterAll(() => stack.stop());

const mock = (what: string, body: object = {}) => stack.control("POST", `/${vendor}/${what}`, body);
const fault = (kind: string, parameters: object = {}) =>
  stack.control("POST", "/faults", { vendor, kind, ...parameters });
const run = async (type: string, input: object) => (await stack.start(type, uniqueId(type), input)).result();
const sync = async (input: object = {}) =>
  ((await run("syncCreatives", { client: "713", ...input })) as Awaited<ReturnType<typeof syncCreatives>>).seats;

interface Wire {
  creativeId: string;
  accountId: string;
  advertiserName?: string;
}
const listed = async () => {
  const rows = (await stack.control(
    "GET",
    `/dump?vendor=${vendor}&client=713&from=2025-12-01&to=2025-12-01`,
  )) as Wire[];
  return rows
    .map(({ accountId, creativeId, advertiserName = "-" }) => `${accountId} ${creativeId} ${advertiserName}`)
    .sort();
};
const stored = async () =>
  (
    await stack.rows<{ text: string }>(
      "select buyer_id || ' ' || creative_id || ' ' || coalesce(advertiser_name, '-') as text from rtb.creatives where vanished_at is null",
    )
  )
    .map(({ text }) => text)
    .sort();
/** Advertisers that only Google detected stand in the catalogue, and not in what was declared. */
const byId = (lines: string[]) => lines.map((line) => line.split(" ").slice(0, 2).join(" "));

test("seats are discovered, and the catalogue is the exchange's, with all that the document's table has", async () => {
  const found = (await run("discoverSeats", { client: "713" })) as Awaited<ReturnType<typeof discoverSeats>>;
  expect(found.seats.map(({ buyerId }) => buyerId)).toEqual([apps, brands]);
  // A file had named two before: one seat's, and one whose seat nobody knew.
  const [first = ""] = await listed();
  const [, firstId = ""] = first.split(" ");
  await stack.rows(
    "insert into rtb.creatives (_client_id, creative_id, is_stub, origin) values ('713', $1, true, 'sandbox')",
    [firstId],
  );

  const seats = await sync();
  expect(seats.map(({ outcome }) => outcome)).toEqual(["synced", "synced"]);
  expect(byId(await stored())).toEqual(byId(await listed()));
  const [counts] = await stack.rows<Record<string, number>>(
    `select count(*)::int as all, count(distinct creative_id)::int as ids, count(*) filter (where is_stub)::int as stubs,
            count(*) filter (where format is null or google_buyers_url is null or approval_status is null or languages is null)::int as bare,
            count(*) filter (where html_snippet is not null)::int as html, count(*) filter (where vast_xml is not null)::int as video,
            count(*) filter (where canonical_size = '300x250 (Medium Rectangle)')::int as rectangles,
            count(*) filter (where jsonb_path_exists(destination_urls_parsed, '$[*] ? (@.kind == "app")'))::int as apps
       from rtb.creatives`,
  );
  expect(counts).toMatchObject({ all: 652, stubs: 0, bare: 0 });
  expect(counts?.["ids"]).toBeLessThan(652);
  for (const what of ["html", "video", "rectangles", "apps"])
    expect([what, (counts?.[what] ?? 0) > 20]).toEqual([what, true]);
  expect(
    await stack.rows(
      "select buyer_id, display_name, bidder_account_id, creative_count, last_sync is not null as synced from rtb.buyer_seats order by 1",
    ),
  ).toMatchObject([
    { buyer_id: apps, bidder_account_id: "731100200", synced: true },
    { buyer_id: brands, bidder_account_id: "731100200", synced: true },
  ]);
  expect(
    (await sync()).map(({ inserted, updated, returned, vanished }) => [inserted, updated, returned, vanished]),
  ).toEqual([
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ]);
});

test("small pages, tokens that end, a quota that is refused and a server that is away: in the end it is the same list", async () => {
  await mock("page-size", { rows: 40 });
  await mock("expire-tokens");
  await fault("rate_limited", { times: 2, retryAfterSeconds: 1 });
  await fault("server_error", { times: 1, status: 503 });
  const [changed = ""] = (await listed()).filter((line) => line.startsWith(apps));
  const [buyerId = "", creativeId = ""] = changed.split(" ");
  await mock("change", { buyerId, creativeId, advertiserName: "Somebody Else" });
  const [seat] = await sync({ buyerId: apps });
  expect(seat).toMatchObject({ buyerId: apps, outcome: "synced", inserted: 0, updated: 1, vanished: 0 });
  expect(
    await stack.rows("select advertiser_name as name from rtb.creatives where buyer_id = $1 and creative_id = $2", [
      buyerId,
      creativeId,
    ]),
  ).toEqual([{ name: "Somebody Else" }]);
  expect(byId(await stored())).toEqual(byId(await listed()));
});

test("pages that move while they are read, and a list that is lost in the middle, mark nothing that is there", async () => {
  await mock("page-size", { rows: 40 });
  await mock("moving", { on: true });
  expect(await sync({ buyerId: apps })).toMatchObject([{ outcome: "synced", inserted: 0, vanished: 0 }]);
  await mock("moving", { on: false });
  await mock("lose-lists", { rows: 3 });
  expect(await sync({ buyerId: apps })).toMatchObject([{ outcome: "synced", inserted: 0, vanished: 0 }]);
  expect(byId(await stored())).toEqual(byId(await listed()));
});

test("a creative that vanishes is marked and keeps its row, and one that returns is marked no more", async () => {
  const [gone = ""] = (await listed()).filter((line) => line.startsWith(brands));
  const [buyerId = "", creativeId = ""] = gone.split(" ");
  await mock("vanish", { buyerId, creativeId });
  expect(await sync({ buyerId: brands })).toMatchObject([{ vanished: 1, returned: 0 }]);
  const marked = () =>
    stack.rows<{ id: string }>("select creative_id as id from rtb.creatives where vanished_at is not null");
  expect(await marked()).toEqual([{ id: creativeId }]);
  expect(byId(await stored())).toEqual(byId(await listed()));
  expect(await sync({ buyerId: brands })).toMatchObject([{ vanished: 0 }]);
  await mock("return", { buyerId, creativeId });
  expect(await sync({ buyerId: brands })).toMatchObject([{ vanished: 0, returned: 1, inserted: 0 }]);
  expect(await marked()).toEqual([]);
  expect(byId(await stored())).toEqual(byId(await listed()));
});

test("a list that is empty or short against the exchange's own count marks nothing; that most is gone is told", async () => {
  const all = (await listed()).filter((line) => line.startsWith(brands)).map((line) => line.split(" "));
  const count = all.length;
  await mock("active-count", { buyerId: brands, count });
  const told = () =>
    stack.rows(
      `select last_outcome as outcome, (select count(*)::int from ops.alerts where kind = 'seat_shrunk' and resolved_at is null and subject like '%' || s.buyer_id) as alerts,
              (select count(*)::int from rtb.creatives c where c.buyer_id = s.buyer_id and vanished_at is not null) as vanished
         from rtb.buyer_seats s where buyer_id = $1`,
      [brands],
    );
  for (const [buyerId, creativeId] of all) await mock("vanish", { buyerId, creativeId });
  expect(await sync({ buyerId: brands })).toMatchObject([{ outcome: "emptied", vanished: 0 }]);
  expect(await told()).toEqual([{ outcome: "emptied", alerts: 1, vanished: 0 }]);
  const [one] = all;
  await mock("return", { buyerId: one?.[0], creativeId: one?.[1] });
  expect(await sync({ buyerId: brands })).toMatchObject([{ outcome: "short", vanished: 0 }]);
  expect(await told()).toEqual([{ outcome: "short", alerts: 1, vanished: 0 }]);
  // What the exchange counts as few has vanished, and is told all the same.
  await mock("active-count", { buyerId: brands, count: null });
  expect(await sync({ buyerId: brands })).toMatchObject([{ outcome: "synced", vanished: count - 1 }]);
  expect(await told()).toEqual([{ outcome: "synced", alerts: 1, vanished: count - 1 }]);
  for (const [buyerId, creativeId] of all.slice(1)) await mock("return", { buyerId, creativeId });
  expect(await sync({ buyerId: brands })).toMatchObject([{ outcome: "synced", returned: count - 1 }]);
  expect(await told()).toEqual([{ outcome: "synced", alerts: 0, vanished: 0 }]);
});

test("a sync that fails opens an alert, stands at its seats, and is over with the next that does not", async () => {
  await fault("server_error", { times: 1, status: 404 });
  const failure = await failureOf(sync({ buyerId: brands }));
  const state = () =>
    stack.rows(
      `select (select count(*)::int from ops.alerts where kind = 'seat_sync_failed' and resolved_at is null) as alerts, last_outcome as outcome,
              last_reason as reason from rtb.buyer_seats where buyer_id = $1`,
      [brands],
    );
  expect(await state()).toEqual([
    { alerts: 1, outcome: "failed", reason: expect.stringContaining("authorized_buyers") },
  ]);
  expect(failure).toBeDefined();
  await sync({ buyerId: brands });
  expect(await state()).toEqual([{ alerts: 0, outcome: "synced", reason: null }]);
});

test("one token serves all pages of a sync", async () => {
  const asked = async (path: string) => {
    const { entries } = (await stack.control("GET", `/log?vendor=${vendor}`)) as { entries: object[] };
    return entries.filter((entry) => JSON.stringify(entry).includes(path)).length;
  };
  await mock("page-size", { rows: 40 });
  await mock("expire-tokens");
  const [tokens, pages] = [await asked("/token"), await asked("/creatives")];
  await sync({ buyerId: brands });
  expect((await asked("/creatives")) - pages).toBeGreaterThan(5);
  expect((await asked("/token")) - tokens).toBe(1);
});

const pictures = async (where: string) =>
  (await stack.rows<{ count: number }>(`select count(*)::int as count from rtb.creative_thumbnails where ${where}`))[0]
    ?.count ?? 0;

test("pictures that the exchange names are fetched page by page, hostile answers are none, and each is asked for once", async () => {
  await mock("page-size", { rows: 1_000 });
  await sync();
  await stack.rows("update rtb.creatives set preview_url = null where preview_url is not null and id % 3 > 0");
  const [one] = await stack.rows<{ id: string }>(
    "select id::text from rtb.creatives where preview_url is not null and vanished_at is null limit 1",
  );
  await stack.rows("update rtb.creatives set preview_url = 'http://169.254.169.254/latest/meta-data/' where id = $1", [
    one?.id,
  ]);
  // Whoever fetches is killed in the middle: what was there stays, and the rest comes.
  const handle = await stack.start("fetchThumbnails", uniqueId("fetchThumbnails"), { client: "713" });
  await eventually(async () => expect(await pictures("state = 'stored'")).toBeGreaterThan(5));
  await stack.stopWorkers();
  await stack.startWorkers();
  const counts = (await handle.result()) as Awaited<ReturnType<typeof fetchThumbnails>>;
  const named = await pictures("true");
  expect(named).toBeGreaterThan(40);
  expect(await pictures("state = 'stored'")).toBeGreaterThan(named * 0.85);
  const [state] = await stack.rows<{ due: number; hostile: number; metadata: string; odd: number }>(
    `select (select count(*)::int from rtb.creatives c where preview_url is not null and vanished_at is null
               and not exists (select from rtb.creative_thumbnails t where t.creative_id = c.id)) as due,
            (select count(*)::int from rtb.creative_thumbnails where source_url like '%/hostile/%' and state <> 'refused') as hostile,
            (select reason from rtb.creative_thumbnails where creative_id = $1) as metadata,
            (select count(*)::int from rtb.creative_thumbnails where state = 'stored' and (content_type <> 'image/png' or width <> 600 or origin <> 'sandbox')) as odd`,
    [one?.id],
  );
  expect(state).toEqual({
    due: 0,
    hostile: 0,
    metadata: "the address leads into a network that is not public",
    odd: 0,
  });
  expect(counts).toMatchObject({ client: "713", consents: true, failed: 0, deleted: 0 });
  const asked = async () =>
    ((await stack.control("GET", "/log?vendor=images")) as { entries: unknown[] }).entries.length;
  const before = await asked();
  expect(await run("fetchThumbnails", { client: "713" })).toMatchObject({ stored: 0, refused: 0, failed: 0 });
  expect(await asked()).toBe(before);
});

test("a seat that is not the account's is named, and no key or token stands in a history", async () => {
  const failure = await failureOf(sync({ buyerId: "1" }));
  expect(failure.message).toContain("has no seat 1");
  for (const { history } of await allHistories(stack))
    expect(readable(history)).not.toMatch(/ya29\.|PRIVATE KEY|eyJhbGciOiJSUzI1NiI/);
});
