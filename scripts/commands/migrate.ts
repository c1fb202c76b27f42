import { z } from "zod";
import { cleanStored } from "../../queries/ops/clean-stored.ts";
import { migrateDatabase, MigrationBlocked } from "../../schema/migrate.ts";
import {
  CommandError,
  databasePlace,
  defineCommand,
  exitCodes,
  refuseLent,
  runCommand,
  work,
} from "../shared/command-line.ts";
import { count } from "../shared/printing.ts";

const command = defineCommand("migrate", "Updates the database schema: tables, views, comments, grants.", [
  "npm run migrate",
]);

const cleaningMs = 10_000;

command.action(
  work(z.object({}), async (context) => {
    refuseLent(context.config);
    const database = await context.database();
    const { applied } = await migrateDatabase(context.config.databaseUrl, { onWait: context.note }).catch(
      (error: unknown) => {
        throw error instanceof MigrationBlocked ? new CommandError(exitCodes.found, error.message) : error;
      },
    );
    // A worker under a role of its own may not touch what only grows.
    await cleanStored(database, { forMs: cleaningMs, onlyGuarded: true });
    const place = databasePlace(context.config.databaseUrl);
    const said = applied === 0 ? "no migration was pending" : `${count(applied, "migration")} applied`;
    return {
      document: { database: place, applied },
      lines: [`${place}: ${said}; views, comments and grants are today's`],
    };
  }),
);

await runCommand(command);
