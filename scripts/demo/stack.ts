import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { stackFile } from "../../settings/environment.ts";
import { issueToken } from "../../core/tokens.ts";
import { CommandError, exitCodes, type CommandContext } from "../shared/command-line.ts";

/** The parts of a running local stack that a demo talks to. */
export interface DemoStack {
  client: string;
  /** Of the HTTP API, without a path. */
  base: string;
  /** Calls the API as an administrator, or as the affiliate whose key is given. */
  api: <Body>(method: string, path: string, call?: { key?: string; body?: unknown }) => Promise<Body>;
  /** Calls the sandbox's control routes. */
  sandbox: <Body>(method: string, path: string, body?: unknown) => Promise<Body>;
}

/** Where the local stack's API and sandbox are, and a key to call them. */
export async function findStack(
  { env, config }: Pick<CommandContext, "env" | "config">,
  client: string,
): Promise<DemoStack> {
  const { jwtSecret, host, port } = config.api;
  const sandboxPort = env["SANDBOX_PORT"];
  if (jwtSecret === null || sandboxPort === undefined)
    throw new CommandError(exitCodes.usage, "no local stack with a sandbox is known: start one with `npm start`");
  const base = `http://${host}:${port}`;
  const sandbox = `http://127.0.0.1:${sandboxPort}/_control`;
  const token = await issueToken({
    secret: jwtSecret,
    client,
    role: "admin",
    subject: "demo",
    expiresInSeconds: 3_600,
    audience: config.api.audience,
    issuer: config.api.issuer,
  });
  return {
    client,
    base,
    api: async (method, path, { key, body } = {}) =>
      ask(
        `${base}/api/v1${path}`,
        method,
        body,
        key === undefined ? { authorization: `Bearer ${token}` } : { "x-api-key": key },
      ),
    sandbox: async (method, path, body) => ask(`${sandbox}${path}`, method, body, {}),
  };
}

/** What `npm start` made itself it leaves for the other commands; what a person set it does not. */
export async function hasOwnHook(): Promise<boolean> {
  const left = await readFile(stackFile(), "utf8").catch(() => "{}");
  return Object.keys(JSON.parse(left) as object).some((name) => name.startsWith("ANYTRACK_WEBHOOK_SECRET"));
}

/** A server that says "later" has done nothing yet: it is asked again after these pauses. */
const pausesMs = [500, 1_000, 2_000, 5_000, 10_000, 20_000];
const later = [429, 503];

async function ask<Body>(url: string, method: string, body: unknown, headers: Record<string, string>): Promise<Body> {
  const isForm = body instanceof FormData;
  const send = () =>
    fetch(url, {
      method,
      headers: { ...headers, ...(body === undefined || isForm ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    }).catch(() => {
      throw new CommandError(
        exitCodes.unreachable,
        `nothing answers at ${new URL(url).origin}: is \`npm start\` running?`,
      );
    });
  let response = await send();
  for (const pauseMs of pausesMs) {
    if (!later.includes(response.status)) break;
    await response.arrayBuffer();
    await wait(pauseMs);
    response = await send();
  }
  const text = await response.text();
  if (!response.ok)
    throw new CommandError(
      exitCodes.found,
      `${method} ${new URL(url).pathname} answered ${response.status}: ${text.slice(0, 300)}`,
    );
  return JSON.parse(text) as Body;
}

export interface Affiliate {
  affiliateId: string;
  name: string;
  key: string;
  trust: number;
}

/** An affiliate of that name may exist from an earlier run; its key is not stored, so it gets a new one. */
export async function makeAffiliate(
  stack: DemoStack,
  { name, discordUserId = null, tokens = {} }: NamedAffiliate,
): Promise<Affiliate> {
  const known = (await stack.api<{ items: Affiliate[] }>("GET", "/recon/affiliates?limit=500")).items.find(
    (one) => one.name === name,
  );
  const affiliate =
    known === undefined
      ? await stack.api<Affiliate>("POST", "/recon/affiliates", { body: { name, discordUserId, origin: "sandbox" } })
      : await stack.api<Affiliate>("POST", `/recon/affiliates/${known.affiliateId}/rotate-key`);
  for (const [platform, credentials] of Object.entries(tokens))
    await stack.api("PUT", `/recon/affiliates/${affiliate.affiliateId}/tokens/${platform}`, {
      key: affiliate.key,
      body: { credentials },
    });
  return affiliate;
}

export interface NamedAffiliate {
  name: string;
  discordUserId?: string | null;
  /** What it lets us see with its own tokens; the sandbox takes `sandbox-<owner>` for the owner's. */
  tokens?: Record<string, Record<string, string>>;
}

export interface Report {
  reportId: string;
  affiliateId: string;
  url: string;
  state: string;
  detail: string | null;
  verdict: {
    verdict: string;
    level: string | null;
    reason: string;
    compared: { metric: string; claimed: number; verified: number | null }[];
  } | null;
}
