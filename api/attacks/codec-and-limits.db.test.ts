import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { keyRing } from "../../core/crypto.ts";
import { makeAffiliate, type MadeAffiliate } from "../../test/api-recon.ts";
import { bearer } from "../../test/api-server.ts";
import { listening, type Attack, type Target, type Try } from "../../test/attack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

const perMinute = 12;
const submissionsPerMinute = 3;
const ui = "http://localhost:8233";
const clear = { metadata: { encoding: b64("json/plain") }, data: b64('"canary of a payload"') };
const webhookSecret = "a-webhook-secret-of-713-long";
let database: TestDatabase;
let target: Target;
/** Two processes on one database. */
let both: [Target, Target];
let ada: MadeAffiliate;
let sealed: { metadata: object };

beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  ada = await makeAffiliate(pool, { client: "713", name: "ada" });
  const payloadKey = keyRing(randomBytes(32));
  target = await listening({ database: pool, payloadKey, env: { TEMPORAL_UI_URL: ui } });
  const limited = () =>
    listening({
      database: pool,
      anytrack: {
        halfLifeDays: 7,
        webhookPerMinute: 60_000,
        webhookSecrets: new Map([["713", webhookSecret]]),
        collect: new Map(),
      },
      submissionsPerMinute,
      env: { API_RATE_LIMIT_PER_MINUTE: String(perMinute) },
    });
  both = [await limited(), await limited()];
  const encoded = await target.send(codec({}, { payloads: [clear] }, "encode")());
  sealed = (JSON.parse(encoded.body) as { payloads: [{ metadata: object }] }).payloads[0];
}, 60_000);
afterAll(async () => {
  await target?.close();
  for (const one of both ?? []) await one.close();
  await database?.drop();
});

function b64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function codec(headers: Record<string, string>, body?: unknown, direction = "decode"): () => Attack {
  return () => ({
    method: "POST",
    path: `/codec/${direction}`,
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body ?? { payloads: [sealed] }),
  });
}
const codecAs =
  (claims: Parameters<typeof bearer>[0], headers: Record<string, string> = {}) =>
  async () =>
    codec({ ...headers, ...(await bearer(claims)) })();
const bad = "validation_error";
const elsewhere = { host: "signal-room.example" };
const altered = () => ({
  payloads: [{ ...sealed, data: Buffer.alloc(80, 7).toString("base64") }],
});

const tries: Try[] = [
  ["the codec: this machine", codec({}), 200, null],
  ["the codec: another name for this machine, as a rebound DNS name has it", codec(elsewhere), 401, "unauthorized"],
  [
    "the codec: a name that only begins like this machine",
    codec({ host: "127.0.0.1.evil.example" }),
    401,
    "unauthorized",
  ],
  ["the codec: localhost as a part of a name", codec({ host: "localhost.evil.example" }), 401, "unauthorized"],
  ["the codec: through a proxy", codec({ "x-forwarded-for": "127.0.0.1" }), 401, "unauthorized"],
  [
    "the codec: through a proxy that says so in the new way",
    codec({ forwarded: "for=127.0.0.1" }),
    401,
    "unauthorized",
  ],
  ["the codec: through a proxy that names only itself", codec({ via: "1.1 proxy" }), 401, "unauthorized"],
  ["the codec: through a proxy that names the caller", codec({ "x-real-ip": "127.0.0.1" }), 401, "unauthorized"],
  [
    "the codec: by HTTP/1.0, as proxies speak",
    () => ({
      raw: `POST /codec/decode HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"payloads":[]}`,
    }),
    401,
    "unauthorized",
  ],
  ["the codec: a page of another origin", codec({ origin: "https://evil.example" }), 403, "forbidden"],
  ["the codec: a page without origin", codec({ origin: "null" }), 403, "forbidden"],
  ["the codec: an origin that begins like the UI", codec({ origin: `${ui}.evil.example` }), 403, "forbidden"],
  ["the codec: the UI's host at another port", codec({ origin: "http://localhost:9999" }), 403, "forbidden"],
  ["the codec: a bad token from this machine", codec({ authorization: "Bearer a.b.c" }), 401, "unauthorized"],
  ["the codec: an operator from elsewhere", codecAs({ role: "operator" }, elsewhere), 200, null],
  ["the codec: an analyst", codecAs({ role: "analyst" }), 403, "forbidden"],
  ["the codec: an advertiser", codecAs({ role: "advertiser", advertiser: "adv-1" }), 403, "forbidden"],
  [
    "the codec: a form of a web page, which needs no leave to be sent",
    codec({ "content-type": "text/plain" }),
    400,
    bad,
  ],
  ["the codec: what was sealed by nobody", () => codec({}, altered())(), 400, bad],
  ["the codec: no payloads", codec({}, {}), 400, bad],
  ["the codec: 1,001 payloads", codec({}, { payloads: Array(1_001).fill({}) }), 400, bad],
  ["the codec: what is no base64", codec({}, { payloads: [{ data: "%%%" }] }), 400, bad],
  ["the codec: 9 MB", codec({}, `{"payloads":[{"data":"${"A".repeat(9 * 1_048_576)}"}]}`), 413, "payload_too_large"],
  ["the codec: nested 20,000 deep", codec({}, `{"payloads":${"[".repeat(20_000)}${"]".repeat(20_000)}}`), 400, bad],
  ["the codec: metadata of every object", codec({}, '{"payloads":[{"metadata":{"__proto__":"AA=="}}]}'), 400, bad],
  ["the codec: read instead of written", () => ({ path: "/codec/decode" }), 404, "not_found"],
];

test.each(tries)("%s", async (_what, attack, status, error) => {
  const answer = await target.attempt(attack(), status, error);
  if (status !== 200) expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
});

const metrics: [what: string, headers: Record<string, string>, showsMoney: boolean][] = [
  ["this machine", {}, true],
  ["another name for this machine", elsewhere, false],
  ["a proxy", { "x-forwarded-for": "127.0.0.1" }, false],
  ["a proxy with the caller's old address", { "x-real-ip": "127.0.0.1" }, false],
  ["a tunnel of a cloud", { "cf-connecting-ip": "127.0.0.1" }, false],
  ["a bad token", { authorization: "Bearer a.b.c" }, false],
];
test.each(metrics)("amounts on /metrics by way of %s", async (_what, headers, showsMoney) => {
  const { body } = await target.attempt({ path: "/metrics", headers }, 200, null);
  expect(/^# HELP signal_room_money /m.test(body)).toBe(showsMoney);
});

/** So many at once, in turn at both processes; how many got which status. */
async function flood(calls: number, attack: (call: number) => Attack): Promise<Record<number, number>> {
  const answers = await Promise.all(
    Array.from({ length: calls }, (_, call) => (both[call % 2] ?? both[0]).send(attack(call))),
  );
  const counts: Record<number, number> = {};
  for (const { status, headers, body } of answers) {
    counts[status] = (counts[status] ?? 0) + 1;
    if (status !== 429) continue;
    expect((JSON.parse(body) as { error: string }).error).toBe("rate_limited");
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
  }
  return counts;
}

const runs = "/api/v1/ops/runs";
const asked = 40;
/** What both together let through: a process that Postgres keeps waiting counts alone for a moment, so twice at most. */
function expectLimited(counts: Record<number, number>): void {
  const limited = counts[429] ?? 0;
  expect(limited).toBeGreaterThanOrEqual(asked - 2 * perMinute);
  expect(limited).toBeLessThan(asked);
}

test("two processes together let through no more queries of one caller than one alone would, whatever its tokens", async () => {
  // On a busy machine one of them may have counted alone: then another caller is tried.
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const tokens = await Promise.all(Array.from({ length: asked }, () => bearer({ subject: `eve-${attempt}` })));
    const counts = await flood(asked, (call) => ({ path: runs, headers: tokens[call] ?? {} }));
    expectLimited(counts);
    if (counts[200] === perMinute) return;
  }
  throw new Error("two processes let through more than one alone would, each time");
});

test("an affiliate's submissions have a limit of their own", async () => {
  const headers = { "x-api-key": ada.key, "content-type": "application/json" };
  for (const one of both) await one.send({ path: "/api/v1/recon/affiliates/me", headers });
  const path = "/api/v1/recon/affiliates/submissions";
  const counts = await flood(asked, () => ({ method: "POST", path, headers, body: "{}" }));
  expect((counts[400] ?? 0) + (counts[429] ?? 0)).toBe(asked);
  expect(counts[429]).toBeGreaterThanOrEqual(asked - 2 * submissionsPerMinute);
});

test("bad tokens and unknown keys are counted against their address, which headers of one's own making do not change", async () => {
  const counts = await flood(asked, (call) => ({
    path: runs,
    headers: {
      authorization: `Bearer a.b.${call}`,
      "x-forwarded-for": `192.0.2.${call}`,
      "x-real-ip": `192.0.2.${call}`,
    },
  }));
  expect((counts[401] ?? 0) + (counts[429] ?? 0)).toBe(asked);
  expectLimited(counts);

  const keys = await flood(asked, (call) => ({
    path: "/api/v1/recon/affiliates/me",
    headers: { "x-api-key": `aff_${String(call).padStart(43, "A")}`, "x-forwarded-for": `192.0.2.${call}` },
  }));
  expect((keys[401] ?? 0) + (keys[429] ?? 0)).toBe(asked);
  // Whoever has used up its tries with tokens has none left for keys.
  expect((keys[401] ?? 0) + (counts[401] ?? 0)).toBeLessThanOrEqual(2 * perMinute);
});

test("guessed webhook secrets are limited; the good one comes through all the same", async () => {
  const headers = { "content-type": "application/json" };
  const hook = (secret: string): Attack => ({ method: "POST", path: `/hooks/anytrack/${secret}`, headers, body: "{}" });
  const counts = await flood(asked, (call) => hook(`guess-${call}`));
  expect((counts[404] ?? 0) + (counts[429] ?? 0)).toBe(asked);
  expectLimited(counts);
  expect(await flood(4, () => hook(webhookSecret))).toEqual({ 400: 4 });
});

test("addresses that there are not are limited, too", async () => {
  const counts = await flood(asked, (call) => ({ path: `/admin-${call}.php` }));
  expect((counts[404] ?? 0) + (counts[429] ?? 0)).toBe(asked);
  expect(counts[429]).toBeGreaterThanOrEqual(asked - 2 * perMinute);
});
