import { gone, type Tell } from "../../connectors/channels/channel.ts";
import { hook } from "../../connectors/channels/hook.ts";
import { mail } from "../../connectors/channels/mail.ts";
import { ConnectorError } from "../../connectors/errors.ts";
import { openSealed } from "../../core/crypto.ts";
import { createEraser, type Redact } from "../../core/redact.ts";
import { raiseAlert, settleAlerts } from "../../queries/ops/alerts.ts";
import { markBroken, type ChannelToTell } from "../../queries/ops/channels.ts";
import { channelContext, channelSubject, wrongAddress } from "../../rules/ops/channel.ts";
import { plain } from "../../rules/ops/message.ts";
import type { Database, Queryable } from "../../schema/database.ts";
import type { Config } from "../../settings/config.ts";
import type { RateGate } from "../shared/rate-gate.ts";

export interface TellingContext {
  database: Database;
  config: Pick<Config, "alertWebhookUrl" | "telling" | "credentialsKey" | "clients" | "ingest" | "queuePrefix">;
  gate: RateGate;
  redact: Redact;
}

export interface OpenChannel {
  tell: Tell;
  /** For what goes into tables and histories: the address is in none of them. */
  redact: Redact;
}

/** Slack takes one message a second from each webhook, and drops bursts without a word; the gate adds a tenth. */
const slackPace = { intervalMs: 1_100, concurrent: 1 };
const otherPace = { intervalMs: 100, concurrent: 1 };

/** Opens the address, and the way to send there. Throws what only a person can fix as ConnectorError `gone`. */
export function openChannel(
  { config, gate, redact }: TellingContext,
  channel: ChannelToTell,
  signal: AbortSignal,
): OpenChannel {
  const address = addressOf(config, channel);
  const { kind, isSetting } = channel;
  if (!isSetting) {
    const wrong = wrongAddress(kind, address, config.telling);
    if (wrong !== null) throw broken(`its address ${wrong}`);
  }
  // Where a hook is may be said, not its path: that is the key.
  const secret = kind === "email" ? [address] : [address, new URL(address).pathname + new URL(address).search];
  const erase = createEraser(secret.filter((part) => part.length > 1));
  const clean: Redact = (text) => redact(erase(text));
  const pace = kind === "slack" ? slackPace : otherPace;
  const turn = () => gate.turn({ name: `channel/${channel.channelId}`, pace }, { signal });
  if (kind !== "email") {
    const publicOnly = !isSetting && !config.telling.hosts.has(new URL(address).hostname);
    const tell = hook({ kind, url: address, erase: clean, redact: clean, signal, publicOnly, beforeRequest: turn });
    return { tell, redact: clean };
  }
  if (config.telling.mail === null) throw broken("SMTP_URL is not set: no mail can be sent");
  const send = mail({ ...config.telling.mail, to: address });
  const tell: Tell = async (message) => {
    const endTurn = await turn();
    try {
      await send(message);
    } finally {
      await endTurn({ waitMs: null });
    }
  };
  return { tell, redact: clean };
}

const broken = (message: string) => new ConnectorError("rejected", message, { code: gone });

function addressOf({ alertWebhookUrl, credentialsKey }: TellingContext["config"], channel: ChannelToTell): string {
  if (channel.isSetting) {
    if (alertWebhookUrl === null) throw broken("ALERT_WEBHOOK_URL is not set in this worker");
    return alertWebhookUrl;
  }
  if (credentialsKey === null) throw broken("CREDENTIALS_ENCRYPTION_KEY is not set: its address cannot be read");
  try {
    return openSealed(credentialsKey, channel.sealed ?? Buffer.alloc(0), channelContext(channel.client)).toString();
  } catch {
    throw broken("its address was sealed with another CREDENTIALS_ENCRYPTION_KEY");
  }
}

type Named = Pick<ChannelToTell, "client" | "channelId" | "name">;

/** Nothing more is sent there, and the other channels are told why. */
export async function breakChannel(database: Queryable, channel: Named, reason: string): Promise<void> {
  await markBroken(database, { ...channel, reason });
  await raiseAlert(database, {
    client: channel.client,
    area: "ops",
    kind: "channel_broken",
    subject: channelSubject(channel.channelId),
    severity: "critical",
    message: `The channel “${plain(channel.name, 100)}” no longer works: ${reason}. Correct it on the page /channels, and send a test.`,
  });
}

export async function noteSilence(database: Queryable, channel: Named & { note: string }): Promise<void> {
  await raiseAlert(database, {
    client: channel.client,
    area: "ops",
    kind: "channel_silent",
    subject: channelSubject(channel.channelId),
    severity: "warning",
    message: `The channel “${plain(channel.name, 100)}” has taken nothing for an hour: ${channel.note}. It is tried again.`,
  });
}

/** Something arrived there. */
export async function noteWorks(database: Queryable, { client, channelId }: Named): Promise<void> {
  await settleAlerts(database, {
    client,
    area: "ops",
    kinds: ["channel_broken", "channel_silent"],
    subject: channelSubject(channelId),
    notes: "it works again",
  });
}
