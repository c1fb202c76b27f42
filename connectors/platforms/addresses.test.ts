import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { platformOfUrl, platformNames, readPostUrl } from "./addresses.ts";

const post = "https://www.reddit.com/comments/1abcde";
const media = "https://www.instagram.com/p/DAbCdEf_G-j";
const campaign = "https://www.facebook.com/adsmanager/manage/campaigns?selected_campaign_ids=120210000000000001";

/** What was submitted, what it is kept as, and the id the platform is asked by. */
const known: [platform: string, submitted: string, url: string, id: string | null][] = [
  ["reddit", "https://www.reddit.com/r/test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "https://www.reddit.com/r/test/comments/1abcde/", post, "1abcde"],
  ["reddit", "https://www.reddit.com/r/test/comments/1abcde", post, "1abcde"],
  ["reddit", "https://www.reddit.com/r/test/comments/1ABCDE/a_title", post, "1abcde"],
  ["reddit", "http://old.reddit.com/r/Test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "https://new.reddit.com/r/test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "https://np.reddit.com/r/test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "https://m.reddit.com/r/test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "https://de.reddit.com/r/test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "HTTPS://WWW.REDDIT.COM/r/test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "https://reddit.com./r/test/comments/1abcde/", post, "1abcde"],
  ["reddit", "reddit.com/r/test/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "  https://www.reddit.com//r/test//comments/1abcde/a_title//  ", post, "1abcde"],
  ["reddit", `${post}/?utm_source=share&utm_medium=web3x&rdt=55555#comments`, post, "1abcde"],
  ["reddit", "https://www.reddit.com/user/someone/comments/1abcde/a_title/", post, "1abcde"],
  ["reddit", "https://www.reddit.com/gallery/1abcde", post, "1abcde"],
  ["reddit", "https://www.reddit.com:443/comments/1abcde/", post, "1abcde"],
  ["reddit", "https://redd.it/1abcde", post, "1abcde"],
  ["reddit", "https://www.redd.it/1ABCDE/?x=1", post, "1abcde"],
  ["instagram", "https://www.instagram.com/p/DAbCdEf_G-j/", media, "DAbCdEf_G-j"],
  ["instagram", "https://instagram.com/p/DAbCdEf_G-j", media, "DAbCdEf_G-j"],
  ["instagram", "https://m.instagram.com/reel/DAbCdEf_G-j/?igsh=MzRlODBiNWFlZA==", media, "DAbCdEf_G-j"],
  ["instagram", "https://www.instagram.com/reels/DAbCdEf_G-j/", media, "DAbCdEf_G-j"],
  ["instagram", "https://www.instagram.com/tv/DAbCdEf_G-j/?utm_source=ig_web_copy_link", media, "DAbCdEf_G-j"],
  ["instagram", "https://www.instagram.com/some.one/reel/DAbCdEf_G-j/", media, "DAbCdEf_G-j"],
  ["instagram", "https://instagr.am/p/DAbCdEf_G-j", media, "DAbCdEf_G-j"],
  // Capitals make another post.
  ["instagram", "https://www.instagram.com/p/dabcdef_g-j/", "https://www.instagram.com/p/dabcdef_g-j", "dabcdef_g-j"],
  [
    "meta",
    "https://www.facebook.com/adsmanager/manage/campaigns?act=123&selected_campaign_ids=120210000000000001&date=x",
    campaign,
    "120210000000000001",
  ],
  [
    "meta",
    "https://adsmanager.facebook.com/adsmanager/manage/campaigns?act=act_123&selected_campaign_ids=120210000000000001",
    campaign,
    "120210000000000001",
  ],
  [
    "meta",
    "https://business.facebook.com/adsmanager/manage/ads?act=1&selected_campaign_ids=120210000000000001&selected_ad_ids=120210000000000003",
    "https://www.facebook.com/adsmanager/manage/ads?selected_ad_ids=120210000000000003",
    "120210000000000003",
  ],
  [
    "meta",
    "https://m.facebook.com/some.one/posts/a-title/1234567890123",
    "https://www.facebook.com/1234567890123",
    null,
  ],
  [
    "meta",
    "https://www.facebook.com/permalink.php?story_fbid=1234567890123&id=5",
    "https://www.facebook.com/1234567890123",
    null,
  ],
  ["meta", "https://www.facebook.com/watch/?v=1234567890123", "https://www.facebook.com/1234567890123", null],
  [
    "meta",
    "https://www.facebook.com/ads/library/?id=1234567890",
    "https://www.facebook.com/ads/library?id=1234567890",
    null,
  ],
];

test.each(known)("%s: %s is %s", (platform, submitted, url, platformPostId) => {
  expect(readPostUrl(platform, submitted)).toEqual({ ok: true, address: { url, platformPostId, isShareLink: false } });
  expect(platformOfUrl(submitted)).toBe(platform);
});

test.each([
  ["reddit", "https://www.reddit.com/r/test/comments/01abcde/", "https://www.reddit.com/comments/1abcde"],
  ["reddit", "https://redd.it/001abcde", "https://www.reddit.com/comments/1abcde"],
  [
    "meta",
    "https://www.facebook.com/adsmanager/manage/ads?selected_ad_ids=0120210000000",
    "https://www.facebook.com/adsmanager/manage/ads?selected_ad_ids=120210000000",
  ],
  ["meta", "https://www.facebook.com/watch/?v=01234567890123", "https://www.facebook.com/1234567890123"],
])("%s: zeros before an id name no other post: %s is %s", (platform, submitted, url) => {
  expect(readPostUrl(platform, submitted)).toMatchObject({ ok: true, address: { url } });
});

test("an ad, an ad set and a campaign keep their addresses apart, and one id is one post in all of them", () => {
  const read = ["ad", "adset", "campaign"].map((tab) =>
    readPostUrl("meta", `https://www.facebook.com/adsmanager/manage/${tab}s?selected_${tab}_ids=120210000000`),
  );
  expect(new Set(read.map((one) => (one.ok ? one.address.url : one.problem))).size).toBe(3);
  for (const one of read) expect(one).toMatchObject({ ok: true, address: { platformPostId: "120210000000" } });
});

const links: [platform: string, submitted: string, url: string][] = [
  ["reddit", "https://www.reddit.com/r/Test/s/AbCdEf1234?rdt=1", "https://www.reddit.com/r/test/s/AbCdEf1234"],
  ["reddit", "https://reddit.com/u/SomeOne/s/AbCdEf1234/", "https://www.reddit.com/u/someone/s/AbCdEf1234"],
  ["reddit", "https://v.redd.it/abc123def", "https://v.redd.it/abc123def"],
  ["instagram", "https://www.instagram.com/share/reel/BAxyz_123/", "https://www.instagram.com/share/reel/BAxyz_123"],
  ["meta", "https://www.facebook.com/share/p/1AbCdEfG/?mibextid=x", "https://www.facebook.com/share/p/1AbCdEfG"],
  ["meta", "https://fb.watch/aBc-123_x/", "https://fb.watch/aBc-123_x"],
];

test.each(links)("%s: %s is a link that only the platform can follow", (platform, submitted, url) => {
  expect(readPostUrl(platform, submitted)).toEqual({
    ok: true,
    address: { url, platformPostId: null, isShareLink: true },
  });
});

test.each([
  ["another platform's host", "https://www.instagram.com/p/DAbCdEf_G-j/", "is not an address on reddit"],
  ["a host that only ends alike", "https://evilreddit.com/comments/1abcde", "is not an address on reddit"],
  [
    "a host that only starts alike",
    "https://www.reddit.com.evil.example/comments/1abcde",
    "is not an address on reddit",
  ],
  ["letters that look alike", "https://www.rеddit.com/comments/1abcde", "is not an address on reddit"],
  [
    "a path that looks like a host",
    "https://evil.example/www.reddit.com/comments/1abcde",
    "is not an address on reddit",
  ],
  ["a user", "https://www.reddit.com@evil.example/comments/1abcde", "must not name a user"],
  ["a user of the right host", "https://someone:secret@www.reddit.com/comments/1abcde", "must not name a user"],
  ["a port", "https://www.reddit.com:8080/comments/1abcde", "must not name a port"],
  ["an address in dots", "http://127.0.0.1/comments/1abcde", "is not an address on reddit"],
  ["an address in hex", "http://0x7f.1/comments/1abcde", "is not an address on reddit"],
  ["an address as one number", "http://2130706433/comments/1abcde", "is not an address on reddit"],
  ["an address in octal", "http://0177.0.0.1/comments/1abcde", "is not an address on reddit"],
  ["an IPv6 address", "http://[::1]/comments/1abcde", "is not an address on reddit"],
  ["an IPv4 address inside IPv6", "http://[::ffff:127.0.0.1]/comments/1abcde", "is not an address on reddit"],
  ["the cloud's own", "http://169.254.169.254/latest/meta-data", "is not an address on reddit"],
  ["a name of this machine", "http://localhost/comments/1abcde", "is not an address on reddit"],
  ["a file", "file:///etc/passwd", "must start with https://"],
  ["a script", "javascript:alert(1)", "must start with https://"],
  ["no address", "my post", "is not an address"],
  ["nothing", "  ", "is empty"],
  ["a page without a post", "https://www.reddit.com/r/test/", "is not the address of a post on reddit"],
  [
    "a comment",
    "https://www.reddit.com/r/test/comments/1abcde/a_title/k1xyz/",
    "is not the address of a post on reddit",
  ],
  ["a picture", "https://i.redd.it/abc123.png", "is not an address on reddit"],
  ["an endless one", `https://www.reddit.com/${"a".repeat(2_000)}`, "is longer than 2000 characters"],
])("refused: %s", (_what, submitted, problem) => {
  const read = readPostUrl("reddit", submitted);
  expect(read).toEqual({ ok: false, problem: expect.stringContaining(problem) as unknown as string });
});

test.each([
  "https://www.reddit.com/comments/1abcde",
  "https://www.reddit.com/r/test/comments/1abcde/a_title/",
  "https://www.reddit.com/user/someone/comments/1abcde/a_title/?rdt=1",
])("a short link, read without asking, is the same post as where it leads: %s", (leadsTo) => {
  const post = readPostUrl("reddit", leadsTo);
  expect(post.ok).toBe(true);
  expect(readPostUrl("reddit", "https://redd.it/1AbCdE")).toEqual(post);
});

test("several campaigns at once are no post", () => {
  const url = "https://www.facebook.com/adsmanager/manage/campaigns?act=1&selected_campaign_ids=1202100001,1202100002";
  expect(readPostUrl("meta", url).ok).toBe(false);
});

test.each(["tiktok", "__proto__", "constructor"])("a platform that is not known is named: %s", (platform) => {
  expect(readPostUrl(platform, post)).toEqual({
    ok: false,
    problem: `is on a platform we do not know; there are ${platformNames.join(", ")}`,
  });
});

describe("whatever is submitted", () => {
  const pieces = fc.constantFrom(
    ...known.flatMap(([, submitted]) => submitted.split(/(?=[/?@:.])/)),
    "..",
    "%2e",
    "\\",
    "@",
    ":80",
    "\t",
  );
  const written = fc.oneof(
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join("")),
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string(),
    fc.constantFrom(...known.map(([, submitted]) => submitted), ...links.map(([, submitted]) => submitted)),
  );

  test("what is kept reads as itself, and lies on a host of the platform's", () => {
    fc.assert(
      fc.property(fc.constantFrom(...platformNames), written, (platform, submitted) => {
        const read = readPostUrl(platform, submitted);
        if (!read.ok) return;
        expect(readPostUrl(platform, read.address.url)).toEqual(read);
        expect(new URL(read.address.url).hostname).toMatch(
          /^(www\.reddit\.com|v\.redd\.it|www\.instagram\.com|www\.facebook\.com|fb\.watch)$/,
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
