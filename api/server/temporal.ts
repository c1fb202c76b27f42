import { Client, Connection } from "@temporalio/client";
import type { Config } from "../../settings/config.ts";
import { temporalAddress } from "../../temporal/address.ts";
import { ownIdentity } from "../../temporal/connection.ts";
import { dataConverter } from "../../temporal/payload-codec.ts";
import { withinMs } from "../../core/deadline.ts";

/** Temporal as the HTTP server sees it: it may be away at any time, and comes back by itself. */
export interface TemporalAccess {
  client: Client;
  namespace: string;
  /** Resolves when the namespace answers; rejects otherwise, within the time given. */
  probe: (timeoutMs: number) => Promise<void>;
  close: () => Promise<void>;
}

/** Connects at the first call and again whenever the connection was lost. */
export function openTemporal(config: Pick<Config, "payloadKey">): TemporalAccess {
  const { namespace, connect } = temporalAddress();
  const connection = Connection.lazy({
    ...connect,
    // None of the SDK's own retries: a caller hears at once that Temporal is away, and what was accepted lies in a table
    // from which a sweep starts it. A retry still waiting when the connection is closed would bring the process down.
    interceptors: [],
    // gRPC waits up to two minutes between tries by default: too long for a server that was merely restarted.
    channelArgs: {
      "grpc.initial_reconnect_backoff_ms": 200,
      "grpc.min_reconnect_backoff_ms": 200,
      "grpc.max_reconnect_backoff_ms": 2_000,
    },
  });
  const converter = dataConverter(config.payloadKey, namespace);
  return {
    namespace,
    client: new Client({
      connection,
      namespace,
      identity: ownIdentity("api"),
      ...(converter === undefined ? {} : { dataConverter: converter }),
    }),
    probe: async (timeoutMs) => {
      await withinMs(
        timeoutMs,
        connection.withDeadline(Date.now() + timeoutMs, () =>
          connection.workflowService.describeNamespace({ namespace }),
        ),
      );
    },
    close: () => connection.close(),
  };
}
