import { createPrivateKey } from "node:crypto";
import { feeds, vendors } from "../../connectors/registry.ts";
import { settingInForce, settingName } from "../../core/setting-name.ts";
import { vendorNames } from "../../sandbox/find-vendors.ts";
import { verticals } from "../../sandbox/data/creative-words.ts";
import { loadConfig, type Account, type Config } from "../../settings/config.ts";
import { keepRunning, type Kept, type Running } from "./keep-running.ts";
import { sandboxPort } from "./servers.ts";
import { startChild } from "./supervise.ts";
import { sandboxEmail } from "../../sandbox/google-account.ts";

type Env = Record<string, string>;

/** The accounts without a key that the mock vendors answer for. One whose vendor has no mock stays without a key. */
export function accountsOfSandbox(env: Env, mocks: readonly string[] = vendorNames()): Account[] {
  if (env["SANDBOX"] === "off") return [];
  const { accounts } = loadConfig({ DATABASE_URL: "postgres://not-yet", ...env }, vendors, feeds);
  return [...accounts.values()].filter(
    (account) =>
      account.secrets === null &&
      mocks.includes(account.vendor) &&
      !isOptional(account.vendor) &&
      (account.isDestination || !deliversForReal(accounts, account.client)),
  );
}

export const sandboxUrl = (env: Env) => `http://127.0.0.1:${sandboxPort(env)}`;

export interface SandboxPlan {
  env: Env;
  logDir: string;
  say: (message: string) => void;
  giveUp: (reason: string) => void;
}

/** Starts the mock vendors and gives each account they answer for their address and a sandbox key, under its client's own setting names. */
export async function startSandbox(mocked: readonly Account[], plan: SandboxPlan): Promise<Kept<Running>> {
  const { env, logDir, say, giveUp } = plan;
  env["SANDBOX_PORT"] = String(sandboxPort(env));
  const kept = await keepRunning({
    name: "sandbox",
    say,
    giveUp,
    start: () =>
      startChild({
        name: "sandbox",
        script: "sandbox/main.js",
        env,
        logDir,
        readyUrl: `${sandboxUrl(env)}/_control`,
      }),
  });
  for (const account of mocked) Object.assign(env, settingsOfMock(account, env));
  return kept;
}

/** Milliseconds between requests to a mock server that may be asked more often than the vendor is: RedTrack's own limit is two a second. */
const mockIntervalMs: Record<string, number> = { redtrack: 500 };

/** Where a mock server answers for an account, its key there, and its pace where no setting says otherwise. */
export function settingsOfMock(account: Account, env: Env): Env {
  const { vendor: name, client } = account;
  const set: Env = { [settingName(name, "BASE_URL", client)]: `${sandboxUrl(env)}/${name}` };
  const vendor = vendors.find((candidate) => candidate.name === name);
  for (const secret of Object.keys(vendor?.secrets.shape ?? {}))
    set[settingName(secret, client)] = name === "authorized_buyers" ? googleKey(client, env) : `sandbox-${client}`;
  if (name === "authorized_buyers" && env["CLUSTER_GENRES"] === undefined)
    set[settingName("CLUSTER_GENRES", client)] = env[settingName("CLUSTER_GENRES", client)] ?? madeUpGenres();
  // Made-up pictures come from the mock server alone: no stranger is asked for them.
  if (name === "authorized_buyers")
    for (const [setting, value] of Object.entries({ THUMBNAIL_CONSENT: "on", THUMBNAIL_INTERVAL_MS: "50" }))
      if (env[settingInForce(env, setting, client)] === undefined)
        set[setting === "THUMBNAIL_CONSENT" ? settingName(setting, client) : setting] = value;
  // What is too old or too new for a mock counts from its own present.
  const present = env["SANDBOX_NOW"] ?? env["SANDBOX_TODAY"];
  if (account.isDestination && present !== undefined) set[settingName(name, "CLOCK", client)] = present;
  const intervalMs = mockIntervalMs[name];
  const pace = settingName(name, "INTERVAL_MS");
  if (intervalMs !== undefined && env[pace] === undefined && env[settingName(pace, client)] === undefined)
    set[settingName(pace, client)] = String(intervalMs);
  return set;
}

/** What the sandbox's product categories are called: their numbers are made up. */
const madeUpGenres = () =>
  Object.entries(verticals)
    .map(([name, { category }]) => `${category}=${name.charAt(0).toUpperCase()}${name.slice(1)}`)
    .join(",");

/** Google's keys are private keys of service accounts: those that the sandbox knows have all the one of this machine. */
function googleKey(client: string, env: Env): string {
  const key = {
    key: Buffer.from(env["GOOGLE_DEMO_PRIVATE_KEY"] ?? "", "base64"),
    format: "der",
    type: "pkcs8",
  } as const;
  return JSON.stringify({
    type: "service_account",
    client_email: sandboxEmail(client),
    private_key: createPrivateKey(key).export({ format: "pem", type: "pkcs8" }),
  });
}

/** Without an application of one's own, Discord is the sandbox; and without that there is none. */
export function playDiscord(env: Env, hasSandbox: boolean): void {
  if (env["DISCORD_DEMO_PRIVATE_KEY"] === undefined) return;
  if (hasSandbox) env["DISCORD_BASE_URL"] ??= `${sandboxUrl(env)}/discord/api/v10`;
  else for (const name of ["APPLICATION_ID", "PUBLIC_KEY", "DEMO_PRIVATE_KEY"]) delete env[`DISCORD_${name}`];
}

/** Without a real AnyTrack account, conversions for AnyTrack go to the sandbox. */
export function playCollect(env: Env, hasSandbox: boolean): void {
  const own = ["ANYTRACK_INTEGRATION", "ANYTRACK_ACCOUNT_ID", "ANYTRACK_COLLECT_URL", "ANYTRACK_API_KEY"];
  if (!hasSandbox || Object.keys(env).some((name) => own.some((start) => name.startsWith(start)))) return;
  env["ANYTRACK_COLLECT_URL"] = `${sandboxUrl(env)}/anytrack`;
  const { clients } = loadConfig({ DATABASE_URL: "postgres://not-yet", ...env }, vendors, feeds);
  for (const client of clients) {
    env[settingName("ANYTRACK_ACCOUNT_ID", client)] = `sandbox-${client}`;
    env[settingName("ANYTRACK_INTEGRATION", client)] = "sandbox";
  }
}

/** There only for clients that have a key: no mock takes its place. */
const isOptional = (vendor: string) =>
  vendors.some(({ name, optional, isPlayed }) => name === vendor && optional === true && isPlayed !== true);

/** Made-up sandbox data must not go to a real account. */
function deliversForReal(accounts: Config["accounts"], client: string): boolean {
  return [...accounts.values()].some((one) => one.isDestination && one.client === client && one.secrets !== null);
}

export function isAllPlayed(config: Config, sandbox: ReadonlySet<string>): boolean {
  return [...config.accounts.values()].every((account) => account.secrets === null || sandbox.has(account.name));
}
