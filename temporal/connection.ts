import { hostname } from "node:os";
import { Client, Connection } from "@temporalio/client";
import type { DataConverter } from "@temporalio/common";
import { loadClientConnectConfig } from "@temporalio/envconfig";
import pRetry from "p-retry";
import type { Config } from "../settings/config.ts";
import { dataConverter } from "./payload-codec.ts";

export interface TemporalAddress {
  address: string;
  namespace: string;
  /** Options as the SDK's connections take them: TLS, API key. */
  connect: Parameters<typeof Connection.connect>[0];
}

/** Where Temporal is: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*`, or a profile of temporal.toml. */
export function temporalAddress(): TemporalAddress {
  const { connectionOptions, namespace } = loadClientConnectConfig();
  return {
    address: connectionOptions.address ?? "localhost:7233",
    namespace: namespace ?? "default",
    connect: connectionOptions,
  };
}

export interface TemporalClient {
  client: Client;
  connection: Connection;
  close: () => Promise<void>;
}

export interface ConnectOptions {
  waitMs?: number;
  onWait?: (message: string) => void;
  /** Who starts workflows, as the audit log tells them: a program of this system, unless a person's command says whose. */
  identity?: string;
}

/** What a program of this system calls itself to Temporal. */
export function ownIdentity(part: "api" | "server"): string {
  return `signal-room ${part} ${process.pid}@${hostname()}`;
}

/** Connects, waiting for a server that is still starting. */
export async function connectClient(
  config: Pick<Config, "payloadKey">,
  { identity = ownIdentity("server"), ...options }: ConnectOptions = {},
): Promise<TemporalClient> {
  const { address, namespace, connect } = temporalAddress();
  const connection = await patiently(
    () => Connection.connect({ ...connect, connectTimeout: "5 seconds" }),
    `Temporal at ${address}`,
    options,
  );
  const converter: DataConverter | undefined = dataConverter(config.payloadKey, namespace);
  const client = new Client({
    connection,
    namespace,
    identity,
    ...(converter === undefined ? {} : { dataConverter: converter }),
  });
  return { client, connection, close: () => connection.close() };
}

/** Tries for a while, saying what it waits for: servers come up one after the other. */
export async function patiently<Result>(
  attempt: () => Promise<Result>,
  what: string,
  { waitMs = 0, onWait }: { waitMs?: number; onWait?: (message: string) => void } = {},
): Promise<Result> {
  let reported = false;
  return pRetry(attempt, {
    retries: waitMs === 0 ? 0 : Number.MAX_SAFE_INTEGER,
    maxRetryTime: waitMs,
    minTimeout: 250,
    maxTimeout: 2_000,
    factor: 1.5,
    onFailedAttempt: () => {
      if (!reported) onWait?.(`waiting for ${what}`);
      reported = true;
    },
  });
}
