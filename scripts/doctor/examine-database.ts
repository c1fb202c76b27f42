import { getTableConfig } from "drizzle-orm/pg-core";
import { sources } from "../../connectors/registry.ts";
import { readRights, readServer } from "../../queries/ops/server.ts";
import type { Database } from "../../schema/database.ts";
import { pendingMigrations } from "../../schema/migrate.ts";
import { type CommandContext, databasePlace } from "../shared/command-line.ts";
import { count } from "../shared/printing.ts";
import { fail, type Finding, ok, warn } from "./findings.ts";

const oldestPostgres = 150_000;
const mostClockDriftMs = 5_000;

export async function examineDatabase(context: CommandContext, database: Database): Promise<Finding[]> {
  const place = databasePlace(context.config.databaseUrl);
  const server = await readServer(database);
  const findings: Finding[] = [
    server.version >= oldestPostgres
      ? ok(`Postgres ${server.versionText} at ${place}`)
      : fail(`Postgres ${server.versionText} at ${place} is too old`, "use 15 or later"),
  ];
  const driftMs = Math.abs(server.now.getTime() - Date.now());
  if (driftMs > mostClockDriftMs)
    findings.push(
      warn(
        `clocks: this machine and Postgres differ by ${Math.round(driftMs / 1_000)} s`,
        "set them by NTP: tokens and schedules compare clocks",
      ),
    );
  const pending = await pendingMigrations(database);
  if (pending > 0) return [...findings, fail(`migrations: ${count(pending, "migration")} pending`, "npm run migrate")];
  findings.push(
    pending < 0
      ? warn("migrations: the database is ahead of this code", "run the newer release")
      : ok("migrations: none pending"),
  );

  const { missing, reader } = await readRights(database, [
    "ops",
    ...new Set(sources.map((source) => getTableConfig(source.table).schema ?? "public")),
  ]);
  findings.push(
    missing.length === 0
      ? ok(`role ${server.role}: may read and write what it has to`)
      : fail(`role ${server.role} may not ${missing.slice(0, 5).join(", ")}`, "grant it, or let it own the tables"),
    reader
      ? ok("role signal_room_reader: there for analysts")
      : warn(
          "role signal_room_reader is missing",
          "an administrator creates it (create role signal_room_reader nologin), then npm run migrate",
        ),
  );
  return findings;
}
