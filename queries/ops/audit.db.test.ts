import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { inTransaction } from "../../schema/database.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { listAudit, recordAudit, type AuditEntry } from "./audit.ts";

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
afterAll(() => database.drop());

const entry: AuditEntry = {
  client: "713",
  actor: "ada",
  role: "operator",
  action: "key_rotated",
  subject: "affiliate/17",
  details: { name: "Ada" },
};
const listed = (filter: Partial<Parameters<typeof listAudit>[1]> = {}) =>
  listAudit(database.pool, { client: "713", limit: 50, ...filter });

test("an entry is part of the act's transaction: an act that fails leaves none", async () => {
  const failed = inTransaction(database.pool, async (session) => {
    await recordAudit(session, entry);
    throw new Error("the act failed");
  });
  await expect(failed).rejects.toThrow("the act failed");
  expect(await listed()).toEqual([]);
});

test("entries are listed newest first, each client's own, by actor, action and subject", async () => {
  await recordAudit(database.pool, entry);
  await recordAudit(database.pool, {
    client: "713",
    actor: "cli:deploy",
    role: null,
    action: "alert_resolved",
    subject: "alert/4",
  });
  await recordAudit(database.pool, { ...entry, client: "9", subject: "affiliate/1" });

  const rows = await listed();
  expect(rows.map(({ subject }) => subject)).toEqual(["alert/4", "affiliate/17"]);
  expect(rows[1]).toMatchObject({ actor: "ada", role: "operator", action: "key_rotated", details: { name: "Ada" } });
  expect(await listed({ actor: "cli:deploy" })).toEqual([rows[0]]);
  expect(await listed({ action: "key_rotated", subject: "affiliate/17" })).toEqual([rows[1]]);
  expect(await listed({ order: { sort: "-at", after: rows[0]?.inOrder.keys ?? null } })).toEqual([rows[1]]);
});

describe("as the role that owns the table,", () => {
  test.each([
    "update ops.audit set actor = 'nobody'",
    "update ops.audit set actor = 'nobody' where false",
    "delete from ops.audit",
    "truncate ops.audit",
    "merge into ops.audit t using (select 1) s on true when matched then delete",
  ])("%s is refused", async (statement) => {
    await expect(database.pool.query(statement)).rejects.toMatchObject({ code: "23001" });
  });
});
