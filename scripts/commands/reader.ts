import { randomBytes } from "node:crypto";
import { z } from "zod";
import { recordAudit } from "../../queries/ops/audit.ts";
import { issueReader, readerOf, removeReader } from "../../queries/ops/readers.ts";
import { inTransaction, sqlState } from "../../schema/database.ts";
import { commandLineActor } from "../shared/audit.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  work,
  type Report,
} from "../shared/command-line.ts";

const command = defineCommand(
  "reader",
  "Creates a Postgres login that can read one client's rows and no secrets. If the login exists, it gets a new password. The address with the password is printed once.",
  ["npm run --silent reader -- --client 713", "npm run reader -- --client 713 --remove"],
)
  .option(...clientOption)
  .option("--remove", "remove the login instead");

command.action(
  work(
    z.object({ client: z.string().optional(), remove: z.boolean().default(false) }),
    async (context, { client: named, remove }): Promise<Report> => {
      const client = context.client(named);
      const database = await context.database();
      const password = randomBytes(24).toString("base64url");
      const role = readerOf(client);
      const done = await inTransaction(database, async (session) => {
        const result = remove
          ? (await removeReader(session, client)) && ("removed" as const)
          : await issueReader(session, { client, password });
        if (result !== false) {
          const action = result === "removed" ? "reader_removed" : "reader_issued";
          await recordAudit(session, { ...commandLineActor(), client, action, subject: `role/${role}` });
        }
        return result;
      }).catch((error: unknown) => {
        if (!["42501", "42704"].includes(sqlState(error) ?? "")) throw error;
        throw new CommandError(
          exitCodes.found,
          "the user in DATABASE_URL may not create or change logins: run `npm run migrate`, then run this with the same user",
        );
      });
      if (done === false) throw new CommandError(exitCodes.found, `client ${client} has no reader`);
      if (done === "removed") return { document: { client, role, removed: true }, lines: [`${role} is removed`] };
      const url = Object.assign(new URL(context.config.databaseUrl), { username: role, password }).href;
      context.note(`${role} ${done}: this address is shown only now`);
      return { document: { client, role, url, state: done }, lines: [url], made: password };
    },
  ),
);

await runCommand(command);
