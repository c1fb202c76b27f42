import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type AddressInfo, type LookupFunction, type Server } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { stepAlongLink } from "../http.ts";
import { instagram } from "./instagram.ts";
import { meta } from "./meta.ts";
import type { Platform } from "./platform.ts";
import { reddit } from "./reddit.ts";
import { resolveShareLink } from "./resolve-link.ts";

/** What must not be reached: it counts who comes, on both loopback addresses. */
let visits: string[];
const inside: Server[] = [];
let port: number;
/** The platform's hosts, played: the path says the host, as at the sandbox. */
let asked: { method: string; path: string; headers: IncomingMessage["headers"] }[];
let answers: Record<string, (response: ServerResponse, method: string) => void>;
let links: string;
const stand = createHttpServer((request, response) => {
  asked.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers });
  const answer = answers[request.url ?? ""];
  if (answer === undefined) response.writeHead(404).end();
  else answer(response, request.method ?? "");
});

beforeAll(async () => {
  const listen = async (host: string, onPort: number) => {
    const server = createServer((socket) => {
      visits.push(host);
      socket.destroy();
    });
    server.listen(onPort, host);
    await once(server, "listening");
    inside.push(server);
    return (server.address() as AddressInfo).port;
  };
  port = await listen("127.0.0.1", 0);
  await listen("::1", port).catch(() => undefined);
  stand.listen(0, "127.0.0.1");
  await once(stand, "listening");
  links = `http://127.0.0.1:${(stand.address() as AddressInfo).port}/links`;
});
beforeEach(() => {
  visits = [];
  asked = [];
  answers = {};
});
afterAll(() => {
  for (const server of inside) server.close();
  stand.close();
  stand.closeAllConnections();
});

const redirect = (from: string, to: string, status = 302) => {
  answers[`/links/${from}`] = (response) =>
    // As bytes: a header may hold what is no Latin letter.
    response.writeHead(status, { location: Buffer.from(to).toString("latin1") }).end();
};
const resolve = (url: string, platform: Platform = reddit) => resolveShareLink(url, { platform, linkBaseUrl: links });

describe("a share link leads to its post", () => {
  test("Reddit's, by one redirect; the body is not read and nothing is followed", async () => {
    redirect(
      "www.reddit.com/r/deals/s/AbCdEf123",
      "https://www.reddit.com/r/deals/comments/1abcde/half_off/?share_id=x&utm_source=share",
      301,
    );
    expect(await resolve("https://www.reddit.com/r/deals/s/AbCdEf123")).toEqual({
      url: "https://www.reddit.com/comments/1abcde",
    });
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      "HEAD /links/www.reddit.com/r/deals/s/AbCdEf123",
    ]);
  });

  test("a short link holds the id, and an address of a post is one already: nobody is asked", async () => {
    expect(await resolve("https://redd.it/1abcde")).toEqual({ url: "https://www.reddit.com/comments/1abcde" });
    expect(await resolve("https://old.reddit.com/r/x/comments/1abcde/y")).toEqual({
      url: "https://www.reddit.com/comments/1abcde",
    });
    expect(asked).toEqual([]);
  });

  test("who knows no HEAD is asked by GET", async () => {
    answers["/links/www.instagram.com/share/reel/BAcD12345"] = (response, method) =>
      method === "HEAD"
        ? response.writeHead(405).end()
        : response.writeHead(302, { location: "/reel/DReel0000-1/?igsh=abc" }).end("x".repeat(100_000));
    expect(await resolve("https://www.instagram.com/share/reel/BAcD12345", instagram)).toEqual({
      url: "https://www.instagram.com/p/DReel0000-1",
    });
    expect(asked.map(({ method }) => method)).toEqual(["HEAD", "GET"]);
  });

  test("a link shim and a login page say themselves where they lead", async () => {
    expect(
      await resolve("https://l.instagram.com/?u=https%3A%2F%2Fwww.instagram.com%2Fp%2FDPost0000_1%2F&e=AT0", instagram),
    ).toEqual({
      url: "https://www.instagram.com/p/DPost0000_1",
    });
    redirect(
      "www.instagram.com/share/p/BAcD12345",
      "https://www.instagram.com/accounts/login/?next=%2Fp%2FDPost0000_1%2F",
    );
    expect(await resolve("https://www.instagram.com/share/p/BAcD12345", instagram)).toEqual({
      url: "https://www.instagram.com/p/DPost0000_1",
    });
  });

  test("over several hosts of the platform, and http becomes https", async () => {
    redirect("fb.watch/aBcDeF123", "http://m.facebook.com/watch/live/go");
    redirect(
      "m.facebook.com/watch/live/go",
      "https://www.facebook.com/adsmanager/manage/campaigns?selected_campaign_ids=120210000000000001",
    );
    expect(await resolve("https://fb.watch/aBcDeF123", meta)).toMatchObject({
      url: expect.stringContaining("120210000000000001"),
    });
  });

  test("five times it is passed on, and no sixth", async () => {
    const chain = (count: number) => {
      for (let hop = 1; hop < count; hop += 1)
        redirect(`www.reddit.com/r/x/s/hop${hop}0000`, `https://www.reddit.com/r/x/s/hop${hop + 1}0000`);
      redirect(`www.reddit.com/r/x/s/hop${count}0000`, "https://www.reddit.com/comments/1abcde");
    };
    chain(5);
    expect(await resolve("https://www.reddit.com/r/x/s/hop10000")).toMatchObject({ url: expect.anything() });
    asked = [];
    chain(6);
    expect(await resolve("https://www.reddit.com/r/x/s/hop10000")).toMatchObject({
      refused: expect.stringContaining("more than 5"),
    });
    expect(asked).toHaveLength(5);
    redirect("www.reddit.com/r/x/s/loop00000", "https://www.reddit.com/r/x/s/loop00000");
    expect(await resolve("https://www.reddit.com/r/x/s/loop00000")).toMatchObject({ refused: expect.anything() });
  });
});

describe("a link that leads nowhere", () => {
  test.each([404, 410])("%i: it is gone", async (status) => {
    answers["/links/www.reddit.com/r/x/s/abcdefg"] = (response) => response.writeHead(status).end();
    expect(await resolve("https://www.reddit.com/r/x/s/abcdefg")).toMatchObject({ gone: expect.anything() });
  });

  test("a page that is no post, and a redirect without an address, are refused", async () => {
    answers["/links/www.reddit.com/r/x/s/abcdefg"] = (response) => response.writeHead(200).end("<html>");
    answers["/links/www.reddit.com/r/x/s/bcdefgh"] = (response) => response.writeHead(302).end();
    redirect("www.reddit.com/r/x/s/cdefghi", "https://");
    for (const code of ["abcdefg", "bcdefgh", "cdefghi"])
      expect(await resolve(`https://www.reddit.com/r/x/s/${code}`)).toMatchObject({ refused: expect.anything() });
  });

  test.each([
    [429, "rate_limited"],
    [403, "unavailable"],
    [500, "unavailable"],
    [503, "unavailable"],
  ])("%i may pass and is tried again later: %s", async (status, kind) => {
    answers["/links/www.reddit.com/r/x/s/abcdefg"] = (response) =>
      response.writeHead(status, { "retry-after": "7" }).end();
    await expect(resolve("https://www.reddit.com/r/x/s/abcdefg")).rejects.toMatchObject({
      kind,
      ...(status === 429 ? { retryAfterMs: 7_000 } : {}),
    });
  });

  test("an account's turn is waited for at each step, and a 429 holds everybody", async () => {
    const turns: (number | null)[] = [];
    answers["/links/www.reddit.com/r/x/s/abcdefg"] = (response) =>
      response.writeHead(429, { "retry-after": "7" }).end();
    const beforeRequest = () =>
      Promise.resolve(({ waitMs }: { waitMs: number | null }) => {
        turns.push(waitMs);
        return Promise.resolve();
      });
    await expect(
      resolveShareLink("https://www.reddit.com/r/x/s/abcdefg", { platform: reddit, linkBaseUrl: links, beforeRequest }),
    ).rejects.toThrow();
    expect(turns).toEqual([7_000]);
  });
});

/** The same few addresses, as people write them who would rather not be recognised. */
const hostsInside = [
  "127.0.0.1",
  "127.1",
  "0x7f.1",
  "0x7f000001",
  "2130706433",
  "017700000001",
  "0177.0.0.1",
  "127.0.0.1.",
  "0.0.0.0",
  "0",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "[::]",
  "[64:ff9b::7f00:1]",
  "[2002:7f00:1::]",
  "169.254.169.254",
  "[fd00:ec2::254]",
  "10.0.0.1",
  "100.64.0.1",
  "224.0.0.1",
  "１２７.0.0.1",
  "localhost",
  "www.reddit.com.evil.example",
  "evil-reddit.com",
];

describe("nothing but the platform's own hosts is ever contacted", () => {
  test.each(hostsInside)("a submitted https://%s is refused", async (host) => {
    for (const address of [
      `https://${host}/r/x/s/abcdefg`,
      `https://${host}:${port}/r/x/s/abcdefg`,
      `http://${host}:${port}/`,
    ])
      expect(await resolve(address)).toMatchObject({ refused: expect.anything() });
    expect([visits, asked]).toEqual([[], []]);
  });

  test.each(hostsInside)("a redirect to https://%s is refused", async (host) => {
    for (const [index, location] of [
      `https://${host}:${port}/latest/meta-data/`,
      `http://${host}:${port}/r/x/comments/1abcde/`,
      `//${host}:${port}/`,
      `https://www.reddit.com/login/?dest=${encodeURIComponent(`http://${host}:${port}/`)}`,
    ].entries()) {
      redirect(`www.reddit.com/r/x/s/inside${index}`, location);
      expect(await resolve(`https://www.reddit.com/r/x/s/inside${index}`)).toMatchObject({
        refused: expect.anything(),
      });
    }
    expect(visits).toEqual([]);
    expect(asked).toHaveLength(4);
  });

  test.each([
    "https://user@www.reddit.com/r/x/s/abcdefg",
    "https://user:secret@www.reddit.com/r/x/s/abcdefg",
    "https://www.reddit.com@127.0.0.1/r/x/s/abcdefg",
    "https://www.reddit.com:8443/r/x/s/abcdefg",
    "https://127.0.0.1#@www.reddit.com/",
    "file:///etc/passwd",
    "ftp://www.reddit.com/r/x/s/abcdefg",
    "gopher://www.reddit.com:70/_x",
    "javascript:alert(1)",
    "data:text/html,x",
    "not an address",
    "https://l.instagram.com/?u=https%3A%2F%2F127.0.0.1%2F",
  ])("%s is refused", async (address) => {
    const platform = address.includes("instagram") ? instagram : reddit;
    expect(await resolve(address, platform)).toMatchObject({ refused: expect.anything() });
    expect([visits, asked]).toEqual([[], []]);
  });

  test("a path cannot leave the place where the stand-in plays its host", async () => {
    redirect("www.reddit.com/r/x/s/abcdefg", "https://www.reddit.com/../../_control/faults");
    await resolve("https://www.reddit.com/r/x/s/abcdefg");
    expect(asked.map(({ path }) => path).filter((path) => !path.startsWith("/links/www.reddit.com/"))).toEqual([]);
  });
});

/** A resolver that says what it is told to, and counts. */
function resolver(...turns: string[][]): { lookup: LookupFunction; times: () => number } {
  let times = 0;
  return {
    times: () => times,
    lookup: (_host, options, done) => {
      const addresses = turns[Math.min(times, turns.length - 1)] ?? [];
      times += 1;
      const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
      if (options.all === true) done(null, found);
      else done(null, found[0]?.address ?? "", found[0]?.family ?? 4);
    },
  };
}

describe("a host of the platform whose name leads inside is not connected to", () => {
  const step = (host: string, lookup: LookupFunction, isAllowed?: (address: string) => boolean) =>
    stepAlongLink(new URL(`https://${host}:${port}/r/x/s/abcdefg`), {
      method: "HEAD",
      lookup,
      isAllowed,
      timeoutMs: 2_000,
    });

  test("the listener is there: with every address allowed it is reached", async () => {
    await expect(step("www.reddit.com", resolver(["127.0.0.1"]).lookup, () => true)).rejects.toMatchObject({
      kind: "unavailable",
    });
    expect(visits).toEqual(["127.0.0.1"]);
  });

  test.each([
    ["127.0.0.1"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["0.0.0.0"],
    ["::"],
    ["169.254.169.254"],
    ["10.1.2.3"],
    ["100.64.0.1"],
    ["64:ff9b::7f00:1"],
    ["2002:7f00:1::"],
    ["224.0.0.1"],
    ["8.8.8.8", "127.0.0.1"],
    ["127.0.0.1", "8.8.8.8"],
  ])("%j", async (...addresses) => {
    expect(await step("www.reddit.com", resolver(addresses).lookup)).toEqual({
      forbidden: expect.stringContaining("www.reddit.com"),
    });
    expect(visits).toEqual([]);
  });

  test("the resolver of the whole link is the same: the link is refused", async () => {
    const { lookup } = resolver(["127.0.0.1"]);
    const options = { platform: reddit, linkBaseUrl: null, guard: { lookup, timeoutMs: 2_000 } };
    expect(await resolveShareLink("https://www.reddit.com/r/x/s/abcdefg", options)).toEqual({
      refused: "the link leads to an address that is not public",
    });
  });

  test("what was looked up is what is connected to: a second answer is never asked for", async () => {
    const rebinding = resolver(["127.0.0.1"], ["::1"]);
    await expect(step("www.reddit.com", rebinding.lookup, (address) => address === "127.0.0.1")).rejects.toMatchObject({
      kind: "unavailable",
    });
    expect([visits, rebinding.times()]).toEqual([["127.0.0.1"], 1]);
    // The next step is looked up, and looked at, anew.
    expect(await step("www.reddit.com", rebinding.lookup, (address) => address === "127.0.0.1")).toMatchObject({
      forbidden: expect.anything(),
    });
    expect(visits).toEqual(["127.0.0.1"]);
  });

  test.each([
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
    "[64:ff9b::7f00:1]",
  ])("an address in the URL itself needs no look-up and is looked at all the same: %s", async (host) => {
    const { lookup, times } = resolver(["8.8.8.8"]);
    expect(await step(host, lookup)).toMatchObject({ forbidden: expect.anything() });
    expect([visits, times()]).toEqual([[], 0]);
  });

  test("a name that nobody knows may be known later", async () => {
    const unknown: LookupFunction = (_host, _options, done) => {
      done(Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" }), "");
    };
    await expect(step("www.reddit.com", unknown)).rejects.toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("ENOTFOUND"),
    });
  });
});

test("cancelled, it stops at once and says why", async () => {
  answers["/links/www.reddit.com/r/x/s/abcdefg"] = () => undefined;
  const reason = new Error("nobody wants it any more");
  const stop = new AbortController();
  const waiting = resolveShareLink("https://www.reddit.com/r/x/s/abcdefg", {
    platform: reddit,
    linkBaseUrl: links,
    signal: stop.signal,
  });
  while (asked.length === 0) await new Promise((done) => setImmediate(done));
  stop.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});
