import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { parseCreativesFile } from "../../connectors/files/creatives-file.ts";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { listCampaigns } from "./list-campaigns.ts";
import { listCreatives } from "./list-creatives.ts";
import { listSeats } from "./seats.ts";
import { loadCreatives } from "./load.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
}, 60_000);
afterAll(() => database?.drop());

const client = "713";
const exampleFile = async () =>
  parseCreativesFile(await readFile(path.join(projectRoot(), "examples", "creatives.csv")));

test("the example brings creatives, seats and campaigns; the same again changes nothing", async () => {
  // Known from a file of performance only.
  await database.pool.query(
    "insert into rtb.creatives (_client_id, creative_id, is_stub) values ($1, '144634', true)",
    [client],
  );
  const file = await exampleFile();
  expect(await loadCreatives(database.pool, { client, origin: "real", ...file })).toEqual({
    creatives: { inserted: 2, updated: 1, unchanged: 0 },
    seats: { inserted: 2, updated: 0, unchanged: 0 },
    campaigns: { created: 4, updated: 0, unchanged: 0 },
  });
  expect(await loadCreatives(database.pool, { client, origin: "real", ...file })).toEqual({
    creatives: { inserted: 0, updated: 0, unchanged: 3 },
    seats: { inserted: 0, updated: 0, unchanged: 2 },
    campaigns: { created: 0, updated: 0, unchanged: 4 },
  });
  const filter = { client, asOf: "2025-12-18", sort: "id", period: "7d", slim: true, limit: 10 } as const;
  expect(
    (await listCreatives(database.pool, filter)).rows.map(({ creativeId, isStub }) => [creativeId, isStub]),
  ).toEqual([
    ["144634", false],
    ["79783", false],
    ["1912783031778279425", false],
  ]);
  expect((await listSeats(database.pool, { client, limit: 10 })).map(({ creativeCount }) => creativeCount)).toEqual([
    2, 1,
  ]);
});

test("a campaign keeps the creatives it had, and one that is wrong changes nothing", async () => {
  const more = { campaignName: "Travel", creativeIds: ["79783"] };
  await loadCreatives(database.pool, { client, origin: "real", seats: [], creatives: [], campaigns: [more] });
  const named = async () =>
    (await listCampaigns(database.pool, { client, limit: 10 })).rows.map((row) => [row.campaignName, row.creatives]);
  expect(await named()).toContainEqual(["Travel", 2]);
  const wrong = {
    client,
    origin: "real" as const,
    seats: [{ buyerId: "b-9" }],
    creatives: [],
    campaigns: [{ campaignName: "New", creativeIds: ["5"] }],
  };
  await expect(loadCreatives(database.pool, wrong)).rejects.toThrow("creatives that are not known: 5");
  expect(await named()).toHaveLength(4);
  expect(await listSeats(database.pool, { client, limit: 10 })).toHaveLength(2);
});
