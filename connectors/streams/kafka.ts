import { readFile } from "node:fs/promises";
import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from "kafkajs";
import type { KafkaSettings } from "../../settings/streams.ts";

export interface BrokerLog {
  (level: "error" | "warn" | "info", message: string, details: Record<string, unknown>): void;
}

const connectMs = 10_000;
const requestMs = 30_000;

/** A client of the brokers; it connects when it is used. */
export async function openKafka(settings: KafkaSettings, clientId: string, log: BrokerLog): Promise<Kafka> {
  const { brokers, tls, sasl } = settings;
  const ca = tls?.caFile == null ? null : await readFile(tls.caFile, "utf8");
  const config: KafkaConfig = {
    clientId,
    brokers,
    connectionTimeout: connectMs,
    requestTimeout: requestMs,
    ...(tls === null ? {} : { ssl: ca === null ? true : { ca: [ca] } }),
    ...(sasl === null ? {} : { sasl: sasl as SASLOptions }),
    retry: { initialRetryTime: 300, maxRetryTime: 30_000, retries: 5 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, log: { message, ...details } }) => {
        const {
          broker,
          clientId: _client,
          topic,
          partition,
          groupId,
          memberId,
          error,
        } = details as Record<string, unknown>;
        log(level === logLevel.ERROR ? "error" : level === logLevel.WARN ? "warn" : "info", message, {
          ...{ broker, topic, partition, groupId, memberId, error: typeof error === "string" ? error : undefined },
        });
      },
  };
  return new Kafka(config);
}
