import Bowser from "bowser";
import { isbot, isbotMatches } from "isbot";

/** What a caller used, as far as its user agent says. "unknown": it sent none; "other": no device that is known. */
export const devices = ["desktop", "mobile", "tablet", "tv", "bot", "other", "unknown"] as const;
export type Device = (typeof devices)[number];

export interface Agent {
  device: Device;
  /** The name of a bot, link scanner or program; null for a person's browser or mail program. */
  bot: string | null;
}

/** The rest of a longer one is neither read nor kept. */
export const agentMaxLength = 500;
const nameMaxLength = 60;

/** Never throws: an agent is whatever a stranger sent. */
export function readAgent(text: string | null | undefined): Agent {
  const agent = (text ?? "").slice(0, agentMaxLength).trim();
  if (agent === "") return { device: "unknown", bot: null };
  const parser = Bowser.getParser(agent);
  const platform = parser.getPlatformType(true);
  if (platform === "bot" || isbot(agent)) return { device: "bot", bot: botName(agent, parser) };
  return { device: devices.find((device) => device === platform) ?? "other", bot: null };
}

/** The parser's name for it where it knows the bot, else the longest word of the agent by which it was recognised. */
function botName(agent: string, parser: Bowser.Parser.Parser): string {
  const known = parser.getPlatformType(true) === "bot" ? parser.getBrowserName() : "";
  // Postgres refuses a zero byte and half a surrogate pair; whoever reads a list wants neither.
  const name = (known === "" ? wordOf(agent) : known).replaceAll(/[^\p{L}\p{N} ._:@+-]/gu, "").trim();
  return name === "" ? "unnamed" : name.slice(0, nameMaxLength);
}

/** "via ggpht.com GoogleImageProxy" is recognised by "Proxy": the word is the name. An address in the agent is none. */
function wordOf(agent: string): string {
  const matches = isbotMatches(agent);
  const words = agent
    .replaceAll(/https?:\S*/g, " ")
    .split(/[^\w.-]+/)
    .filter((word) => /\p{L}/u.test(word));
  return words
    .filter((word) => matches.some((match) => word.includes(match) || match.includes(word)))
    .reduce((one, other) => (other.length > one.length ? other : one), "");
}
