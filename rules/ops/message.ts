/** One alert as people are told of it. */
export interface ToldAlert {
  alertId: number;
  client: string;
  area: string;
  kind: string;
  subject: string;
  severity: string;
  message: string;
  openedAt: Date;
  resolvedAt: Date | null;
  resolvedBy: string | null;
  notes: string | null;
}

/** What is sent, before it is written as Slack, mail or a webhook want it. */
export interface Message {
  /** The same each time this is sent: whoever gets it twice can tell. */
  key: string;
  title: string;
  lines: string[];
  /** For programs. */
  data: Record<string, unknown>;
}

/** Control characters, which make headers, and those that turn the direction of what follows. */
const unsafe = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]+/gu;

/** Text from outside on one line. */
export const plain = (text: string, most = 2_000): string => text.replaceAll(unsafe, " ").trim().slice(0, most);

const about = ({ alertId, area, kind, subject }: ToldAlert) => plain(`alert ${alertId} · ${area} ${kind} · ${subject}`);

export function alertMessage(what: "opened" | "resolved", alert: ToldAlert, edition: number): Message {
  const { alertId, resolvedBy, notes } = alert;
  const mark = what === "resolved" ? "resolved" : alert.severity;
  return {
    key: `alert-${alertId}-${what}-${edition}`,
    title: `[${mark}] ${plain(alert.message)}`,
    lines: [
      about(alert),
      ...(what === "resolved"
        ? [plain(`Closed by ${resolvedBy ?? "a person"}${notes === null ? "" : `: ${notes}`}`)]
        : []),
    ],
    data: { what, ...alert },
  };
}

/** Several alerts as one message; the most severe first. */
export function groupMessage(messages: readonly Message[]): Message {
  const rank = (title: string) =>
    ["[critical]", "[warning]", "[info]"].findIndex((mark) => title.startsWith(mark)) >>> 0;
  const sorted = [...messages].sort((one, other) => rank(one.title) - rank(other.title));
  return {
    key: `alerts-${messages.map(({ key }) => key.slice("alert-".length)).join("+")}`,
    title: `${messages.length} alerts`,
    lines: sorted.map(({ title, lines }) => `${title.slice(0, 300)} (${lines[0] ?? ""})`),
    data: { alerts: sorted.map(({ data }) => data) },
  };
}

export function testMessage(channel: string, key: string): Message {
  return {
    key,
    title: "Signal Room: a test",
    lines: [plain(`The channel “${channel}” works: alerts will arrive here.`)],
    data: { what: "test" },
  };
}

const longestBlock = 3_000;
const mostBlocks = 50;

/** Slack reads `<...>` as a command: `<!channel>` would ping everybody. Nothing in a text from outside may be one, nor a plain @channel. */
export function escapeSlack(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/@(?=channel|here|everyone)/gi, "@\u200b");
}

/** A Slack section takes 3,000 characters, a message 50 blocks. Nothing is linked or looked up in it. */
export function slackBody({ title, lines, key }: Message): Record<string, unknown> {
  const parts = [title, ...lines].map((line) => cut(escapeSlack(line)));
  const shown = parts.length + 1 > mostBlocks ? [...parts.slice(0, mostBlocks - 2), "…"] : parts;
  return {
    text: cut(escapeSlack(title)),
    mrkdwn: false,
    parse: "none",
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      ...shown.map((text) => ({ type: "section", text: { type: "mrkdwn", verbatim: true, text } })),
      { type: "context", elements: [{ type: "plain_text", emoji: false, text: cut(plain(key)) }] },
    ],
  };
}

/** Not in the middle of an escape. */
const cut = (text: string) =>
  text.length <= longestBlock ? text : text.slice(0, longestBlock).replace(/&[a-z]*$/, "");

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escapeHtml = (text: string) => text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);

export interface Mail {
  subject: string;
  text: string;
  html: string;
}

export function mailOf({ title, lines }: Message): Mail {
  return {
    subject: plain(title, 150),
    text: [title, "", ...lines].join("\n"),
    html: `<p><strong>${escapeHtml(title)}</strong></p>${lines.map((line) => `<p>${escapeHtml(line)}</p>`).join("")}`,
  };
}

/** `text` is what chat webhooks show; the rest is for programs. */
export function webhookBody({ key, title, lines, data }: Message): Record<string, unknown> {
  const text =
    "alerts" in data || data["what"] === "morning" ? [title, ...lines].join("\n") : `${title} (${lines[0] ?? ""})`;
  return { text, key, ...data };
}
