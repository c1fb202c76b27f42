import { EventEmitter } from "node:events";
import { expect, test } from "@jest/globals";
import type { Database } from "../../schema/database.ts";
import { whyNothingIsStored } from "./nothing-stored.ts";

/** A Postgres that answers every statement that stores something with this SQLSTATE. */
function answering(code: string | null): Database {
  const refusal = Object.assign(new Error("could not extend file"), { code, severity: "ERROR" });
  const query = (text: string) =>
    code !== null && text.startsWith("create") ? Promise.reject(refusal) : Promise.resolve({ rows: [] });
  const session = Object.assign(new EventEmitter(), { query, release: () => undefined });
  return { connect: () => Promise.resolve(session) } as unknown as Database;
}

test("a full disk is named, so that no open alerts is not taken for a quiet morning", async () => {
  expect(await whyNothingIsStored(answering("53100"))).toMatch(/disk is full/);
  expect(await whyNothingIsStored(answering(null))).toBeNull();
  // Another no is no reason to doubt what is stored.
  expect(await whyNothingIsStored(answering("42501"))).toBeNull();
});
