import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { createEraser, createRedactor, redactCarriers } from "./redact.ts";
import { createLogger } from "./log.ts";

const secret = "c4n+ary/k~y!&=%'\"(<\\é";

describe("a known secret leaves a text in every spelling", () => {
  const lower = (text: string) => text.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  test.each([
    ["as it is", secret],
    ["in a URL's path", encodeURIComponent(secret)],
    ["in a query, as our requests write it", new URLSearchParams({ k: secret }).toString().slice(2)],
    ["in a query with small hex digits", lower(new URLSearchParams({ k: secret }).toString().slice(2))],
    ["percent-encoded with small hex digits", lower(encodeURIComponent(secret))],
    ["in a JSON text", JSON.stringify(secret).slice(1, -1)],
    [
      "in an HTML page",
      secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;"),
    ],
    ["as base64", Buffer.from(secret).toString("base64")],
    ["as base64 for addresses", Buffer.from(secret).toString("base64url")],
    ["as hex", Buffer.from(secret).toString("hex")],
  ])("%s", (_, spelling) => {
    const erase = createEraser([secret]);
    expect(erase(`before ${spelling} between ${spelling} after`)).toBe("before [redacted] between [redacted] after");
  });

  test("whatever characters it has", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12, unit: "grapheme" }), (any) => {
        fc.pre(any.trim().length >= 8);
        const query = new URLSearchParams({ k: any }).toString();
        expect(createEraser([any])(`${query} ${JSON.stringify({ any })}`)).toBe('k=[redacted] {"any":"[redacted]"}');
      }),
    );
  });
});

test("a secret that contains another leaves nothing of itself behind", () => {
  const erase = createEraser(["sandbox-713", "sandbox-713-private-part"]);
  expect(erase("sandbox-713-private-part and sandbox-713")).toBe("[redacted] and [redacted]");
});

test("erasing touches nothing but the secret: fit for data", () => {
  const data = '{"source":"Facebook password=hunter22 campaign","token":"abcdefghijkl","cost":26269.20}';
  expect(createEraser([secret])(data)).toBe(data);
});

test("a setting of three characters is no secret: it would blank half of every text", () => {
  expect(createEraser(["713"])("redtrack/713")).toBe("redtrack/713");
});

test.each([
  ["GET /report?api_key=a1b2c3d4e5&group=source", "GET /report?api_key=[redacted]&group=source"],
  ["apiKey: a1b2c3d4e5", "apiKey: [redacted]"],
  ['{"access_token":"EAABsbCS1234","id":"1"}', '{"access_token":"[redacted]","id":"1"}'],
  ["client_secret = a1b2c3d4e5", "client_secret = [redacted]"],
  ["authorization: Bearer eyJhbGciOi.J9.abc-_123", "authorization: Bearer [redacted]"],
  ["Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic [redacted]"],
  ["postgres://app:s3cret-pass@db.local:5432/x", "postgres://app:[redacted]@db.local:5432/x"],
  ["POST /hooks/anytrack/0123456789abcdef?x=1", "POST /hooks/anytrack/[redacted]?x=1"],
])("without knowing any secret, %j becomes %j", (text, clean) => {
  expect(redactCarriers(text)).toBe(clean);
  expect(createRedactor([])(text)).toBe(clean);
});

test("a key cut off by the end of a text is blanked by where it stands", () => {
  const redact = createRedactor(["canary-key-0123456789"]);
  expect(redact("GET /report?group=source&api_key=canary-key-01")).toBe("GET /report?group=source&api_key=[redacted]");
});

test("a log line is redacted as the text it becomes, whichever field carries the secret", () => {
  const lines: string[] = [];
  const log = createLogger({
    name: "t",
    level: "info",
    redact: createRedactor([secret]),
    write: (line) => lines.push(line),
  });
  log.info(
    {
      url: `https://api.example/report?${new URLSearchParams({ k: secret }).toString()}`,
      [secret]: 1,
      deep: { err: new Error(secret) },
    },
    secret,
  );
  log.debug("not shown");
  expect(lines).toHaveLength(1);
  const [line = ""] = lines;
  for (const spelling of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    expect(line).not.toContain(spelling);
  expect(JSON.parse(line)).toMatchObject({ name: "t", msg: "[redacted]", time: expect.stringMatching(/^\d{4}-.*Z$/) });
});
