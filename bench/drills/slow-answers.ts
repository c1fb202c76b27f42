import { once } from "node:events";
import net from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { createHttp } from "../../connectors/http.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { finding, type Drill } from "./drill.ts";

const megabyte = 1024 * 1024;
const limits = {
  headersTimeoutMs: 1_000,
  bodyTimeoutMs: 1_000,
  totalTimeoutMs: 3_000,
  maxBytes: 16 * megabyte,
  connectAttempts: 1,
};
const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";

/** What a server sends, a piece at a time, until the reader stops. */
interface Answer {
  name: string;
  kind: ConnectorError["kind"];
  pieces: () => Iterable<Buffer | string>;
  everyMs: number;
}

function* forEver(first: string, piece: Buffer | string): Generator<Buffer | string> {
  yield first;
  for (;;) yield piece;
}

const bomb = gzipSync(Buffer.alloc(256 * megabyte, " "));
const answers: Answer[] = [
  { name: "headers that trickle", kind: "unavailable", everyMs: 100, pieces: () => forEver(head, "x-wait: on\r\n") },
  { name: "no answer at all", kind: "unavailable", everyMs: 100, pieces: () => [] },
  { name: "a body that trickles", kind: "unavailable", everyMs: 100, pieces: () => forEver(`${head}\r\n`, " ") },
  {
    name: "a body that never ends",
    kind: "malformed",
    everyMs: 0,
    pieces: () => forEver(`${head}\r\n[`, Buffer.alloc(megabyte, "1,")),
  },
  {
    name: "a gzip bomb of 256 MB",
    kind: "malformed",
    everyMs: 0,
    pieces: () => [`${head}content-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`, bomb],
  },
];

export const slowAnswers: Drill = {
  rows: [10],
  name: "slow-answers",
  done: answers.map(({ name }) => name).join(", "),
  expected: `each given up within ${limits.totalTimeoutMs / 1_000} s, at most ${limits.maxBytes / megabyte} MB of it held, the process never busy for a second`,
  isShort: true,
  run: async () => {
    const baseline = process.memoryUsage().rss;
    let mostMemory = baseline;
    let longestPauseMs = 0;
    let last = performance.now();
    const pulse = setInterval(() => {
      longestPauseMs = Math.max(longestPauseMs, performance.now() - last);
      last = performance.now();
      mostMemory = Math.max(mostMemory, process.memoryUsage().rss);
    }, 20);
    try {
      const outcomes: { name: string; good: boolean; tookMs: number; what: string }[] = [];
      for (const answer of answers) outcomes.push(await ask(answer));
      const grown = (mostMemory - baseline) / megabyte;
      return finding(
        outcomes.every(({ good, tookMs }) => good && tookMs < limits.totalTimeoutMs + 1_500) &&
          grown < 256 &&
          longestPauseMs < 1_000,
        `${outcomes.map(({ name, what, tookMs }) => `${name}: ${what} after ${(tookMs / 1_000).toFixed(1)} s`).join("; ")}; memory grew by ${grown.toFixed(0)} MB, longest pause ${longestPauseMs.toFixed(0)} ms`,
      );
    } finally {
      clearInterval(pulse);
    }
  },
};

async function ask(answer: Answer) {
  const server = net.createServer((socket) => void send(socket, answer));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  const http = createHttp({
    baseUrl: `http://127.0.0.1:${port}`,
    erase: (text) => text,
    redact: (text) => text,
    beforeRequest: () => Promise.resolve(() => Promise.resolve()),
    limits,
  });
  const began = performance.now();
  const error = await http.json({ path: "/" }).then(
    () => null,
    (failure: unknown) => failure,
  );
  const tookMs = performance.now() - began;
  server.close();
  const kind = error instanceof ConnectorError ? error.kind : error === null ? "taken" : String(error);
  return { name: answer.name, good: kind === answer.kind, tookMs, what: kind };
}

async function send(socket: net.Socket, { pieces, everyMs }: Answer): Promise<void> {
  async function* paced() {
    for (const piece of pieces()) {
      yield piece;
      if (everyMs > 0) await wait(everyMs);
    }
    // Says no more, and does not hang up either.
    await once(socket, "close");
  }
  socket.resume();
  await pipeline(Readable.from(paced(), { objectMode: true }), socket).catch(() => undefined);
}
