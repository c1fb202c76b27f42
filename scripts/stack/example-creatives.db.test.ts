import { expect, test } from "@jest/globals";
import { testDatabase } from "../../test/database.ts";
import { loadExampleCreatives } from "./example-creatives.ts";

test("a first start loads the whole example, seats and campaigns with its creatives; a later one changes nothing", async () => {
  const database = await testDatabase();
  try {
    await loadExampleCreatives(database.pool, { client: "713" });
    const { rows } = await database.pool.query<Record<string, number>>(
      `select (select count(*)::int from rtb.creatives) as creatives, (select count(*)::int from rtb.buyer_seats) as seats,
              (select count(*)::int from rtb.campaigns) as campaigns`,
    );
    expect(rows).toEqual([{ creatives: 3, seats: 2, campaigns: 4 }]);
    expect(await loadExampleCreatives(database.pool, { client: "713" })).toBeNull();
  } finally {
    await database.drop();
  }
});
