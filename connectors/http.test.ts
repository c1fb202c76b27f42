import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { stringify } from "lossless-json";
import { createEraser, createRedactor } from "../core/redact.ts";
import { startSandbox, type Sandbox } from "../sandbox/server.ts";
import { ConnectorError } from "./errors.ts";
import { createHttp, retryAfter, type HttpOptions, type TurnOutcome } from "./http.ts";
import { redtrackDailySpend } from "./sources/redtrack.ts";

jest.setTimeout(30_000);

const canary = "canary~key!0123456789";
const slice = { day: "2025-12-18", timezone: "America/New_York" };

let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: IncomingMessage[];
let turns: (TurnOutcome | "open")[];
const server = createServer((request, response) => {
  requests.push(request);
  answer(request, response);
});

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  requests = [];
  turns = [];
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

function http(options: Partial<HttpOptions> = {}) {
  return createHttp({
    baseUrl: url,
    erase: createEraser([canary]),
    redact: createRedactor([canary]),
    beforeRequest: () => {
      const index = turns.push("open") - 1;
      return Promise.resolve((outcome) => {
        turns[index] = outcome;
        return Promise.resolve();
      });
    },
    ...options,
  });
}

const get = (options: Partial<HttpOptions> = {}) =>
  http(options).json({ path: "/report", query: { api_key: canary, page: 1 } });

async function failureOf(work: Promise<unknown>): Promise<ConnectorError> {
  const error: unknown = await work.then(
    () => new Error("expected a failure"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ConnectorError)) throw error;
  expect(error.message).not.toContain(canary);
  expect(error.message).not.toContain(encodeURIComponent(canary));
  expect(error.message).not.toContain("canary%7Ekey%21");
  expect(error.cause).toBeUndefined();
  expect(turns).not.toContain("open");
  return error;
}

const say = (
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = { "content-type": "application/json" },
) => {
  answer = (_, response) => response.writeHead(status, headers).end(body);
};

describe("the status decides what went wrong", () => {
  test.each([
    [400, "rejected"],
    [401, "unauthorized"],
    [403, "unauthorized"],
    [404, "rejected"],
    [408, "unavailable"],
    [409, "rejected"],
    [422, "rejected"],
    [429, "rate_limited"],
    [500, "unavailable"],
    [502, "unavailable"],
    [503, "unavailable"],
    [504, "unavailable"],
    [302, "rejected"],
  ])("%i is %s, asked once, and its body is quoted", async (status, kind) => {
    say(status, '{"error":"Problem with\\n  loading report"}');
    const error = await failureOf(get());
    expect(error).toMatchObject({ kind, message: `answered ${status}: {"error":"Problem with\\n loading report"}` });
    expect(requests).toHaveLength(1);
  });

  test("also when the body is HTML", async () => {
    say(503, "<html><body>Bad gateway</body></html>", { "content-type": "text/html" });
    expect(await failureOf(get())).toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("answered 503"),
    });
  });
});

describe("what is sent where", () => {
  const answered = () => say(200, "{}");

  test("a form goes as a form, and its secrets show in no message", async () => {
    const bodies: string[] = [];
    answer = (request, response) => {
      request.on("data", (chunk: Buffer) => bodies.push(chunk.toString()));
      request.on("end", () => response.writeHead(400, { "content-type": "application/json" }).end(bodies.join("")));
    };
    const form = { grant_type: "refresh_token", refresh_token: canary };
    await failureOf(http().json({ method: "POST", path: "/token", form }));
    expect(bodies).toEqual([new URLSearchParams(form).toString()]);
    expect(requests[0]?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
  });

  test("a vendor's other address is asked by its name, and only one that is known", async () => {
    answered();
    await http({ baseUrl: "http://127.0.0.1:1", addresses: { tokens: `${url}/auth/` } }).json({
      at: "tokens",
      path: "/token",
    });
    expect(requests.map((request) => request.url)).toEqual(["/auth/token"]);
    await expect(http().json({ at: "elsewhere", path: "/token" })).rejects.toThrow(
      'no address is known for "elsewhere"',
    );
  });
});

describe("how long to wait", () => {
  const now = Date.parse("2026-11-21T06:00:00Z");
  test.each([
    ["30", 30_000],
    ["0", 1_000],
    ["0.2", 1_000],
    ["1.5", 1_500],
    [" 7 ", 7_000],
    ["Sat, 21 Nov 2026 06:00:20 GMT", 20_000],
    ["86400", 900_000],
    ["9".repeat(30), 900_000],
    ["Sun, 22 Nov 2026 06:00:00 GMT", 900_000],
    ["-5", null],
    ["Sat, 21 Nov 2026 05:59:59 GMT", null],
    ["soon", null],
    ["", null],
    ["NaN", null],
    ["1,5", null],
    [null, null],
  ])("Retry-After %j is a hint of %s ms", (header, hint) => {
    expect(retryAfter(header, now)).toBe(hint);
  });

  test("a hint reaches both the error and whoever waits at the gate", async () => {
    say(429, "{}", { "retry-after": "7" });
    expect(await failureOf(get())).toMatchObject({ kind: "rate_limited", retryAfterMs: 7_000 });
    expect(turns).toEqual([{ waitMs: 7_000 }]);
  });

  test.each([[{}], [{ "retry-after": "-5" }], [{ "retry-after": "0" }]])(
    "without a usable one, %j, everybody still waits a second",
    async (headers) => {
      say(429, "{}", headers as Record<string, string>);
      expect(await failureOf(get())).toMatchObject({ kind: "rate_limited" });
      expect(turns).toEqual([{ waitMs: 1_000 }]);
    },
  );

  test("what the headers of a good answer say about the quota is passed on, and so is that of a bad one", async () => {
    const quota = redtrackDailySpend.vendor.quota;
    say(200, "[]", { "x-ratelimit-remaining-minute": "1", "ratelimit-reset": "25" });
    expect(await get({ quota })).toEqual([]);
    say(429, "{}", { "x-ratelimit-remaining-minute": "0", "ratelimit-reset": "25", "retry-after": "3" });
    await failureOf(get({ quota }));
    say(500, "{}", { "x-ratelimit-remaining-minute": "0", "ratelimit-reset": "9" });
    await failureOf(get({ quota }));
    say(200, "[]", { "x-ratelimit-remaining-minute": "12", "ratelimit-reset": "25" });
    await get({ quota });
    expect(turns).toEqual([{ waitMs: 25_000 }, { waitMs: 25_000 }, { waitMs: 9_000 }, { waitMs: null }]);
  });

  test("what the answer says comes before what the vendor's description guesses, be it shorter or longer", async () => {
    const guess = { kind: "rate_limited" as const, message: "busy", retryAfterMs: 60_000 };
    const classify = () => guess;
    const refusal = () => guess;
    const quota = () => ({ waitMs: 12_000 });
    say(429, "{}", { "retry-after": "3" });
    expect(await failureOf(get({ classify }))).toMatchObject({ retryAfterMs: 3_000 });
    say(200, "{}", { "retry-after": "3" });
    expect(await failureOf(get({ refusal }))).toMatchObject({ retryAfterMs: 3_000 });
    say(429, "{}");
    expect(await failureOf(get({ classify, quota }))).toMatchObject({ retryAfterMs: 12_000 });
    say(200, "{}");
    expect(await failureOf(get({ refusal, quota }))).toMatchObject({ retryAfterMs: 12_000 });
    expect(await failureOf(get({ refusal }))).toMatchObject({ retryAfterMs: 60_000 });
    expect(turns).toEqual([3_000, 3_000, 12_000, 12_000, 60_000].map((waitMs) => ({ waitMs })));
  });

  test("a refusal under HTTP 200 is recognised by the vendor, hint and all", async () => {
    say(200, '{"message":"API rate limit exceeded","status":429}');
    const refusal = () => ({ kind: "rate_limited" as const, message: `limit for ${canary}`, retryAfterMs: 4_000 });
    expect(await failureOf(get({ refusal }))).toMatchObject({
      kind: "rate_limited",
      retryAfterMs: 4_000,
      message: "limit for [redacted]",
    });
    expect(turns).toEqual([{ waitMs: 4_000 }]);
  });
});

describe("an answer that is no JSON is the vendor's trouble, and worth another try", () => {
  test.each([
    [
      "an HTML page",
      "<!DOCTYPE html><html></html>",
      "answered a page, not JSON (text/html): <!DOCTYPE html><html></html>",
    ],
    ["nothing", "", "answered nothing"],
    ["blanks", " \r\n ", "answered nothing"],
    ["truncated JSON", '{"items":[{"cost":1', "answered what is not JSON"],
    ["NaN", '{"cost":NaN}', "answered what is not JSON"],
    ["Infinity", '{"cost":-Infinity}', "answered what is not JSON"],
    ["one key twice", '{"cost":1,"cost":26269.20}', "answered what is not JSON"],
    ["two values", "{}{}", "answered what is not JSON"],
    ["brackets without end", "[".repeat(200_000), "answered what is not JSON"],
  ])("%s", async (_, body, message) => {
    say(200, body, { "content-type": "text/html" });
    expect(await failureOf(get())).toMatchObject({ kind: "unavailable", message: expect.stringContaining(message) });
    expect(requests).toHaveLength(1);
  });

  test("the excerpt is one short line", async () => {
    say(200, `<html>\n\n${"long ".repeat(1_000)}`);
    expect((await failureOf(get())).message.length).toBeLessThan(400);
  });
});

describe("JSON keeps what the vendor wrote", () => {
  test("every digit", async () => {
    const text =
      '{"cost":26269.20,"id":123456789012345678901,"small":1e-7,"huge":1e400,"noise":8450.119999999999,"text":"007"}';
    say(200, text);
    expect(stringify(await get())).toBe(text);
  });

  test("behind a byte order mark, under a wrong content type, compressed", async () => {
    const text = '[{"source":"Native Broker Łódź & Söhne 🚀"}]';
    const answers: [string | Buffer, Record<string, string>][] = [
      [`\uFEFF${text}`, { "content-type": "application/json" }],
      [text, { "content-type": "text/plain" }],
      [text, {}],
      [gzipSync(text), { "content-encoding": "gzip" }],
      [brotliCompressSync(text), { "content-encoding": "br" }],
    ];
    for (const [body, headers] of answers) {
      say(200, body, headers);
      expect(await get()).toEqual([{ source: "Native Broker Łódź & Söhne 🚀" }]);
    }
  });

  test("null, and a key twice with one value", async () => {
    say(200, "null");
    expect(await get()).toBeNull();
    say(200, '{"a":1,"a":1}');
    expect(stringify(await get())).toBe('{"a":1}');
  });

  test("but a webhook's words are taken as they are", async () => {
    say(200, "ok", { "content-type": "text/plain" });
    expect(await get({ anyAnswer: true })).toBe("ok");
    say(204, "");
    expect(await get({ anyAnswer: true })).toBe("");
    say(500, "no");
    await failureOf(get({ anyAnswer: true }));
  });
});

describe("deadlines", () => {
  const limits = { headersTimeoutMs: 300, bodyTimeoutMs: 300, totalTimeoutMs: 20_000 };

  test("for the first byte", async () => {
    answer = () => undefined;
    expect(await failureOf(get({ limits }))).toMatchObject({ kind: "unavailable", message: "no answer within 300 ms" });
    expect(requests).toHaveLength(1);
  });

  test("between two bytes of a body", async () => {
    answer = (_, response) => response.writeHead(200).write('{"items":[');
    expect(await failureOf(get({ limits }))).toMatchObject({
      kind: "unavailable",
      message: "the answer broke off after 10 bytes (UND_ERR_BODY_TIMEOUT)",
    });
  });

  test("for a body that trickles without end", async () => {
    let trickle: NodeJS.Timeout | undefined;
    answer = (_, response) => {
      response.writeHead(200).write("[");
      trickle = setInterval(() => response.write(" "), 20);
    };
    try {
      const error = await failureOf(get({ limits: { totalTimeoutMs: 400 } }));
      expect(error).toMatchObject({ kind: "unavailable", message: "the answer did not end within 400 ms" });
    } finally {
      clearInterval(trickle);
    }
  });

  test("for headers that trickle without end", async () => {
    let trickle: NodeJS.Timeout | undefined;
    answer = (request) => {
      request.socket.write("HTTP/1.1 200 OK\r\n");
      trickle = setInterval(() => request.socket.write("x-slow: 1\r\n"), 20);
    };
    try {
      expect(await failureOf(get({ limits: { totalTimeoutMs: 400 } }))).toMatchObject({
        kind: "unavailable",
        message: "no answer within 400 ms",
      });
    } finally {
      clearInterval(trickle);
    }
  });
});

describe("the byte cap", () => {
  const limits = { maxBytes: 1_000_000 };

  test("stops a body that goes on", async () => {
    let sent = 0;
    answer = (_, response) => {
      response.writeHead(200);
      const megabyte = Buffer.alloc(1_048_576, " ");
      const more = () => {
        if (response.destroyed || sent > 500) return;
        sent += 1;
        response.write(megabyte, () => setImmediate(more));
      };
      more();
    };
    expect(await failureOf(get({ limits }))).toMatchObject({
      kind: "malformed",
      message: "the answer is longer than 1000000 bytes",
    });
    expect(sent).toBeLessThan(100);
  });

  test("counts a compressed body as what it unpacks to", async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1_048_576, " "));
    expect(bomb.length).toBeLessThan(limits.maxBytes);
    say(200, bomb, { "content-encoding": "gzip" });
    const before = process.memoryUsage().rss;
    expect(await failureOf(get({ limits }))).toMatchObject({ kind: "malformed" });
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1_048_576);
  });

  test("lets an answer of exactly its size through", async () => {
    say(200, `[${" ".repeat(limits.maxBytes - 2)}]`);
    expect(await get({ limits })).toEqual([]);
  });
});

describe("a connection that breaks before any answer", () => {
  test("is tried again at once, each time with a turn of its own", async () => {
    answer = (request, response) => (requests.length < 3 ? request.socket.resetAndDestroy() : response.end("[]"));
    expect(await get()).toEqual([]);
    expect(requests).toHaveLength(3);
    expect(turns).toEqual([{ waitMs: null }, { waitMs: null }, { waitMs: null }]);
  });

  test("three times in a row is the vendor being away; the host is named, the address with the key is not", async () => {
    answer = (request) => request.socket.resetAndDestroy();
    const { kind, message } = await failureOf(get());
    expect({ kind, message }).toEqual({
      kind: "unavailable",
      message: expect.stringMatching(/^could not reach 127\.0\.0\.1:\d+ \(\w+\)$/),
    });
    expect(requests).toHaveLength(3);
  });

  test("that nobody listens to is no crash", async () => {
    const closed = createTcpServer().listen(0, "127.0.0.1");
    await once(closed, "listening");
    const baseUrl = `http://127.0.0.1:${(closed.address() as AddressInfo).port}`;
    await new Promise((resolve) => closed.close(resolve));
    const error = await failureOf(get({ baseUrl, limits: { connectAttempts: 2 } }));
    expect(error).toMatchObject({ kind: "unavailable", message: expect.stringMatching(/^could not reach 127/) });
    expect(turns).toHaveLength(2);
  });

  test("or speaks something else than HTTP", async () => {
    const tcp = createTcpServer((socket: Socket) => socket.end(`+PONG ${canary}\r\n`));
    tcp.listen(0, "127.0.0.1");
    await once(tcp, "listening");
    try {
      const error = await failureOf(get({ baseUrl: `http://127.0.0.1:${(tcp.address() as AddressInfo).port}` }));
      expect(error.kind).toBe("unavailable");
    } finally {
      tcp.close();
    }
  });

  test("once part of the answer is there, it is not asked again here: Temporal does that, visibly", async () => {
    answer = (request, response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"items":[');
      setTimeout(() => request.socket.resetAndDestroy(), 20);
    };
    expect(await failureOf(get())).toMatchObject({
      kind: "unavailable",
      message: expect.stringContaining("broke off after 10 bytes"),
    });
    expect(requests).toHaveLength(1);
  });
});

describe("cancellation", () => {
  const reason = new Error("the slice was cancelled");

  test.each([
    ["before the first byte", () => undefined],
    [
      "in the middle of a body",
      (_: IncomingMessage, response: ServerResponse) => void response.writeHead(200).write("["),
    ],
  ])("%s ends the request at once, as what it is", async (_, hang) => {
    const controller = new AbortController();
    answer = (request, response) => {
      hang(request, response);
      setTimeout(() => controller.abort(reason), 50);
    };
    await expect(get({ signal: controller.signal })).rejects.toBe(reason);
    expect(requests).toHaveLength(1);
    expect(turns).toEqual([{ waitMs: null }]);
  });

  test("while waiting for the turn, no request is made", async () => {
    const controller = new AbortController();
    controller.abort(reason);
    await expect(get({ signal: controller.signal })).rejects.toBe(reason);
    expect(requests).toHaveLength(0);
  });
});

describe("the key", () => {
  test("goes nowhere with a redirect", async () => {
    answer = (request, response) =>
      request.url?.startsWith("/stolen") === true
        ? response.end("[]")
        : response.writeHead(307, { location: `/stolen?${request.url?.split("?")[1]}` }).end();
    expect(await failureOf(get())).toMatchObject({ kind: "rejected", message: "answered 307" });
    expect(requests.map((request) => request.url?.split("?")[0])).toEqual(["/report"]);
  });

  test.each([200, 400, 401, 429, 500])("is in no message when the vendor echoes it under %i", async (status) => {
    answer = (request, response) =>
      response.writeHead(status).end(`<pre>${request.url} ${canary} ${encodeURIComponent(canary)}</pre>`);
    expect((await failureOf(get())).message).toContain("[redacted]");
  });

  test("leaves no half of itself at the edge of an excerpt", async () => {
    for (let room = 255; room <= 300; room += 1) {
      say(500, `${"x".repeat(room)}${canary}`);
      const { message } = await failureOf(get());
      expect(message.replace(/^answered 500: x+/, "")).toMatch(/^(\[(r(e(d(a(c(t(e(d(\])?)?)?)?)?)?)?)?)?)?$/);
    }
  });

  test("is taken out of data too, should a vendor send it back in a row", async () => {
    say(200, `[{"source":"${canary}","cost":1}]`);
    expect(stringify(await get())).toBe('[{"source":"[redacted]","cost":1}]');
  });

  test("does not show where JSON breaks in the middle of it", async () => {
    say(200, `{"a": ${canary}}`);
    await failureOf(get());
  });
});

test("a body is sent as JSON, the query escaped, the base address with or without a slash at its end", async () => {
  const bodies: string[] = [];
  answer = (request, response) => {
    request.on("data", (chunk: Buffer) => bodies.push(chunk.toString())).on("end", () => response.end("{}"));
  };
  await http({ baseUrl: `${url}/base/` }).json({
    method: "POST",
    path: "/rows",
    query: { q: "a&b=c" },
    headers: { "x-key": "1" },
    body: { id: "1" },
  });
  expect(requests[0]).toMatchObject({ method: "POST", url: "/base/rows?q=a%26b%3Dc" });
  expect(requests[0]?.headers).toMatchObject({
    "content-type": "application/json",
    accept: "application/json",
    "x-key": "1",
  });
  expect(bodies.join("")).toBe('{"id":"1"}');
});

describe("against the sandbox's Redtrack", () => {
  let sandbox: Sandbox;
  beforeAll(async () => void (sandbox = await startSandbox({ today: "2026-06-30" })));
  afterAll(() => sandbox.close());

  const control = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${sandbox.url}/_control${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(await response.text());
  };
  beforeEach(async () => {
    await control("DELETE", "/faults");
    await control("PUT", "/limits", { vendor: "redtrack", perMinute: null, perSecond: null });
    await control("POST", "/keys", { vendor: "redtrack", key: canary, client: "713" });
  });
  const report = (totalTimeoutMs = 800) => {
    const { vendor } = redtrackDailySpend;
    const api = http({
      baseUrl: `${sandbox.url}/redtrack`,
      quota: vendor.quota,
      refusal: vendor.refusal,
      limits: { maxBytes: 3_000_000, totalTimeoutMs },
    });
    return api.json(redtrackDailySpend.request({ slice, secrets: { REDTRACK_API_KEY: canary }, cursor: null }));
  };

  test.each([
    ["rate_limited", { retryAfterSeconds: 5 }, "rate_limited", 5_000],
    ["rate_limited", { retryAfter: "-1" }, "rate_limited", null],
    ["server_error", { status: 503 }, "unavailable", null],
    ["unauthorized", {}, "unauthorized", null],
    ["html", { status: 200 }, "unavailable", null],
    ["empty_body", {}, "unavailable", null],
    ["wrapped_error", {}, "unavailable", null],
    ["truncated", {}, "unavailable", null],
    ["raw_field", { field: "cost", raw: "NaN" }, "unavailable", null],
    ["duplicate_json_key", {}, "unavailable", null],
    ["echo_key", { status: 500 }, "unavailable", null],
    ["echo_key", { status: 200 }, "unavailable", null],
    ["reset", {}, "unavailable", null],
    ["never_ending", { ms: 5 }, "unavailable", null],
    ["slow_headers", { ms: 50, lines: 200 }, "unavailable", null],
    ["huge", { megabytes: 8 }, "malformed", null],
    ["gzip_bomb", { megabytes: 64 }, "malformed", null],
  ])("%s %j is %s, with a hint of %s", async (kind, parameters, expected, retryAfterMs) => {
    await control("POST", "/faults", { vendor: "redtrack", kind, ...parameters });
    // What is too long is found by its length, also on a machine that unpacks it slowly.
    const limitMs = expected === "malformed" ? 20_000 : 800;
    expect(await failureOf(report(limitMs))).toMatchObject({ kind: expected, retryAfterMs });
  });

  test("a limit disguised as a good answer is a limit when it says how long to wait, else trouble like any other", async () => {
    const disguised = { vendor: "redtrack", kind: "rate_limited_200", times: 1 };
    const message = expect.stringContaining("API rate limit exceeded");
    await control("POST", "/faults", { ...disguised, retryAfterSeconds: 6 });
    expect(await failureOf(report())).toMatchObject({ kind: "rate_limited", retryAfterMs: 6_000, message });
    await control("POST", "/faults", disguised);
    expect(await failureOf(report())).toMatchObject({ kind: "unavailable", retryAfterMs: null, message });
    expect(turns).toEqual([{ waitMs: 6_000 }, { waitMs: null }]);
  });

  test("a minute that is used up says when the next one begins", async () => {
    await control("PUT", "/limits", { vendor: "redtrack", perMinute: 1, perSecond: null, countTwice: false });
    // Right before the minute's end, the second call would already be in the next one.
    const calls = [
      await report(),
      await report().catch((error: unknown) => error),
      await report().catch((error: unknown) => error),
    ];
    const refused = calls.find((call): call is ConnectorError => call instanceof ConnectorError);
    expect(refused).toMatchObject({ kind: "rate_limited" });
    expect(refused?.retryAfterMs).toBeGreaterThan(0);
    expect(refused?.retryAfterMs).toBeLessThanOrEqual(60_000);
  });
});
