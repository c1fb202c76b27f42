import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { loadConfig, settingName, type Config } from "../core/config.ts";
import { projectRoot, readEnvironment, stackFile } from "../core/environment.ts";
import { createRedactor } from "../core/redact.ts";
import { issueToken } from "../core/tokens.ts";
import { prepareFolder } from "../connectors/file-places.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { migrateDatabase } from "../schema/migrate.ts";
import { openDatabase } from "../schema/database.ts";
import { connectClient, temporalAddress } from "../temporal/connection.ts";
import { applySchedules } from "../temporal/schedules.ts";
import { registerSearchAttributes } from "../temporal/search-attributes.ts";
import { plannedSchedules } from "../temporal.config.ts";
import { startPostgres } from "./embedded/postgres.ts";
import { assertPortFree } from "./embedded/process.ts";
import { startTemporal } from "./embedded/temporal.ts";
import { defaultDataDir } from "./embedded/unprivileged.ts";
import { loadFirstMapping } from "./mapping-file.ts";
import { exampleFile, loadExampleCreatives } from "./stack/example-creatives.ts";
import { followFirstPulls } from "./stack/first-pulls.ts";
import { printPanel } from "./stack/panel.ts";
import { superviseChild, type Child } from "./stack/supervise.ts";

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

  const env: Env = { ...given, ...(await localSecrets(root)) };
  env["API_PORT"] ??= "3003";
  const apiUrl = `http://${env["API_HOST"] ?? "127.0.0.1"}:${env["API_PORT"]}`;
  await assertPortFree(Number(env["API_PORT"]), "API_PORT");
  await Promise.all([embedPostgres(env, dataDir), embedTemporal(env, dataDir, apiUrl)]);
  const sandbox = await playMissingVendors(env, logDir);
  // The SDK's settings reader looks at process.env.
  Object.assign(process.env, env);
  const config = loadConfig(env, vendors, sources);

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
  const mapped = await loadFirstMapping(database, { client: config.clients[0] ?? "713" });
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
    token: await issueToken({
      secret: env["API_JWT_SECRET"] ?? "",
      client: config.clients[0] ?? "713",
      role: "admin",
      expiresInSeconds: 30 * 86_400,
      subject: "local",
    }),
    logDir: path.relative(process.cwd(), logDir) || logDir,
  });
  await followFirstPulls({ config, client: temporal.client, database, accounts: accountsToPull(config) });
  console.log("\n  Running. Ctrl-C stops everything.\n");
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
  const optional = new Set(vendors.filter((vendor) => vendor.optional === true).map((vendor) => vendor.name));
  const played = [...accounts.values()].filter((account) => account.secrets === null && !optional.has(account.vendor));
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
  }
  return new Set(played.map((account) => account.name));
}

/** Secrets of this machine's own stack, made once and kept where only their owner reads them. */
async function localSecrets(root: string): Promise<Env> {
  const file = path.join(root, ".signal-room", "local-secrets.json");
  const kept = existsSync(file) ? (JSON.parse(await readFile(file, "utf8")) as Env) : {};
  const made = {
    API_JWT_SECRET: randomBytes(32).toString("base64url"),
    IDENTITY_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    ...kept,
  };
  if (Object.keys(made).length > Object.keys(kept).length) {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  }
  const set = readEnvironment(process.env);
  const signsOtherwise = set["API_JWT_SECRET"] !== undefined || set["API_JWKS_URL"] !== undefined;
  return {
    ...(signsOtherwise ? {} : { API_JWT_SECRET: made.API_JWT_SECRET }),
    ...(set["IDENTITY_ENCRYPTION_KEY"] === undefined ? { IDENTITY_ENCRYPTION_KEY: made.IDENTITY_ENCRYPTION_KEY } : {}),
  };
}

/** Where this stack's own doors are: other commands need them, also when they were set by hand for this start alone. */
const doors = ["DATABASE_URL", "TEMPORAL_ADDRESS", "API_HOST", "API_PORT", "CLIENTS", "IMPORT_DIR"];

/** What the other commands need to find this stack. Keys set by hand are not copied to a file. */
async function writeStackFile(env: Env, given: Env): Promise<void> {
  const kept = Object.entries(env).filter(([name, value]) => given[name] !== value || doors.includes(name));
  await writeFile(stackFile(), JSON.stringify(Object.fromEntries(kept), null, 2), { mode: 0o600 });
}

function accountsToPull(config: Config): { source: string; client: string }[] {
  return sources.flatMap((source) =>
    config.clients
      .filter((client) => config.accounts.get(`${source.vendor.name}/${client}`)?.secrets != null)
      .map((client) => ({ source: source.name, client })),
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
