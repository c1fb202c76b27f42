import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { createGzip } from "node:zlib";

export type Pace =
  | { kind: "at_once" }
  | { kind: "reset" }
  | { kind: "slow_headers"; ms: number; lines: number }
  | { kind: "slow_bytes"; ms: number; bytes: number }
  | { kind: "never_ending"; ms: number }
  | { kind: "generated"; megabytes: number; gzip: boolean };

/** An answer as bytes, and how they are to leave. */
export interface Delivery {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** In place of the text, of what is none. */
  bytes?: Buffer;
  waitMs: number;
  pace: Pace;
}

/** Sends an answer; ends when it is out, or when the caller hangs up, which is no error here. */
export async function deliver(delivery: Delivery, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  try {
    if (delivery.waitMs > 0) await wait(delivery.waitMs, undefined, { signal: gone.signal });
    await send(delivery, response, gone.signal);
  } catch (error) {
    if (!gone.signal.aborted) throw error;
  }
}

async function send(
  { status, headers, text, bytes = Buffer.from(text), pace }: Delivery,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const whole = { ...headers, "content-length": String(bytes.length) };
  switch (pace.kind) {
    case "at_once":
      response.writeHead(status, whole).end(bytes);
      return;
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "slow_headers":
      if (response.socket !== null)
        await sendSlowHeaders(response.socket, { status, headers: whole, bytes }, pace, gone);
      return;
    case "slow_bytes":
      response.writeHead(status, whole);
      for (let from = 0; from < bytes.length; from += pace.bytes) {
        response.write(bytes.subarray(from, from + pace.bytes));
        await wait(pace.ms, undefined, { signal: gone });
      }
      response.end();
      return;
    case "never_ending":
      response.writeHead(status, headers);
      response.write("[");
      for (;;) {
        response.write(" ");
        await wait(pace.ms, undefined, { signal: gone });
      }
    case "generated": {
      response.writeHead(status, pace.gzip ? { ...headers, "content-encoding": "gzip" } : headers);
      const source = Readable.from(generated(pace.megabytes));
      await (pace.gzip ? pipeline(source, createGzip(), response) : pipeline(source, response));
      return;
    }
  }
}

/** Valid JSON, so that only a byte cap can stop a reader: an array with a great deal of room in it. */
function* generated(megabytes: number): Generator<Buffer> {
  const megabyte = Buffer.alloc(1_048_576, " ");
  yield Buffer.from("[");
  for (let sent = 0; sent < megabytes; sent += 1) yield megabyte;
  yield Buffer.from("]");
}

/** One header line at a time, past what http.ServerResponse can do: it sends a head whole. */
async function sendSlowHeaders(
  socket: Socket,
  { status, headers, bytes }: { status: number; headers: Record<string, string>; bytes: Buffer },
  pace: { ms: number; lines: number },
  gone: AbortSignal,
): Promise<void> {
  socket.write(`HTTP/1.1 ${status} Slow\r\n`);
  for (let line = 0; line < pace.lines; line += 1) {
    socket.write(`x-slow-${line}: 1\r\n`);
    await wait(pace.ms, undefined, { signal: gone });
  }
  for (const [name, value] of Object.entries(headers)) socket.write(`${name}: ${value}\r\n`);
  socket.write("connection: close\r\n\r\n");
  socket.end(bytes);
}
