import { z } from "zod";
import { composeDigest } from "../../activities/overview/compose-digest.ts";
import { dayAt } from "../../core/days.ts";
import { planDigest } from "../../queries/ops/channel-deliveries.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { clientOption, defineCommand, runCommand, work, type Report } from "../shared/command-line.ts";

const command = defineCommand(
  "digest",
  "Prints the morning digest: yesterday's spend and CPA, what vendors changed in the last 24 hours, what is late, the open alerts. --send also sends it to the channels that get it.",
  ["npm run digest", "npm run digest -- --client 713 --send"],
)
  .option("--send", "also send it to each channel that gets the morning digest and has not had it today")
  .option(...clientOption);

command.action(
  work(
    z.object({ client: z.string().optional(), send: z.boolean().default(false) }),
    async (context, { client: typed, send }): Promise<Report> => {
      const client = context.client(typed);
      const database = await context.database();
      const timezone = context.config.ingest.clients.get(client)?.timezone ?? "UTC";
      const day = dayAt(await databaseNow(database), timezone);
      const { title, lines, data } = await composeDigest({ database }, { client, day, timezone });
      const channels = send ? await planDigest(database, { client, day }) : 0;
      const sent = !send
        ? []
        : [
            "",
            channels === 0
              ? "No channel is waiting for it: none gets the morning digest, or it was sent today."
              : `${channels} ${channels === 1 ? "channel gets" : "channels get"} it within a minute.`,
          ];
      return { document: { ...data, channels }, lines: [title, "", ...lines, ...sent] };
    },
  ),
);

await runCommand(command);
