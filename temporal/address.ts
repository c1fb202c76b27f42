import type { Connection } from "@temporalio/client";
import { loadClientConnectConfig } from "@temporalio/envconfig";

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

/** Whether nothing but the address is needed: no TLS, no key. */
export function isPlain({ connect }: TemporalAddress): boolean {
  return connect?.tls == null && connect?.apiKey == null && connect?.metadata == null;
}
