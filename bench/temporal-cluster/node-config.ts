export const roles = ["frontend", "history", "matching", "worker"] as const;
export type Role = (typeof roles)[number];

export interface ClusterPlace {
  /** One pair for each role, the same in every process: Temporal expects a role's port on each of its hosts. */
  ports: Record<Role, { grpcPort: number; membershipPort: number }>;
  /** Where the frontends are reached together. */
  frontends: string;
  postgres: { host: string; port: number; user: string; password: string };
  dynamicConfig: string;
}

export const databases = { default: "temporal", visibility: "temporal_visibility" } as const;
/** Fixed for good once a cluster has begun; docs/production.md says how many. */
const numHistoryShards = 32;

/** What one process of Temporal is told. It has an address of its own, as if it were a machine. */
export function nodeConfig(ip: string, { ports, frontends, postgres, dynamicConfig }: ClusterPlace): object {
  const { user, password } = postgres;
  const store = (databaseName: string, maxConns: number) => ({
    sql: {
      ...{ pluginName: "postgres12", databaseName, connectAddr: `${postgres.host}:${postgres.port}` },
      ...{ connectProtocol: "tcp", user, password, maxConns, maxIdleConns: maxConns, maxConnLifetime: "1h" },
    },
  });
  const off = { state: "disabled" };
  return {
    log: { stdout: true, level: "warn" },
    persistence: {
      ...{ defaultStore: "default", visibilityStore: "visibility", numHistoryShards },
      datastores: { default: store(databases.default, 15), visibility: store(databases.visibility, 4) },
    },
    global: { membership: { maxJoinDuration: "30s", broadcastAddress: ip } },
    services: Object.fromEntries(roles.map((role) => [role, { rpc: { ...ports[role], bindOnIP: ip } }])),
    clusterMetadata: {
      ...{ enableGlobalNamespace: false, failoverVersionIncrement: 10 },
      ...{ masterClusterName: "active", currentClusterName: "active" },
      clusterInformation: {
        active: { enabled: true, initialFailoverVersion: 1, rpcName: "frontend", rpcAddress: frontends },
      },
    },
    dcRedirectionPolicy: { policy: "noop" },
    archival: { history: off, visibility: off },
    namespaceDefaults: { archival: { history: off, visibility: off } },
    dynamicConfigClient: { filepath: dynamicConfig, pollInterval: "10s" },
  };
}
