import { once } from "node:events";
import { expect, test } from "@jest/globals";
import { toFailure } from "../activities/shared/failures.ts";
import { explain } from "../scripts/shared/failures.ts";
import { testDatabase } from "../test/database.ts";
import { inTransaction, isBrokenConnection, openDatabase, type Session } from "./database.ts";

// As a cable would: no word from the server.
const cut = (session: Session) =>
  (session as unknown as { connection: { stream: { destroy: () => void } } }).connection.stream.destroy();

test("a connection that breaks in use is called that, by commands and by activities", async () => {
  const database = await testDatabase();
  const pool = openDatabase({ url: database.url, poolSize: 1, name: "test" });
  try {
    const client = await pool.connect();
    const sleeping = client.query("select pg_sleep(30)").catch((error: unknown) => error);
    cut(client);
    const error = await sleeping;
    client.release(true);
    expect(isBrokenConnection(error)).toBe(true);
    expect((await explain(error)).message).toBe("the connection to Postgres broke while it was in use: try again");
    expect(toFailure(error, { place: "here", redact: (text) => text }).message).toBe(
      "here: the connection to Postgres broke while it was in use",
    );
    expect(isBrokenConnection(new Error("Connection terminated unexpectedly"))).toBe(false);
  } finally {
    await pool.end();
    await database.drop();
  }
});

test("so is one that breaks between two statements of a transaction, and a failure of another kind stays what it is", async () => {
  const database = await testDatabase();
  const pool = openDatabase({ url: database.url, poolSize: 1, name: "test" });
  class Refused extends Error {
    override name = "Refused";
  }
  try {
    const failureOf = (last: (session: Session) => Promise<unknown>) =>
      inTransaction(pool, async (session) => {
        await session.query("select 1");
        const broke = once(session, "error").catch((error: unknown) => error);
        cut(session);
        await broke;
        await last(session);
      }).catch((error: unknown) => error);
    const error = await failureOf((session) => session.query("select 2"));
    expect([(error as Error).message, isBrokenConnection(error)]).toEqual(["Connection terminated unexpectedly", true]);
    expect(await failureOf(() => Promise.reject(new Refused("the file is refused")))).toBeInstanceOf(Refused);
    expect(await inTransaction(pool, async (session) => (await session.query("select 1")).rowCount)).toBe(1);
  } finally {
    await pool.end();
    await database.drop();
  }
});
