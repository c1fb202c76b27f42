import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** What a mock warehouse computes with: a database that whoever starts it has opened. */
export interface Engine {
  /** Checks a statement; throws with its message where it is wrong. */
  check(statement: string): Promise<Column[]>;
  /** Runs a statement and keeps its result under a name. */
  run(name: string, statement: string): Promise<{ columns: Column[]; rows: number }>;
  /** Rows of a kept result, each cell as text. */
  page(name: string, from: number, count: number): Promise<(string | null)[][]>;
}

export interface Column {
  name: string;
  type: "text" | "integer" | "numeric" | "float" | "date" | "other";
}

/** Where in its work a mock warehouse can be made to fail. */
export type Moment = "token" | "estimate" | "run" | "look" | "page";

export interface WarehouseFault {
  at: Moment;
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  /** How often; for ever where left out. */
  times?: number;
}

export interface MockOptions {
  engine: Engine;
  /** What every query is said to read. */
  bytes?: bigint;
  /** How long a query takes. */
  durationMs?: number;
  /** How many rows a page or a partition has at most. */
  pageRows?: number;
}

export interface AskedJob {
  id: string;
  statement: string;
  state: "running" | "done" | "failed" | "cancelled";
}

/** A mock warehouse that listens: what it was asked, and how it is made to fail. */
export interface MockWarehouse {
  url: string;
  /** Queries that were run, and so paid for. */
  jobs: AskedJob[];
  /** Requests by the moment that they belong to. */
  asked: Moment[];
  options: MockOptions;
  faults: WarehouseFault[];
  /** Forgets every result, as a warehouse does after a day. */
  forgetResults(): void;
  close(): Promise<void>;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  isPacked?: boolean;
}

export interface Asked {
  method: string;
  url: URL;
  headers: IncomingMessage["headers"];
  text: string;
}

/** Serves one warehouse on loopback. */
export async function serve(
  mock: Omit<MockWarehouse, "url" | "close">,
  {
    momentOf,
    handle,
  }: { momentOf: (asked: Asked) => Moment; handle: (asked: Asked, moment: Moment) => Promise<Answer> },
): Promise<MockWarehouse> {
  const server = createServer((request, response) => {
    void answerTo(request, response).catch((error: unknown) => {
      send(response, { status: 500, body: { message: String(error), code: "000001" } });
    });
  });
  const answerTo = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? "/", "http://mock");
    const asked = {
      method: request.method ?? "GET",
      url,
      headers: request.headers,
      text: Buffer.concat(chunks).toString(),
    };
    const moment = momentOf(asked);
    mock.asked.push(moment);
    const fault = mock.faults.find(({ at, times }) => at === moment && times !== 0);
    if (fault !== undefined) {
      if (fault.times !== undefined) fault.times -= 1;
      return send(response, fault);
    }
    send(response, await handle(asked, moment));
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(mock, {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

function send(response: ServerResponse, { status, body, headers, isPacked }: Answer): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    "content-type": "application/json",
    ...(isPacked === true ? { "content-encoding": "gzip" } : {}),
    ...headers,
  });
  response.end(isPacked === true ? gzipSync(bytes) : bytes);
}

/** Runs a statement in the background, as long as it is said to take. */
export function startJob(
  mock: Pick<MockWarehouse, "options" | "jobs">,
  { id, statement }: { id: string; statement: string },
): AskedJob & { result: Promise<{ columns: Column[]; rows: number }> } {
  const { engine, durationMs = 0 } = mock.options;
  const until = Date.now() + durationMs;
  const job = { id, statement, state: "running" as AskedJob["state"] };
  mock.jobs.push(job);
  const result = engine.run(id, statement).then(
    async (found) => {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, until - Date.now())).unref());
      if (job.state === "running") job.state = "done";
      return found;
    },
    (error: unknown) => {
      job.state = "failed";
      throw error;
    },
  );
  result.catch(() => undefined);
  return Object.assign(job, { result });
}
