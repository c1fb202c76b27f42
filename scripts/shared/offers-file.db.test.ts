import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { listOffers } from "../../queries/promo/offers.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { loadExampleOffers } from "../stack/example-offers.ts";
import { loadOffersFile } from "./offers-file.ts";

let database: TestDatabase;
let folder: string;

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(path.join(os.tmpdir(), "signal-room-offers-"));
}, 60_000);
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const load = async (content: unknown, client = "713") => {
  const file = path.join(folder, "offers.json");
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return loadOffersFile(database.pool, { client, file, origin: "real" });
};
const offers = (client = "713") => listOffers(database.pool, { client, withArchived: true, afterId: null, limit: 100 });
const counts = (inserted: number, updated: number, unchanged: number) => ({ inserted, updated, unchanged });
const offer = (slug: string, more: object = {}) => ({
  name: slug,
  slug,
  destination_url: "https://shop.example/",
  ...more,
});

test("a first start loads the whole example; a later one changes nothing, and so does loading it again", async () => {
  const loaded = { offers: counts(3, 0, 0), variations: counts(6, 0, 0) };
  expect(await loadExampleOffers(database.pool, { client: "first" })).toEqual(loaded);
  expect(await loadExampleOffers(database.pool, { client: "first" })).toBeNull();
  const again = await loadOffersFile(database.pool, {
    client: "first",
    file: "examples/promo.json",
    origin: "sandbox",
  });
  expect(again).toEqual({ offers: counts(0, 0, 3), variations: counts(0, 0, 6) });
});

test("a made-up file leaves what a person made as it is", async () => {
  const own = offer("own", { weight: 3, variations: [{ text_content: "one" }] });
  const client = "careful";
  await load({ offers: [own] }, client);
  const file = path.join(folder, "offers.json");
  await writeFile(file, JSON.stringify({ offers: [{ ...own, weight: 9, variations: [{ text_content: "two" }] }] }));
  expect(await loadOffersFile(database.pool, { client, file, origin: "sandbox" })).toEqual({
    offers: counts(0, 0, 1),
    variations: counts(0, 0, 1),
  });
  expect(
    (await offers(client)).map(({ slug, weight, origin, variations }) => [slug, weight, origin, variations.length]),
  ).toEqual([["own", 3, "real", 1]]);
});

test("a file changes what it names and keeps the rest, each change with its entry in the audit log", async () => {
  const texts = [{ text_content: "one", approved: true }, { text_content: "two" }];
  await load({ offers: [offer("a", { weight: 0.333333, variations: texts }), offer("b")] });
  const same = { offers: [offer("a", { weight: 0.333333, variations: texts })] };
  // Some editors put a byte order mark before it.
  for (const content of [same, `\ufeff${JSON.stringify(same)}`])
    expect(await load(content)).toEqual({ offers: counts(0, 0, 1), variations: counts(0, 0, 2) });
  const changed = { offers: [offer("a", { weight: 2, variations: [{ text_content: "two", approved: true }] })] };
  expect(await load(changed)).toEqual({ offers: counts(0, 1, 0), variations: counts(0, 1, 0) });
  expect(
    (await offers()).map(({ slug, weight, variations }) => [slug, weight, variations.map((one) => one.approved)]),
  ).toEqual([
    ["a", 2, [true, true]],
    ["b", 1, []],
  ]);
  const { rows } = await database.pool.query<{ action: string; changed: unknown }>(
    "select action, details->'changed' as changed from ops.audit where _client_id = '713' and actor like 'cli:%' order by audit_id",
  );
  expect(rows.map(({ action }) => action)).toEqual([
    "offer_created",
    "variation_created",
    "variation_created",
    "offer_created",
    "offer_changed",
    "variation_changed",
  ]);
  expect(rows[4]?.changed).toEqual(["weight"]);
});

test("numbers that links carry already are kept, and never given once more", async () => {
  const numbered = offer("numbered", { offer_id: 4_000, variations: [{ text_content: "x", variation_id: 42_000 }] });
  await load({ offers: [numbered] }, "kept");
  expect(await load({ offers: [numbered] }, "kept")).toEqual({ offers: counts(0, 0, 1), variations: counts(0, 0, 1) });
  await load({ offers: [offer("next", { variations: [{ text_content: "y" }] })] }, "kept");
  const [first, next] = await offers("kept");
  expect([first?.offerId, first?.variations[0]?.variationId]).toEqual([4_000, 42_000]);
  expect(next?.offerId).toBeGreaterThan(4_000);
  expect(next?.variations[0]?.variationId).toBeGreaterThan(42_000);
});

test.each([
  ["no JSON", "{", "is not JSON"],
  ["no offers", { offers: [] }, "offers: "],
  ["a misspelt field", { offers: [offer("z", { wait: 1 })] }, "offers.0: "],
  [
    "an address that is none",
    { offers: [offer("z", { destination_url: "javascript:alert(1)" })] },
    "offers.0.destination_url: ",
  ],
  ["a number of another offer", { offers: [offer("z"), offer("other", { offer_id: 4_000 })] }, "is taken"],
  ["a number that the offer does not have", { offers: [offer("z"), offer("a", { offer_id: 99 })] }, "a: is offer"],
  [
    "a number that the text does not have",
    { offers: [offer("a", { variations: [{ text_content: "one", variation_id: 77 }] })] },
    "the text of variation 77 is variation",
  ],
  [
    "another kind of offer",
    { offers: [offer("z"), offer("a", { offer_type: "internal" })] },
    "its offer_type is affiliate",
  ],
  ["another client's slug", { offers: [offer("z"), offer("numbered")] }, "another client's"],
])("%s: nothing is changed, and the file is told why", async (_what, content, problem) => {
  const before = await offers();
  await expect(load(content)).rejects.toThrow(problem);
  expect(await offers()).toEqual(before);
});

test("an error that is not the file's stays what it is", async () => {
  await expect(
    loadOffersFile(database.pool, { client: "713", file: path.join(folder, "missing.json"), origin: "real" }),
  ).rejects.toThrow("ENOENT");
  await expect(load({ offers: [offer("z")] }, "x".repeat(1) + "\u0000")).rejects.toThrow();
});
