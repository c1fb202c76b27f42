import { readPromoSettings } from "../settings/promo.ts";
import { readPretargetingSettings } from "../settings/pretargeting.ts";
import { readThumbnailSettings } from "../settings/thumbnails.ts";
import { readReconSettings } from "../settings/recon.ts";
import { readIngestSettings } from "../settings/files.ts";
import { SettingsReader } from "../settings/reader.ts";
import type { KeyRing } from "../core/crypto.ts";
import { createLogger } from "../core/log.ts";
import { createRedactor } from "../core/redact.ts";
import { issueToken, type TokenClaims } from "../core/tokens.ts";
import type { Database } from "../schema/database.ts";
import type { Api, Area, ServerDependencies } from "../api/server/parts.ts";
import { createServer } from "../api/server.ts";
import { readApiSettings } from "../api/server/settings.ts";
import type { TemporalAccess } from "../api/server/temporal.ts";

/** For tests only: a server that does not listen, with placeholders for what a test does not use. */
export const testSecret = "a-secret-of-the-tests-with-40-characters";

export interface TestServerOptions {
  database?: Database;
  counting?: Database;
  temporal?: Partial<TemporalAccess>;
  host?: string;
  jwtSecret?: string | null;
  previousJwtSecret?: string;
  jwksUrl?: string | null;
  audience?: string;
  issuer?: string;
  clients?: string[];
  trustedProxies?: string[];
  payloadKey?: KeyRing | null;
  identityKey?: KeyRing | null;
  accounts?: ServerDependencies["config"]["accounts"];
  env?: Record<string, string>;
  anytrack?: ServerDependencies["config"]["anytrack"];
  discord?: ServerDependencies["config"]["discord"];
  credentialsKey?: KeyRing | null;
  hashingKey?: Buffer;
  statementKey?: ServerDependencies["config"]["statementKey"];
  submissionsPerMinute?: number;
  ingest?: ServerDependencies["config"]["ingest"];
  telling?: ServerDependencies["config"]["telling"];
  areas?: readonly Area[];
  log?: string[];
}

export async function testServer(options: TestServerOptions = {}): Promise<Api> {
  const { log } = options;
  const lines = log === undefined ? () => undefined : (line: string) => void log.push(line);
  const clients = options.clients ?? [
    "713",
    "acme",
    "cheap",
    "nobody",
    "paged",
    ...(options.ingest?.clients.keys() ?? []),
  ];
  return createServer(
    {
      config: {
        clickhouse: null,
        api: {
          host: options.host ?? "127.0.0.1",
          port: 0,
          jwtSecret: options.jwtSecret === undefined ? testSecret : options.jwtSecret,
          previousJwtSecret: options.previousJwtSecret ?? null,
          jwksUrl: options.jwksUrl ?? null,
          audience: options.audience ?? null,
          issuer: options.issuer ?? null,
          trustedProxies: options.trustedProxies ?? [],
        },
        clients,
        payloadKey: options.payloadKey ?? null,
        identityKey: options.identityKey ?? null,
        accounts: options.accounts ?? new Map(),
        anytrack: options.anytrack ?? {
          halfLifeDays: 7,
          webhookPerMinute: 60_000,
          webhookSecrets: new Map(),
          collect: new Map(),
        },
        discord: options.discord ?? { baseUrl: "http://127.0.0.1:1", applications: new Map() },
        credentialsKey: options.credentialsKey ?? null,
        telling: options.telling ?? { mail: null, hosts: new Set(), digestHours: new Map() },
        hashingKey: options.hashingKey ?? options.credentialsKey?.current ?? null,
        statementKey: options.statementKey ?? null,
        promo: readPromoSettings(new SettingsReader({ ...options.env, CLIENTS: clients.join(",") })),
        recon: readReconSettings(new SettingsReader({})),
        submissionsPerMinute: options.submissionsPerMinute ?? 60_000,
        ingest: options.ingest ?? readIngestSettings(new SettingsReader({})),
        pretargeting: readPretargetingSettings(new SettingsReader({ ...options.env, CLIENTS: clients.join(",") })),
        thumbnails: readThumbnailSettings(new SettingsReader({ ...options.env, CLIENTS: clients.join(",") })),
        queuePrefix: "",
        searchAttributes: true,
      },
      settings: readApiSettings(options.env ?? {}),
      database: options.database ?? ({ query: () => Promise.resolve({ rows: [] }) } as unknown as Database),
      ...(options.counting === undefined ? {} : { counting: options.counting }),
      temporal: { namespace: "default", probe: () => Promise.resolve(), ...options.temporal } as TemporalAccess,
      logger: createLogger({
        name: "api",
        level: log === undefined ? "silent" : "debug",
        redact: createRedactor([]),
        write: lines,
      }),
    },
    options.areas,
  );
}

export async function bearer(claims: Partial<TokenClaims> = {}): Promise<{ authorization: string }> {
  const token = await issueToken({
    secret: testSecret,
    client: "713",
    role: "operator",
    subject: "ada",
    expiresInSeconds: 300,
    ...claims,
  });
  return { authorization: `Bearer ${token}` };
}
