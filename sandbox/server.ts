import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { KeyObject } from "node:crypto";
import type { AddressInfo } from "node:net";
import { createAccounts, keyId } from "./accounts.ts";
import { createClock } from "./clock.ts";
import { createControl, type PlayedVendor } from "./control.ts";
import type { DiscordApplication } from "./vendor.ts";
import { deliver } from "./delivery.ts";
import { answerUnderFaults } from "./fault-answers.ts";
import type { WireFault } from "./fault-kinds.ts";
import { createFaults } from "./faults.ts";
import { createLimiter, noLimits, type Limits } from "./limits.ts";
import { createPosts } from "./recon-model.ts";
import { createRequestLog, hintEnd, monotonicMs } from "./request-log.ts";
import type { WireRequest } from "./vendor.ts";
import { findVendors, type CreateVendor } from "./find-vendors.ts";

export interface SandboxOptions {
  /** 0, the default, takes any free port. */
  port?: number;
  host?: string;
  /** The last day that has data, in every zone; the real date where it is left out. */
  today?: string | null;
  /** An instant at which the sandbox's clock stands still. */
  now?: string | null;
  /** By vendor, what differs from the limits the vendor documents. */
  limits?: Readonly<Record<string, Partial<Limits>>>;
  /** For measuring: no vendor has a limit, and every post has its numbers at once. */
  instant?: boolean;
  /** The Discord application to sign as. */
  discord?: DiscordApplication | undefined;
  /** The public half of the key of the sandbox's own Google accounts. */
  googleKey?: KeyObject | undefined;
  /** Mock vendors beside those of vendors/, as the test of a vendor brings its own. */
  vendors?: Readonly<Record<string, CreateVendor>>;
  log?: (message: string) => void;
}

export interface Sandbox {
  /** http://host:port; a vendor's base URL is this and the vendor's name, `${url}/redtrack`. */
  url: string;
  port: number;
  close(): Promise<void>;
}

/** Starts the mock servers of all vendors on one port, with their control route beside them. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const {
    port = 0,
    host = "127.0.0.1",
    today = null,
    now = null,
    limits = {},
    instant = false,
    discord,
    googleKey,
    vendors: brought = {},
    log: say = () => {},
  } = options;
  const clock = createClock({ now, today });
  const accounts = createAccounts();
  const found = new Map([...(await findVendors()), ...Object.entries(brought)]);
  const faults = createFaults([...found.keys()]);
  const log = createRequestLog();
  const posts = createPosts({ clock, instant });
  const vendors = new Map<string, PlayedVendor>();
  for (const [name, create] of found) {
    const dataFaults = (client: string, day: string) => faults.dataFaults(name, client, day);
    const vendor = create({ clock, posts, discord, googleKey, dataFaults });
    vendors.set(name, {
      vendor,
      limiter: createLimiter({ ...vendor.limits.documented, ...(instant ? noLimits : {}), ...limits[name] }),
    });
  }
  const control = createControl({ vendors, accounts, clock, faults, log, posts });

  async function answer(incoming: IncomingMessage, out: ServerResponse, arrivedAtMs: number): Promise<void> {
    const url = new URL(incoming.url ?? "/", "http://sandbox");
    const body = await readBody(incoming);
    const method = incoming.method ?? "GET";
    const [, first = ""] = url.pathname.split("/");
    if (first === "_control") return sendJson(out, control({ method, url, body }));
    const vendor = vendors.get(first);
    if (vendor === undefined) return sendJson(out, { status: 404, body: { error: `no vendor ${first}` } });
    url.pathname = url.pathname.slice(first.length + 1);
    const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
    await respond({ accounts, faults, log }, vendor, { request: { method, url, headers, body }, arrivedAtMs }, out);
  }

  const server = createServer((incoming, out) => {
    answer(incoming, out, monotonicMs()).catch((error: unknown) => {
      say(`sandbox: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      if (!out.headersSent) sendJson(out, { status: 500, body: { error: "the sandbox itself failed; see its log" } });
      else out.destroy();
    });
  });
  // Longer than any caller keeps an idle connection, so that it is never we who close it under a request.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `http://${host}:${address.port}`,
    port: address.port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/** What every request passes by. */
interface Watched {
  accounts: ReturnType<typeof createAccounts>;
  faults: ReturnType<typeof createFaults>;
  log: ReturnType<typeof createRequestLog>;
}

/** Answers a request as the vendor would, after its limits and under the faults that are set. */
async function respond(
  { accounts, faults, log }: Watched,
  { vendor, limiter }: PlayedVendor,
  { request, arrivedAtMs }: { request: WireRequest; arrivedAtMs: number },
  out: ServerResponse,
): Promise<void> {
  const key = vendor.keyOf(request);
  const client = key === null ? null : accounts.clientOf(vendor.name, key);
  const entry = log.arrived({
    arrivedAtMs,
    vendor: vendor.name,
    account: client,
    keyId: key === null ? null : keyId(key),
    method: request.method,
    path: vendor.printedPath?.(request.url.pathname) ?? request.url.pathname,
    query: Object.fromEntries([...request.url.searchParams].filter(([name]) => !vendor.secretParams.includes(name))),
  });
  const isConcurrent = vendor.limits.isConcurrent?.(request) ?? false;
  const usage =
    client !== null && vendor.limits.counts(request) ? limiter.admit(client, Date.now(), isConcurrent) : null;
  if (client !== null && isConcurrent && usage?.admitted === true) out.on("close", () => limiter.release(client));
  const asked = { ...request, key, client };
  const struck = { vendor: vendor.name, client, path: request.url.pathname, ...vendor.place(request) };
  const refused = usage !== null && !usage.admitted;
  const taken: WireFault[] = refused
    ? [
        {
          kind: "rate_limited",
          ...(vendor.limits.sayWhen === false ? {} : { retryAfterSeconds: usage.retryAfterSeconds }),
        },
      ]
    : faults.take(struck);
  const delivery = answerUnderFaults(vendor, asked, taken);
  delivery.headers = { ...(usage === null ? {} : vendor.limits.headers(usage)), ...delivery.headers };
  if (!refused) entry.faults = taken.map(({ kind }) => kind);
  entry.status = delivery.pace.kind === "reset" ? null : delivery.status;
  entry.answeredAtMs = monotonicMs();
  if (delivery.status === 429) entry.hintEndsAtMs = hintEnd(retryAfterOf(delivery.headers), entry.answeredAtMs);
  out.on("close", () => {
    entry.answeredAtMs = monotonicMs();
  });
  await deliver(delivery, out);
}

function retryAfterOf(headers: Readonly<Record<string, string>>): string | undefined {
  return Object.entries(headers).find(([name]) => name.toLowerCase() === "retry-after")?.[1];
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString("utf8");
}

function sendJson(out: ServerResponse, { status, body }: { status: number; body: unknown }): void {
  out.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
}
