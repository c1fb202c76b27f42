import { createLogger } from "../core/log.ts";
import { createRedactor } from "../core/redact.ts";
import { sources, vendors } from "../connectors/registry.ts";
import { loadConfig } from "../settings/config.ts";
import { runStream } from "../workers/consume/run-stream.ts";
import type { TestDatabase } from "./database.ts";

export interface Declared {
  kafka?: string;
  kinesis?: string;
  combine?: "add";
  eventId?: string;
}

export interface Consuming {
  database: TestDatabase;
  declared: Declared;
  settings: Record<string, string>;
  consumer?: string;
  /** Where the log goes. */
  lines: string[];
}

/** A consumer of one topic, as the process runs it. */
export function startConsumer({ database, declared, settings, consumer = "one", lines }: Consuming) {
  const config = loadConfig(
    {
      DATABASE_URL: database.url,
      CREDENTIALS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
      STREAMS: JSON.stringify([declared]),
      STREAMS_FLUSH_SECONDS: "1",
      ...settings,
    },
    vendors,
    sources,
  );
  const redact = createRedactor(config.secrets);
  const logger = createLogger({ name: "consumer", level: "debug", redact, write: (line) => void lines.push(line) });
  const ending = new AbortController();
  const [client] = config.streams.clients.values();
  const [stream] = client?.declared ?? [];
  if (client === undefined || stream === undefined) throw new Error("a stream is declared");
  const ended = runStream(
    { config, database: database.pool, logger, redact, consumer, signal: ending.signal },
    stream,
    client,
  );
  return {
    async stop() {
      ending.abort();
      await ended;
    },
  };
}
