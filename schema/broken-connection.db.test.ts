import { expect, test } from "@jest/globals";
import { toFailure } from "../activities/shared/failures.ts";
import { explain } from "../scripts/shared/failures.ts";
import { testDatabase } from "../test/database.ts";
import { isBrokenConnection, openDatabase } from "./database.ts";

test("a connection that breaks in use is called that, by commands and by activities", async () => {
  const database = await testDatabase();
  const pool = openDatabase({ url: database.url, poolSize: 1, name: "test" });
  try {
    const client = await pool.connect();
    const sleeping = client.query("select pg_sleep(30)").catch((error: unknown) => error);
    // As a cable would: no word from the server.
    (client as unknown as { connection: { stream: { destroy: () => void } } }).connection.stream.destroy();
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
