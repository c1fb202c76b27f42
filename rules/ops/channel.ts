import { Temporal } from "temporal-polyfill";
import { parseUrl } from "../../core/parse-url.ts";
import { isInsideHost } from "../../core/public-address.ts";

export const channelKinds = ["slack", "email", "webhook"] as const;
export type ChannelKind = (typeof channelKinds)[number];

export const severities = ["info", "warning", "critical"] as const;
export type Severity = (typeof severities)[number];

/** What a channel's sealed address is bound to. */
export const channelContext = (client: string) => `channel/${client}`;

/** What an alert about a channel is about: the others are told of it, the channel itself is not. */
export const channelSubject = (channelId: number) => `channel/${channelId}`;

/** What may be shown of an address: the host that a webhook is at, and of a mail address nothing. */
export function hintOf(kind: ChannelKind, address: string): string {
  return kind === "email" ? "an address" : new URL(address).host;
}

export interface QuietHours {
  quietFrom: string | null;
  quietTo: string | null;
}

/** Whether a zone's clock is within the quiet hours, which may go over midnight. */
export function isQuiet({ quietFrom, quietTo }: QuietHours, now: Date, zone: string): boolean {
  if (quietFrom === null || quietTo === null) return false;
  const time = Temporal.Instant.fromEpochMilliseconds(now.getTime())
    .toZonedDateTimeISO(zone)
    .toPlainTime()
    .toString({ smallestUnit: "minute" });
  return quietFrom <= quietTo ? time >= quietFrom && time < quietTo : time >= quietFrom || time < quietTo;
}

export interface AddressRules {
  /** Hosts of the operator's own network that may be reached, and without TLS. */
  hosts: ReadonlySet<string>;
}

/** What is wrong with an address for this kind of channel; null when nothing is. */
export function wrongAddress(kind: ChannelKind, address: string, { hosts }: AddressRules): string | null {
  if (kind === "email")
    // One mailbox: a comma or an angle bracket would be a second one, a line break a header.
    return /^[^\s@,;:<>"()[\]\\]+@[^\s@,;:<>"()[\]\\]+\.[^\s@,;:<>"()[\]\\.]+$/.test(address)
      ? null
      : "must be one mail address, such as team@example.com";
  const url = parseUrl(address);
  if (url === null) return "must be an https:// address";
  const { protocol, hostname, username, password } = url;
  if (username !== "" || password !== "") return "must not hold a name or password before the host";
  if (isInsideHost(hostname) && !hosts.has(hostname))
    return "must be on the internet; inside your own network only a host that CHANNEL_HOSTS names";
  if (protocol === "https:" || (protocol === "http:" && hosts.has(hostname))) return null;
  return "must be an https:// address; http only to a host that CHANNEL_HOSTS names";
}
