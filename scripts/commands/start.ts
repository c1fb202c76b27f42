import { readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { loadConfig, type Config } from "../../settings/config.ts";
import { homeFolder, localFolder, readOwnEnvironment, stackFile } from "../../settings/environment.ts";
import { orNullAfter } from "../../core/deadline.ts";
import { createRedactor } from "../../core/redact.ts";
import { issueToken } from "../../core/tokens.ts";
import { feeds, vendors } from "../../connectors/registry.ts";
import { prepareFolder } from "../../connectors/files/file-places.ts";
import { migrateDatabase } from "../../schema/migrate.ts";
import { openDatabase, type Database } from "../../schema/database.ts";
import { temporalAddress } from "../../temporal/address.ts";
import { connectClient, type TemporalClient } from "../../temporal/connection.ts";
import { applySchedules } from "../../temporal/schedules.ts";
import { registerSearchAttributes } from "../../temporal/search-attributes.ts";
import { plannedSchedules } from "../../temporal.config.ts";
import { closeToOthers, defaultDataDir, makeFolder } from "../embedded/unprivileged.ts";
import { refuseLent } from "../shared/command-line.ts";
import { leavingController } from "../shared/leaving.ts";
import { createLoginLink } from "../shared/login-link.ts";
import { loadFirstMapping } from "../shared/affiliate-mapping-file.ts";
import { loadExampleOffers } from "../stack/example-offers.ts";
import { exampleFile } from "../shared/example-file.ts";
import { loadExampleCreatives } from "../stack/example-creatives.ts";
import { accountsToPull, deliverAtOnce, followFirstPulls, isFirstPull } from "../stack/first-pulls.ts";
import { sendFirstWebhooks } from "../stack/first-webhooks.ts";
import { downGraceMs, keepRunning, stopInOrder, type Stoppable } from "../stack/keep-running.ts";
import { localSecrets } from "../stack/local-secrets.ts";
import { printPanel } from "../stack/panel.ts";
import { readerLogin } from "../stack/reader-login.ts";
import {
  accountsOfSandbox,
  isAllPlayed,
  playCollect,
  playDiscord,
  startSandbox,
  sandboxUrl,
} from "../stack/sandbox.ts";
import {
  apiPort,
  assertStartable,
  embedPostgres,
  embedsPostgres,
  embedsTemporal,
  embedTemporal,
  sandboxPort,
} from "../stack/servers.ts";
import { ignoresHangup, onStarterExit } from "../stack/starter.ts";
import { endStarting, startChild } from "../stack/supervise.ts";
import { typedHere } from "../../settings/typed-here.ts";

type Env = Record<string, string>;

/** What has been started, to be stopped in the reverse order. */
const running: Stoppable[] = [];
let stopping: Promise<void> | null = null;
/** Aborted when the stop begins: what only watches ends before the connections that it watches by. */
const watching = leavingController();
let watched: Promise<unknown> = Promise.resolve();
/** Postgres and Temporal while they start: a stop that comes meanwhile stops them when they are up. */
let serversStart: Promise<unknown> = Promise.resolve();

/** Long enough for the first pulls to be watched before the link is opened. */
const startLinkMinutes = 10;

/** How long what only watches may take to notice. */
const watchedEndMs = 1_000;

/** How long servers that are still starting are waited for. */
const serversStartMs = 15_000;

const say = (message: string) => console.log(`  ${typedHere(message)}`);
/** When a server has died for good, an orderly stop is impossible and not waited for. */
const giveUp = (reason: string) => void stop(reason, 1, { graceMs: downGraceMs });

/** Everything on one machine: servers that no setting names are embedded; the sandbox answers for vendors without a key. */
async function main(): Promise<void> {
  process.on("SIGINT", () => void stop("stopping", 0));
  process.on("SIGTERM", () => void stop("stopping", 0));
  if (!ignoresHangup()) process.on("SIGHUP", () => void stop("the terminal is gone: stopping", 0));
  onStarterExit(() => void stop("whoever started this is gone: stopping", 0));
  // What is kept on this machine is its owner's alone, whoever writes it.
  process.umask(0o077);
  const given = definedOnly(readOwnEnvironment(process.env));
  const dataDir = given["DATA_DIR"] ?? defaultDataDir(homeFolder());
  const logDir = path.join(localFolder(), "logs");
  const mocked = accountsOfSandbox(given);
  await assertStartable(given, dataDir, [
    [apiPort(given), "API_PORT"],
    ...(mocked.length > 0 ? [[sandboxPort(given), "SANDBOX_PORT"] satisfies [number, string]] : []),
  ]);
  console.log("\nSignal Room is starting\n");
  prepareFolders(dataDir, logDir);

  const local = await localSecrets(localFolder(), given);
  const env: Env = { ...given, ...local.settings, API_PORT: String(apiPort(given)) };
  const apiUrl = `http://${env["API_HOST"] ?? "127.0.0.1"}:${env["API_PORT"]}`;
  const servers = await startServers({ env, dataDir, apiUrl });
  if (mocked.length > 0) running.push(await startSandbox(mocked, { env, logDir, say, giveUp }));
  const sandbox = new Set(mocked.map((account) => account.name));
  playDiscord(env, sandbox.size > 0);
  playCollect(env, sandbox.size > 0);
  // The SDK's settings reader looks at process.env.
  Object.assign(process.env, env);
  const config = loadConfig(env, vendors, feeds);
  const [client = ""] = config.clients;

  refuseLent(config);
  const { applied } = await migrateDatabase(config.databaseUrl, { onWait: say });
  if (applied > 0) say(`database: ${applied} migrations applied`);
  const temporal = await connectClient(config, { waitMs: 30_000, onWait: say });
  const database = openDatabase({
    url: config.databaseUrl,
    poolMode: config.databasePoolMode,
    poolSize: 3,
    name: "signal-room start",
    onError: () => undefined,
  });
  running.push({ name: "connections", stop: () => Promise.allSettled([temporal.close(), database.end()]) });
  await fillFirst(database, { client, config, isOurs: embedsPostgres(given) });
  if (config.searchAttributes) await registerSearchAttributes(temporal.connection, temporalAddress().namespace);
  await applySchedules(temporal.client, plannedSchedules(config));
  await writeStackFile(env, given);
  await startParts(env, logDir);

  const webhookSecret = config.anytrack.webhookSecrets.get(client);
  const isLocalHook = webhookSecret === local.settings["ANYTRACK_WEBHOOK_SECRET"];
  const hookUrl = `${apiUrl}/hooks/anytrack/${webhookSecret}`;
  const { superuserUrl } = servers;
  await printPanel({
    config,
    client: temporal.client,
    apiUrl,
    uiUrl: env["TEMPORAL_UI_URL"] ?? null,
    hook: isLocalHook ? hookUrl : null,
    readerUrl:
      superuserUrl === null
        ? null
        : await readerLogin({ superuserUrl, url: config.databaseUrl, password: local.readerPassword }),
    token: await localToken(config, client, env),
    loginUrl: await createLoginLink(database, {
      holder: { client, role: "admin", advertiser: null, affiliateId: null, subject: "local" },
      minutes: startLinkMinutes,
      apiUrl,
    }),
    logDir: path.relative(process.cwd(), logDir) || logDir,
  });
  // Made-up conversions never join real ones.
  if (isLocalHook && sandbox.size > 0 && isAllPlayed(config, sandbox))
    await sendFirstWebhooks({ sandboxUrl: sandboxUrl(env), hookUrl, client, say });
  watched = pullFirst({ config, temporal, database, env, sandbox });
  await watched;
  if (stopping === null) console.log("\n  Running. Ctrl-C stops everything.\n");
}

/** What whoever starts it may call the HTTP server with. */
function localToken({ api }: Config, client: string, env: Env): Promise<string> {
  return issueToken({
    secret: env["API_JWT_SECRET"] ?? "",
    client,
    role: "admin",
    expiresInSeconds: 30 * 86_400,
    subject: "local",
    audience: api.audience,
    issuer: api.issuer,
  });
}

function prepareFolders(dataDir: string, logDir: string): void {
  for (const folder of [localFolder(), dataDir, logDir]) makeFolder(folder);
  for (const folder of new Set([localFolder(), dataDir])) closeToOthers(folder);
}

interface ServersPlan {
  env: Env;
  dataDir: string;
  apiUrl: string;
}

/** Postgres and Temporal, where no setting names others. */
async function startServers({ env, dataDir, apiUrl }: ServersPlan): Promise<{ superuserUrl: string | null }> {
  const plan = { env, dataDir, say, giveUp };
  const codecEndpoint = env["PAYLOAD_ENCRYPTION_KEY"] === undefined ? undefined : `${apiUrl}/codec`;
  const starting = Promise.allSettled([
    embedsPostgres(env) ? embedPostgres(plan) : null,
    embedsTemporal(env) ? embedTemporal(plan, { codecEndpoint }) : null,
  ]);
  serversStart = starting;
  const started = await starting;
  for (const one of started) if (one.status === "fulfilled" && one.value !== null) running.unshift(one.value);
  for (const one of started) if (one.status === "rejected") throw one.reason;
  const [postgres, temporal] = started.map((one) => (one.status === "fulfilled" ? one.value : null));
  if (temporal != null && "address" in temporal.first) {
    env["TEMPORAL_ADDRESS"] = temporal.first.address;
    env["TEMPORAL_NAMESPACE"] ??= "default";
    if (temporal.first.uiUrl !== undefined) env["TEMPORAL_UI_URL"] = temporal.first.uiUrl;
  }
  if (postgres == null || !("superuserUrl" in postgres.first)) return { superuserUrl: null };
  env["DATABASE_URL"] = postgres.first.url;
  return { superuserUrl: postgres.first.superuserUrl };
}

/** What a new database starts with. A database of the user's own gets nothing that was not asked for. */
async function fillFirst(
  database: Database,
  { client, config, isOurs }: { client: string; config: Config; isOurs: boolean },
): Promise<void> {
  const mapped = await loadFirstMapping(database, { client });
  if (mapped !== null) say(`mapping: ${mapped.inserted} rows from internal-affiliates.csv`);
  await prepareFolder(config.ingest.importDir);
  const offers = isOurs ? await loadExampleOffers(database, { client }) : null;
  if (offers !== null)
    say(`example: ${offers.offers.inserted} promotional offers with ${offers.variations.inserted} texts`);
  const examples = isOurs ? await loadExampleCreatives(database, { client }) : null;
  if (examples === null) return;
  const { creatives, seats, campaigns } = examples;
  say(
    `example: ${creatives.inserted} creatives, ${seats.inserted} seats, ${campaigns.created} campaigns; try \`npm run ingest -- ${exampleFile}\``,
  );
}

async function startParts(env: Env, logDir: string): Promise<void> {
  const parts = [
    ["worker", "workers/main.js"],
    ["api", "api/main.js"],
  ] as const;
  await Promise.all(
    parts.map(async ([name, script]) => {
      const kept = await keepRunning({ name, say, giveUp, start: () => startChild({ name, script, env, logDir }) });
      // Neither part needs the other.
      running.push({ name, stop: kept.stop });
    }),
  );
}

interface FirstPullPlan {
  config: Config;
  temporal: TemporalClient;
  database: Database;
  env: Env;
  sandbox: ReadonlySet<string>;
}

async function pullFirst({ config, temporal, database, env, sandbox }: FirstPullPlan): Promise<void> {
  const accounts = accountsToPull({ config, env, sandbox, isFirst: await isFirstPull(database), now: new Date() });
  const { signal } = watching;
  await followFirstPulls({ config, client: temporal.client, database, accounts, signal });
  if (!signal.aborted) await deliverAtOnce(temporal.client, plannedSchedules(config), say);
}

/** Where this stack's own servers are: other commands need them, also when they were set by hand for this start alone. */
const places = ["DATABASE_URL", "TEMPORAL_ADDRESS", "API_HOST", "API_PORT", "SANDBOX_PORT", "CLIENTS", "IMPORT_DIR"];
const owner = "STACK_OWNER";

/** What the other commands need to find this stack. Keys set by hand are not copied to a file. */
async function writeStackFile(env: Env, given: Env): Promise<void> {
  const kept = Object.entries(env).filter(([name, value]) => given[name] !== value || places.includes(name));
  const next = `${stackFile()}.${process.pid}`;
  const content = { ...Object.fromEntries(kept), [owner]: String(process.pid) };
  await writeFile(next, JSON.stringify(content, null, 2), { mode: 0o600 });
  await rename(next, stackFile());
}

/** Commands must not look for a stack that has stopped; another stack's file stays. */
async function removeStackFile(): Promise<void> {
  const text = await readFile(stackFile(), "utf8").catch(() => "{}");
  const { [owner]: pid } = JSON.parse(text) as Env;
  if (pid === String(process.pid)) await rm(stackFile(), { force: true });
}

function definedOnly(env: Record<string, string | undefined>): Env {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

async function stop(reason: string, exitCode: number, { graceMs }: { graceMs?: number } = {}): Promise<void> {
  stopping ??= (async () => {
    console.log(`\n  ${typedHere(reason)}`);
    // A call that the client repeats later finds its channel closed, in a timer where nobody can catch what it throws.
    process.on("uncaughtException", () => undefined);
    watching.abort();
    endStarting();
    await orNullAfter(
      watchedEndMs,
      watched.catch(() => undefined),
    );
    await removeStackFile().catch(() => undefined);
    await orNullAfter(serversStartMs, serversStart);
    await stopInOrder(
      running,
      (name, error) => say(`${name}: ${error instanceof Error ? error.message : String(error)}`),
      graceMs,
    );
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
