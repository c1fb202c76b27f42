import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

const page = readFileSync(path.join(projectRoot(), "docs", "questions.md"), "utf8");
const queries = [...page.matchAll(/\n([^\n]+):\n\n```sql\n([^`]+)```/g)].map(([, title = "", sql = ""]) => ({
  title,
  sql,
}));

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

test("there are a dozen worked queries", () => {
  expect(queries.length).toBeGreaterThanOrEqual(12);
});

test.each(queries)("an analyst may ask: $title", async ({ sql }) => {
  const asked = sql.replaceAll(/(?<!:):(from|to)\b/g, (_, name: string) =>
    name === "from" ? "'2025-12-01'" : "'2025-12-18'",
  );
  expect((await database.pool.query(asked)).fields.length).toBeGreaterThan(2);
});

test("the tables that the page names are there, and analysts may read them", async () => {
  const named = [
    ...new Set(
      [...page.matchAll(/`((?:ops|redtrack|everflow|anytrack|rtb|recon|promo|public)\.[a-z_]+)`/g)].map(
        ([, name]) => name,
      ),
    ),
  ];
  const { rows } = await database.pool.query<{ name: string }>(
    `select name from unnest($1::text[]) name
      where to_regclass(name) is null or not has_table_privilege('signal_room_reader', name, 'select')`,
    [named],
  );
  expect(rows).toEqual([]);
});
