import http from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bridgeAssistant } from "./assistant-bridge.ts";

/** Takes the token "a.good.token", and answers what it was sent. */
const seen: string[] = [];
const server = http.createServer((request, answer) => {
  let body = "";
  request.on("data", (part: Buffer) => (body += part.toString()));
  request.on("end", () => {
    seen.push(`${request.method} ${request.headers["mcp-protocol-version"] ?? "-"} ${body}`);
    const isGood = request.headers.authorization === "Bearer a.good.token";
    if (!isGood) return void reply(401, { error: "unauthorized", message: "the token has expired" });
    if (request.method !== "POST") return void reply(405, { error: "validation_error", message: "no stream" });
    const { id, method } = JSON.parse(body) as { id?: number; method: string };
    if (id === undefined) return void answer.writeHead(202).end();
    if (method === "too/much") return void reply(429, { error: "rate_limited", message: "too many requests" });
    if (method === "break") return void answer.writeHead(502).end("<html>bad gateway</html>");
    reply(200, { jsonrpc: "2.0", id, result: { protocolVersion: "2025-06-18", method } });
  });
  const reply = (status: number, value: object) =>
    answer.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
});
let apiUrl: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

/** Sends lines, hangs up, and answers what came back. */
async function talk(lines: string[], { token = "a.good.token", to = apiUrl } = {}) {
  const [stdin, stdout, notes] = [new PassThrough(), new PassThrough(), [] as string[]];
  const over = bridgeAssistant({ apiUrl: to, token, stdin, stdout, note: (text) => notes.push(text) });
  stdin.end(lines.map((line) => `${line}\n`).join(""));
  await over;
  const said = (stdout.read() as Buffer | null)?.toString() ?? "";
  const answers = said.split("\n").filter(Boolean);
  return { answers: answers.map((line) => JSON.parse(line) as { id: number; error?: { message: string } }), notes };
}
const ask = (id: number, method: string) => JSON.stringify({ jsonrpc: "2.0", id, method });
const problemOf = async (method: string, options: { token?: string; to?: string } = {}) =>
  (await talk([ask(1, method)], options)).answers[0]?.error?.message;

test("each request is answered by the server, also those under way when the assistant hangs up", async () => {
  const { answers } = await talk([ask(1, "initialize"), ask(2, "tools/list")]);
  expect(answers.sort((one, other) => one.id - other.id)).toMatchObject([
    { id: 1, result: { method: "initialize" } },
    { id: 2, result: { method: "tools/list" } },
  ]);
});

test("why there is no answer, and what to do about it, is the answer", async () => {
  expect(await problemOf("tools/list", { token: "an.old.token" })).toMatch(
    /^API_TOKEN is refused: the token has expired\. `npm run token -- --role analyst` prints a new one$/,
  );
  expect(await problemOf("tools/list", { to: "http://127.0.0.1:1" })).toBe(
    "the HTTP server does not answer at http://127.0.0.1:1 (API_URL): is it running?",
  );
  expect(await problemOf("too/much")).toBe("the HTTP server refused: too many requests");
  expect(await problemOf("break")).toBe("the HTTP server refused: HTTP 502");
});

test("what is no message goes nowhere, and is said beside the answers", async () => {
  const before = seen.length;
  const { answers, notes } = await talk(["hello", '{"jsonrpc":"2.0","method":"notifications/x"}']);
  expect(answers).toEqual([]);
  expect(notes).toEqual(["a line on stdin is no message of the Model Context Protocol"]);
  expect(seen.slice(before)).toHaveLength(1);
});
