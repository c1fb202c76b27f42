import { z } from "zod";
import { gone } from "../../connectors/channels/channel.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import {
  holdChannel,
  markDelivered,
  markFailed,
  noteRefused,
  noteUnanswered,
  readDueDeliveries,
  type DueDelivery,
} from "../../queries/ops/channel-deliveries.ts";
import { readChannelToTell, type ChannelToTell } from "../../queries/ops/channels.ts";
import { databaseNow } from "../../queries/shared/clock.ts";
import { isQuiet } from "../../rules/ops/channel.ts";
import { alertMessage, groupMessage, type Message } from "../../rules/ops/message.ts";
import { checkedInput } from "../shared/input.ts";
import { composeDigest } from "../overview/compose-digest.ts";
import { breakChannel, noteWorks, openChannel, type OpenChannel, type TellingContext } from "./channel-context.ts";
import { zoneOf } from "./plan-alert-deliveries.ts";

export const channelNamed = z.object({ client: z.string(), channelId: z.number().int().min(1) });

export interface Told {
  sent: number;
  refused: number;
  unanswered: number;
  /** Why nothing can be sent there any more; null while it works. */
  broken: string | null;
}

/** Slack takes 50 blocks a message, two of which are ours. */
const atOnce = 48;
const groupedFrom = 6;
/** Who does not answer this often in a row is away: the rest would only wait. */
const enoughUnanswered = 3;

/** What is sent as one message. */
interface Parcel {
  deliveryIds: number[];
  message: Message;
  /** What it is made of, where it is refused as a whole. */
  parts: Parcel[];
}

/**
 * Sends a channel what it is due, oldest first. A message counts as delivered after the answer, so one that was sent when
 * the worker died is sent again, with the same key. One that is refused is put off and keeps no other from being sent.
 */
export async function sendToChannel(context: TellingContext, input: unknown, signal: AbortSignal): Promise<Told> {
  const { database, config } = context;
  const named = checkedInput(channelNamed, input);
  const told: Told = { sent: 0, refused: 0, unanswered: 0, broken: null };
  const channel = await readChannelToTell(database, named);
  if (channel === null || channel.isResting) return told;
  const due = await readDueDeliveries(database, { ...named, limit: atOnce });
  const quiet = isQuiet(channel, await databaseNow(database), zoneOf(config, channel.client));
  const now = due.filter(({ what, alert }) => !quiet || what === "morning" || passes(channel, alert));
  let opened: OpenChannel;
  try {
    opened = openChannel(context, channel, signal);
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    await giveUp(context, {
      channel,
      deliveryIds: now.slice(0, 1).map(({ deliveryId }) => deliveryId),
      why: error.message,
    });
    return { ...told, broken: error.message };
  }
  const parcels = await pack(context, channel, now);
  let inARow = 0;
  for (let parcel = parcels.shift(); parcel !== undefined; parcel = parcels.shift()) {
    const outcome = await deliver(context, { channel, opened, parcel });
    if (outcome.state === "broken") return { ...told, broken: outcome.why };
    if (outcome.state === "refused" && parcel.parts.length > 1) parcels.unshift(...parcel.parts);
    else told[outcome.state] += parcel.deliveryIds.length;
    inARow = outcome.state === "unanswered" ? inARow + 1 : 0;
    if (inARow < enoughUnanswered) continue;
    await holdChannel(database, named);
    break;
  }
  return told;
}

const passes = ({ criticalPasses }: ChannelToTell, alert: DueDelivery["alert"]) =>
  criticalPasses && alert?.severity === "critical";

async function pack(context: TellingContext, channel: ChannelToTell, due: readonly DueDelivery[]): Promise<Parcel[]> {
  const { client } = channel;
  const timezone = context.config.ingest.clients.get(client)?.timezone ?? "UTC";
  const digests: Parcel[] = [];
  const alerts: Parcel[] = [];
  for (const { deliveryId, what, edition, day, alert } of due) {
    if (what === "morning" && day !== null) {
      const message = await composeDigest(context, { client, day, timezone });
      digests.push({ deliveryIds: [deliveryId], message, parts: [] });
    } else if (what !== "morning" && alert !== null)
      alerts.push({ deliveryIds: [deliveryId], message: alertMessage(what, alert, edition), parts: [] });
  }
  if (!channel.isGrouped || alerts.length < groupedFrom) return [...digests, ...alerts];
  const message = groupMessage(alerts.map((one) => one.message));
  return [...digests, { deliveryIds: alerts.flatMap(({ deliveryIds }) => deliveryIds), message, parts: alerts }];
}

interface Delivery {
  channel: ChannelToTell;
  opened: OpenChannel;
  parcel: Parcel;
}

type Outcome = { state: "sent" | "refused" | "unanswered" } | { state: "broken"; why: string };

async function deliver(context: TellingContext, { channel, opened, parcel }: Delivery): Promise<Outcome> {
  const { database } = context;
  const { deliveryIds, message, parts } = parcel;
  try {
    await opened.tell(message);
  } catch (error) {
    // How long to wait is Temporal's to keep: the gate holds the channel, and the activity is tried again.
    if (!(error instanceof ConnectorError) || error.kind === "rate_limited") throw error;
    const why = opened.redact(error.message);
    if (error.code === gone) {
      await giveUp(context, { channel, deliveryIds, why });
      return { state: "broken", why };
    }
    if (error.kind === "unavailable") {
      await noteUnanswered(database, { deliveryIds, why });
      return { state: "unanswered" };
    }
    // Of several together it may be one that is refused: each is sent by itself then.
    if (parts.length < 2) await noteRefused(database, { deliveryIds, why });
    return { state: "refused" };
  }
  await markDelivered(database, deliveryIds);
  await noteWorks(database, channel);
  return { state: "sent" };
}

async function giveUp(
  { database }: TellingContext,
  { channel, deliveryIds, why }: { channel: ChannelToTell; deliveryIds: readonly number[]; why: string },
): Promise<void> {
  await markFailed(database, { deliveryIds, why });
  await breakChannel(database, channel, why);
}
