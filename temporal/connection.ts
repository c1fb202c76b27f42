import { hostname } from "node:os";
import { Client, Connection } from "@temporalio/client";
import type { DataConverter } from "@temporalio/common";
import pRetry from "p-retry";
import type { Config } from "../settings/config.ts";
import { temporalAddress } from "./address.ts";
import { dataConverter } from "./payload-codec.ts";

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
