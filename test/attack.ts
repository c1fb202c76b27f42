import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { expect } from "@jest/globals";
import type { Api } from "../api/server/parts.ts";
import { testServer, type TestServerOptions } from "./api-server.ts";

/** For tests only: what an attacker sends, by node's own client or, as `raw`, byte by byte. */
export interface Attack {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
  raw?: string | Buffer;
}

/** A sentence, what is sent, the status, and what a program reads in the answer; null for an answer that is no error, empty for one that node itself gives. */
export type Try = [what: string, attack: () => Attack | Promise<Attack>, status: number, error: string | null];

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
  /** How many answers the line carried: more than one to one request is a smuggled one. */
  answers: number;
}

/** What another client's rows hold in these tests. */
export const canary = "canary-of-another-client";

/** Longer than any answer takes, and shorter than the server's own patience with slow senders. */
const hangsAfterMs = 8_000;
const inside = /\n\s+at |node_modules|\.ts:\d|\bselect .+ from\b|SQLSTATE|syntax error at|root:x:0/i;

export interface Target {
  api: Api;
  port: number;
  log: string[];
  send: (attack: Attack) => Promise<Answer>;
  /** Sends it, and holds the answer against what the table of tries says. */
  attempt: (attack: Attack | Promise<Attack>, status: number, error: string | null) => Promise<Answer>;
  close: () => Promise<void>;
}

/** The server on a real socket: what injects requests, or tidies them up before it sends them, would hide the attack. */
export async function listening(options: TestServerOptions): Promise<Target> {
  const log: string[] = [];
  const api = await testServer({ log, ...options });
  await api.listen({ port: 0, host: "127.0.0.1" });
  const { port } = api.server.address() as AddressInfo;

  let read = 0;
  const send = async (attack: Attack): Promise<Answer> => {
    const answer = await (attack.raw === undefined ? sendRequest(port, attack) : sendBytes(port, attack.raw));
    expect(answer.status).toBeLessThan(500);
    const whole = JSON.stringify(answer.headers) + answer.body;
    expect(whole).not.toMatch(inside);
    expect(whole).not.toContain(process.cwd());
    expect(whole).not.toContain(canary);
    // Also what went wrong after the answer before this one.
    const lines = log.slice(read);
    read = log.length;
    expect(lines.filter((line) => /"level":(50|60)|"status":5\d\d/.test(line))).toEqual([]);
    return answer;
  };
  const attempt: Target["attempt"] = async (attack, status, error) => {
    const answer = await send(await attack);
    expect([answer.status, errorOf(answer), answer.body]).toEqual([status, error, answer.body]);
    expect(answer.answers).toBe(status === 0 ? 0 : 1);
    return answer;
  };
  const close = async () => {
    api.server.closeAllConnections();
    await api.close();
  };
  return { api, port, log, send, attempt, close };
}

function errorOf({ status, body }: Answer): string | null {
  if (status < 400) return null;
  // What node itself refuses, before our code sees it.
  if (body === "") return "";
  const { error, message } = JSON.parse(body) as { error: string; message: string };
  expect(message).toMatch(/\w/);
  return error;
}

function sendRequest(port: number, { method = "GET", path = "/", headers = {}, body }: Attack): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const request = http.request(
      { port, host: "127.0.0.1", agent: false, method, path, headers: { ...length, ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("error", reject);
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
            answers: 1,
          });
          request.destroy();
        });
      },
    );
    request.setTimeout(hangsAfterMs, () => request.destroy(new Error(`no answer within ${hangsAfterMs} ms`)));
    request.on("error", reject);
    request.end(body);
  });
}

/** Reads until the server closes the line, as it must after what is no request, or where it is asked to. */
function sendBytes(port: number, bytes: string | Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.setTimeout(hangsAfterMs, () => socket.destroy(new Error(`the line stayed open for ${hangsAfterMs} ms`)));
    socket.on("data", (part) => (text += part.toString("latin1")));
    socket.on("error", (error) => (text === "" ? reject(error) : undefined));
    socket.on("close", () => {
      const [head = "", ...rest] = text.split("\r\n\r\n");
      const lines = head.split("\r\n").slice(1);
      resolve({
        status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0),
        headers: Object.fromEntries(
          lines.map((line) => [line.split(":")[0]?.toLowerCase() ?? "", line.replace(/^[^:]*: */, "")]),
        ),
        // An empty body in chunks is its end alone.
        body: rest.join("\r\n\r\n").replace(/^0\r\n\r\n$/, ""),
        answers: text.match(/^HTTP\/1\.1 \d{3} /gm)?.length ?? 0,
      });
    });
  });
}
