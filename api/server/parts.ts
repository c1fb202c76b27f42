import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Config } from "../../settings/config.ts";
import type { Logger } from "../../core/log.ts";
import type { ColumnStore } from "../../schema/clickhouse/column-store.ts";
import type { Database, Queryable } from "../../schema/database.ts";
import type { ApiSettings } from "./settings.ts";
import type { TemporalAccess } from "./temporal.ts";

/** What the composition root opens. */
export interface ServerDependencies {
  config: Pick<
    Config,
    | "api"
    | "clients"
    | "payloadKey"
    | "identityKey"
    | "accounts"
    | "anytrack"
    | "clickhouse"
    | "discord"
    | "ingest"
    | "credentialsKey"
    | "hashingKey"
    | "statementKey"
    | "recon"
    | "promo"
    | "submissionsPerMinute"
    | "telling"
    | "queuePrefix"
    | "searchAttributes"
    | "thumbnails"
    | "pretargeting"
  >;
  settings: ApiSettings;
  database: Database;
  /** Where there is one: what it adds up Postgres need not. */
  store?: ColumnStore | null;
  /** A connection of its own for asking whether Postgres is there; the pool itself where there is none. */
  probe?: Database;
  /** For counting promo events, with little patience; the pool itself where there is none. */
  counting?: Database;
  temporal: TemporalAccess;
  logger: Logger;
}

/** What a domain's routes are given. */
export interface ServerParts extends ServerDependencies {
  /** For single statements: knows within a second when Postgres is away. */
  reading: Queryable;
}

export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** One area of the server: a file of routes in its domain's folder and a line in the list in server.ts. */
export interface Area {
  prefix: string;
  routes: (api: Api, parts: ServerParts) => void | Promise<void>;
}
