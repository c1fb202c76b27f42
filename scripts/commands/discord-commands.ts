import { z } from "zod";
import { platformNames } from "../../connectors/platforms/addresses.ts";
import { submitCommand } from "../../rules/recon/discord-interaction.ts";
import { ownSetting } from "../../core/setting-name.ts";
import { vendorHttp } from "../../connectors/vendor-http.ts";
import { clientOption, CommandError, defineCommand, exitCodes, runCommand, work } from "../shared/command-line.ts";

const command = defineCommand(
  "discord-commands",
  "Registers the slash command /submit with Discord, once per application. Run it again after the command changed. Needs DISCORD_BOT_TOKEN.",
  ["npm run discord-commands", "npm run discord-commands -- --guild 9007199254740993"],
)
  .option(...clientOption)
  .option("--guild <id>", "only in this server, where it appears at once; all servers when left out");

const options = z.object({
  client: z.string().optional(),
  guild: z
    .string()
    .regex(/^\d{1,20}$/, "must be a number")
    .optional(),
});

command.action(
  work(options, async (context, { client: named, guild }) => {
    const client = context.client(named);
    const settingOf = (name: string) => ownSetting(context.config.clients, name, client);
    const application = context.config.discord.applications.get(client);
    if (application === undefined)
      throw new CommandError(
        exitCodes.usage,
        `client "${client}" has no Discord application: set ${settingOf("DISCORD_APPLICATION_ID")} and ${settingOf("DISCORD_PUBLIC_KEY")}`,
      );
    const { applicationId, botToken } = application;
    if (botToken === null)
      throw new CommandError(
        exitCodes.usage,
        `${settingOf("DISCORD_BOT_TOKEN")} is not set: Discord's portal shows it once, on the page Bot`,
      );
    const http = vendorHttp({
      vendor: { name: "discord" },
      account: { baseUrl: context.config.discord.baseUrl, secrets: { botToken }, settings: {} },
      redact: context.redact,
      beforeRequest: () => Promise.resolve(() => Promise.resolve()),
      limits: { totalTimeoutMs: 20_000, maxBytes: 1_048_576 },
    });
    const place = guild === undefined ? "" : `/guilds/${guild}`;
    const registered = await http.json({
      method: "PUT",
      path: `/applications/${applicationId}${place}/commands`,
      headers: { authorization: `Bot ${botToken}` },
      body: [submitCommand(platformNames)],
    });
    return {
      document: { client, applicationId, guild: guild ?? null, registered },
      lines: [
        `/submit is registered for application ${applicationId}${guild === undefined ? "; it can take an hour until it shows everywhere" : ` in server ${guild}`}`,
      ],
    };
  }),
);

await runCommand(command);
