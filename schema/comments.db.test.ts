import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../test/database.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const ours = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg\\_%'";

test("every table, view and column of ours has a comment that says more than its name", async () => {
  const { rows } = await database.pool.query<{ name: string; comment: string | null }>(
    `select format('%s.%s', n.nspname, c.relname) as name, obj_description(c.oid, 'pg_class') as comment
       from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm') and ${ours}
     union all
     select format('%s.%s.%s', n.nspname, c.relname, a.attname), col_description(c.oid, a.attnum)
       from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
      where c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped and ${ours}`,
  );
  expect(rows.length).toBeGreaterThan(100);
  expect(rows.filter(({ comment }) => (comment ?? "").trim() === "").map(({ name }) => name)).toEqual([]);
  const repeats = rows.filter(
    ({ name, comment }) =>
      comment?.toLowerCase().replace(/\W/g, "") === name.split(".").at(-1)?.toLowerCase().replace(/\W/g, ""),
  );
  // What can one say of clicks?
  expect(repeats.map(({ name }) => name).filter((name) => !/\.(clicks|conversions|impressions)$/.test(name))).toEqual(
    [],
  );
});

test("every schema of ours is one the analysts' role is let into", async () => {
  const { rows } = await database.pool.query<{ name: string }>(
    `select n.nspname as name from pg_namespace n where ${ours} and not has_schema_privilege('signal_room_reader', n.oid, 'usage')`,
  );
  expect(rows).toEqual([]);
});
