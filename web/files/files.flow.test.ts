import { mkdtemp, readdir, rm, utimes } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { parse } from "csv-parse/sync";
import { clearAbandoned } from "../../api/files/upload-folder.ts";
import type { Api } from "../../api/server/parts.ts";
import { bearer } from "../../test/api-server.ts";
import { allHistories, readable } from "../../test/histories.ts";
import { loggedIn, pageServer, formBody } from "../../test/page-server.ts";
import { startStack, until, type TestStack } from "../../test/stack.ts";

jest.setTimeout(120_000);

const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>=HYPERLINK("http://x")\u202etxt`;
const header = "creative_id,date,impressions,clicks,spend,geography,device_type";
const good = "79783,2025-11-29,10000,250,125.50,BR,mobile";
const previews = "/api/v1/rtb/performance/preview";
let stack: TestStack;
let folder: string;
let api: Api;
let headers: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "files-pages-"));
  stack = await startStack({
    IMPORT_DIR: folder,
    CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
  });
  const { database, client, config } = stack;
  ({ api } = await pageServer({
    database: database.pool,
    temporal: { client },
    ingest: config.ingest,
    credentialsKey: config.credentialsKey,
  }));
  await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 79783)");
  headers = await loggedIn(database.pool);
});
afterAll(async () => {
  await api?.close();
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(
  async () =>
    void (await stack.rows(
      "truncate rtb.performance_metrics, rtb.creative_performance, ops.files, ops.file_days, ops.file_headers, ops.quarantine, ops.alerts",
    )),
);

function multipart(content: string | Uint8Array, name: string, fields: [string, string][] = []) {
  const parts = fields.map(
    ([field, value]) => `--b\r\ncontent-disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`,
  );
  return {
    payload: Buffer.concat([
      Buffer.from(
        `${parts.join("")}--b\r\ncontent-disposition: form-data; name="file"; filename="${name}"\r\ncontent-type: text/csv\r\n\r\n`,
      ),
      Buffer.from(content),
      Buffer.from("\r\n--b--\r\n"),
    ]),
    type: { "content-type": "multipart/form-data; boundary=b" },
  };
}
const unescaped = (text: string) => text.replaceAll("&lt;", "<").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

async function upload(content: string | Uint8Array, name = "day.csv"): Promise<string> {
  const { payload, type } = multipart(content, name);
  const answer = await api.inject({ method: "POST", url: "/files/upload", headers: { ...headers, ...type }, payload });
  expect([answer.statusCode, answer.headers.location]).toEqual([
    303,
    expect.stringMatching(/^\/files\/preview\/[0-9a-f]{32}$/),
  ]);
  return String(answer.headers.location);
}
async function open(url: string, status = 200): Promise<string> {
  const answer = await api.inject({ url, headers });
  expect([url, answer.statusCode]).toEqual([url, status]);
  return unescaped(answer.body);
}
async function send(url: string, fields: Record<string, string> = {}) {
  const { payload, type } = formBody(fields);
  return api.inject({ method: "POST", url, headers: { ...headers, ...type }, payload });
}
async function look(content: string | Uint8Array, fields: [string, string][] = []) {
  const { payload, type } = multipart(content, "day.csv", fields);
  const answer = await api.inject({
    method: "POST",
    url: previews,
    headers: { ...(await bearer({ role: "operator" })), ...type },
    payload,
  });
  return { status: answer.statusCode, body: answer.json<Record<string, never>>() };
}
const files = async () => (await readdir(path.join(folder, "uploads/713"))).sort();
const spend = async () =>
  (await stack.rows<{ spend: string }>("select coalesce(sum(spend), 0)::text as spend from rtb.performance_metrics"))[0]
    ?.spend;

/** Sends a file, imports it, and waits on its page until it is done. */
async function imported(content: string, name = "day.csv"): Promise<string> {
  const taken = await send(`${await upload(content, name)}/import`);
  expect(taken.statusCode).toBe(303);
  const address = String(taken.headers.location);
  await until("the import to be done", async () => !(await open(address)).includes("data-live"));
  return address;
}

test("a file with bad lines is looked at, imported, corrected line by line, and then counts", async () => {
  const bad = "79783,2025-11-30,10,1,12abc,BR,mobile";
  const address = await upload([header, good, bad, ""].join("\n"));
  const shown = await open(address);
  expect(shown).toContain("1 of 2 lines would be rejected");
  expect(shown).toContain('spend "12abc" is not an amount');
  expect(shown).toContain("recognised by its header");
  // A look imports nothing.
  expect([await spend(), await stack.rows("select from ops.files")]).toEqual(["0", []]);

  const taken = await send(`${address}/import`);
  const file = String(taken.headers.location);
  expect([taken.statusCode, file]).toEqual([303, expect.stringMatching(/^\/files\/[0-9a-f]{32}$/)]);
  // Pressed twice it is one import.
  expect((await send(`${address}/import`)).headers.location).toBe(file);
  await until("the import to be done", async () => (await open(file)).includes('spend "12abc" is not an amount'));
  expect([await spend(), (await stack.rows("select from ops.files")).length]).toEqual(["125.500000", 1]);

  const told = await api.inject({
    url: file.replace("/files", "/api/v1/rtb/performance/imports"),
    headers: await bearer({ role: "analyst" }),
  });
  expect([told.json<{ workflow: object }>().workflow]).toEqual(
    await stack.rows(`select workflow_id as "workflowId", run_id as "runId" from ops.files`),
  );

  const entry = /href="(\/quarantine\/\d+)"/.exec(await open(file))?.[1] ?? "";
  const line = await open(entry);
  expect(line).toContain(`${header}\n${bad}`);
  const still = await send(`${entry}/correct`, { line: bad.replace("12abc", "13abc") });
  expect([still.statusCode, unescaped(still.body)]).toEqual([
    200,
    expect.stringContaining('spend "13abc" is not an amount'),
  ]);
  const better = await send(`${entry}/correct`, { line: bad.replace("12abc", "12.25") });
  expect(unescaped(better.body)).toContain("It is stored as corrected");
  expect(await spend()).toBe("137.750000");
  expect(await open(file)).not.toContain(entry);
  expect(
    await stack.rows("select action, count(*) as times from ops.audit where action like 'line%' group by 1 order by 1"),
  ).toEqual([
    { action: "line_corrected", times: 2 },
    { action: "line_viewed", times: 3 },
  ]);

  // The same bytes again say so before anything is started.
  const again = await open(await upload([header, good, bad, ""].join("\n")));
  expect(again).toContain("Nothing new");
  expect(again).toContain("Import it again");
});

test("rejected lines are downloaded as they came by those who may correct them, and processed again from the file's page", async () => {
  const address = await imported(`${header}\n${good}\n${good.replace("79783", "555")}\n`);
  const download = async (as: Record<string, string>) => {
    const { body, headers: sent } = await api.inject({ url: `${address}/rejected.csv`, headers: as });
    return [sent["content-disposition"], parse(body, { columns: true })];
  };
  const why = "creative 555 is not known: add it, then redrive";
  const [name, lines] = await download(headers);
  expect([name, lines]).toEqual([
    'attachment; filename="rejected-day.csv"',
    [{ line: "3", column: "creative_id", reason: why, content: good.replace("79783", "555"), origin: "real" }],
  ]);
  const [, shown] = await download(await loggedIn(stack.database.pool, { role: "analyst" }));
  expect(JSON.stringify(shown)).not.toContain("mobile");
  expect(await stack.rows("select actor, details from ops.audit where action = 'lines_viewed'")).toEqual([
    { actor: "ada", details: { lines: 1 } },
  ]);
  const number = /action="\/files\/(\d+)\/redrive"/.exec(await open(address))?.[1];
  await stack.rows("insert into rtb.creatives (_client_id, creative_id) values ('713', 555)");
  const done = await send(`/files/${number}/redrive`);
  expect([done.statusCode, done.headers.location]).toEqual([303, `/files/${number}?stored=1&left=0`]);
  expect(await open(String(done.headers.location))).toContain("1 line could be stored; none is left.");
  await until("the line to be stored", async () => (await spend()) === "251.000000");
  expect(await stack.rows("select actor, subject from ops.audit where action = 'redriven'")).toEqual([
    { actor: "ada", subject: `file/${number}` },
  ]);
});

test("a header that lacks columns names all of them, and shows what stands there", async () => {
  const address = await upload("creative_id,date,impressions,Mood\n79783,2025-11-29,10,happy\n");
  const shown = await open(address);
  expect(shown).toContain("It would be refused");
  expect(shown).toMatch(/lacks the columns "clicks", "spend"/);
  expect(shown).toContain("happy");
  expect(shown).not.toContain('class="primary"');
  // Said what is missing, it can be read.
  const asked = new URLSearchParams({ constants: "clicks=0\nspend=0", ignore: "Mood" });
  const better = await open(`${address}?${asked}`);
  expect(better).toContain("Of 1 lines none would be rejected");
  const taken = await send(`${address}/import`, Object.fromEntries(asked));
  await until("the import", async () => (await stack.rows("select from rtb.performance_metrics")).length === 1);
  expect(await open(String(taken.headers.location))).not.toContain("failed");
});

test("markup, formulas and directions in names and cells are shown as text", async () => {
  const cell = `"${hostile.replaceAll('"', '""')}"`;
  const address = await upload(
    `${header},placement\n${good},${cell}\n79783,2025-11-30,${cell},1,1,BR,mobile,x\n`,
    "<b>x",
  );
  const answer = await api.inject({ url: address, headers });
  expect(answer.body).not.toMatch(/<script>alert|<img src=x|<b>x/);
  // What turns the letters round is named.
  expect(unescaped(answer.body)).toContain(hostile.replace("\u202e", "[U+202E]"));
});

test("what is no CSV, and a gzip that unpacks to far more than a report, are told by name and change nothing", async () => {
  expect((await look(Buffer.from("%PDF-1.7 and so on"))).body).toMatchObject({
    refusal: { reason: "day.csv is a PDF: export the report as CSV" },
    lines: [],
  });
  expect((await look(Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))).body).toMatchObject({ refusal: expect.anything() });
  expect((await look(gzipSync(`${header}\n${good}\n`))).body).toMatchObject({ refusal: null, read: { lines: 1 } });
  // Half a gigabyte of zeros: no more than the head of it is unpacked.
  const before = process.memoryUsage().rss;
  const bomb = await look(Buffer.concat([gzipSync(`${header}\n${good}\n`), gzipSync(Buffer.alloc(512 * 1_048_576))]));
  const address = `/files/preview/${String(bomb.body["previewId"])}`;
  await until("the preview", async () => (await open(address)).includes("of the first megabyte"));
  expect(process.memoryUsage().rss - before).toBeLessThan(700 * 1_048_576);
  expect(await stack.rows("select from ops.files")).toEqual([]);
});

test("an unknown mapping is the sender's mistake, and no preview of another client is to be had", async () => {
  expect(await look(`${header}\n${good}\n`, [["mapping", "nosuch"]])).toMatchObject({
    status: 400,
    body: { message: expect.stringContaining('none is called "nosuch"') },
  });
  const { body } = await look(`${header}\n${good}\n`);
  for (const [claims, status] of [
    [{ client: "acme", role: "operator" }, 404],
    [{ role: "analyst" }, 403],
  ] as const)
    expect(
      (await api.inject({ url: `${previews}/${String(body["previewId"])}`, headers: await bearer(claims) })).statusCode,
    ).toBe(status);
});

test("a draft is nothing that a watch imports, and is deleted after a day", async () => {
  await stack.rows("truncate ops.watched_files");
  await rm(path.join(folder, "uploads"), { recursive: true, force: true });
  await upload(`${header}\n${good}\n`);
  expect(await files()).toHaveLength(3);
  const watched = await (await stack.start("watchFiles", `watch-${Date.now()}`)).result();
  expect(watched).toMatchObject({ found: 0 });
  expect(await clearAbandoned({ importDir: folder }, Date.now())).toBe(0);
  for (const name of await files()) await utimes(path.join(folder, "uploads/713", name), 0, 0);
  expect(await clearAbandoned({ importDir: folder }, Date.now())).toBe(3);
  expect(await files()).toEqual([]);
});

test("a preview goes on after its worker is gone, and no history holds a cell", async () => {
  await stack.stopWorkers();
  const { status, body } = await look(`${header},placement\n${good},Janecanary\n79783,Petercanary,1,1,1,BR,mobile,x\n`);
  expect([status, body["state"]]).toEqual([202, "running"]);
  const address = `/files/preview/${String(body["previewId"])}`;
  expect(await open(address)).toContain("data-live");
  await stack.startWorkers();
  await until("the preview", async () => (await open(address)).includes("Janecanary"));
  const histories = await until("the history", async () => {
    const found = await allHistories(stack);
    return found.some(({ workflowId }) => workflowId.includes(String(body["previewId"]))) ? found : null;
  });
  expect(histories.map(({ history }) => readable(history)).join("")).not.toMatch(/canary/);
}, 180_000);
