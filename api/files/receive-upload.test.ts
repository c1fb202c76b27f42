import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, jest, test } from "@jest/globals";
import { WorkflowFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { readIngestSettings } from "../../settings/files.ts";
import { SettingsReader } from "../../settings/reader.ts";
import { uploadRecord } from "../../rules/files/uploads.ts";
import type { Api } from "../server/parts.ts";
import type { TemporalAccess } from "../server/temporal.ts";
import { bearer, testServer } from "../../test/api-server.ts";

// Real connections, on machines that are busy with other tests.
jest.setTimeout(60_000);

const limitBytes = 200_000;
const line = "79783,2025-11-29,10000,250,125.50,BR,mobile\n";

interface Started {
  workflowId: string;
  type: string;
  input: { client: string; place: string; path: string };
}

let importDir: string;
let api: Api;
let port: number;
const started: Started[] = [];
/** What the workflow comes to; null while Temporal is away. */
let result: (() => Promise<unknown>) | null;
const log: string[] = [];

const temporal = {
  client: {
    workflow: {
      start: (type: string, options: { workflowId: string; args: [Started["input"]] }) => {
        if (result === null) return Promise.reject(new Error("14 UNAVAILABLE"));
        started.push({ type, workflowId: options.workflowId, input: options.args[0] });
        return Promise.resolve({ result });
      },
    },
    withAbortSignal: (_signal: AbortSignal, work: () => Promise<unknown>) => work(),
  },
} as unknown as Partial<TemporalAccess>;

const sums = { impressions: "10000", clicks: "250", spend: "125.500000" };
const ingested = {
  status: "ingested",
  fileId: 7,
  client: "713",
  name: "day.csv",
  mapping: "document",
  bytes: 44,
  lines: 1,
  imported: 1,
  skipped: 0,
  inserted: 1,
  updated: 0,
  unchanged: 0,
  combined: 0,
  superseded: { lines: 0, impressions: "0", clicks: "0", spend: "0" },
  rejected: 0,
  errors: [],
  sums,
  days: { from: "2025-11-29", to: "2025-11-29" },
  removed: 0,
  warning: null,
  replacedSince: 0,
  reason: null,
  preamble: 0,
  totals: 0,
  summedOver: [],
  encoding: "utf-8",
  delimiter: ",",
};

beforeAll(async () => {
  importDir = await mkdtemp(path.join(os.tmpdir(), "signal-room-uploads-"));
  api = await testServer({
    temporal,
    log,
    ingest: { ...readIngestSettings(new SettingsReader({ CLIENTS: "713,acme" })), importDir },
    env: { UPLOAD_LIMIT_BYTES: String(limitBytes), API_REQUEST_TIMEOUT_MS: "1000", UPLOAD_TIMEOUT_MS: "20000" },
  });
  await api.listen({ port: 0, host: "127.0.0.1" });
  port = (api.server.address() as AddressInfo).port;
});
afterAll(async () => {
  await api?.close();
  await rm(importDir, { recursive: true, force: true });
});
beforeEach(async () => {
  started.length = 0;
  result = () => Promise.resolve(ingested);
  await rm(path.join(importDir, "uploads"), { recursive: true, force: true });
});

const folder = (client = "713") => path.join(importDir, "uploads", client);
const recordOf = async (importId: string) =>
  uploadRecord.parse(JSON.parse(await readFile(path.join(folder(), `${importId}.json`), "utf8")));
const lying = (client = "713") => readdir(folder(client)).catch(() => [] as string[]);

/** Waits for what happens after an answer, such as the end of a request that was cut off. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries += 1) {
    if (tries > 300) throw new Error("it never came true");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

interface Sent {
  file?: string | Blob | (string | Blob)[];
  fields?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  claims?: Parameters<typeof bearer>[0];
}

async function upload({ file = line, fields = {}, headers = {}, claims = {} }: Sent = {}) {
  const form = new FormData();
  for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) form.append(name, value);
  for (const one of Array.isArray(file) ? file : [file])
    form.append("file", typeof one === "string" ? new Blob([one]) : one, "Day 1.csv");
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/rtb/performance/import`, {
    method: "POST",
    body: form,
    headers: { ...(await bearer(claims)), ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & { importId: string } };
}

/** A request whose body is written by hand: how much went out, and what came back. */
async function sendRaw(
  headers: Record<string, string>,
  write: (request: http.ClientRequest, isOpen: () => boolean) => Promise<void>,
): Promise<{ status: number | null; body: string }> {
  const { authorization } = await bearer();
  return new Promise((resolve) => {
    let open = true;
    const request = http.request(
      {
        port,
        host: "127.0.0.1",
        method: "POST",
        path: "/api/v1/rtb/performance/import",
        headers: { authorization, ...headers },
      },
      (response) => {
        open = false;
        let body = "";
        response.on("data", (chunk: Buffer) => (body += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? null, body }));
        response.on("error", () => resolve({ status: response.statusCode ?? null, body }));
      },
    );
    request.on("error", () => {
      open = false;
      resolve({ status: null, body: "" });
    });
    void write(request, () => open && !request.destroyed);
  });
}

const boundary = (text: string) => ({ "content-type": `multipart/form-data; boundary=${text}` });
/** A form of one part, besides what every form needs. */
const formOf = (mark: string, disposition = 'name="file"; filename="a.csv"', headers = "") =>
  `--${mark}\r\nContent-Disposition: form-data; ${disposition}\r\n${headers}\r\n${line}\r\n--${mark}--\r\n`;
const formType = { "content-type": "multipart/form-data; boundary=B" };
const partHead = '--B\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n';

test("an upload lies whole on disk, with its record, before its ingest starts", async () => {
  const { status, body } = await upload({ fields: { mapping: "document" } });
  expect([status, body]).toMatchObject([
    200,
    { imported: 1, skipped: 0, errors: [], sums: { ...sums, spend: "125.50" } },
  ]);
  expect(body).not.toHaveProperty("client");
  const record = await recordOf(body.importId);
  expect(await lying()).toEqual([record.file, `${body.importId}.json`]);
  expect(await readFile(path.join(folder(), record.file), "utf8")).toBe(line);
  expect(record).toMatchObject({
    client: "713",
    fileName: "Day 1.csv",
    contentHash: createHash("sha256").update(line).digest("hex"),
    bytes: line.length,
    mapping: "document",
    force: false,
    by: "ada",
  });
  expect(started).toEqual([
    {
      type: "ingestFile",
      workflowId: `ingest/713/${body.importId}`,
      input: { client: "713", place: "upload", path: `uploads/713/${record.file}` },
    },
  ]);
});

test("several come at once, each whole", async () => {
  const files = Array.from({ length: 8 }, (_, number) => `${number},`.repeat(20_000 + number));
  const answers = await Promise.all(files.map((file) => upload({ file })));
  expect(answers.map(({ status }) => status)).toEqual(files.map(() => 200));
  for (const [number, { body }] of answers.entries())
    expect(await readFile(path.join(folder(), (await recordOf(body.importId)).file), "utf8")).toBe(files[number]);
  expect(await lying()).toHaveLength(16);
});

test("a file at the limit is taken, one byte more is not, and nothing of it stays", async () => {
  expect((await upload({ file: "x".repeat(limitBytes) })).status).toBe(200);
  expect(await lying()).toHaveLength(2);
  const { status, body } = await upload({ file: "x".repeat(limitBytes + 1) });
  expect([status, body]).toMatchObject([
    413,
    { error: "payload_too_large", message: expect.stringContaining(String(limitBytes)) },
  ]);
  expect(await lying()).toHaveLength(2);
});

test("one that says it has 20 GB is refused before it is read", async () => {
  let sent = 0;
  const { status } = await sendRaw({ ...formType, "content-length": "20000000000" }, async (request, isOpen) => {
    request.write(partHead);
    while (isOpen()) {
      sent += 1;
      if (!request.write(Buffer.alloc(65_536, 97))) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    request.destroy();
  });
  expect(status).toBe(413);
  expect(sent).toBeLessThan(1_000);
  expect(await lying()).toEqual([]);
});

test("one that never ends is cut off at the limit, and its line with it", async () => {
  const began = Date.now();
  let answeredAt = 0;
  const { status, body } = await sendRaw(formType, async (request, isOpen) => {
    request.write(partHead);
    const closed = new Promise<void>((resolve) => request.once("close", resolve));
    // Goes on after the answer, as one does who does not listen.
    while (!request.destroyed && request.socket?.destroyed !== true) {
      if (!isOpen() && answeredAt === 0) answeredAt = Date.now();
      if (!request.write(Buffer.alloc(65_536, 97))) await new Promise((resolve) => setTimeout(resolve, 5));
      if (Date.now() - began > 45_000) throw new Error("nobody cut it off");
    }
    await closed;
  });
  expect([status, JSON.parse(body)]).toMatchObject([413, { error: "payload_too_large" }]);
  expect(await lying()).toEqual([]);
  await until(() => Promise.resolve(answeredAt !== 0));
});

test("one that breaks off leaves nothing", async () => {
  const { status } = await sendRaw(formType, async (request) => {
    request.write(partHead + line.repeat(100));
    await until(async () => (await lying()).length === 1);
    request.destroy();
  });
  expect(status).toBeNull();
  await until(async () => (await lying()).length === 0);
  expect(started).toEqual([]);
});

test("two files in one request are refused, and so is none", async () => {
  const two = await upload({ file: [line, line] });
  expect([two.status, two.body]).toMatchObject([
    400,
    { details: { file: expect.stringContaining("one file per request") } },
  ]);
  expect([(await upload({ file: [] })).status, (await upload({ file: "" })).status]).toEqual([400, 400]);
  expect((await upload({ fields: { force: "perhaps" } })).body).toMatchObject({
    details: { force: "must be true or false" },
  });
  expect((await upload({ fields: { colour: "red" } })).body).toMatchObject({
    details: { colour: expect.stringContaining("no field") },
  });
  expect((await upload({ fields: { mapping: "a\u0000b" } })).status).toBe(400);
  expect(await lying()).toEqual([]);
  expect(started).toEqual([]);
});

test.each([
  ["no form", { "content-type": "text/csv" }, line],
  ["a form without a boundary", { "content-type": "multipart/form-data" }, line],
  ["a form that has no end", formType, partHead + line],
  ["a form that is none", formType, "hello"],
  ["a part without a header", formType, "--B\r\n\r\nx\r\n--B--\r\n"],
  [
    "a part called __proto__",
    formType,
    '--B\r\nContent-Disposition: form-data; name="__proto__"; filename="a"\r\n\r\nx\r\n--B--\r\n',
  ],
  ["an empty body", formType, ""],
  [
    "a thousand fields",
    formType,
    `${'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'.repeat(1_000)}--B--\r\n`,
  ],
  ["a boundary of 5,000 characters", boundary("b".repeat(5_000)), formOf("b".repeat(5_000))],
  ["a boundary of 71 characters", boundary("b".repeat(71)), formOf("b".repeat(71))],
  ["a boundary of nothing", boundary('""'), formOf("")],
  ["a boundary with what no boundary has", boundary('"b\u00ff;%b"'), formOf("b\u00ff;%b")],
  ["a boundary that is never closed", boundary('"b'), formOf("b")],
  ["a field whose name has 5,000 characters", formType, formOf("B", `name="${"n".repeat(5_000)}"`)],
  [
    "a field in an encoding that nobody knows",
    formType,
    formOf("B", 'name="mapping"', "Content-Type: text/plain; charset=klingon\r\n"),
  ],
  ["a field with a NUL in its name", formType, formOf("B", 'name="map\u0000ping"')],
])("%s is the caller's mistake", async (_name, headers, body) => {
  const answer = await sendRaw({ ...headers, "content-length": String(Buffer.byteLength(body)) }, async (request) => {
    request.end(body);
    await Promise.resolve();
  });
  expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { error: "validation_error" }]);
  expect(await lying()).toEqual([]);
});

test.each([
  ["a header of 200,000 characters", `X-Long: ${"x".repeat(200_000)}\r\n`, 'name="file"; filename="a.csv"'],
  ["5,000 headers", "X-One: 1\r\n".repeat(5_000), 'name="file"; filename="a.csv"'],
  ["a header that is none", "no header at all\r\n", 'name="file"; filename="a.csv"'],
  ["a file name of 200,000 characters", "", `name="file"; filename="${"a".repeat(200_000)}.csv"`],
  ["no name", "", 'filename="a.csv"'],
])("a part with %s is read or refused, and no error of ours", async (_what, headers, disposition) => {
  for (const body of [formOf("B", disposition, headers), formOf("B", disposition).replace("\r\n", `\r\n${headers}`)]) {
    const answer = await sendRaw(formType, async (request) => {
      request.end(body);
      await Promise.resolve();
    });
    expect([200, 400]).toContain(answer.status);
    if (answer.status === 400) expect(JSON.parse(answer.body)).toMatchObject({ error: "validation_error" });
  }
});

test("a name that leads elsewhere is only a name", async () => {
  const body = `--B\r\nContent-Disposition: form-data; name="file"; filename="../../../etc/cron.d/x\u0007.csv"\r\n\r\n${line}\r\n--B--\r\n`;
  const answer = await sendRaw(formType, async (request) => {
    request.end(body);
    await Promise.resolve();
  });
  const { importId } = JSON.parse(answer.body) as { importId: string };
  expect(await recordOf(importId)).toMatchObject({ fileName: "x.csv" });
  expect(await readdir(importDir)).toEqual(["uploads"]);
  const token = await upload({ claims: { client: "../acme" } });
  expect([token.status, await readdir(importDir)]).toEqual([401, ["uploads"]]);
});

test("what is said beside the mapping is kept with the upload, and is checked as it comes", async () => {
  const said = { constant: ["clicks=0", "placement=a=b"], ignore: "Opportunity cost*" };
  const { status, body } = await upload({ fields: said });
  expect(status).toBe(200);
  expect(await recordOf(body.importId)).toMatchObject({
    mapping: null,
    constants: { clicks: "0", placement: "a=b" },
    ignore: ["Opportunity cost*"],
  });
  for (const [fields, details] of [
    [{ constant: "clicks" }, { constant: '"clicks" must be written field=value, as clicks=0' }],
    [
      { constant: "seller_id=5" },
      { constant: expect.stringMatching(/^there is no field "seller_id": there are buyer_id, creative_id/) },
    ],
    [{ constant: ["clicks=0", "clicks=1"] }, { constant: "clicks is given twice" }],
    [{ mapping: ["document", "meta"] }, { mapping: expect.any(String) }],
    [
      { mapping: "document", extends: "meta" },
      { extends: expect.stringMatching(/^give mapping or extends, not both/) },
    ],
  ] satisfies [Record<string, string | string[]>, object][])
    expect([fields, (await upload({ fields })).body]).toMatchObject([fields, { error: "validation_error", details }]);
  expect(await lying()).toHaveLength(2);
  const extending = await upload({ fields: { ...said, extends: "authorized-buyers" } });
  expect(await recordOf(extending.body.importId)).toMatchObject({
    mapping: "authorized-buyers",
    constants: { clicks: "0" },
  });
  const headers = { "idempotency-key": "beside" };
  expect((await upload({ headers, fields: said })).status).toBe(200);
  expect((await upload({ headers, fields: { ...said, constant: "clicks=1" } })).body).toMatchObject({
    error: "conflict",
    message: expect.stringContaining("another constant before"),
  });
});

test("while Temporal is away an upload is accepted and waits", async () => {
  result = null;
  const { status, body } = await upload();
  expect([status, body]).toEqual([202, { importId: body.importId, state: "accepted" }]);
  expect(await lying()).toEqual([(await recordOf(body.importId)).file, `${body.importId}.json`]);
});

test("the same key and file are the same upload; another file, mapping or client is not", async () => {
  const headers = { "idempotency-key": "monday" };
  const first = await upload({ headers });
  const again = await upload({ headers });
  expect([again.status, again.body]).toEqual([200, first.body]);
  expect(await lying()).toHaveLength(2);
  expect(new Set(started.map(({ workflowId }) => workflowId)).size).toBe(1);
  expect((await upload({ headers, file: `${line}${line}` })).status).toBe(409);
  expect((await upload({ headers, fields: { mapping: "other" } })).status).toBe(409);
  expect((await upload({ headers, fields: { force: "true" } })).status).toBe(409);
  expect(await lying()).toHaveLength(2);
  const other = await upload({ headers, claims: { client: "acme" } });
  expect([other.status, other.body.importId === first.body.importId]).toEqual([200, false]);
  const crowd = await Promise.all(
    Array.from({ length: 6 }, () => upload({ headers: { "idempotency-key": "tuesday" } })),
  );
  expect(crowd.map(({ status }) => status)).toEqual(crowd.map(() => 200));
  expect(new Set(crowd.map(({ body }) => body.importId)).size).toBe(1);
  expect(await lying()).toHaveLength(4);
});

test("a refused file is told with its lines, in the shape of every error", async () => {
  const errors = [{ line: 3, column: "spend", reason: "1.2.3 is no amount" }];
  result = () =>
    Promise.resolve({ ...ingested, status: "refused", imported: 0, reason: "more than half of it is wrong", errors });
  const { status, body } = await upload();
  expect([status, body]).toEqual([
    400,
    {
      error: "validation_error",
      message: "the file was refused, nothing of it is stored: more than half of it is wrong",
      details: { file: "more than half of it is wrong", "line 3, spend": "1.2.3 is no amount" },
    },
  ]);
});

test("a refusal says its reason once, and in the sender's name for the file", async () => {
  const reason = 'line 1: this looks like meta; it lacks the column "Ad ID"';
  const errors = [{ line: 1, column: "creative_id", reason: reason.slice("line 1: ".length) }];
  result = () => Promise.resolve({ ...ingested, status: "refused", imported: 0, reason, errors });
  expect((await upload()).body["details"]).toEqual({ file: reason });
  result = () => {
    const path = started.at(-1)?.input.path ?? "";
    const cause = ApplicationFailure.create({ type: "InvalidInput", message: `${path} is a link` });
    return Promise.reject(new WorkflowFailedError("failed", cause, "NON_RETRYABLE_FAILURE"));
  };
  expect((await upload()).body).toMatchObject({ message: "Day 1.csv is a link" });
});

test("an ingest that cannot be is told, too", async () => {
  const cause = ApplicationFailure.create({ type: "InvalidInput", message: 'there is no mapping "mine"' });
  result = () => Promise.reject(new WorkflowFailedError("failed", cause, "NON_RETRYABLE_FAILURE"));
  const { status, body } = await upload({ fields: { mapping: "mine" } });
  expect([status, body]).toMatchObject([400, { message: 'there is no mapping "mine"' }]);
});

test("an upload may take longer than other bodies, which are cut off as before", async () => {
  const slow = await sendRaw(formType, async (request) => {
    request.write(partHead);
    for (let drop = 0; drop < 16; drop += 1) {
      request.write(line);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    request.end("\r\n--B--\r\n");
  });
  expect(slow.status).toBe(200);
});

test("what a killed server left is cleared at the next start, what is under way is not", async () => {
  await mkdir(folder(), { recursive: true });
  const [old, fresh] = [".old.part", ".fresh.part"];
  for (const name of [old, fresh, "kept.csv"]) await writeFile(path.join(folder(), name), "x");
  const yesterday = new Date(Date.now() - 25 * 3_600_000);
  for (const name of [old, "kept.csv"]) await utimes(path.join(folder(), name), yesterday, yesterday);
  const next = await testServer({ ingest: { ...readIngestSettings(new SettingsReader({})), importDir } });
  expect(await lying()).toEqual([fresh, "kept.csv"]);
  await next.close();
});

test("nothing of all this was an error of ours", () => {
  expect(log.filter((entry) => entry.includes('"level":50'))).toEqual([]);
});
