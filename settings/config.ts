import { z } from "zod";
import { readAnytrackSettings, type AnytrackSettings } from "./anytrack.ts";
import { isDay } from "../core/days.ts";
import { readDiscordSettings, type DiscordConfig } from "./discord.ts";
import { keySettings, problemsOfKeys, readKeys, secretsOfKeys, type Keys } from "./keys.ts";
import { readReconSettings, type ReconSettings } from "./recon.ts";
import { readIngestSettings, type IngestSettings } from "./files.ts";
import type { Env } from "./shapes.ts";
import { settingInForce, settingName } from "../core/setting-name.ts";

/** What the configuration needs to know of a vendor; the vendors themselves are declared beside their sources. */
export interface VendorSettings {
  name: string;
  baseUrl: string;
  pace: Pace;
  secrets: z.ZodObject;
  /** What else can be set for an account and may be printed; one without a client's suffix holds for all clients. */
  settings?: z.ZodObject | undefined;
  /** Conversions are sent to it. */
  isDestination?: boolean;
}

/** What the configuration needs to know of a source. */
export interface SourceSettings {
  name: string;
  window: Window;
  slices: { timezone: string };
  schedule: Schedule;
}

/** When a source is fetched by schedule: at `minute` past each of these hours, both included. */
export interface Schedule {
  hours: { from: number; to: number };
  minute: number;
  /** Shown beside the schedule in Temporal's UI. */
  comment: string;
}

/** The same for one source, by the clock of its zone. */
export interface SyncSchedule extends Schedule {
  source: string;
  timezone: string;
}

/** How fast one account may be asked, over all workers together. */
export interface Pace {
  intervalMs: number;
  concurrent: number;
}

/**
 * Which days a run reads beside its own: `incremental` those that are not final, `rolling` also the last days again
 * once a day, `full` everything from a day on once a day.
 */
export interface Window {
  mode: "incremental" | "rolling" | "full";
  lookbackDays: number;
  from?: string | undefined;
}

/** One client's account at one vendor. */
export interface Account {
  /** `redtrack/713`: the rate gate's key. */
  name: string;
  vendor: string;
  client: string;
  /** Conversions are sent to it. */
  isDestination: boolean;
  baseUrl: string;
  pace: Pace;
  /** Null when the client has no key for this vendor. */
  secrets: Record<string, string> | null;
  settings: Record<string, string>;
  /** The names of the settings that are missing. */
  missing: string[];
}

export interface Config extends Keys {
  environment: "development" | "production" | "test";
  databaseUrl: string;
  databasePoolSize: number;
  clients: string[];
  /** A prefix of every task queue, so that several stacks can share a namespace. */
  queuePrefix: string;
  accounts: Map<string, Account>;
  windows: Map<string, Window>;
  /** One for each source. */
  schedules: SyncSchedule[];
  worker: {
    queues: string[] | null;
    vendorSlots: number;
    metricsAddress: string | null;
    deployment: { name: string; buildId: string } | null;
    unavailableAttempts: number;
    shutdownGraceMs: number;
  };
  api: {
    host: string;
    port: number;
    jwtSecret: string | null;
    /** Checks tokens that were signed before the secret was changed; signs none. */
    previousJwtSecret: string | null;
    jwksUrl: string | null;
    /** A token's audience and issuer: an identity provider serves other applications too. */
    audience: string | null;
    issuer: string | null;
    trustedProxies: string[];
  };
  searchAttributes: boolean;
  /** Conversions up to this old are delivered by themselves. */
  deliveryLookbackDays: number;
  alertWebhookUrl: string | null;
  /** The share of a day's rows, 0 to 100, that an answer may lose at once and still be believed. */
  mostWithdrawnPercent: number;
  logLevel: string;
  retention: {
    receiptsDays: number | null;
    restatementsDays: number | null;
    quarantineDays: number | null;
    runsDays: number | null;
  };
  /** Where the mock servers are, for a platform that is switched to its own. */
  sandboxUrl: string;
  anytrack: AnytrackSettings;
  discord: DiscordConfig;
  recon: ReconSettings;
  /** Submissions that one affiliate's key may send a minute. */
  submissionsPerMinute: number;
  ingest: IngestSettings;
  /** Every value that must never be printed. */
  secrets: string[];
}

/** One error with every setting that is wrong, so that they can be fixed together. */
export class ConfigError extends Error {
  constructor(readonly problems: string[]) {
    super(
      `The settings have ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:\n${problems.map((problem) => `  - ${problem}`).join("\n")}\nSee .env.example for each setting.`,
    );
    this.name = "ConfigError";
  }
}

const port = z.coerce.number().int().min(0).max(65535);
const positive = z.coerce.number().int().min(1);
const days = z.preprocess((text) => (text === "forever" ? null : text), z.coerce.number().int().min(1).nullable());
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== ""),
);

const general = z.object({
  NODE_ENV: z.enum(["development", "production", "test"]).default("development"),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// address" })
    .refine((url) => !/%(?![0-9A-Fa-f]{2})/.test(url), "has a % that starts no escape: write it as %25"),
  DATABASE_POOL_SIZE: positive.default(12),
  CLIENTS: list
    .pipe(z.array(z.string().regex(/^[A-Za-z0-9_-]{1,40}$/, "a client id has letters, digits, - and _")).min(1))
    .prefault("713"),
  TASK_QUEUE_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]*$/)
    .default(""),
  WORKER_QUEUES: list.optional(),
  VENDOR_SLOTS: positive.default(20),
  WORKER_METRICS_ADDRESS: z
    .string()
    .regex(/^[^:]+:\d+$/, "must be host:port")
    .optional(),
  WORKER_DEPLOYMENT_NAME: z.string().min(1).optional(),
  WORKER_BUILD_ID: z.string().min(1).optional(),
  WORKER_SHUTDOWN_GRACE_MS: z.coerce.number().int().min(0).default(5_000),
  UNAVAILABLE_ATTEMPTS: positive.default(8),
  API_HOST: z.string().default("127.0.0.1"),
  API_PORT: port.default(3003),
  API_JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .refine((url) => url.startsWith("https:") || isLoopback(new URL(url).hostname), "must be an https:// address")
    .optional(),
  API_JWT_AUDIENCE: z.string().min(1).optional(),
  API_JWT_ISSUER: z.string().min(1).optional(),
  API_TRUSTED_PROXIES: list.prefault(""),
  SEARCH_ATTRIBUTES: z.enum(["on", "off"]).default("on"),
  ...keySettings,
  SUBMISSIONS_PER_MINUTE: positive.default(120),
  DELIVERY_LOOKBACK_DAYS: positive.max(400).default(30),
  ALERT_WEBHOOK_URL: z.url().optional(),
  MOST_WITHDRAWN_PERCENT: z.coerce.number().min(0).max(100).default(50),
  SANDBOX_URL: z.url().optional(),
  SANDBOX_HOST: z.string().min(1).default("127.0.0.1"),
  SANDBOX_PORT: port.default(3010),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  RETENTION_RECEIPTS_DAYS: days.default(null),
  RETENTION_RESTATEMENTS_DAYS: days.default(null),
  RETENTION_QUARANTINE_DAYS: days.default(null),
  RETENTION_RUNS_DAYS: days.default(null),
});

/**
 * Reads every setting once. Vendor settings may carry a client's suffix: `REDTRACK_API_KEY_ACME`. Keys without a
 * suffix belong to the first client alone; addresses and paces without one hold for all.
 */
export function loadConfig(
  rawEnv: Env,
  vendors: readonly VendorSettings[],
  sources: readonly SourceSettings[],
): Config {
  // A setting left empty in .env means "not set".
  const env = Object.fromEntries(
    Object.entries(rawEnv).filter(([, value]) => value !== undefined && value !== ""),
  ) as Record<string, string>;
  const problems: string[] = [];
  const parsed = general.safeParse(env);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const name = String(issue.path[0]);
      problems.push(env[name] === undefined ? `${name} is missing` : `${name}: ${issue.message}`);
    }
  }
  const clients = parsed.success ? [...new Set(parsed.data.CLIENTS)] : ["713"];
  for (const [index, client] of clients.entries()) {
    const twin = clients.slice(0, index).find((earlier) => settingName(earlier) === settingName(client));
    if (twin !== undefined)
      problems.push(`CLIENTS: ${twin} and ${client} would share the settings that end in _${settingName(client)}`);
  }
  const accounts = new Map<string, Account>();
  for (const vendor of vendors) {
    for (const client of clients) {
      const account = readAccount(env, vendor, client, client === clients[0], problems);
      accounts.set(account.name, account);
    }
  }
  const windows = new Map(sources.map((source) => [source.name, readWindow(env, source, problems)]));
  const ofClient = (name: string, client: string, scope: "own" | "shared") =>
    env[settingName(name, client)] ?? (scope === "shared" || client === clients[0] ? env[name] : undefined);
  const anytrack = readAnytrackSettings(env, clients, ofClient, problems);
  const discord = readDiscordSettings(env, clients, ofClient, problems);
  const recon = readReconSettings(env, problems);
  if (discord.applications.size > 0 && env["CREDENTIALS_ENCRYPTION_KEY"] === undefined)
    problems.push("CREDENTIALS_ENCRYPTION_KEY is missing: DISCORD_PUBLIC_KEY needs it");
  problems.push(...problemsOfKeys(env));
  // One provider signs for many applications: without these, any of their tokens would open this server.
  for (const name of ["API_JWT_AUDIENCE", "API_JWT_ISSUER"])
    if (env["API_JWKS_URL"] !== undefined && env[name] === undefined)
      problems.push(`${name} is missing: API_JWKS_URL needs it`);
  const ingest = readIngestSettings(env, clients, ofClient, problems);
  // A setting that holds for all clients is wrong once, not once for each.
  if ((env["WORKER_DEPLOYMENT_NAME"] === undefined) !== (env["WORKER_BUILD_ID"] === undefined)) {
    problems.push("WORKER_DEPLOYMENT_NAME and WORKER_BUILD_ID go together: set both or neither");
  }
  if (!parsed.success || problems.length > 0) throw new ConfigError([...new Set(problems)]);

  const values = parsed.data;
  const accountSecrets = [...accounts.values()].flatMap((account) => Object.values(account.secrets ?? {}));
  const databasePassword = decodeURIComponent(new URL(values.DATABASE_URL).password);
  return {
    environment: values.NODE_ENV,
    databaseUrl: values.DATABASE_URL,
    databasePoolSize: values.DATABASE_POOL_SIZE,
    clients,
    queuePrefix: values.TASK_QUEUE_PREFIX,
    accounts,
    windows,
    schedules: sources.map(({ name, slices, schedule }) => ({ source: name, timezone: slices.timezone, ...schedule })),
    worker: {
      queues: values.WORKER_QUEUES ?? null,
      vendorSlots: values.VENDOR_SLOTS,
      metricsAddress: values.WORKER_METRICS_ADDRESS ?? null,
      deployment:
        values.WORKER_DEPLOYMENT_NAME !== undefined && values.WORKER_BUILD_ID !== undefined
          ? { name: values.WORKER_DEPLOYMENT_NAME, buildId: values.WORKER_BUILD_ID }
          : null,
      unavailableAttempts: values.UNAVAILABLE_ATTEMPTS,
      shutdownGraceMs: values.WORKER_SHUTDOWN_GRACE_MS,
    },
    api: {
      host: values.API_HOST,
      port: values.API_PORT,
      jwtSecret: values.API_JWT_SECRET ?? null,
      previousJwtSecret: values.API_JWT_SECRET_PREVIOUS ?? null,
      jwksUrl: values.API_JWKS_URL ?? null,
      audience: values.API_JWT_AUDIENCE ?? null,
      issuer: values.API_JWT_ISSUER ?? null,
      trustedProxies: values.API_TRUSTED_PROXIES,
    },
    searchAttributes: values.SEARCH_ATTRIBUTES === "on",
    ...readKeys(values),
    deliveryLookbackDays: values.DELIVERY_LOOKBACK_DAYS,
    alertWebhookUrl: values.ALERT_WEBHOOK_URL ?? null,
    mostWithdrawnPercent: values.MOST_WITHDRAWN_PERCENT,
    logLevel: values.LOG_LEVEL,
    retention: {
      receiptsDays: values.RETENTION_RECEIPTS_DAYS,
      restatementsDays: values.RETENTION_RESTATEMENTS_DAYS,
      quarantineDays: values.RETENTION_QUARANTINE_DAYS,
      runsDays: values.RETENTION_RUNS_DAYS,
    },
    sandboxUrl: values.SANDBOX_URL ?? `http://${values.SANDBOX_HOST}:${values.SANDBOX_PORT}`,
    anytrack,
    discord,
    recon,
    submissionsPerMinute: values.SUBMISSIONS_PER_MINUTE,
    ingest,
    secrets: [
      ...accountSecrets,
      ...anytrack.webhookSecrets.values(),
      ...[...ingest.clients.values()].map(({ s3 }) => s3?.keys?.secretAccessKey),
      databasePassword,
      values.ALERT_WEBHOOK_URL,
      ...secretsOfKeys(env),
      ...[...discord.applications.values()].map(({ botToken }) => botToken),
      env["TEMPORAL_API_KEY"],
    ].filter((secret): secret is string => typeof secret === "string" && secret !== ""),
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

function readAccount(
  env: Record<string, string>,
  vendor: VendorSettings,
  client: string,
  isDefault: boolean,
  problems: string[],
): Account {
  const prefix = settingName(vendor.name);
  const inForce = (name: string) => settingInForce(env, name, client);
  const baseUrl = env[inForce(`${prefix}_BASE_URL`)] ?? vendor.baseUrl;
  if (!URL.canParse(baseUrl)) problems.push(`${inForce(`${prefix}_BASE_URL`)}: must be an address`);
  const number = (general: string, otherwise: number, least: number) => {
    const name = inForce(general);
    const text = env[name];
    if (text === undefined) return otherwise;
    const value = Number(text);
    if (Number.isInteger(value) && value >= least) return value;
    problems.push(`${name}: must be a whole number, at least ${least}`);
    return otherwise;
  };
  const found: Record<string, string> = {};
  const missing: string[] = [];
  for (const [name, shape] of Object.entries(vendor.secrets.shape)) {
    const value = env[settingName(name, client)] ?? (isDefault ? env[name] : undefined);
    const checked = (shape as z.ZodType).safeParse(value);
    if (checked.success) {
      if (checked.data !== undefined) found[name] = String(checked.data);
    } else if (value === undefined) {
      missing.push(isDefault ? name : settingName(name, client));
    } else {
      problems.push(`${inForce(name)}: ${checked.error.issues[0]?.message ?? "is not valid"}`);
    }
  }
  const settings: Record<string, string> = {};
  for (const [name, shape] of Object.entries(vendor.settings?.shape ?? {})) {
    const checked = (shape as z.ZodType).safeParse(env[inForce(name)]);
    if (!checked.success) problems.push(`${inForce(name)}: ${checked.error.issues[0]?.message ?? "is not valid"}`);
    else if (checked.data !== undefined) settings[name] = String(checked.data);
  }
  return {
    name: `${vendor.name}/${client}`,
    vendor: vendor.name,
    client,
    isDestination: vendor.isDestination === true,
    baseUrl,
    pace: {
      intervalMs: number(`${prefix}_INTERVAL_MS`, vendor.pace.intervalMs, 0),
      concurrent: number(`${prefix}_CONCURRENT`, vendor.pace.concurrent, 1),
    },
    secrets: missing.length === 0 ? found : null,
    settings,
    missing,
  };
}

function readWindow(env: Record<string, string>, source: SourceSettings, problems: string[]): Window {
  const prefix = settingName(source.name);
  const shape = z.object({
    mode: z.enum(["incremental", "rolling", "full"]).default(source.window.mode),
    lookbackDays: z.coerce.number().int().min(0).max(400).default(source.window.lookbackDays),
    from: z.string().refine(isDay, "must be a day, YYYY-MM-DD").optional(),
  });
  const parsed = shape.safeParse({
    mode: env[`${prefix}_MODE`],
    lookbackDays: env[`${prefix}_LOOKBACK_DAYS`],
    from: env[`${prefix}_FROM`] ?? source.window.from,
  });
  if (!parsed.success) {
    const names: Record<string, string> = { mode: "MODE", lookbackDays: "LOOKBACK_DAYS", from: "FROM" };
    for (const issue of parsed.error.issues)
      problems.push(`${prefix}_${names[String(issue.path[0])]}: ${issue.message}`);
    return source.window;
  }
  if (parsed.data.mode === "full" && parsed.data.from === undefined)
    problems.push(`${prefix}_FROM is missing: the mode "full" needs the day to start from`);
  return parsed.data;
}
