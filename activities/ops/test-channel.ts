import { ConnectorError } from "../../connectors/errors.ts";
import { recordTest } from "../../queries/ops/channel-deliveries.ts";
import { mendChannel, readChannelToTell } from "../../queries/ops/channels.ts";
import { testMessage } from "../../rules/ops/message.ts";
import { invalidInput } from "../shared/failures.ts";
import { checkedInput } from "../shared/input.ts";
import { noteWorks, openChannel, type TellingContext } from "./channel-context.ts";
import { channelNamed } from "./send-to-channel.ts";

export interface Tested {
  delivered: boolean;
  /** Why not. */
  why: string | null;
}

/** Sends one message now, whatever the hour, and answers how that went. A channel that takes it works again. */
export async function testChannel(context: TellingContext, input: unknown, signal: AbortSignal): Promise<Tested> {
  const { database } = context;
  const named = checkedInput(channelNamed, input);
  const channel = await readChannelToTell(database, named);
  if (channel === null) throw invalidInput("there is no such channel");
  let redact = context.redact;
  try {
    const opened = openChannel(context, channel, signal);
    redact = opened.redact;
    await opened.tell(testMessage(channel.name, `test-${channel.channelId}`));
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    const why = redact(error.message);
    await recordTest(database, { ...named, why });
    return { delivered: false, why };
  }
  await recordTest(database, { ...named, why: null });
  await mendChannel(database, named);
  await noteWorks(database, channel);
  return { delivered: true, why: null };
}
