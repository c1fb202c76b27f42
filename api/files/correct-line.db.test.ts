import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { randomBytes } from "node:crypto";
import { keyRing } from "../../core/crypto.ts";
import { fakeTemporal } from "../../test/api-recon.ts";
import { bearer, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import type { Api } from "../server/parts.ts";

const temporal = fakeTemporal();
const nothingRead = { value: { files: [] } };
temporal.result = nothingRead;
let database: TestDatabase;
let api: Api;
beforeAll(async () => {
  database = await testDatabase();
  api = await testServer({
    database: database.pool,
    temporal: temporal.access,
    credentialsKey: keyRing(randomBytes(32)),
  });
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

let lines = 1;
async function rejected(client = "713"): Promise<number> {
  const { rows } = await database.pool.query<{ id: number }>(
    `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id)
     values ($1, 'rtb.performance', 'file/7', $2::int, 'spend "12abc" is not an amount', 'sealed:x', $2::int::text, 'run') returning quarantine_id as id`,
    [client, (lines += 1)],
  );
  return rows[0]?.id ?? 0;
}
const correct = async (id: number, line: string, claims: Parameters<typeof bearer>[0] = {}) =>
  api.inject({
    method: "POST",
    url: `/api/v1/ops/quarantine/${id}/correct`,
    headers: await bearer({ role: "operator", subject: "olga", ...claims }),
    payload: { line },
  });
const audit = async () =>
  (await database.pool.query("select actor, action, subject, details from ops.audit order by audit_id")).rows;

test("a correction is kept sealed, written to the audit log without the line, and its file is read again", async () => {
  const id = await rejected();
  const answer = await correct(id, "1,2025-11-29,Janecanary");
  // The worker that would read it is not there: nothing has been looked at since.
  expect([answer.statusCode, answer.json()]).toEqual([202, { quarantineId: id, state: "running", reason: null }]);
  expect(temporal.started.at(-1)).toEqual({
    type: "redriveFiles",
    workflowId: "redrive/713/7",
    input: { client: "713", fileId: 7 },
  });
  expect(await audit()).toEqual([
    { actor: "olga", action: "line_corrected", subject: `quarantine/${id}`, details: { file: 7, line: 2 } },
  ]);
  const { rows } = await database.pool.query("select q::text as row from ops.quarantine q where quarantine_id = $1", [
    id,
  ]);
  expect(rows[0]?.["row"]).not.toContain("Janecanary");
});

test("what became of it is answered once its file was read again", async () => {
  const id = await rejected();
  const workflow = temporal.access.client?.workflow as unknown as { start: unknown };
  const start = workflow.start as (...given: unknown[]) => Promise<unknown>;
  workflow.start = async (...given: unknown[]) => {
    await database.pool.query("update ops.quarantine set resolved_at = now() where quarantine_id = $1", [id]);
    return start(...given);
  };
  const answer = await correct(id, "1,2025-11-29");
  workflow.start = start;
  expect([answer.statusCode, answer.json()]).toEqual([200, { quarantineId: id, state: "resolved", reason: null }]);
  expect((await correct(id, "1,2025-11-29")).statusCode).toBe(409);
});

test("of two at once the second is told, with what is stored, and may replace what it has seen", async () => {
  const id = await rejected();
  const [one, other] = await Promise.all([correct(id, "1,2025-11-29,1"), correct(id, "1,2025-11-29,2")]);
  expect([one.statusCode, other.statusCode].sort()).toEqual([202, 409]);
  const { message, details } = (one.statusCode === 409 ? one : other).json<{
    message: string;
    details: Record<string, string>;
  }>();
  expect(message).toContain("another person corrected it");
  expect(details).toEqual({ state: "running", correctedAt: expect.stringMatching(/Z$/) });
  const replacing = await api.inject({
    method: "POST",
    url: `/api/v1/ops/quarantine/${id}/correct`,
    headers: await bearer({ role: "operator", subject: "olga" }),
    payload: { line: "1,2025-11-29,3", replaces: details["correctedAt"] },
  });
  expect(replacing.statusCode).toBe(202);
});

test("a file that cannot be read again is said, not promised", async () => {
  const id = await rejected();
  temporal.result = { value: { files: [{ reason: "its header was not kept: import the file again" }] } };
  const answer = await correct(id, "1,2025-11-29");
  temporal.result = nothingRead;
  expect([answer.statusCode, answer.json()]).toEqual([
    200,
    { quarantineId: id, state: "rejected", reason: "its header was not kept: import the file again" },
  ]);
});

test("another client's entry is not there, an analyst may not, and without Temporal the correction is kept", async () => {
  const id = await rejected();
  expect((await correct(id, "x", { client: "acme" })).statusCode).toBe(404);
  expect((await correct(id, "x", { role: "analyst" })).statusCode).toBe(403);
  expect((await correct(id, "")).statusCode).toBe(400);
  temporal.result = null;
  const answer = await correct(id, "1,2025-11-29");
  expect([answer.statusCode, answer.json<{ state: string }>().state]).toEqual([202, "running"]);
  const { rows } = await database.pool.query(
    "select corrected_sealed as kept, whole from ops.quarantine where quarantine_id = $1",
    [id],
  );
  expect(rows).toEqual([{ kept: expect.stringMatching(/^sealed:/), whole: true }]);
});
