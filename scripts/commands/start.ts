import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Client } from "@temporalio/client";
import { loadConfig, settingName, type Config } from "../../settings/config.ts";
import { addDays, dayAt } from "../../core/days.ts";
import { projectRoot, readEnvironment, stackFile } from "../../settings/environment.ts";
import { createRedactor } from "../../core/redact.ts";
import { issueToken } from "../../core/tokens.ts";
import { destinations, sources, vendors } from "../../connectors/registry.ts";
import { prepareFolder } from "../../connectors/files/file-places.ts";
import { migrateDatabase } from "../../schema/migrate.ts";
import { openDatabase } from "../../schema/database.ts";
import { connectClient, temporalAddress } from "../../temporal/connection.ts";
import { applySchedules } from "../../temporal/schedules.ts";
import { registerSearchAttributes } from "../../temporal/search-attributes.ts";
import { plannedSchedules, type PlannedSchedule } from "../../temporal.config.ts";
import { startPostgres } from "../embedded/postgres.ts";
import { assertPortFree } from "../embedded/process.ts";
import { startTemporal } from "../embedded/temporal.ts";
import { defaultDataDir } from "../embedded/unprivileged.ts";
import { loadFirstMapping } from "../shared/mapping-file.ts";
import { followFirstPulls, type FirstPull } from "../stack/first-pulls.ts";
import { sendFirstWebhooks } from "../stack/first-webhooks.ts";
import { exampleFile, loadExampleCreatives } from "../stack/example-creatives.ts";
import { printPanel } from "../stack/panel.ts";
import { superviseChild, type Child } from "../stack/supervise.ts";

type Env = Record<string, string>;

/** What has been started, to be stopped in the reverse order. */
const running: { name: string; stop: () => Promise<unknown> }[] = [];
let stopping: Promise<void> | null = null;

const say = (message: string) => console.log(`  ${message}`);

/** Everything on one machine: servers that no setting names are embedded, vendors without a key are played by the sandbox. */
async function main(): Promise<void> {
  process.on("SIGINT", () => void stop("stopping", 0));
  process.on("SIGTERM", () => void stop("stopping", 0));
  const root = projectRoot();
  // The file of an earlier stack must not answer for this one.
  await rm(stackFile(), { force: true });
  const given = definedOnly(readEnvironment(process.env));
  const dataDir = given["DATA_DIR"] ?? defaultDataDir(root);
  const logDir = path.join(path.dirname(stackFile()), "logs");
  await mkdir(logDir, { recursive: true });
  console.log("\nSignal Room is starting\n");

  const local = await localSecrets(root, given);
  const env: Env = { ...given, ...local };
  env["API_PORT"] ??= "3003";
  const apiUrl = `http://${env["API_HOST"] ?? "127.0.0.1"}:${env["API_PORT"]}`;
  await assertPortFree(Number(env["API_PORT"]), "API_PORT");
  await Promise.all([embedPostgres(env, dataDir), embedTemporal(env, dataDir, apiUrl)]);
  const sandbox = await playMissingVendors(env, logDir);
  playDiscord(env, sandbox.size > 0);
  // The SDK's settings reader looks at process.env.
  Object.assign(process.env, env);
  const config = loadConfig(env, vendors, sources);
  const [client = ""] = config.clients;
  const hookUrl = `${apiUrl}/hooks/anytrack/${config.anytrack.webhookSecrets.get(client)}`;
  const isLocalHook = config.anytrack.webhookSecrets.get(client) === local["ANYTRACK_WEBHOOK_SECRET"];

  const { applied } = await migrateDatabase(config.databaseUrl);
  if (applied > 0) say(`database: ${applied} migrations applied`);
  const temporal = await connectClient(config, { waitMs: 30_000, onWait: say });
  const database = openDatabase({
    url: config.databaseUrl,
    poolSize: 3,
    name: "signal-room start",
    onError: () => undefined,
  });
  running.push({ name: "connections", stop: () => Promise.allSettled([temporal.close(), database.end()]) });
  const mapped = await loadFirstMapping(database, { client });
  if (mapped !== null) say(`mapping: ${mapped.inserted} rows from internal-affiliates.csv`);
  await prepareFolder(config.ingest.importDir);
  // Into a database of somebody's own nothing is put that was not asked for.
  const examples =
    given["DATABASE_URL"] === undefined
      ? await loadExampleCreatives(database, { client: config.clients[0] ?? "713" })
      : null;
  if (examples !== null)
    say(`creatives: ${examples.inserted} of the example, to try \`npm run ingest -- ${exampleFile}\``);
  if (config.searchAttributes) await registerSearchAttributes(temporal.connection, temporalAddress().namespace);
  await applySchedules(temporal.client, plannedSchedules(config));
  await writeStackFile(env, given);

  const children = await Promise.all([
    superviseChild({ name: "worker", script: "workers/main.js", env, logDir, onProblem: say }),
    superviseChild({ name: "api", script: "api/main.js", env, logDir, onProblem: say }),
  ]);
  for (const child of children) running.push(child);

  await printPanel({
    config,
    client: temporal.client,
    apiUrl,
    uiUrl: env["TEMPORAL_UI_URL"] ?? null,
    sandbox,
    hook: isLocalHook ? hookUrl : null,
    token: await issueToken({
      secret: env["API_JWT_SECRET"] ?? "",
      client,
      role: "admin",
      expiresInSeconds: 30 * 86_400,
      subject: "local",
    }),
    logDir: path.relative(process.cwd(), logDir) || logDir,
  });
  // Made-up conversions never join real ones.
  if (isLocalHook && sandbox.size > 0 && isAllPlayed(config, sandbox))
    await sendFirstWebhooks({ sandboxUrl: sandboxUrl(env), hookUrl, client, say });
  await followFirstPulls({ config, client: temporal.client, database, accounts: accountsToPull(config, env, sandbox) });
  await deliverAtOnce(temporal.client, plannedSchedules(config));
  console.log("\n  Running. Ctrl-C stops everything.\n");
}

/** The schedule's own next run may be ten minutes away. */
async function deliverAtOnce(client: Client, schedules: readonly PlannedSchedule[]): Promise<void> {
  const deliveries = schedules.find(({ options }) => options.action.workflowType === "deliverConversions");
  if (deliveries !== undefined) await client.schedule.getHandle(deliveries.scheduleId).trigger();
}

async function embedPostgres(env: Env, dataDir: string): Promise<void> {
  if (env["DATABASE_URL"] !== undefined) return;
  const postgres = await startPostgres({
    dataDir: path.join(dataDir, "postgres"),
    port: Number(env["POSTGRES_PORT"] ?? 55432),
    database: "signal_room",
    onProgress: (message) => say(`Postgres: ${message}`),
  });
  running.unshift({ name: "Postgres", stop: postgres.stop });
  env["DATABASE_URL"] = postgres.url;
  void postgres.exited.then(() => stop("Postgres ended by itself; its log is " + postgres.logFile, 1));
}

async function embedTemporal(env: Env, dataDir: string, apiUrl: string): Promise<void> {
  if (
    env["TEMPORAL_ADDRESS"] !== undefined ||
    env["TEMPORAL_PROFILE"] !== undefined ||
    env["TEMPORAL_CONFIG_FILE"] !== undefined
  )
    return;
  const temporal = await startTemporal({
    dataDir: path.join(dataDir, "temporal"),
    port: Number(env["TEMPORAL_PORT"] ?? 7233),
    uiPort: Number(env["TEMPORAL_UI_PORT"] ?? 8233),
    namespace: env["TEMPORAL_NAMESPACE"] ?? "default",
    codecEndpoint: env["PAYLOAD_ENCRYPTION_KEY"] === undefined ? undefined : `${apiUrl}/codec`,
    onProgress: (message) => say(`Temporal: ${message}`),
  });
  running.unshift({ name: "Temporal", stop: temporal.stop });
  env["TEMPORAL_ADDRESS"] = temporal.address;
  env["TEMPORAL_NAMESPACE"] ??= "default";
  if (temporal.uiUrl !== undefined) env["TEMPORAL_UI_URL"] = temporal.uiUrl;
  void temporal.exited.then(() => stop("Temporal ended by itself; its log is " + temporal.logFile, 1));
}

/** Every account without a key gets the sandbox's address and a sandbox key, under its client's own setting names. */
async function playMissingVendors(env: Env, logDir: string): Promise<Set<string>> {
  const { accounts } = loadConfig(
    { ...env, DATABASE_URL: env["DATABASE_URL"] ?? "postgres://unused" },
    vendors,
    sources,
  );
  const played = [...accounts.values()].filter(
    (account) =>
      account.secrets === null &&
      !isOptional(account.vendor) &&
      (isDestination(account.vendor) || !deliversForReal(accounts, account.client)),
  );
  if (played.length === 0 || env["SANDBOX"] === "off") return new Set();
  const port = Number((env["SANDBOX_PORT"] ??= "3010"));
  await assertPortFree(port, "SANDBOX_PORT");
  const child: Child = await superviseChild({
    name: "sandbox",
    script: "sandbox/main.js",
    env,
    logDir,
    onProblem: say,
    readyUrl: `http://127.0.0.1:${port}/_control`,
  });
  running.push(child);
  for (const account of played) {
    env[settingName(account.vendor, "BASE_URL", account.client)] = `http://127.0.0.1:${port}/${account.vendor}`;
    const vendor = vendors.find((candidate) => candidate.name === account.vendor);
    for (const name of Object.keys(vendor?.secrets.shape ?? {}))
      env[settingName(name, account.client)] = `sandbox-${account.client}`;
    // What is too old or too new for a stand-in counts from its own present.
    const present = env["SANDBOX_NOW"] ?? env["SANDBOX_TODAY"];
    if (isDestination(account.vendor) && present !== undefined)
      env[settingName(account.vendor, "CLOCK", account.client)] = present;
  }
  return new Set(played.map((account) => account.name));
}

const sandboxUrl = (env: Env) => `http://127.0.0.1:${env["SANDBOX_PORT"]}`;

const isDestination = (vendor: string) => destinations.some(({ name }) => name === vendor);

/** There only for clients that have a key: no stand-in takes its place. */
const isOptional = (vendor: string) => vendors.some(({ name, optional }) => name === vendor && optional === true);

/** What the sandbox makes up must not go out to anybody's real account. */
function deliversForReal(accounts: Config["accounts"], client: string): boolean {
  return destinations.some(({ name }) => (accounts.get(`${name}/${client}`)?.secrets ?? null) !== null);
}

function isAllPlayed(config: Config, sandbox: Set<string>): boolean {
  return [...config.accounts.values()].every((account) => account.secrets === null || sandbox.has(account.name));
}

/** Without an application of one's own, Discord is the sandbox; and without that there is none. */
function playDiscord(env: Env, hasSandbox: boolean): void {
  if (env["DISCORD_DEMO_PRIVATE_KEY"] === undefined) return;
  if (hasSandbox) env["DISCORD_BASE_URL"] ??= `http://127.0.0.1:${env["SANDBOX_PORT"]}/discord/api/v10`;
  else for (const name of ["APPLICATION_ID", "PUBLIC_KEY", "DEMO_PRIVATE_KEY"]) delete env[`DISCORD_${name}`];
}

/** Secrets of this machine's own stack, made once and kept where only their owner reads them. */
async function localSecrets(root: string, set: Env): Promise<Env> {
  const file = path.join(root, ".signal-room", "local-secrets.json");
  const kept = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as Env) : {};
  const made = {
    API_JWT_SECRET: randomBytes(32).toString("base64url"),
    IDENTITY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    ANYTRACK_WEBHOOK_SECRET: randomBytes(24).toString("base64url"),
    CREDENTIALS_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    ...discordKeyPair(),
    ...kept,
  };
  if (Object.keys(made).length > Object.keys(kept).length) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  }
  const signsOtherwise = set["API_JWT_SECRET"] !== undefined || set["API_JWKS_URL"] !== undefined;
  const unset = (name: keyof typeof made) => (set[name] === undefined ? { [name]: made[name] } : {});
  return {
    ...(signsOtherwise ? {} : { API_JWT_SECRET: made.API_JWT_SECRET }),
    ...unset("IDENTITY_ENCRYPTION_KEY"),
    ...unset("CREDENTIALS_ENCRYPTION_KEY"),
    ...(Object.keys(set).some((name) => name.startsWith("ANYTRACK_WEBHOOK_SECRET"))
      ? {}
      : { ANYTRACK_WEBHOOK_SECRET: made.ANYTRACK_WEBHOOK_SECRET }),
    // Discord's part is played here: with a key pair of our own the demo signs as Discord does.
    ...(set["DISCORD_PUBLIC_KEY"] === undefined
      ? {
          DISCORD_APPLICATION_ID: "1001",
          DISCORD_PUBLIC_KEY: made.DISCORD_PUBLIC_KEY,
          DISCORD_DEMO_PRIVATE_KEY: made.DISCORD_DEMO_PRIVATE_KEY,
        }
      : {}),
  };
}

/** The public key as Discord's portal shows it, the private one as base64 of its PKCS #8 form. */
function discordKeyPair() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    DISCORD_PUBLIC_KEY: publicKey.export({ format: "der", type: "spki" }).subarray(-32).toString("hex"),
    DISCORD_DEMO_PRIVATE_KEY: privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
  };
}

/** Where this stack's own doors are: other commands need them, also when they were set by hand for this start alone. */
const doors = ["DATABASE_URL", "TEMPORAL_ADDRESS", "API_HOST", "API_PORT", "SANDBOX_PORT", "CLIENTS", "IMPORT_DIR"];

/** What the other commands need to find this stack. Keys set by hand are not copied to a file. */
async function writeStackFile(env: Env, given: Env): Promise<void> {
  const kept = Object.entries(env).filter(([name, value]) => given[name] !== value || doors.includes(name));
  await writeFile(stackFile(), JSON.stringify(Object.fromEntries(kept), null, 2), { mode: 0o600 });
}

/** A source whose vendor is played on a day gone by is read up to that day: there is nothing later. */
function accountsToPull(config: Config, env: Env, sandbox: Set<string>): FirstPull[] {
  const pinned = env["SANDBOX_TODAY"] ?? env["SANDBOX_NOW"]?.slice(0, 10);
  const today = dayAt(new Date(), "America/New_York");
  return sources.flatMap((source) =>
    config.clients
      .filter((client) => config.accounts.get(`${source.vendor.name}/${client}`)?.secrets != null)
      .map((client) => {
        const account = { source: source.name, client };
        const { lookbackDays } = config.windows.get(source.name) ?? source.window;
        return pinned !== undefined && pinned < today && sandbox.has(`${source.vendor.name}/${client}`)
          ? { ...account, days: { from: addDays(pinned, -lookbackDays), to: pinned } }
          : account;
      }),
  );
}

function definedOnly(env: Record<string, string | undefined>): Env {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function stop(reason: string, exitCode: number): Promise<void> {
  stopping ??= (async () => {
    console.log(`\n  ${reason}`);
    // The last started stops first; the servers, which everything needs, last.
    for (const part of running.reverse()) {
      await part
        .stop()
        .catch((error: unknown) => say(`${part.name}: ${error instanceof Error ? error.message : String(error)}`));
    }
    console.log("  stopped\n");
    process.exit(exitCode);
  })();
  await stopping;
}

main().catch((error: unknown) => {
  const redact = createRedactor([]);
  const message = error instanceof Error ? error.message : String(error);
  void stop(redact(process.env["DEBUG"] === undefined ? message : String((error as Error).stack)), 1);
});
