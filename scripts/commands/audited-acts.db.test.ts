import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import pg from "pg";
import { createSeal } from "../../core/seal.ts";
import { readerOf } from "../../queries/ops/readers.ts";
import { projectRoot } from "../../settings/environment.ts";
import { testSecret, testServer } from "../../test/api-server.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

// The first command after a change builds dist/.
jest.setTimeout(150_000);

// Logins belong to the whole server, and so to all tests: no other has one of this name.
const client = `c${randomBytes(4).toString("hex")}`;
const [before, now] = [randomBytes(32), randomBytes(32)];

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  [database, folder] = await Promise.all([testDatabase(), mkdtemp(path.join(os.tmpdir(), "audited-acts-"))]);
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const run = (...given: string[]) =>
  promisify(execFile)(process.execPath, ["scripts/run.mjs", ...given], {
    cwd: projectRoot(),
    env: {
      ...process.env,
      NODE_OPTIONS: "",
      DATABASE_URL: database.url,
      CLIENTS: `${client},713`,
      API_JWT_SECRET: testSecret,
      CREDENTIALS_ENCRYPTION_KEY: now.toString("base64"),
      CREDENTIALS_ENCRYPTION_KEY_PREVIOUS: before.toString("base64"),
      CREDENTIALS_HASHING_KEY: before.toString("base64"),
    },
  }).then(
    ({ stdout }) => ({ code: 0, said: stdout.trim() }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, said: stderr.trim() }),
  );
async function fine(...given: string[]): Promise<string> {
  const { code, said } = await run(...given);
  expect([given.join(" "), code, code === 0 ? "" : said]).toEqual([given.join(" "), 0, ""]);
  return said;
}
/** Who did what, the first first; each from the account of whoever ran it. */
async function audit(...actions: string[]) {
  const { rows } = await database.pool.query<{ actor: string; act: string; details: Record<string, unknown> }>(
    "select actor, concat_ws(' ', _client_id, action, subject) as act, details from ops.audit where action = any($1) order by audit_id",
    [actions],
  );
  for (const { actor } of rows) expect(actor).toBe(`cli:${os.userInfo().username}`);
  return rows;
}
const acts = async (...actions: string[]) => (await audit(...actions)).map(({ act }) => act);

test("a key that is issued, rotated and disabled by command is recorded each time, without the key", async () => {
  const keys = [await fine("affiliate", "create", "Ada Ltd"), await fine("affiliate", "rotate", "Ada Ltd")];
  await fine("affiliate", "disable", "Ada Ltd");
  const recorded = await audit("key_issued", "key_rotated", "key_disabled");
  expect(recorded.map(({ act }) => act.replace(/\d+$/, "N"))).toEqual(
    ["key_issued", "key_rotated", "key_disabled"].map((action) => `${client} ${action} affiliate/N`),
  );
  expect(recorded[0]?.details).toMatchObject({ name: "Ada Ltd", keyPrefix: keys[0]?.slice(0, 8) });
  for (const key of keys) expect(JSON.stringify(recorded)).not.toContain(key);
  // What did not happen is not recorded.
  expect(await run("affiliate", "create", "Ada Ltd")).toMatchObject({ code: 1 });
  expect(await acts("key_issued")).toHaveLength(1);
});

test("a token that is issued and revoked by command is recorded, and the API refuses it from then on", async () => {
  const token = await fine("token", "--role", "analyst", "--subject", "olga");
  const [issued] = await audit("token_issued");
  const tokenId = /token\/([-0-9a-f]+)$/.exec(issued?.act ?? "")?.[1] ?? "";
  expect(issued?.details).toMatchObject({ role: "analyst", subject: "olga" });
  const call = async () => {
    // Another one has not heard of it before.
    const api = await testServer({ database: database.pool, clients: [client] });
    const { statusCode } = await api.inject({
      url: "/api/v1/ops/runs",
      headers: { authorization: `Bearer ${token}` },
    });
    await api.close();
    return statusCode;
  };
  expect(await call()).toBe(200);
  await fine("token", "revoke", tokenId);
  expect(await call()).toBe(401);
  expect(await acts("token_issued", "token_revoked")).toEqual([
    `${client} token_issued token/${tokenId}`,
    `${client} token_revoked token/${tokenId}`,
  ]);
  expect(JSON.stringify(await audit("token_issued", "token_revoked"))).not.toContain(token);
});

test("the reader of a client that a command makes reads that client's rows, no other's and no secret, until it is removed", async () => {
  const of = (id: string) =>
    `insert into redtrack.daily_spend (_client_id, date, source_id, clicks, conversions, cost, _slice, _run_id)
     values ('${id}', '2025-12-01', 'of ${id}', 1, 0, 1, '2025-12-01', 'r')`;
  for (const id of [client, "713"]) await database.pool.query(of(id));
  const url = await fine("reader", "--client", client);
  const reader = new pg.Client({ connectionString: url, ssl: false });
  await reader.connect();
  try {
    expect((await reader.query("select source_id from redtrack.daily_spend")).rows).toEqual([
      { source_id: `of ${client}` },
    ]);
    for (const secret of ["ops.audit", "recon.affiliate_tokens", "ops.sessions"])
      await expect(reader.query(`select * from ${secret}`)).rejects.toThrow("permission denied");
    await expect(reader.query("select api_key_hash from recon.affiliates")).rejects.toThrow("permission denied");
  } finally {
    await reader.end();
  }
  await fine("reader", "--client", client, "--remove");
  await expect(new pg.Client({ connectionString: url, ssl: false }).connect()).rejects.toThrow(readerOf(client));
  const recorded = await audit("reader_issued", "reader_removed");
  expect(recorded.map(({ act }) => act)).toEqual(
    ["reader_issued", "reader_removed"].map((action) => `${client} ${action} role/${readerOf(client)}`),
  );
  expect(JSON.stringify(recorded)).not.toContain(new URL(url).password);
});

test("a mapping that is loaded, keys that are rotated, a line that is viewed and a link that is made by command are recorded", async () => {
  const mapping = path.join(folder, "mapping.csv");
  await writeFile(
    mapping,
    "redtrack_source_id,redtrack_source_name,everflow_affiliate_id,everflow_affiliate_label,is_internal\nsrc,Source,17,Ada Ltd,true\n",
  );
  await fine("mapping", "load", mapping);
  expect((await acts("mapping_changed")).map((act) => act.split(" ").slice(0, 2))).toEqual([
    [client, "mapping_changed"],
  ]);

  const sealed = createSeal([before], "quarantine", before).seal("a,canary,line");
  const entry = async (content: string, deletedAt: string | null) => {
    const { rows } = await database.pool.query<{ id: number }>(
      `insert into ops.quarantine (_client_id, source, slice, line, reason, content, content_hash, run_id, content_deleted_at)
       values ($1, 'rtb.performance', 'file/1', 2, 'spend is not an amount', $2, coalesce($3, ''), 'r', $3::timestamptz) returning quarantine_id as id`,
      [client, content, deletedAt],
    );
    return String(rows[0]?.id);
  };
  const kept = await entry(sealed, null);
  await fine("rotate");
  expect((await acts("keys_rotated"))[0]).toContain("ops.quarantine.content");
  expect(await fine("quarantine", "show", kept, "--clear")).toContain("a,canary,line");
  expect(await acts("line_viewed")).toEqual([`${client} line_viewed quarantine/${kept}`]);
  expect(JSON.stringify(await audit("line_viewed", "keys_rotated"))).not.toContain("canary");

  const gone = await entry("", "2026-11-01T00:00:00Z");
  const deleted = "its content was deleted on 2026-11-01, after its retention";
  for (const given of [
    ["show", gone, "--clear"],
    ["correct", gone, "--line", "a,b,c"],
  ])
    expect((await run("quarantine", ...given)).said).toContain(deleted);
  expect(await acts("line_viewed", "line_corrected")).toHaveLength(1);

  await fine("login", "--role", "analyst", "--subject", "ada");
  expect(await acts("login_link_made")).toEqual([`${client} login_link_made login/ada`]);
});

test("a question is asked by flags, saved under a name and asked by it, and what is none says what to do", async () => {
  const flags = [
    "ask",
    "--client",
    "713",
    "--of",
    "campaign",
    "--metric",
    "cpc",
    "--slice",
    "os=ios",
    "--above",
    "50%",
  ];
  expect(await fine(...flags, "--save", "Dear", "on", "iOS")).toContain(
    "Campaigns whose CPC on iOS is more than 50 % above the rest",
  );
  expect(await audit("question_saved")).toEqual([
    expect.objectContaining({ act: expect.stringMatching(/^713 question_saved question\/\d+$/) }),
  ]);
  expect((await run(...flags, "--save", "dear on iOS")).said).toContain(
    "there is a question called dear on iOS already",
  );
  expect(JSON.parse(await fine("ask", "--client", "713", "DEAR on", "iOS", "--json"))).toMatchObject({
    ...{ client: "713", days: null, rows: [], question: { compare: { by: { percent: "50" } } } },
  });
  expect(await fine("ask", "--client", "713")).toContain("Dear on iOS");
  expect(await fine("ask", "--client", client)).toContain("has no saved questions");
  expect((await run("ask", "--of", "sessions", "--metric", "cpc")).said).toContain("subject: Invalid option");
  expect((await run("ask", "--of", "day", "--metric", "cpc", "--where", "1=1; drop")).said).toContain(
    "is no condition",
  );
  expect((await run("ask", "999")).said).toContain("has no question 999");
  const file = path.join(folder, "question.json");
  await writeFile(file, JSON.stringify({ subject: "day", metric: "spend", sql: "select 1" }));
  expect((await run("ask", "--file", file)).said).toContain('Unrecognized key: "sql"');
});
