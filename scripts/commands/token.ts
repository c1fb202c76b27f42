import { z } from "zod";
import { issueToken, roles } from "../../core/tokens.ts";
import {
  clientOption,
  CommandError,
  defineCommand,
  exitCodes,
  runCommand,
  wholeNumber,
  work,
} from "../shared/command-line.ts";

const secondsPerDay = 86_400;

const command = defineCommand("token", "Prints a token for the HTTP server, signed with API_JWT_SECRET.", [
  "npm run --silent token -- --role analyst --days 7",
  "npm run --silent token -- --role advertiser --advertiser 42 --client 713",
])
  .option("--role <role>", `what it may do: ${roles.join(", ")}`)
  .option(...clientOption)
  .option("--advertiser <id>", "whose rows a token of role advertiser sees")
  .option("--subject <name>", "whom logs and resolved alerts name", "command-line")
  .option("--days <days>", "how long it is valid", "30");

const options = z.object({
  role: z.enum(roles, { error: `must be one of ${roles.join(", ")}` }),
  client: z.string().optional(),
  advertiser: z.string().min(1).optional(),
  subject: z.string().min(1),
  days: wholeNumber.max(3_650, "must be at most 3650"),
});

command.action(
  work(options, async (desk, { role, advertiser, subject, days, ...typed }) => {
    const secret = desk.config.api.jwtSecret;
    if (secret === null)
      throw new CommandError(
        exitCodes.usage,
        "API_JWT_SECRET is not set: start a local stack with `npm start`, or set it to what the HTTP server has",
      );
    if ((role === "advertiser") !== (advertiser !== undefined))
      throw new CommandError(exitCodes.usage, "--advertiser belongs to --role advertiser, and that role needs it");
    const client = desk.client(typed.client);
    const jwt = await issueToken({
      secret,
      client,
      role,
      subject,
      expiresInSeconds: days * secondsPerDay,
      ...(advertiser === undefined ? {} : { advertiser }),
    });
    const validUntil = new Date(Date.now() + days * secondsPerDay * 1_000);
    desk.note(`role ${role}, client ${client}, valid until ${validUntil.toISOString().slice(0, 10)}`);
    return { document: { jwt, role, client, validUntil }, lines: [jwt] };
  }),
);

await runCommand(command);
