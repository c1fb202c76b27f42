import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sources, vendors } from "../../connectors/registry.ts";
import { loadConfig } from "../../settings/config.ts";
import { bearer } from "../../test/api-server.ts";
import { ingesting } from "../../test/ingesting.ts";
import { canary, listening, type Attack, type Target, type Try } from "../../test/attack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

const limitBytes = 300_000;
let database: TestDatabase;
let target: Target;
let folder: string;
let importDir: string;

beforeAll(async () => {
  database = await testDatabase();
  folder = await mkdtemp(path.join(os.tmpdir(), "attacks-uploads-"));
  importDir = path.join(folder, "imports");
  await mkdir(path.join(importDir, "mappings"), { recursive: true });
  await writeFile(path.join(folder, "secret.json"), JSON.stringify({ note: canary }));
  await symlink(path.join(folder, "secret.json"), path.join(importDir, "mappings", "link.json"));
  await mkdir(path.join(importDir, "acme", "mappings"), { recursive: true });
  await writeFile(path.join(importDir, "acme", "mappings", "theirs.json"), JSON.stringify({ note: canary }));
  const env = { DATABASE_URL: database.url, IMPORT_DIR: importDir, CLIENTS: "713,acme" };
  const config = loadConfig(env, vendors, sources);
  await database.pool.query("insert into rtb.creatives (_client_id, creative_id) values ('713', 79783)");
  target = await listening({
    database: database.pool,
    temporal: ingesting(database.pool, config),
    ingest: config.ingest,
    env: { UPLOAD_LIMIT_BYTES: String(limitBytes) },
  });
}, 60_000);
afterAll(async () => {
  await target?.close();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const header = "creative_id,date,impressions,clicks,spend,geography,device_type\n";
let made = 0;
/** Never the same twice: the same content is answered from the ledger. */
const csv = () => `${header}79783,2025-11-29,${(made += 1)},1,125.50,BR,mobile\n`;
const fileNamed = (name: string, content: string | Buffer = csv(), type = "text/csv") =>
  part(`name="file"; filename="${name}"`, content, `Content-Type: ${type}\r\n`);
const field = (name: string, value: string) => part(`name="${name}"`, value);

function part(disposition: string, content: string | Buffer, more = ""): Buffer {
  return Buffer.concat([
    Buffer.from(`--B\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n`),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ]);
}

const address = "/api/v1/rtb/performance/import";
const sent =
  (parts: () => Buffer[], headers: Attack["headers"] = {}, claims: Parameters<typeof bearer>[0] = {}) =>
  async () => ({
    method: "POST",
    path: address,
    headers: { ...(await bearer(claims)), "content-type": "multipart/form-data; boundary=B", ...headers },
    body: Buffer.concat([...parts(), Buffer.from("--B--\r\n")]),
  });
const named = (name: string) => sent(() => [fileNamed(name)]);
const mapped = (mapping: string) => sent(() => [field("mapping", mapping), fileNamed("a.csv")]);
const bad = "validation_error";

const tries: Try[] = [
  ["a good file, so that what follows is refused for its own reason", named("day.csv"), 200, null],
  ["a name that climbs out of its folder is cut to its last part", named("../../../../etc/cron.d/evil"), 200, null],
  ["an absolute name is cut to its last part", named("/etc/passwd"), 200, null],
  ["a name of Windows that climbs", named("..\\\\..\\\\evil.csv"), 200, null],
  ["a name that is only dots", named(".."), 200, null],
  ["a name with NUL, a line break and an escape", named("a\u0000b\u001b[31m.csv"), 200, null],
  ["a name of 4,000 characters", named(`${"n".repeat(4_000)}.csv`), 200, null],
  ["a name in encoded slashes", named("..%2f..%2fevil.csv"), 200, null],
  ["a name that is a template and a formula", named("=cmd|'/c calc'!A1{{7*7}}.csv"), 200, null],
  ["two files", sent(() => [fileNamed("a.csv"), fileNamed("b.csv")]), 400, bad],
  ["no file", sent(() => [field("mapping", "document")]), 400, bad],
  ["an empty file", sent(() => [fileNamed("a.csv", "")]), 400, bad],
  ["a field twice", sent(() => [field("mapping", "document"), field("mapping", "meta"), fileNamed("a.csv")]), 400, bad],
  ["a field that there is not", sent(() => [field("client", "acme"), fileNamed("a.csv")]), 400, bad],
  ["a field named __proto__", sent(() => [field("__proto__", "x"), fileNamed("a.csv")]), 400, bad],
  ["a field named constructor", sent(() => [field("constructor", "x"), fileNamed("a.csv")]), 400, bad],
  ["a field of 5,000 characters", sent(() => [field("mapping", "x".repeat(5_000)), fileNamed("a.csv")]), 400, bad],
  [
    "200 fields",
    sent(() => [...Array.from({ length: 200 }, () => field("ignore", "x")), fileNamed("a.csv")]),
    400,
    bad,
  ],
  [
    "a boundary of 5,000 characters",
    sent(() => [fileNamed("a.csv")], { "content-type": `multipart/form-data; boundary=${"B".repeat(5_000)}` }),
    400,
    bad,
  ],
  ["no boundary", sent(() => [fileNamed("a.csv")], { "content-type": "multipart/form-data" }), 400, bad],
  [
    "a boundary that the body does not have",
    sent(() => [fileNamed("a.csv")], { "content-type": "multipart/form-data; boundary=C" }),
    400,
    bad,
  ],
  [
    "a form that ends in the middle of its file",
    async () => ({ ...(await named("a.csv")()), body: fileNamed("a.csv").subarray(0, 150) }),
    400,
    bad,
  ],
  [
    "100 KB of a part's header, which is not kept",
    sent(() => [part(`name="file"; filename="a.csv"`, csv(), `X-A: ${"h".repeat(100_000)}\r\n`)]),
    200,
    null,
  ],
  ["JSON where a form is asked for", sent(() => [], { "content-type": "application/json" }), 400, bad],
  ["a mapping that climbs to /etc/passwd", mapped("../../etc/passwd"), 400, bad],
  ["a mapping file that climbs out of the import folder", mapped("../secret.json"), 400, bad],
  ["a mapping file that climbs deeper first", mapped("mappings/../../secret.json"), 400, bad],
  ["a mapping file by its absolute path", mapped("/etc/passwd.json"), 400, bad],
  ["a mapping file that is a link out of the folder", mapped("mappings/link.json"), 400, bad],
  ["a mapping by the name of that link", mapped("link"), 400, bad],
  ["a mapping file of another client", mapped("acme/mappings/theirs.json"), 400, bad],
  ["a mapping with NUL", mapped("document\u0000.json"), 400, bad],
  ["a mapping of every object", mapped("constructor"), 400, bad],
  ["a gzip bomb within the limit of an upload", sent(() => [fileNamed("a.csv.gz", bomb())]), 400, bad],
  ["gzip cut off in the middle", sent(() => [fileNamed("a.csv.gz", gzipSync(csv()).subarray(0, 40))]), 400, bad],
  ["gzip within gzip", sent(() => [fileNamed("a.csv.gz", gzipSync(gzipSync(csv())))]), 400, bad],
  [
    "a ZIP archive called CSV",
    sent(() => [fileNamed("a.csv", Buffer.from("PK\u0003\u0004rest of an archive"))]),
    400,
    bad,
  ],
  [
    "a program called CSV",
    sent(() => [fileNamed("a.csv", Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 0xff]))]),
    400,
    bad,
  ],
  [
    "more than an upload may bring",
    sent(() => [fileNamed("a.csv", header.padEnd(limitBytes + 1_000, "x"))]),
    413,
    "payload_too_large",
  ],
  [
    "an Idempotency-Key that is a path",
    sent(() => [fileNamed("a.csv")], { "idempotency-key": "../../../../tmp/evil" }),
    200,
    null,
  ],
  [
    "an Idempotency-Key of 5,000 characters",
    sent(() => [fileNamed("a.csv")], { "idempotency-key": "k".repeat(5_000) }),
    400,
    bad,
  ],
  ["an analyst's file", sent(() => [fileNamed("a.csv")], {}, { role: "analyst" }), 403, "forbidden"],
  ["nobody's file", sent(() => [fileNamed("a.csv")], { authorization: "" }), 401, "unauthorized"],
  [
    "an import's number that is a path",
    async () => ({ path: "/api/v1/rtb/performance/imports/..%2f..%2fsecret", headers: await bearer() }),
    400,
    bad,
  ],
];

/** 64 MB of nothing in 64 KB. */
function bomb(): Buffer {
  return gzipSync(Buffer.concat([Buffer.from(header), Buffer.alloc(64 * 1_048_576, `${" ".repeat(999)}\n`)]), {
    level: 9,
  });
}

test.each(tries)("%s", async (_what, attack, status, error) => {
  const answer = await target.attempt(attack(), status, error);
  const { name } = JSON.parse(answer.body) as { name?: string };
  if (name !== undefined) expect(name).not.toMatch(/[/\\\p{C}]|^\.*$|.{201}/u);
});

test("nothing lies outside the folder of the client, and nothing was left half way", async () => {
  expect((await readdir(folder)).sort()).toEqual(["imports", "secret.json"]);
  expect(await readFile(path.join(folder, "secret.json"), "utf8")).toContain(canary);
  expect((await readdir(importDir)).sort()).toEqual(["acme", "mappings", "uploads"]);
  expect(await readdir(path.join(importDir, "uploads"))).toEqual(["713"]);
  const kept = await readdir(path.join(importDir, "uploads", "713"));
  expect(kept.filter((name) => !/^[0-9a-z-]+\.(csv|gz|json|mapping\.json)$/.test(name))).toEqual([]);
  expect(await readdir(path.join(importDir, "mappings"))).toEqual(["link.json"]);
});
