import { z } from "zod";
import { about } from "../core/about-setting.ts";
import type { SettingsReader } from "./reader.ts";
import { defineArea, wholeNumber } from "./shapes.ts";

const everyProcess = "worker, API, npm start";

export const generalArea = defineArea({
  title: "General",
  needs: everyProcess,
  shape: z.object({
    NODE_ENV: z
      .enum(["development", "production", "test"])
      .default("development")
      .meta(about("Where this runs. Libraries look at it; Signal Room behaves the same.")),
    LOG_LEVEL: z
      .enum(["trace", "debug", "info", "warn", "error", "silent"])
      .default("info")
      .meta(about("How much is logged, as JSON lines without secrets.")),
  }),
});

export const postgresArea = defineArea({
  title: "Postgres",
  needs: "worker, API",
  shape: z.object({
    DATABASE_URL: z
      .url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// address" })
      .refine((url) => !/%(?![0-9A-Fa-f]{2})/.test(url), "has a % that starts no escape: write it as %25")
      .meta(
        about("Where Postgres is, version 15 or later; every command needs it or a running `npm start`.", {
          unset: "`npm start` runs its own",
          example: "postgres://signal_room:password@localhost:5432/signal_room",
        }),
      ),
    DATABASE_POOL_SIZE: wholeNumber(1)
      .default(12)
      .meta(about("How many connections a process opens at most.", { unit: "connections" })),
    DATABASE_POOL_MODE: z
      .enum(["session", "transaction"])
      .default("session")
      .meta(
        about(
          "`transaction` where DATABASE_URL leads to a pooler that lends a connection for one transaction, such as PgBouncer: statements are not prepared, and time limits are set per transaction. `npm run migrate` needs the server itself.",
        ),
      ),
  }),
});

export interface GeneralSettings {
  environment: "development" | "production" | "test";
  databaseUrl: string;
  databasePoolSize: number;
  databasePoolMode: "session" | "transaction";
  logLevel: string;
}

export function readGeneral(reader: SettingsReader): GeneralSettings {
  const { NODE_ENV, LOG_LEVEL } = reader.values(generalArea.shape);
  const { DATABASE_URL, DATABASE_POOL_SIZE, DATABASE_POOL_MODE } = reader.values(postgresArea.shape);
  if (URL.canParse(DATABASE_URL) && !/%(?![0-9A-Fa-f]{2})/.test(DATABASE_URL))
    reader.secrets.add(decodeURIComponent(new URL(DATABASE_URL).password));
  return {
    environment: NODE_ENV,
    databaseUrl: DATABASE_URL,
    databasePoolSize: DATABASE_POOL_SIZE,
    databasePoolMode: DATABASE_POOL_MODE,
    logLevel: LOG_LEVEL,
  };
}
