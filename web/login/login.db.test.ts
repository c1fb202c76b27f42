import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeAffiliate } from "../../test/api-recon.ts";
import { testDatabase, type TestDatabase } from "../../test/database.ts";
import { fakeTemporal } from "../../test/api-recon.ts";
import { formBody, loggedIn, loginCode, pageServer, type PageRoute } from "../../test/page-server.ts";
import { walked, type Who } from "../../test/page-addresses.ts";
import { bearer } from "../../test/api-server.ts";
import type { Api } from "../../api/server/parts.ts";
import { prune } from "../../queries/ops/retention.ts";
import { ownPlace } from "./own-place.ts";

let database: TestDatabase;
let api: Api;
let routes: PageRoute[];
beforeAll(async () => {
  database = await testDatabase();
  ({ api, routes } = await pageServer({ database: database.pool, temporal: fakeTemporal().access }));
});
afterAll(async () => {
  await api?.close();
  await database?.drop();
});

const local = { host: "127.0.0.1:3003" };
const get = (url: string, headers: Record<string, string> = {}) =>
  api.inject({ method: "GET", url, headers: { ...local, ...headers } });
const cookieOf = (answer: Awaited<ReturnType<typeof get>>) =>
  answer.cookies.find(({ name }) => name.endsWith("session"));

describe("a link with a code", () => {
  test("logs in once, and the cookie is out of reach of scripts and other sites", async () => {
    const code = await loginCode(database.pool);
    const answer = await get(`/login?code=${code}&next=/cost`);
    expect([answer.statusCode, answer.headers.location]).toEqual([303, "/cost"]);
    expect(cookieOf(answer)).toMatchObject({ httpOnly: true, sameSite: "Lax", path: "/" });
    const again = await get(`/login?code=${code}`);
    expect([again.statusCode, cookieOf(again)]).toEqual([401, undefined]);
    expect(again.body).toContain("was used or is too old");
  });

  test("of two who use it at once, one is let in", async () => {
    const code = await loginCode(database.pool);
    const answers = await Promise.all([1, 2, 3, 4].map(() => get(`/login?code=${code}`)));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([303, 401, 401, 401]);
  });

  test("works on this machine only", async () => {
    const code = await loginCode(database.pool);
    for (const headers of [{ host: "signal.example" }, { "x-forwarded-for": "1.2.3.4" }] as Record<string, string>[]) {
      const answer = await get(`/login?code=${code}`, headers);
      expect([answer.statusCode, cookieOf(answer)]).toEqual([401, undefined]);
    }
    expect((await get(`/login?code=${code}`)).statusCode).toBe(303);
  });

  test("lies in no table in clear, and neither does the session", async () => {
    const code = await loginCode(database.pool);
    const id = cookieOf(await get(`/login?code=${code}`))?.value ?? "";
    const { rows } = await database.pool.query<{ all: string }>(
      "select (select json_agg(c)::text from ops.login_codes c) || (select json_agg(s)::text from ops.sessions s) || (select json_agg(a)::text from ops.audit a) as all",
    );
    expect(id).toHaveLength(43);
    expect(rows[0]?.all).not.toContain(code);
    expect(rows[0]?.all).not.toContain(id);
    expect(rows[0]?.all).toContain("logged_in");
  });

  test("too old is refused", async () => {
    const code = await loginCode(database.pool, { minutes: -1 });
    expect((await get(`/login?code=${code}`)).statusCode).toBe(401);
  });
});

describe("an affiliate's key", () => {
  const send = (key: string, headers: Record<string, string> = { "sec-fetch-site": "same-origin" }) => {
    const { payload, type } = formBody({ key });
    return api.inject({ method: "POST", url: "/login/key", headers: { ...local, ...headers, ...type }, payload });
  };

  test("logs in, and not any more once it is replaced or disabled", async () => {
    const affiliate = await makeAffiliate(database.pool, { client: "713", name: "Northwind" });
    const answer = await send(affiliate.key);
    expect(answer.statusCode).toBe(303);
    const cookie = { cookie: `session=${cookieOf(answer)?.value ?? ""}` };
    expect((await get("/sessions", cookie)).statusCode).toBe(200);
    await database.pool.query("update recon.affiliates set is_active = false where affiliate_id = $1", [
      affiliate.affiliateId,
    ]);
    expect((await get("/sessions", cookie)).headers.location).toBe("/login?next=%2Fsessions");
    expect((await send(affiliate.key)).statusCode).toBe(401);
  });

  test("is not taken from another site's form", async () => {
    const affiliate = await makeAffiliate(database.pool, { client: "713", name: "Southwind" });
    for (const headers of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }, {}] as Record<
      string,
      string
    >[])
      expect((await send(affiliate.key, headers)).statusCode).toBe(403);
    expect((await send(affiliate.key, { origin: "http://127.0.0.1:3003" })).statusCode).toBe(303);
  });

  test("cannot be guessed for long", async () => {
    const { api: strict } = await pageServer({ database: database.pool });
    const { payload, type } = formBody({ key: "aff_wrong" });
    const headers = { ...local, ...type, "sec-fetch-site": "same-origin" };
    const codes: number[] = [];
    for (let tries = 0; tries < 12; tries += 1)
      codes.push(
        (await strict.inject({ method: "POST", url: "/login/key", headers, payload, remoteAddress: "10.9.8.7" }))
          .statusCode,
      );
    await strict.close();
    expect(codes.filter((code) => code === 401)).toHaveLength(10);
    expect(codes.at(-1)).toBe(429);
  });
});

test("guesses at keys and codes are limited over all processes together", async () => {
  const both = await Promise.all([1, 2].map(async () => (await pageServer({ database: database.pool })).api));
  for (const [url, fields, remoteAddress] of [
    ["/login/key", { key: "aff_wrong" }, "10.9.8.6"],
    ["/login/code", { code: "wrong" }, "10.9.8.5"],
  ] as const) {
    const { payload, type } = formBody(fields);
    const headers = { ...local, ...type, "sec-fetch-site": "same-origin" };
    const codes: number[] = [];
    // A busy machine may leave a process alone with its count for a moment; whoever counts alone lets in twice as many.
    for (let tries = 0; tries < 20; tries += 1)
      codes.push(
        (await both[tries % 2]?.inject({ method: "POST", url, headers, payload, remoteAddress }))?.statusCode ?? 0,
      );
    const tried = codes.filter((code) => code === 401).length;
    expect([url, tried >= 10, tried < 16]).toEqual([url, true, true]);
    expect([url, codes.at(-2), codes.at(-1)]).toEqual([url, 429, 429]);
  }
  for (const one of both) await one.close();
});

describe("a session", () => {
  test("opens pages and no JSON route; a token opens no page", async () => {
    const headers = await loggedIn(database.pool);
    expect((await get("/cost", headers)).statusCode).toBe(200);
    expect((await get("/api/v1/ops/alerts", headers)).statusCode).toBe(401);
    const token = await bearer({ role: "admin" });
    expect((await get("/cost", token)).headers.location).toBe("/login?next=%2Fcost");
  });

  test("cannot be borrowed by naming somebody in a header", async () => {
    const holder = Buffer.from(
      JSON.stringify({ caller: { client: "713", role: "admin", subject: "x", advertiser: null } }),
    ).toString("base64url");
    for (const key of ["", "0".repeat(64)])
      expect((await get("/api/v1/ops/alerts", { "x-on-behalf": `${key}.${holder}` })).statusCode).toBe(401);
  });

  test("ends by hand, by another's hand where they are an admin, and by itself", async () => {
    const analyst = await loggedIn(database.pool, { role: "analyst", subject: "bob" });
    const { rows } = await database.pool.query<{ id: number }>("select max(session_id) as id from ops.sessions");
    const id = String(rows[0]?.id);
    const end = async (headers: Record<string, string>) => {
      const { payload, type } = formBody({ id });
      return (await api.inject({ method: "POST", url: "/sessions/end", headers: { ...headers, ...type }, payload }))
        .statusCode;
    };
    expect(await end(await loggedIn(database.pool, { role: "analyst", subject: "eve" }))).toBe(404);
    expect(await end(await loggedIn(database.pool, { client: "acme" }))).toBe(404);
    expect((await get("/cost", analyst)).statusCode).toBe(200);
    expect(await end(await loggedIn(database.pool))).toBe(303);
    expect((await get("/cost", analyst)).statusCode).toBe(303);
    const over = await loggedIn(database.pool, { hours: 0 });
    expect((await get("/cost", over)).statusCode).toBe(303);
    const out = await loggedIn(database.pool);
    const { payload, type } = formBody({});
    await api.inject({ method: "POST", url: "/logout", headers: { ...out, ...type }, payload });
    expect((await get("/cost", out)).statusCode).toBe(303);
  });

  test("does not act for a form that another site sent", async () => {
    const headers = await loggedIn(database.pool);
    const { payload, type } = formBody({});
    const sent = { ...headers, ...type, "sec-fetch-site": "cross-site" };
    expect((await api.inject({ method: "POST", url: "/logout", headers: sent, payload })).statusCode).toBe(403);
    expect((await get("/cost", headers)).statusCode).toBe(200);
  });
});

test("sessions and codes that ended long ago are deleted, open ones stay", async () => {
  const open = await loggedIn(database.pool);
  await database.pool.query(
    `insert into ops.sessions (_client_id, session_hash, role, subject, logged_in_by, browser, expires_at, ended_at)
     values ('713', 'over', 'admin', 'long-ago', 'link', 'x', now() - interval '31 days', null),
            ('713', 'ended', 'admin', 'long-ago', 'link', 'x', now() + interval '1 day', now() - interval '31 days')`,
  );
  await loginCode(database.pool, { minutes: -2_000 });
  await prune(database.pool, {
    receiptsDays: null,
    restatementsDays: null,
    quarantineDays: null,
    quarantinedContentDays: null,
    runsDays: null,
    trafficDays: null,
  });
  const { rows } = await database.pool.query(
    `select (select count(*) from ops.sessions where subject = 'long-ago') as sessions,
            (select count(*) from ops.login_codes where expires_at < now() - interval '1 day') as codes`,
  );
  expect(rows).toEqual([{ sessions: 0, codes: 0 }]);
  expect((await get("/cost", open)).statusCode).toBe(200);
});

test("afterwards leads to a place of ours only", () => {
  const places = [
    "/cost?period=7d",
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "/login?x",
    "",
    "javascript:alert(1)",
    "/a\nb",
  ];
  expect(places.map(ownPlace)).toEqual(["/cost?period=7d", "/", "/", "/", "/", "/", "/", "/"]);
});

test("pages are sent under a policy that lets nothing else in, and are kept by nobody", async () => {
  const { headers } = await get("/cost", await loggedIn(database.pool));
  expect(headers["content-security-policy"]).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  );
  expect(headers).toMatchObject({
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
});

test("a filter that a page does not know is refused, and the page says so", async () => {
  const answer = await get("/cost?perod=7d", await loggedIn(database.pool));
  expect(answer.statusCode).toBe(400);
  expect(answer.body).toContain("perod");
});

describe("each role sees its pages and a 404 for the rest:", () => {
  const people: Record<Who, () => Promise<Record<string, string>>> = {
    admin: () => loggedIn(database.pool),
    operator: () => loggedIn(database.pool, { role: "operator" }),
    analyst: () => loggedIn(database.pool, { role: "analyst" }),
    advertiser: () => loggedIn(database.pool, { role: "advertiser", advertiser: "adv-1" }),
    affiliate: async () => {
      const { affiliateId } = await makeAffiliate(database.pool, {
        client: "713",
        name: randomBytes(4).toString("hex"),
      });
      return loggedIn(database.pool, { role: null, affiliateId, subject: `affiliate/${affiliateId}` });
    },
  };

  /** Forms of those who may only look, refused for being empty. Logging out is another test's. */
  const forms = {
    analyst: ["400 /questions/sentence", "400 /sessions/end"],
    advertiser: ["400 /sessions/end"],
    affiliate: ["400 /claims/:id/dispute", "400 /claims/new", "400 /sessions/end"],
  };

  test("every page is in the list of who sees what", () => {
    const pages = routes.filter(({ method }) => method === "GET").map(({ url }) => url);
    expect(pages.sort()).toEqual(Object.keys(walked).sort());
  });

  test.each(Object.keys(people) as Who[])("%s", async (who) => {
    const headers = await people[who]();
    for (const [route, { address, who: allowed }] of Object.entries(walked)) {
      // What there is to see is filled in by the tests of each page; here the door is tried.
      const { statusCode } = await get(address.replaceAll(/:\w+/g, "1"), headers);
      const isOpen = statusCode === 200 || (statusCode === 404 && route.includes(":"));
      expect([route, isOpen]).toEqual([route, allowed.includes(who) || (route.includes(":") && statusCode === 404)]);
    }
  });

  test.each(["analyst", "advertiser", "affiliate"] as const)("%s can send no form but their own", async (who) => {
    const headers = await people[who]();
    const open: string[] = [];
    for (const { method, url } of routes.filter((route) => route.method !== "GET" && route.url !== "/logout")) {
      const { statusCode } = await api.inject({
        method: method as "POST",
        url: url.replaceAll(/:\w+/g, "1"),
        headers: { ...local, ...headers, "content-type": "application/x-www-form-urlencoded" },
        payload: "",
      });
      if (statusCode !== 404) open.push(`${statusCode} ${url}`);
    }
    expect(open.sort()).toEqual(forms[who]);
  });

  test("nobody who is not logged in", async () => {
    for (const { method, url } of routes) {
      const { statusCode, headers } = await api.inject({
        method: method as "GET",
        url: url.replaceAll(/:\w+/g, "1"),
        headers: { "sec-fetch-site": "same-origin" },
      });
      expect([method, url, statusCode, String(headers.location).startsWith("/login")]).toEqual([
        method,
        url,
        303,
        true,
      ]);
    }
  });
});
