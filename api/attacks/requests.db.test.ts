import http from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { fakeTemporal, makeAffiliate, makeCampaign } from "../../test/api-recon.ts";
import { bearer } from "../../test/api-server.ts";
import { listening, type Attack, type Target, type Try } from "../../test/attack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

const timeoutMs = 1_500;
let database: TestDatabase;
let target: Target;
let key: string;
let campaignId: string;
/** A service of the inside, which nobody may be made to call. */
let internal: http.Server;
let internalCalls = 0;
let token: string;

beforeAll(async () => {
  database = await testDatabase();
  key = (await makeAffiliate(database.pool, { client: "713", name: "ada" })).key;
  campaignId = await makeCampaign(database.pool, { client: "713", name: "spring" });
  token = (await bearer()).authorization;
  target = await listening({
    database: database.pool,
    temporal: fakeTemporal().access,
    env: { API_REQUEST_TIMEOUT_MS: String(timeoutMs) },
  });
  internal = http.createServer((_request, response) => {
    internalCalls += 1;
    response.end();
  });
  await new Promise<void>((resolve) => internal.listen(0, "127.0.0.1", resolve));
}, 60_000);
afterAll(async () => {
  await target?.close();
  await database?.drop();
  internal?.close();
});

const bad = "validation_error";
const runs = "/api/v1/ops/runs";
const resolve = "/api/v1/ops/alerts/1/resolve";
const get =
  (path: string, headers: Record<string, string> = {}, method = "GET") =>
  (): Attack => ({ method, path, headers: { authorization: token, ...headers } });
const put =
  (body: string | Buffer, headers: Record<string, string> = {}): (() => Attack) =>
  () => ({ ...get(resolve, { "content-type": "application/json", ...headers }, "PUT")(), body });
const raw =
  (...lines: string[]) =>
  () => ({ raw: lines.join("\r\n") });
/** A request that another one hides behind. */
const smuggled = (...headers: string[]) =>
  raw(
    `POST ${resolve} HTTP/1.1`,
    "Host: 127.0.0.1",
    ...headers,
    "",
    "0",
    "",
    "GET /healthz HTTP/1.1",
    "Host: 127.0.0.1",
    "Connection: close",
    "",
    "",
  );
const plain = (first: string, ...headers: string[]) => raw(first, ...headers, "Connection: close", "", "");
const local = "Host: 127.0.0.1";

const requests: Try[] = [
  ["a good request byte by byte", plain("GET /healthz HTTP/1.1", local), 200, null],
  ["Content-Length and Transfer-Encoding", smuggled("Content-Length: 4", "Transfer-Encoding: chunked"), 400, bad],
  ["Transfer-Encoding and Content-Length", smuggled("Transfer-Encoding: chunked", "Content-Length: 4"), 400, bad],
  ["two different Content-Lengths", smuggled("Content-Length: 0", "Content-Length: 44"), 400, bad],
  ["two Content-Lengths in one line", smuggled("Content-Length: 0, 44"), 400, bad],
  ["a Content-Length with a sign", smuggled("Content-Length: +4"), 400, bad],
  ["a Content-Length below nothing", smuggled("Content-Length: -1"), 400, bad],
  ["a Content-Length in hexadecimal", smuggled("Content-Length: 0x4"), 400, bad],
  ["a Content-Length of 30 digits", smuggled("Content-Length: 999999999999999999999999999999"), 400, bad],
  ["a Transfer-Encoding that nobody knows", smuggled("Transfer-Encoding: xchunked"), 400, bad],
  ["a Transfer-Encoding that is chunked twice over", smuggled("Transfer-Encoding: chunked, identity"), 400, bad],
  ["a space before the colon", smuggled("Transfer-Encoding : chunked"), 400, bad],
  ["a header folded over two lines", smuggled("Transfer-Encoding:", " chunked"), 400, bad],
  ["a header with a bare CR", smuggled("X-A: b\rTransfer-Encoding: chunked"), 400, bad],
  ["a header with NUL", smuggled("X-A: b\u0000c"), 400, bad],
  [
    "a chunk of a size that is no number",
    raw(`POST ${resolve} HTTP/1.1`, local, "Transfer-Encoding: chunked", "", "xyz", "", ""),
    400,
    bad,
  ],
  ["a header of 100 KB", plain("GET /healthz HTTP/1.1", local, `X-A: ${"a".repeat(100_000)}`), 431, bad],
  [
    "5,000 headers",
    plain("GET /healthz HTTP/1.1", local, ...Array.from({ length: 5_000 }, (_, at) => `X-${at}: 1`)),
    431,
    bad,
  ],
  ["a target of 100 KB", plain(`GET /${"a".repeat(100_000)} HTTP/1.1`, local), 431, bad],
  ["no Host", plain("GET /healthz HTTP/1.1"), 400, ""],
  ["a method that there is not", plain("STEAL /healthz HTTP/1.1", local), 400, bad],
  ["a method in small letters", plain("get /healthz HTTP/1.1", local), 400, bad],
  ["a version that there is not", plain("GET /healthz HTTP/9.9", local), 400, bad],
  ["no version, which is HTTP as it was before there were any", plain("GET /healthz", local), 200, null],
  ["HTTP/2 without asking", raw("PRI * HTTP/2.0", "", "SM", "", ""), 400, bad],
  ["what is no HTTP at all", raw("\u0016\u0003\u0001\u0002\u0000", "", ""), 400, bad],
  ["TRACE", plain("TRACE /healthz HTTP/1.1", local), 404, "not_found"],
  ["a tunnel to the inside", plain("CONNECT 127.0.0.1:5432 HTTP/1.1", local), 0, null],
  [
    "an absolute target of another host, which is answered as ours",
    plain("GET http://internal.example/healthz HTTP/1.1", local),
    200,
    null,
  ],
  ["OPTIONS of everything", plain("OPTIONS * HTTP/1.1", local), 404, "not_found"],
  ["a header that never ends", raw("GET /healthz HTTP/1.1", "Host: 127.0.0.1", "X-A: b"), 408, bad],
  [
    "a body that never comes",
    raw(
      `PUT ${resolve} HTTP/1.1`,
      local,
      "Content-Type: application/json",
      "Content-Length: 10",
      "Authorization: TOKEN",
      "",
      "{",
    ),
    408,
    bad,
  ],
  [
    "another method in a header",
    get(runs, { "x-http-method-override": "DELETE", "x-method-override": "PUT" }),
    200,
    null,
  ],
  ["another method in the query", get(`${runs}?_method=DELETE`), 400, bad],
  ["another address in a header", get(runs, { "x-original-url": "/metrics", "x-rewrite-url": "/metrics" }), 200, null],
  ["a parameter that there is not", get(`${runs}?debug=true`), 400, bad],
  ["a parameter twice", get(`${runs}?limit=1&limit=2`), 400, bad],
  ["a parameter as a list", get(`${runs}?limit[]=1`), 400, bad],
  ["a parameter of every object", get(`${runs}?__proto__[limit]=1`), 400, bad],
  ["a parameter named __proto__", get(`${runs}?__proto__=1`), 400, bad],
  ["a limit past all numbers", get(`${runs}?limit=1e999`), 400, bad],
  ["a limit below nothing", get(`${runs}?limit=-1`), 400, bad],
  ["a filter that is SQL", get(`${runs}?source=${encodeURIComponent("' or 1=1; drop table ops.runs; --")}`), 200, null],
  ["a filter with NUL", get(`${runs}?source=%00`), 400, bad],
  ["a cursor that is made up", get(`${runs}?cursor=bm90IGpzb24`), 400, bad],
  ["a cursor of another shape", get(`${runs}?cursor=${Buffer.from('{"$ne":1}').toString("base64url")}`), 400, bad],
  ["encoded slashes and dots", get("/api/v1/ops/..%2f..%2f..%2fmetrics"), 404, "not_found"],
  ["dots that are not encoded", get("/api/v1/ops/../../../metrics"), 404, "not_found"],
  ["doubled slashes", get("//api//v1//ops//runs"), 404, "not_found"],
  ["other letters", get("/API/V1/OPS/RUNS"), 404, "not_found"],
  ["backslashes", get("/api\\v1\\ops\\runs"), 404, "not_found"],
  ["NUL in the path", get(`${runs}%00`), 404, "not_found"],
  ["a path that cannot be decoded", get("/%E0%A4%A"), 400, bad],
  ["a dot in too many bytes", get("/docs/static/%c0%ae%c0%ae/package.json"), 400, bad],
  ["a file beside the documentation", get("/docs/static/..%2f..%2f..%2fpackage.json"), 404, "not_found"],
  ["a file above the documentation", get("/docs/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd"), 400, bad],
  ["a line break that would be a header", get("/x%0d%0aSet-Cookie:%20a=b"), 404, "not_found"],
  ["a part of a path of 301 characters", get(`/api/v1/anytrack/conversions/${"k".repeat(301)}`), 400, bad],
  ["a number of 40 digits for a row", get(`/api/v1/ops/runs/${"9".repeat(40)}`), 404, "not_found"],
  ["a body packed with gzip", put(gzipSync("{}"), { "content-encoding": "gzip" }), 400, bad],
  ["a body of another kind", put("<a/>", { "content-type": "application/xml" }), 400, bad],
  [
    "a body in UTF-7",
    put('{"notes":"+ADw-"}', { "content-type": "application/json; charset=utf-7" }),
    404,
    "not_found",
  ],
  ["a body over the limit", put(`{"notes":"${"x".repeat(1_100_000)}"}`), 413, "payload_too_large"],
  ["a body nested 20,000 deep", put(`{"notes":${"[".repeat(20_000)}${"]".repeat(20_000)}}`), 400, bad],
  ["a body with a key twice", put('{"notes":"a","notes":"b"}'), 400, bad],
  ["a body with __proto__", put('{"__proto__":{"notes":"a"}}'), 400, bad],
  ["a body that is a list", put("[]"), 400, bad],
];

const withToken = ({ raw: bytes, ...attack }: Attack): Attack =>
  typeof bytes === "string" ? { raw: bytes.replace("TOKEN", token) } : attack;

test.each(requests)("%s", async (_what, attack, status, error) => {
  const answer = await target.attempt(withToken(await attack()), status, error);
  expect(answer.headers["set-cookie"]).toBeUndefined();
  expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
});

const post = "comments/1abcde";
const addresses: [what: string, url: string | (() => string)][] = [
  ["this machine", `http://127.0.0.1/${post}`],
  ["this machine by name", `http://localhost/${post}`],
  [
    "this machine at the port of a service",
    () => `http://127.0.0.1:${(internal.address() as AddressInfo).port}/${post}`,
  ],
  ["this machine as one number", `http://2130706433/${post}`],
  ["this machine in hexadecimal", `http://0x7f000001/${post}`],
  ["this machine in octal", `http://0177.0.0.1/${post}`],
  ["this machine, shortened", `http://127.1/${post}`],
  ["this machine as zero", `http://0/${post}`],
  ["this machine in IPv6", `http://[::1]/${post}`],
  ["this machine in IPv6 by IPv4", `http://[::ffff:127.0.0.1]/${post}`],
  ["this machine in digits of another script", `http://①②⑦.⓪.⓪.①/${post}`],
  ["a cloud's metadata", "http://169.254.169.254/latest/meta-data/"],
  ["a cloud's metadata by name", "http://metadata.google.internal/computeMetadata/v1/"],
  ["a private network", `https://10.0.0.5/${post}`],
  ["a name that leads to this machine", `https://127.0.0.1.nip.io/${post}`],
  ["this machine after a platform as user", `https://www.reddit.com@127.0.0.1/${post}`],
  ["this machine after a backslash", `https://127.0.0.1\\@www.reddit.com/${post}`],
  ["a user on a platform", `https://ada:secret@www.reddit.com/${post}`],
  ["another port of a platform", `https://www.reddit.com:8443/${post}`],
  ["a platform's name before another", `https://www.reddit.com.evil.example/${post}`],
  ["a platform's name after another", `https://evilreddit.com/${post}`],
  ["a platform's name in another script", `https://www.r\u0435ddit.com/${post}`],
  ["a platform's name in the query", `https://evil.example/?https://www.reddit.com/${post}`],
  ["a platform's name behind a fragment", `https://evil.example/#@www.reddit.com/${post}`],
  ["a platform's door that sends on", "https://out.reddit.com/t3_1abcde?url=http://127.0.0.1/"],
  ["another platform's door that sends on", "https://l.facebook.com/l.php?u=http://127.0.0.1/"],
  ["a share link that climbs", "https://www.reddit.com/r/name/s/..%2f..%2finternal"],
  ["a file", "file:///etc/passwd"],
  ["gopher", `gopher://www.reddit.com/${post}`],
  ["a script", "javascript:alert(1)//www.reddit.com/"],
  ["data", "data:text/html,www.reddit.com"],
  ["nothing", " "],
];

test.each(addresses)("a post is claimed at %s", async (_what, url) => {
  const body = JSON.stringify({
    campaignId,
    url: typeof url === "string" ? url : url(),
    claimed: { views: 1, clicks: 0, conversions: 0 },
  });
  const headers = { "x-api-key": key, "content-type": "application/json" };
  const attack = { method: "POST", path: "/api/v1/recon/affiliates/submissions", headers, body };
  await target.attempt(attack, 400, bad);
  // Naming a platform makes it no other address.
  const named = JSON.stringify({ ...(JSON.parse(body) as object), platform: "reddit" });
  await target.attempt({ ...attack, body: named }, 400, bad);
});

test("nobody was called for any of these addresses, and nothing is stored of them", async () => {
  expect(internalCalls).toBe(0);
  expect((await database.pool.query("select 1 from recon.posts")).rowCount).toBe(0);
});
