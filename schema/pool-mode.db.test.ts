import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { testDatabase, type TestDatabase } from "../test/database.ts";
import { inTransaction, openDatabase, prepared, type Database } from "./database.ts";

let database: TestDatabase;
let lent: Database;
beforeAll(async () => {
  database = await testDatabase();
  lent = openDatabase({
    url: database.url,
    poolSize: 1,
    name: "lent",
    poolMode: "transaction",
    statementTimeoutMs: 250,
  });
});
afterAll(async () => {
  await lent?.end();
  await database?.drop();
});

test("over a connection that is lent for one transaction, nothing is prepared and no setting is left on it", async () => {
  const { rows } = await lent.query<{ sum: number }>(prepared("select 1 + $1::int as sum", [2]));
  expect(rows).toEqual([{ sum: 3 }]);
  await inTransaction(lent, (session) => session.query(prepared("select 1", [])));
  const left = await lent.query(
    "select (select count(*)::int from pg_prepared_statements) as prepared, current_setting('statement_timeout') as timeout, current_setting('lock_timeout') as lock",
  );
  expect(left.rows).toEqual([{ prepared: 0, timeout: "0", lock: "0" }]);
});

test("its time limits hold within each transaction, which may set its own", async () => {
  await expect(inTransaction(lent, (session) => session.query("select pg_sleep(5)"))).rejects.toMatchObject({
    code: "57014",
  });
  const own = await inTransaction(lent, async (session) => {
    await session.query("set transaction isolation level repeatable read, read only");
    await session.query("set local statement_timeout = '1h'");
    return session.query(
      "select current_setting('statement_timeout') as timeout, current_setting('idle_in_transaction_session_timeout') as idle, current_setting('transaction_isolation') as isolation",
    );
  });
  expect(own.rows).toEqual([{ timeout: "1h", idle: "1min", isolation: "repeatable read" }]);
});
