import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sources } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { recordSources } from "./sources.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const stored = async () =>
  (
    await database.pool.query<Record<string, unknown>>(
      "select source, timezone, hour_from, hour_to, minute, xmin::text as version from ops.sources order by source",
    )
  ).rows;

test("the table says what the registry says, whatever it said before, and a repeat writes nothing", async () => {
  const { schedules } = loadConfig({ DATABASE_URL: "postgres://x" }, [], sources);
  const gone = {
    source: "gone.feed",
    vendor: "gone",
    timezone: "UTC",
    hours: { from: 1, to: 2 },
    minute: 3,
    comment: "",
  };
  await recordSources(database.pool, [gone, { ...gone, source: "redtrack.daily_spend" }]);
  await recordSources(database.pool, schedules);
  const first = await stored();
  expect(first.map(({ source }) => source)).toEqual(sources.map(({ name }) => name).sort());
  expect(first.find(({ source }) => source === "redtrack.daily_spend")).toMatchObject({
    timezone: "America/New_York",
    hour_from: 7,
    hour_to: 23,
    minute: 0,
  });
  await recordSources(database.pool, schedules);
  expect(await stored()).toEqual(first);
});
