import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readCatalog } from "../../queries/ops/catalog.ts";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { describeTables } from "./table-page.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

test("docs/tables.md says what the database says (else: npm run tables -- --write)", async () => {
  const page = describeTables(await readCatalog(database.pool));
  const written = await readFile(path.join(projectRoot(), "docs", "tables.md"), "utf8");
  expect(
    written
      .split("\n")
      .filter((line, index) => line !== page.split("\n")[index])
      .slice(0, 3),
  ).toEqual([]);
  expect(written.length).toBe(page.length);
});
