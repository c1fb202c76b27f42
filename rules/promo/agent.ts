import Bowser from "bowser";
import { isbot, list } from "isbot";

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

/** Never throws: an agent is whatever a stranger sent. */
export function readAgent(text: string | null | undefined): Agent {
  const agent = (text ?? "").slice(0, agentMaxLength).trim();
  if (agent === "") return { device: "unknown", bot: null };
  const parser = Bowser.getParser(agent);
  const platform = parser.getPlatformType(true);
  if (platform === "bot" || isbot(agent)) return { device: "bot", bot: botName(agent, parser) };
  return { device: devices.find((device) => device === platform) ?? "other", bot: null };
}

/** Programs, scanners and mail proxies that people ask about, by the name that we write. */
const knownBots = [
  "Barracuda",
  "Mimecast",
  "Proofpoint",
  "SafeLinks",
  "GoogleImageProxy",
  "YahooMailProxy",
  "WhatsApp",
  "TelegramBot",
  "Twitterbot",
  "LinkedInBot",
  "Discordbot",
  "Applebot",
  "AhrefsBot",
  "SemrushBot",
  "MJ12bot",
  "DotBot",
  "PetalBot",
  "UptimeRobot",
  "HeadlessChrome",
  "PhantomJS",
  "Playwright",
  "python-requests",
  "python-urllib",
  "python-httpx",
  "aiohttp",
  "Scrapy",
  "Go-http-client",
  "Apache-HttpClient",
  "okhttp",
  "GuzzleHttp",
  "PostmanRuntime",
  "node-fetch",
  "axios",
  "undici",
  "curl",
  "wget",
  "libwww-perl",
  "Matomo",
  "Mautic",
];
/** What isbot knows bots by ("bot" is one of it), as far as it is a word and not a form of words that a stranger fills. */
const botWords = list
  .map((pattern) => pattern.replaceAll(/^\^|\\b|\/$/g, ""))
  .filter((word) => /^[a-z][a-z -]*$/.test(word));
const parserNames = new Set(Object.values(Bowser.BROWSER_MAP));
const names = new Set([...parserNames, ...knownBots, ...botWords, "bot", "other"]);

/** A name that an earlier version kept may be a sender's own word: the one that is kept of it today. */
export const keptBotName = (name: string): string => (names.has(name) ? name : nameIn(name));

/** A name out of lists, as it stands there: the agent is a stranger's text, and its own words may be a person's name or address. */
function botName(agent: string, parser: Bowser.Parser.Parser): string {
  const known = parser.getPlatformType(true) === "bot" ? parser.getBrowserName() : "";
  return parserNames.has(known) ? known : nameIn(agent);
}

/** The longest word says most: "python-requests" and not "python". */
function nameIn(agent: string): string {
  // The address in an agent is where somebody explains their bot, and a mail address is a person.
  const text = agent.replaceAll(/\S*(?:https?:|@)\S*/gi, " ").toLowerCase();
  const longestOf = (words: readonly string[]) =>
    words
      .filter((word) => text.includes(word.toLowerCase()))
      .reduce((one, other) => (other.length > one.length ? other : one), "");
  return longestOf(knownBots) || longestOf(botWords) || "other";
}
