import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { S3Settings } from "../../settings/files.ts";
import { s3Keys, startS3, type TestS3 } from "../../test/s3.ts";
import { ConnectorError } from "../errors.ts";
import { FileProblem } from "./file-places.ts";
import { listS3, openS3File } from "./s3-place.ts";

let s3: TestS3;
const limits = { maxBytes: 10_000_000 };
const settings = (endpoint: string, keys = s3Keys): S3Settings => ({
  endpoint,
  region: "us-east-1",
  keys,
  forcePathStyle: true,
  watch: null,
});
const open = (key: string, more: Partial<S3Settings> = {}, bucket = "reports") =>
  openS3File({ ...settings(s3.endpoint), ...more }, { bucket, key }, limits);

beforeAll(async () => void (s3 = await startS3("reports")));
afterAll(() => s3.close());

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

async function errorOf(work: () => Promise<unknown>): Promise<{ kind: string; message: string }> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConnectorError || error instanceof FileProblem)
      return { kind: error.kind, message: error.message };
    throw error;
  }
  throw new Error("expected an error");
}

test("an object is read, twice if need be, whatever its key is spelled like", async () => {
  const body = "creative_id,date\n".repeat(100_000);
  await s3.put("daily/Bericht für März 1+1.csv", body);
  const file = await open("daily/Bericht für März 1+1.csv");
  expect([file.name, file.bytes]).toEqual(["s3://reports/daily/Bericht für März 1+1.csv", body.length]);
  expect([(await textOf(file.read())) === body, (await textOf(file.read())) === body]).toEqual([true, true]);
  await file.assertUnchanged();
  await file.close();
});

test("an object that is written over between two readings is noticed, by a server that knows no If-Match, too", async () => {
  await s3.put("changing.csv", "a");
  const file = await open("changing.csv");
  expect(await textOf(file.read())).toBe("a");
  await s3.put("changing.csv", "b");
  expect(await errorOf(() => textOf(file.read()))).toEqual({
    kind: "content",
    message: expect.stringContaining("changed while it was read"),
  });
  expect((await errorOf(() => file.assertUnchanged())).message).toContain("changed while it was read");
  await file.close();
});

test("what is not there, too large or not to be had says so", async () => {
  expect(await errorOf(() => open("none.csv"))).toEqual({
    kind: "place",
    message: "there is no s3://reports/none.csv",
  });
  expect((await errorOf(() => open("x.csv", {}, "nowhere"))).message).toContain("there is no s3://nowhere/x.csv");
  await s3.put("large.csv", Buffer.alloc(limits.maxBytes + 1));
  expect((await errorOf(() => open("large.csv"))).message).toContain("INGEST_MAX_BYTES");
  const refused = await errorOf(() =>
    open("large.csv", { keys: { accessKeyId: "nobody", secretAccessKey: "canary" } }),
  );
  expect(refused).toEqual({ kind: "unauthorized", message: expect.stringContaining("S3_ACCESS_KEY_ID") });
  expect(refused.message).not.toContain("canary");
  expect(await errorOf(() => open("x.csv", { endpoint: "http://127.0.0.1:9" }))).toEqual({
    kind: "unavailable",
    message: expect.stringContaining("the server does not answer"),
  });
});

test("a prefix lists its objects, and no folders", async () => {
  await s3.put("watched/a.csv", "a");
  await s3.put("watched/b/c.csv", "c");
  await s3.put("watched/b/", "");
  const { files, more } = await listS3(settings(s3.endpoint), { bucket: "reports", prefix: "watched/" });
  expect([files.map((file) => [file.path, file.bytes]), more]).toEqual([
    [
      ["watched/a.csv", 1],
      ["watched/b/c.csv", 1],
    ],
    false,
  ]);
});

describe("a server that", () => {
  let server: Server;
  let answer: (method: string) => {
    status: number;
    headers?: Record<string, string | number>;
    body?: string;
    cut?: boolean;
  };
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { status, headers = {}, body = "", cut = false } = answer(request.method ?? "");
      seen.push(`${request.method} ${request.headers["if-match"] ?? ""}`.trim());
      response.writeHead(status, { etag: '"one"', ...headers });
      if (!cut) return response.end(request.method === "HEAD" ? undefined : body);
      response.write(body, () => response.destroy());
      return undefined;
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => void server.close());
  const seen: string[] = [];
  const file = () =>
    openS3File(
      settings(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
      { bucket: "reports", key: "x.csv" },
      limits,
    );

  test("knows If-Match is asked for the version that was looked at, and its 412 is a change", async () => {
    answer = (method) =>
      method === "HEAD" ? { status: 200, headers: { "content-length": 3 } } : { status: 412, body: "<Error/>" };
    const opened = await file();
    expect((await errorOf(() => textOf(opened.read()))).message).toContain("changed while it was read");
    expect(seen.at(-1)).toBe('GET "one"');
  });
  test("breaks off in the middle is unavailable, to be tried again", async () => {
    answer = (method) => ({
      status: 200,
      headers: { "content-length": 1_000 },
      body: method === "HEAD" ? "" : "abc",
      cut: method !== "HEAD",
    });
    const opened = await file();
    expect(await errorOf(() => textOf(opened.read()))).toEqual({
      kind: "unavailable",
      message: expect.stringMatching(/broke off after \d+ of 1000 bytes/),
    });
  });
  test.each([
    [500, "unavailable"],
    [503, "rate_limited"],
    [403, "unauthorized"],
    [400, "rejected"],
    [301, "rejected"],
  ])("answers %i: %s", async (status, kind) => {
    answer = () => ({ status });
    expect((await errorOf(file)).kind).toBe(kind);
  });
});
