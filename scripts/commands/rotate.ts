import { z } from "zod";
import { quarantineSeal } from "../../queries/shared/quarantine-seal.ts";
import { rotateColumn, sealedColumns } from "../../queries/ops/rotate.ts";
import { commandLineActor } from "../shared/audit.ts";
import { defineCommand, exitCodes, runCommand, work } from "../shared/command-line.ts";
import { table } from "../shared/printing.ts";

const mostListed = 20;

const command = defineCommand(
  "rotate",
  "Re-encrypts, with the current keys, the data in Postgres that a previous key encrypted. It can be stopped and started again.",
  ["npm run rotate -- --dry-run", "npm run rotate"],
).option("--dry-run", "only count the rows, change nothing");

command.action(
  work(z.object({ dryRun: z.boolean().default(false) }), async (context, { dryRun }) => {
    const database = await context.database();
    const { credentialsKey, identityKey } = context.config;
    const keys = { credentialsKey, identityKey, quarantine: quarantineSeal(context.config) };
    const columns = [];
    for (const column of sealedColumns)
      columns.push(await rotateColumn(database, column, { keys, by: commandLineActor(), dryRun }));
    const unreadable = columns.flatMap(({ column, unreadable: rows }) => rows.map((row) => `${column} ${row}`));
    return {
      exitCode: unreadable.length === 0 ? exitCodes.fine : exitCodes.found,
      document: { dryRun, columns },
      lines: [
        ...table(
          ["column", "current", dryRun ? "to encrypt again" : "encrypted again", "unreadable"],
          columns.map((one) => [one.column, one.current, one.resealed, one.unreadable.length]),
        ),
        ...unreadable.slice(0, mostListed).map((row) => `neither key opens ${row}`),
        ...(unreadable.length > mostListed ? [`and ${unreadable.length - mostListed} more: --json lists all`] : []),
      ],
    };
  }),
);

await runCommand(command);
