import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { createLogger } from "../../core/log.ts";
import { maskContacts } from "../../core/personal.ts";
import { createRedactor } from "../../core/redact.ts";
import { sources, vendors } from "../../connectors/registry.ts";
import { openDatabase } from "../../schema/database.ts";
import { ConfigError, loadConfig } from "../../settings/config.ts";
import { readEnvironment } from "../../settings/environment.ts";
import { sayWhyItEnds } from "../say-why-it-ends.ts";
import { lookAtMonths } from "./look-at-months.ts";
import { runStream } from "./run-stream.ts";

/** Reads the topics that STREAMS names, until it is stopped. */
async function main(): Promise<void> {
  const config = loadConfig(readEnvironment(process.env), vendors, sources);
  const declared = [...config.streams.clients.values()].flatMap((settings) =>
    settings.declared.map((stream) => ({ stream, settings })),
  );
  if (declared.length === 0) throw new ConfigError(["STREAMS names no topic, so there is nothing to read"]);
  const erase = createRedactor(config.secrets);
  const logger = createLogger({ name: "consumer", level: config.logLevel, redact: erase });
  const database = openDatabase({
    url: config.databaseUrl,
    poolMode: config.databasePoolMode,
    poolSize: config.databasePoolSize,
    name: "signal-room consumer",
    statementTimeoutMs: 300_000,
    onError: (error) => logger.warn({ err: error.message }, "an idle Postgres connection broke"),
  });
  const ending = new AbortController();
  const stop = (signal: string) => {
    if (ending.signal.aborted) return;
    logger.info({ signal }, "stopping: what was read is stored first");
    ending.abort();
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  // The process that started us has ended, perhaps killed: nothing else would stop us.
  process.on("disconnect", () => stop("the starter is gone"));
  const parts = {
    config,
    database,
    logger,
    redact: (text: string) => maskContacts(erase(text)),
    consumer: `${hostname()}-${process.pid}-${randomBytes(3).toString("hex")}`,
    signal: ending.signal,
  };
  logger.info({ streams: declared.map(({ stream }) => stream.name), consumer: parts.consumer }, "consumer is up");
  process.send?.("ready");
  try {
    await Promise.all([
      lookAtMonths(parts),
      ...declared.map(({ stream, settings }) => runStream(parts, stream, settings)),
    ]);
  } finally {
    await database.end();
  }
  logger.info("consumer has stopped");
  if (process.connected) process.disconnect();
}

main().catch((error: unknown) => sayWhyItEnds(error, process.env));
