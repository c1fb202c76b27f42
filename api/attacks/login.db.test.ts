import { createHmac } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { revokeToken } from "../../queries/ops/tokens.ts";
import { makeAffiliate } from "../../test/api-recon.ts";
import { testSecret } from "../../test/api-server.ts";
import { listening, type Attack, type Target, type Try } from "../../test/attack.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";

const [audience, issuer] = ["signal-room", "https://login.example"];
let database: TestDatabase;
let target: Target;
let keys: { good: string; disabled: string; gone: string };

beforeAll(async () => {
  database = await testDatabase();
  const { pool } = database;
  await revokeToken(pool, { client: "713", tokenId: "revoked-one", expiresAt: null, by: "cli:test" });
  const [good, disabled, gone] = [
    await makeAffiliate(pool, { client: "713", name: "ada" }),
    await makeAffiliate(pool, { client: "713", name: "eve" }),
    await makeAffiliate(pool, { client: "gone", name: "ida" }),
  ];
  await pool.query("update recon.affiliates set is_active = false where affiliate_id = $1", [disabled.affiliateId]);
  keys = { good: good.key, disabled: disabled.key, gone: gone.key };
  target = await listening({ database: pool, audience, issuer });
}, 60_000);
afterAll(async () => {
  await target?.close();
  await database?.drop();
});

const encoded = (part: unknown) => Buffer.from(JSON.stringify(part)).toString("base64url");
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1_000) + seconds;

interface Forgery {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  secret?: string;
  hash?: string;
}

/** By hand, because a library would refuse to write most of these. */
function forge({ claims = {}, header = {}, secret = testSecret, hash = "sha256" }: Forgery = {}): string {
  const all = { client: "713", role: "operator", sub: "eve", aud: audience, iss: issuer, exp: inSeconds(300) };
  const signed = `${encoded({ alg: "HS256", typ: "JWT", ...header })}.${encoded({ ...all, ...claims })}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
}

const path = "/api/v1/ops/runs";
const withToken = (token: string): Attack => ({ path, headers: { authorization: `Bearer ${token}` } });
const forged = (forgery: Forgery) => () => withToken(forge(forgery));
const claiming = (claims: Record<string, unknown>) => forged({ claims });
const withKey = (key: string | string[], headers: Attack["headers"] = {}): Attack => ({
  path: "/api/v1/recon/affiliates/me",
  headers: { ...headers, "x-api-key": key },
});
/** The parts of a good token, one of them changed. */
const changed = (change: (parts: string[]) => string[]) => () => withToken(change(forge().split(".")).join("."));

const tries: Try[] = [
  ["a good token is let in, so that what follows is refused for its own reason", forged({}), 200, null],
  ["no token", () => ({ path }), 401, "unauthorized"],
  ["an empty bearer", () => ({ path, headers: { authorization: "Bearer " } }), 401, "unauthorized"],
  ["a good token under Basic", () => ({ path, headers: { authorization: `Basic ${forge()}` } }), 401, "unauthorized"],
  ["a good token in the query", () => ({ path: `${path}?access_token=${forge()}` }), 401, "unauthorized"],
  ["a good token in a cookie", () => ({ path, headers: { cookie: `token=${forge()}` } }), 401, "unauthorized"],
  [
    "a bad token first and a good one after it",
    () => ({ path, headers: { authorization: [`Bearer ${forge({ secret: "x" })}`, `Bearer ${forge()}`] } }),
    401,
    "unauthorized",
  ],
  [
    "alg none with its signature left off",
    changed(([, claims]) => [encoded({ alg: "none" }), claims ?? "", ""]),
    401,
    "unauthorized",
  ],
  [
    "alg nOnE in other letters",
    changed(([, claims]) => [encoded({ alg: "nOnE" }), claims ?? "", ""]),
    401,
    "unauthorized",
  ],
  ["alg none with a good signature", forged({ header: { alg: "none" } }), 401, "unauthorized"],
  ["no alg at all", forged({ header: { alg: undefined } }), 401, "unauthorized"],
  ["HS256 with another secret", forged({ secret: "another-secret-of-40-characters-in-length" }), 401, "unauthorized"],
  [
    "HS256 with an empty secret and a kid that names an empty file",
    forged({ secret: "", header: { kid: "../../dev/null" } }),
    401,
    "unauthorized",
  ],
  ["HS512 with the right secret", forged({ header: { alg: "HS512" }, hash: "sha512" }), 401, "unauthorized"],
  ["RS256 in name, signed with the shared secret", forged({ header: { alg: "RS256" } }), 401, "unauthorized"],
  [
    "a key of its own in the header",
    forged({ secret: "mine", header: { jwk: { kty: "oct", k: "bWluZQ" } } }),
    401,
    "unauthorized",
  ],
  [
    "an extension that nobody understands, marked as critical",
    forged({ header: { crit: ["exp2"], exp2: 1 } }),
    401,
    "unauthorized",
  ],
  [
    "the claims changed after signing",
    changed(([head, , signature]) => [
      head ?? "",
      encoded({ client: "acme", role: "admin", exp: inSeconds(300), aud: audience, iss: issuer }),
      signature ?? "",
    ]),
    401,
    "unauthorized",
  ],
  [
    "a signature cut short",
    changed(([head, claims, signature]) => [head ?? "", claims ?? "", signature?.slice(0, 20) ?? ""]),
    401,
    "unauthorized",
  ],
  [
    "a header that is no JSON",
    changed(([, claims, signature]) => ["AAAA", claims ?? "", signature ?? ""]),
    401,
    "unauthorized",
  ],
  [
    "12,000 characters of a token",
    changed(([head, claims, signature]) => [head ?? "", claims ?? "", (signature ?? "") + "A".repeat(12_000)]),
    401,
    "unauthorized",
  ],
  ["expired a minute ago", claiming({ exp: inSeconds(-60) }), 401, "unauthorized"],
  ["never expiring", claiming({ exp: undefined }), 401, "unauthorized"],
  ["expiring at a time that is no number", claiming({ exp: "2099-01-01" }), 401, "unauthorized"],
  ["not yet valid", claiming({ nbf: inSeconds(600) }), 401, "unauthorized"],
  ["for another audience", claiming({ aud: "another-application" }), 401, "unauthorized"],
  ["for nobody in particular", claiming({ aud: undefined }), 401, "unauthorized"],
  ["of another issuer", claiming({ iss: "https://login.example.evil.example" }), 401, "unauthorized"],
  ["a role that there is not", claiming({ role: "root" }), 401, "unauthorized"],
  ["a role of every object", claiming({ role: "__proto__" }), 401, "unauthorized"],
  ["several roles", claiming({ role: ["admin", "operator"] }), 401, "unauthorized"],
  ["an advertiser without its id", claiming({ role: "advertiser" }), 401, "unauthorized"],
  ["a client outside CLIENTS", claiming({ client: "gone" }), 401, "unauthorized"],
  ["several clients", claiming({ client: ["713", "acme"] }), 401, "unauthorized"],
  ["a client with a wildcard", claiming({ client: "%" }), 401, "unauthorized"],
  ["no client", claiming({ client: undefined }), 401, "unauthorized"],
  ["a revoked id", claiming({ jti: "revoked-one" }), 401, "unauthorized"],
  ["an analyst who would write", () => ({ ...forgedWrite("analyst"), method: "PUT" }), 403, "forbidden"],
  ["an advertiser who would read the runs", claiming({ role: "advertiser", advertiser: "adv-1" }), 403, "forbidden"],
  ["a good affiliate's key", () => withKey(keys.good), 200, null],
  ["the key of a disabled affiliate", () => withKey(keys.disabled), 401, "unauthorized"],
  ["the key of an affiliate of a client outside CLIENTS", () => withKey(keys.gone), 401, "unauthorized"],
  ["a key in other letters", () => withKey(keys.good.toUpperCase()), 401, "unauthorized"],
  ["a key that is a pattern", () => withKey("aff_%"), 401, "unauthorized"],
  ["a key that is SQL", () => withKey("' or '1'='1"), 401, "unauthorized"],
  ["a good key twice", () => withKey([keys.good, keys.good]), 401, "unauthorized"],
  [
    "a bad key beside an admin's token",
    () => withKey("aff_bad", { authorization: `Bearer ${forge({ claims: { role: "admin" } })}` }),
    401,
    "unauthorized",
  ],
  ["an affiliate's key where staff is asked for", () => ({ ...withKey(keys.good), path }), 401, "unauthorized"],
  [
    "an affiliate's key as a bearer",
    () => ({ path, headers: { authorization: `Bearer ${keys.good}` } }),
    401,
    "unauthorized",
  ],
];

function forgedWrite(role: string): Attack {
  return {
    path: "/api/v1/ops/alerts/1/resolve",
    headers: withToken(forge({ claims: { role } })).headers ?? {},
    body: "",
  };
}

test.each(tries)("%s", async (_what, attack, status, error) => {
  const answer = await target.attempt(attack(), status, error);
  if (status === 401) expect(answer.headers["www-authenticate"]).toBe("Bearer");
});

test("what was tried as a token or a key is in no line of the log", () => {
  const log = target.log.join("");
  expect(log).toContain(path);
  expect(log).not.toMatch(/eyJ[\w-]{10}/);
  for (const key of Object.values(keys)) expect(log).not.toContain(key);
});
