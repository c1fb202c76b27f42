import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { devices, readAgent, keptBotName } from "./agent.ts";

const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0";

test.each([
  [
    "an iPhone",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    "mobile",
  ],
  ["an Android phone", `Mozilla/5.0 (Linux; Android 14; Pixel 8) ${chrome} Mobile Safari/537.36`, "mobile"],
  [
    "the Gmail app on a phone",
    `Mozilla/5.0 (Linux; Android 13; SM-S911B; wv) ${chrome} Version/4.0 Mobile Safari/537.36`,
    "mobile",
  ],
  [
    "an iPad",
    "Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.5 Mobile/15E148 Safari/604.1",
    "tablet",
  ],
  ["an Android tablet", `Mozilla/5.0 (Linux; Android 13; SM-X700) ${chrome} Safari/537.36`, "tablet"],
  ["Windows", `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36`, "desktop"],
  [
    "a Mac",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "desktop",
  ],
  ["Outlook on a desktop", "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.12026; Pro)", "desktop"],
  [
    "a television",
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 2.4.0) AppleWebkit/538.1 (KHTML, like Gecko) SamsungBrowser/1.1 TV Safari/538.1",
    "tv",
  ],
  [
    "a console that the parser does not know",
    "Mozilla/5.0 (PlayStation 5 3.03) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "other",
  ],
])("%s is a person's device", (_what, text, device) => {
  expect(readAgent(text)).toEqual({ device, bot: null });
});

test.each([
  ["a mail scanner", "Barracuda Sentinel (EE)", "Barracuda"],
  ["another", "Mimecast", "Mimecast"],
  [
    "Gmail's image proxy",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "GoogleImageProxy",
  ],
  ["Yahoo's mail proxy", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", "Yahoo"],
  ["a link preview", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Slack"],
  ["another link preview", "WhatsApp/2.23.20.0", "WhatsApp"],
  ["a search engine", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "Bing"],
  [
    "a browser without a window",
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0 Safari/537.36`,
    "HeadlessChrome",
  ],
  ["a program", "python-requests/2.31", "python-requests"],
  ["our own redirect client's runtime", "node", "node"],
  ["an address alone", "http://crawler.example/bot", "other"],
])("%s is a bot and has a name", (_what, text, name) => {
  const { device, bot } = readAgent(text);
  expect(device).toBe("bot");
  expect(bot).toContain(name);
});

test.each([
  ["john.doe@mail.example-bot/1", "other"],
  ["Mozilla/5.0 (compatible; bot; +mailto:jane@corp.example)", "bot"],
  ["curl/8 user=4711", "curl"],
  ["python-requests/2.31 curl/8", "python-requests"],
  ["JaneDoePersonalAgent", "agent"],
  ["JohnDoeBot/1.0", "bot"],
  ["Jane Doe", "other"],
  ["<script>alert(1)</script>bot/1", "bot"],
  ["GuzzleHttp/7 contact jane@corp.example", "GuzzleHttp"],
  ["jane@corp.example", "other"],
  ["203.0.113.7 bot", "bot"],
  ["203.0.113.7", "other"],
  ["Yahoo jane@corp.example", "yahoo"],
  ["=1+1 bot", "bot"],
])("of %j no word of the sender's own is in the name: %j", (text, name) => {
  expect(readAgent(text)).toEqual({ device: "bot", bot: name });
});

test.each([
  ["Twitterbot", "Twitterbot"],
  ["python-requests", "python-requests"],
  ["bot", "bot"],
  ["other", "other"],
  ["JohnDoeBot", "bot"],
  ["jane@corp.example", "other"],
  ["Jane Doe", "other"],
  ["curl/8 user=4711", "curl"],
])("a bot's name that was kept before, %j, is %j", (name, kept) => {
  expect(keptBotName(name)).toBe(kept);
});

test.each([[undefined], [null], [""], ["   "]])("no agent (%p) is unknown, not a bot", (text) => {
  expect(readAgent(text)).toEqual({ device: "unknown", bot: null });
});

test("whatever is sent is classified, and what is kept of it is short and printable", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary", maxLength: 2_000 }),
    fc.string({ unit: "binary" }).map((text) => `bot/${text}\u0000\ud800 crawler ${text}`),
  );
  fc.assert(
    fc.property(anything, (text) => {
      const { device, bot } = readAgent(text);
      expect(devices).toContain(device);
      expect(bot ?? "-").toMatch(/^[\p{L}\p{N} ._:@+-]{1,60}$/u);
      // What is kept today is kept as it is.
      if (bot !== null) expect(keptBotName(bot)).toBe(bot);
    }),
  );
});

test("a name beyond 500 characters is not read", () => {
  const person = `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${chrome} Safari/537.36`;
  expect(readAgent(person.padEnd(600, " x").concat("bot")).bot).toBeNull();
});
