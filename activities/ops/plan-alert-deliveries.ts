import { dayAt, hourAt } from "../../core/days.ts";
import {
  expireDeliveries,
  planDeliveries,
  planDigest,
  readChannelsDue,
  readSilentChannels,
  type ChannelDue,
} from "../../queries/ops/channel-deliveries.ts";
import { keepSettingsChannel } from "../../queries/ops/channels.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { hintOf, isQuiet } from "../../rules/ops/channel.ts";
import { noteSilence, type TellingContext } from "./channel-context.ts";

/** A channel with the workflow that tells it: one at a time. */
export interface ChannelToStart extends ChannelDue {
  workflowId: string;
}

/** Writes down what each channel is still to be told, and names those that something can be sent to now. */
export async function planAlertDeliveries({
  database,
  config,
}: TellingContext): Promise<{ channels: ChannelToStart[] }> {
  const url = config.alertWebhookUrl;
  await keepSettingsChannel(database, {
    clients: config.clients,
    hint: url === null ? null : hintOf("webhook", url),
  });
  const now = await databaseNow(database);
  for (const client of config.clients) {
    const zone = zoneOf(config, client);
    const hour = config.telling.digestHours.get(client) ?? null;
    if (hour !== null && hourAt(now, zone) >= hour) await planDigest(database, { client, day: dayAt(now, zone) });
  }
  for (const silent of await readSilentChannels(database)) await noteSilence(database, silent);
  await planDeliveries(database);
  await expireDeliveries(database);
  const due = await readChannelsDue(database);
  return {
    channels: due
      .filter((channel) => channel.passes || !isQuiet(channel, now, zoneOf(config, channel.client)))
      .map(({ client, channelId }) => ({
        client,
        channelId,
        workflowId: `${config.queuePrefix}notify-channel/${channelId}`,
      })),
  };
}

export function zoneOf({ ingest }: Pick<TellingContext["config"], "ingest">, client: string): string {
  return ingest.clients.get(client)?.timezone ?? "UTC";
}
