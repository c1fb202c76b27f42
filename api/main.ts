import { orNullAfter } from "../core/deadline.ts";
import { ConfigError, loadConfig } from "../settings/config.ts";
import { readEnvironment } from "../settings/environment.ts";
import { createLogger } from "../core/log.ts";
import { personDestinations } from "../rules/conversions/person-destinations.ts";
import { createRedactor } from "../core/redact.ts";
import { openColumnStore } from "../schema/clickhouse/column-store.ts";
import { openDatabase, type DatabaseOptions } from "../schema/database.ts";
import type { Api } from "./server/parts.ts";
import { createServer } from "./server.ts";
import { readApiSettings } from "./server/settings.ts";
import { openTemporal } from "./server/temporal.ts";
import { webArea } from "../web/pages.tsx";

/** A second is what a caller waits to hear that Postgres is away; whoever asks that may use up this much of it. */
const probeConnectTimeoutMs = 600;
/** How long a request may wait for a connection while Postgres is there. */
const connectTimeoutMs = 10_000;
const statementTimeoutMs = 10_000;
/** Promo events wait on the disk rather than here. One connection for impressions, clicks, the spool and offers each. */
const counting = { poolSize: 4, connectTimeoutMs: 300, statementTimeoutMs: 2_000, idleMs: 0 };
/** Requests under way may finish for this long. */
const stopGraceMs = 2_000;

/** The composition root: opens what is needed, none of which has to be there yet, and listens until told to stop. */
async function main(): Promise<void> {
  const env = readEnvironment(process.env);
  // The SDK's own settings reader looks at process.env.
  for (const [name, value] of Object.entries(env)) process.env[name] ??= value;
  const config = loadConfig(env, personDestinations, []);
  const settings = readApiSettings(env);
  const logger = createLogger({ name: "api", level: config.logLevel, redact: createRedactor(config.secrets) });
  const open = (name: string, own: Omit<DatabaseOptions, "url" | "name" | "poolMode">) =>
    openDatabase({
      url: config.databaseUrl,
      poolMode: config.databasePoolMode,
      name,
      statementTimeoutMs,
      onError: (error) => logger.warn({ err: error.message }, "an idle Postgres connection broke"),
      ...own,
    });
  const database = open("signal-room api", { poolSize: config.databasePoolSize, connectTimeoutMs });
  // Kept open: on a machine under load a new connection takes longer than the question may.
  const probe = open("signal-room api probe", { poolSize: 1, connectTimeoutMs: probeConnectTimeoutMs, idleMs: 0 });
  const promo = open("signal-room api promo", counting);
  probe.query("select 1").catch(() => undefined);
  const temporal = openTemporal(config);
  const store = config.clickhouse === null ? null : openColumnStore({ ...config.clickhouse, name: "signal-room api" });
  const parts = { config, settings, database, store, probe, counting: promo, temporal, logger };
  const api = await createServer(parts, [webArea]);

  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, "stopping: requests under way may finish");
    await closeWithin(api, stopGraceMs);
    const closing = [database.end(), probe.end(), promo.end(), temporal.close(), store?.close() ?? Promise.resolve()];
    await Promise.allSettled(closing.map((closed) => orNullAfter(500, closed)));
    logger.info("the HTTP server has stopped");
    // What still holds the process by now is a connection to something that is away.
    setTimeout(() => process.exit(), 200).unref();
  };
  process.on("SIGTERM", () => void stop("SIGTERM"));
  process.on("SIGINT", () => void stop("SIGINT"));
  // Whoever started us is gone, killed perhaps: nobody else would stop us.
  process.on("disconnect", () => void stop("the starter is gone"));

  const { host, port } = config.api;
  const address = await api.listen({ host, port }).catch((error: unknown) => {
    throw listenProblem(error, host, port);
  });
  logger.info({ address }, "the HTTP server is up");
  process.send?.("ready");
}

async function closeWithin(api: Api, graceMs: number): Promise<void> {
  const timer = setTimeout(() => api.server.closeAllConnections(), graceMs);
  await api.close();
  clearTimeout(timer);
}

/** A person made the mistake and can correct it: one line, no stack. */
class ListenError extends Error {}

function listenProblem(error: unknown, host: string, port: number): unknown {
  switch ((error as { code?: unknown }).code) {
    case "EADDRINUSE":
      return new ListenError(
        `Port ${port} on ${host} is in use by another program: stop it, or set API_PORT to a free port.`,
      );
    case "EACCES":
      return new ListenError(`Port ${port} on ${host} is not ours to open: set API_PORT to one above 1023.`);
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new ListenError(`This machine has no address ${host}: set API_HOST to one of its own.`);
    default:
      return error;
  }
}

main().catch((error: unknown) => {
  const readable = error instanceof ConfigError || error instanceof ListenError;
  const secrets = Object.values(process.env).filter((value): value is string => (value?.length ?? 0) > 11);
  console.error(
    readable
      ? error.message
      : createRedactor(secrets)(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  process.exit(1);
});
