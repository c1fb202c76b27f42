import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { projectRoot } from "../../settings/environment.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

// The first command after a change builds dist/.
jest.setTimeout(120_000);

let database: TestDatabase;
beforeAll(async () => void (database = await testDatabase()));
beforeEach(async () => {
  await database.pool.query("truncate ops.streams, ops.stream_partitions");
  await database.pool.query(
    `insert into ops.streams (_client_id, stream, combine, identity) values ('713', 'kafka/rows', 'replace', 'made once');
     insert into ops.stream_partitions (_client_id, stream, partition, position, mark, claim, owner, owner_seen_at, messages, lag, held)
     values ('713', 'kafka/rows', '0', '40', 'm', 3, 'one', now(), 40, 2, null),
            ('713', 'kafka/rows', '1', '7', 'm', 1, null, null, 7, 0, 'another message stands at offset 6')`,
  );
});
afterAll(() => database.drop());

const streams = (given: string[], env: Record<string, string> = {}) =>
  promisify(execFile)(process.execPath, ["scripts/run.mjs", "streams", ...given], {
    cwd: projectRoot(),
    env: { ...process.env, DATABASE_URL: database.url, NODE_OPTIONS: "", ...env },
  }).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      said: `${error.stdout}${error.stderr}`,
    }),
  );
const partitions = async () =>
  (
    await database.pool.query(
      "select partition, position, mark, claim, owner, held from ops.stream_partitions order by partition",
    )
  ).rows;
const audited = async () =>
  (
    await database.pool.query(
      "select action, subject, details from ops.audit where action like 'stream%' order by audit_id desc limit 1",
    )
  ).rows[0] as unknown;

test("each partition is shown with its place and its reader; one that is held exits 1", async () => {
  const { code, said } = await streams(["list", "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(said)).toMatchObject({
    partitions: [
      { stream: "kafka/rows", combine: "replace", partition: "0", position: "40", messages: 40, lag: 2, owner: "one" },
      { partition: "1", owner: null, held: "another message stands at offset 6" },
    ],
  });
  const table = await streams(["list"]);
  expect(table.said).toMatch(/kafka\/rows +replace +0 +40 +40 +2/);
  await database.pool.query("truncate ops.stream_partitions");
  expect(await streams(["list"])).toEqual({ code: 0, said: expect.stringMatching(/no topic has been read/) });
});

test("a person says where reading goes on: whoever reads it meanwhile loses it, and what was held is free", async () => {
  expect(await streams(["seek", "--stream", "kafka/rows", "--partition", "1", "--to", "1200"])).toEqual({
    code: 0,
    said: expect.stringMatching(/partition 1: from 7 to 1200/),
  });
  expect(await partitions()).toMatchObject([
    { partition: "0", position: "40", claim: 3, owner: "one" },
    { partition: "1", position: "1200", mark: null, claim: 2, owner: null, held: null },
  ]);
  expect(await audited()).toMatchObject({ action: "stream_moved", subject: "kafka/rows", details: { to: "1200" } });
  await streams(["seek", "--stream", "kafka/rows", "--to", "beginning"]);
  expect(await partitions()).toMatchObject([
    { position: null, claim: 4, owner: null },
    { position: null, claim: 3 },
  ]);
  const { rows } = await database.pool.query("select identity from ops.streams");
  expect(rows).toEqual([{ identity: null }]);
});

test("a place needs its partition, and a topic or partition that was never read is named", async () => {
  expect(await streams(["seek", "--stream", "kafka/rows", "--to", "5"])).toMatchObject({
    code: 2,
    said: expect.stringMatching(/needs --partition/),
  });
  expect((await streams(["seek", "--stream", "kafka/rows", "--partition", "9", "--to", "5"])).code).toBe(2);
  expect((await streams(["seek", "--stream", "kafka/other", "--to", "beginning"])).code).toBe(2);
  expect((await streams(["seek", "--stream", "kafka/rows", "--to", "the end"])).code).toBe(2);
  expect(await partitions()).toMatchObject([{ position: "40" }, { position: "7" }]);
});

test("what STREAMS says of a topic is taken for what it means from now on", async () => {
  const declared = { KAFKA_BROKERS: "127.0.0.1:1", STREAMS: `[{"kafka":"rows","combine":"add","eventId":"event"}]` };
  expect((await streams(["accept", "--stream", "kafka/rows"])).code).toBe(2);
  expect((await streams(["accept", "--stream", "kafka/rows"], declared)).code).toBe(0);
  const { rows } = await database.pool.query("select combine, event_field from ops.streams");
  expect(rows).toEqual([{ combine: "add", event_field: "event" }]);
  expect(await audited()).toMatchObject({
    action: "stream_accepted",
    details: { before: { combine: "replace", eventField: null }, after: { combine: "add", eventField: "event" } },
  });
});
