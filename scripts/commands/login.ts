import { z } from "zod";
import { roles } from "../../core/tokens.ts";
import { recordAudit } from "../../queries/ops/audit.ts";
import { commandLineActor } from "../shared/audit.ts";
import { clientOption, CommandError, defineCommand, exitCodes, runCommand, work } from "../shared/command-line.ts";
import { createLoginLink } from "../shared/login-link.ts";

const minutes = 1;

const command = defineCommand(
  "login",
  "Prints a link that logs in to the pages. It works once, on this machine, for one minute.",
  [
    "npm run login",
    "npm run login -- --role analyst --subject ada",
    "npm run login -- --role advertiser --advertiser 42",
  ],
)
  .option("--role <role>", `the role of the login: ${roles.join(", ")}`, "admin")
  .option(...clientOption)
  .option("--advertiser <id>", "whose campaigns a login of role advertiser sees")
  .option("--subject <name>", "the name shown in logs and on resolved alerts", "local");

const options = z.object({
  role: z.enum(roles, { error: `must be one of ${roles.join(", ")}` }),
  client: z.string().optional(),
  advertiser: z.string().min(1).optional(),
  subject: z.string().min(1),
});

command.action(
  work(options, async (desk, { role, advertiser, subject, ...typed }) => {
    if ((role === "advertiser") !== (advertiser !== undefined))
      throw new CommandError(exitCodes.usage, "--advertiser belongs to --role advertiser, and that role needs it");
    const client = desk.client(typed.client);
    const database = await desk.database();
    const { host, port } = desk.config.api;
    await recordAudit(database, {
      ...commandLineActor(),
      client,
      action: "login_link_made",
      subject: `login/${subject}`,
      details: { role, advertiser },
    });
    const holder = { client, role, advertiser: advertiser ?? null, affiliateId: null, subject };
    const url = await createLoginLink(database, { holder, minutes, apiUrl: `http://${host}:${port}` });
    return { document: { url, client, role, minutes }, lines: [url] };
  }),
);

await runCommand(command);
