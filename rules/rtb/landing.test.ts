import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { brandName } from "./brand-name.ts";
import { landingKey, pathWords, readLanding } from "./landing.ts";

const says = (text: string) => {
  const landing = readLanding(text);
  return landingKey(landing) ?? landing.kind;
};
const esc = encodeURIComponent;
const store = "https://play.google.com/store/apps/details?id=com.tidalpine.dropfrenzy";

const stores: [string, string][] = [
  [store, "android:com.tidalpine.dropfrenzy"],
  [`${store}&hl=pt_BR&referrer=utm_source%3Drtb`, "android:com.tidalpine.dropfrenzy"],
  ["https://play.google.com/store/apps/details/?id=com.Foo.Bar", "android:com.Foo.Bar"],
  ["http://market.android.com/details?id=com.foo.bar", "android:com.foo.bar"],
  ["market://details?id=com.foo.bar&referrer=x", "android:com.foo.bar"],
  ["intent://open#Intent;scheme=foo;package=com.foo.bar;end", "android:com.foo.bar"],
  ["android-app://com.foo.bar/https/foo.example", "android:com.foo.bar"],
  // A browser is asked for to show a page: it is not what is advertised.
  ["intent://www.foo.example/x#Intent;scheme=https;package=com.android.chrome;end", "domain:foo.example"],
  ["intent://open#Intent;scheme=foo;S.browser_fallback_url=https%3A%2F%2Ffoo.example%2Fx;end", "domain:foo.example"],
  ["intent://open#Intent;scheme=foo;S.browser_fallback_url=intent%3A%2F%2Fopen;end", "app"],
  ["intent://open#Intent;scheme=foo;package=com.android.chrome;end", "app"],
  ["https://apps.apple.com/us/app/drop-frenzy/id1559000101", "ios:1559000101"],
  ["https://apps.apple.com/app/id1559000101?mt=8", "ios:1559000101"],
  ["https://itunes.apple.com/br/app/id1559000101?mt=8", "ios:1559000101"],
  ["https://geo.itunes.apple.com/app/id1559000101", "ios:1559000101"],
  ["itms-apps://apps.apple.com/app/id1559000101", "ios:1559000101"],
  ["itms://itunes.apple.com/app/apple-store/id1559000101?pt=1", "ios:1559000101"],
  ["https://galaxystore.samsung.com/detail/com.foo.bar", "android:com.foo.bar"],
  ["https://www.amazon.com/gp/mas/dl/android?p=com.foo.bar", "android:com.foo.bar"],
  ["https://play.google.com/store/apps/dev?id=5700313618786177705", "shared"],
  ["https://play.google.com/store/apps/details", "shared"],
  ["https://play.google.com/store/apps/details?id=", "shared"],
  ["https://play.google.com/store/apps/details?id=<script>", "shared"],
  ["https://apps.apple.com/us/developer/tidalpine/id99", "shared"],
];

const trackers: [string, string][] = [
  ["https://app.appsflyer.com/com.foo.bar?pid=x&af_dp=foo%3A%2F%2Fopen", "android:com.foo.bar"],
  ["https://app.appsflyer.com/com.foo.bar-samsung?pid=x", "android:com.foo.bar"],
  ["https://app.appsflyer.com/id1559000101?pid=x", "ios:1559000101"],
  ["https://impression.appsflyer.com/com.foo.bar?pid=x", "android:com.foo.bar"],
  [`https://app.appsflyer.com/?af_r=${esc(store)}`, "android:com.tidalpine.dropfrenzy"],
  ["https://dropfrenzy.onelink.me/AbCd/xyz?pid=dv360", "link:dropfrenzy"],
  [`https://dropfrenzy.onelink.me/AbCd?af_android_url=${esc(store)}`, "android:com.tidalpine.dropfrenzy"],
  [`https://dropfrenzy.onelink.me/AbCd?af_web_dp=${esc("https://www.foo.example/x")}`, "domain:foo.example"],
  [
    `https://foo.onelink.me/A?af_web_dp=${esc("https://foo.example/")}&af_android_url=${esc(store)}`,
    "android:com.tidalpine.dropfrenzy",
  ],
  ["https://foo.onelink.me/A?af_dp=foo%3A%2F%2Fopen", "link:foo"],
  ["https://onelink.me/AbCd", "tracker"],
  ["https://app.adjust.com/abc123", "tracker"],
  [`https://app.adjust.com/abc123?redirect=${esc(store)}`, "android:com.tidalpine.dropfrenzy"],
  [`https://app.adjust.com/abc123?fallback=${esc("https://www.foo.example/x")}`, "domain:foo.example"],
  ["https://app.adjust.com/abc123?deep_link=dropfrenzy%3A%2F%2Flevel%2F3", "scheme:dropfrenzy"],
  [
    `https://app.adjust.com/abc123?deep_link=dropfrenzy%3A%2F%2Fx&redirect=${esc(store)}`,
    "android:com.tidalpine.dropfrenzy",
  ],
  ["https://dropfrenzy.adj.st/x?adj_t=abc", "link:dropfrenzy"],
  ["https://dropfrenzy.go.link/x?adj_t=abc", "link:dropfrenzy"],
  ["https://munchly.app.link/a1b2c3?%243p=a_google", "link:munchly"],
  ["https://munchly-alternate.app.link/a1b2c3", "link:munchly"],
  ["https://munchly.test-app.link/a1b2c3", "link:munchly"],
  [`https://munchly.app.link/a?%24fallback_url=${esc("https://www.munchly.example/menu")}`, "domain:munchly.example"],
  [`https://munchly.app.link/a?%24android_url=${esc(store)}`, "android:com.tidalpine.dropfrenzy"],
  ["https://foo.page.link/?link=https%3A%2F%2Ffoo.example%2F&apn=com.foo.bar", "android:com.foo.bar"],
  ["https://foo.page.link/?link=https%3A%2F%2Ffoo.example%2F&isi=1559000101", "ios:1559000101"],
  ["https://foo.page.link/?link=https%3A%2F%2Ffoo.example%2F", "domain:foo.example"],
  ["https://foo.sng.link/D/a/b", "link:foo"],
  ["https://foo.smart.link/abc?site_id=1", "link:foo"],
  ["https://control.kochava.com/v1/cpi/click?campaign_id=1", "tracker"],
  ["https://ad.doubleclick.net/ddm/clk/1;2;a?https://www.foo.example/lp?utm=1", "domain:foo.example"],
  ["https://ad.doubleclick.net/ddm/clk/1;2;a?https://www.foo.example/lp?url=https://bar.example", "domain:foo.example"],
  [
    "https://ad.doubleclick.net/ddm/trackclk/N1.2/B3;dc_trk_aid=4;dc_trk_cid=5?https%3A%2F%2Ffoo.example%2F",
    "domain:foo.example",
  ],
  ["https://ad.doubleclick.net/ddm/clk/1;2;a", "tracker"],
  [
    `https://adclick.g.doubleclick.net/pcs/click?xai=A&sig=B&adurl=${esc("https://foo.example/a?b=c")}`,
    "domain:foo.example",
  ],
  [`https://www.googleadservices.com/pagead/aclk?sa=L&adurl=${esc(store)}`, "android:com.tidalpine.dropfrenzy"],
  [`https://www.google.com/url?q=${esc("https://foo.example/")}&sa=D`, "domain:foo.example"],
  [
    `https://clickserve.dartsearch.net/link/click?lid=1&ds_dest_url=${esc("https://foo.example")}`,
    "domain:foo.example",
  ],
  ["https://track.adform.net/C/?bn=123;cpdir=https://www.foo.example/x", "domain:foo.example"],
  ["https://bs.serving-sys.com/BurstingPipe/adServer.bs?cn=brd&rtu=https%3A%2F%2Ffoo.example", "domain:foo.example"],
  ["https://pixel.everesttech.net/1/cq?ev_sid=3&url=!https%3A//foo.example/x", "domain:foo.example"],
  ["https://1234.xg4ken.com/media/redir.php?prof=1&url[]=https%3A%2F%2Ffoo.example", "domain:foo.example"],
  ["https://www.awin1.com/cread.php?awinmid=1&ued=https%3A%2F%2Ffoo.example%2Fa", "domain:foo.example"],
  ["https://click.linksynergy.com/deeplink?id=x&mid=1&murl=https%3A%2F%2Ffoo.example", "domain:foo.example"],
  ["https://www.anrdoezrs.net/click-1-2?url=https%3A%2F%2Ffoo.example%2F", "domain:foo.example"],
  ["https://www.dpbolvw.net/links/1/type/dlg/https://foo.example/a", "domain:foo.example"],
  ["https://prf.hn/click/camref:1/destination:https%3A%2F%2Ffoo.example%2Fa", "domain:foo.example"],
  ["https://go.redirectingat.com/?id=1&url=https%3A%2F%2Ffoo.example", "domain:foo.example"],
  ["https://foo.sjv.io/c/1/2/3?u=https%3A%2F%2Ffoo.example%2F", "domain:foo.example"],
  ["https://l.facebook.com/l.php?u=https%3A%2F%2Ffoo.example%2F&h=AT0", "domain:foo.example"],
  ["https://href.li/?https://foo.example/x", "domain:foo.example"],
  ["https://bit.ly/3abcde", "tracker"],
  ["https://t.co/abc", "tracker"],
];

const nested = (depth: number, inner: string): string =>
  depth === 0 ? inner : `https://app.adjust.com/t${depth}?redirect=${esc(nested(depth - 1, inner))}`;

const wrapped: [string, string][] = [
  [nested(1, store), "android:com.tidalpine.dropfrenzy"],
  [nested(2, store), "android:com.tidalpine.dropfrenzy"],
  [nested(3, store), "android:com.tidalpine.dropfrenzy"],
  [nested(4, store), "tracker"],
  [nested(2, "https://shop.foo.example/x"), "domain:foo.example"],
  ["https://app.adjust.com/a?redirect=https%3A%2F%2Fapp.adjust.com%2Fa", "tracker"],
  // A redirect parameter of a site that is no tracker is the site's own affair.
  [`https://shop.example/out?url=${esc("https://other.example")}`, "domain:shop.example"],
  [`https://shop.example/login?redirect=${esc(store)}`, "domain:shop.example"],
  [`https://go.mediabridge.example/r?url=${esc("https://foo.example")}`, "domain:mediabridge.example"],
  ["https://app.adjust.com.evil.example/a?redirect=https%3A%2F%2Ffoo.example", "domain:evil.example"],
  ["https://notapp.link/x?u=https%3A%2F%2Ffoo.example", "domain:notapp.link"],
  ["https://app.adjust.com/a?redirect=javascript%3Aalert(1)", "tracker"],
  ["https://app.adjust.com/a?redirect=%2Frelative", "tracker"],
];

const macros: [string, string][] = [
  ["%%CLICK_URL_UNESC%%https://foo.example/a", "domain:foo.example"],
  ["%%CLICK_URL_ESC%%https%3A%2F%2Ffoo.example%2Fa", "domain:foo.example"],
  ["%%CLICK_URL_ESC_ESC%%https%253A%252F%252Ffoo.example%252Fa", "domain:foo.example"],
  ["https%25253A%25252F%25252Ffoo.example", "domain:foo.example"],
  ["https%2525253A%2525252F%2525252Ffoo.example", "none"],
  ["${CLICK_URL}https://foo.example/", "domain:foo.example"],
  ["[CLICK_URL]https%3A%2F%2Ffoo.example%2F", "domain:foo.example"],
  ["{{click_url}}https://foo.example/", "domain:foo.example"],
  ["https://foo.example/?cb=%%CACHEBUSTER%%&id=${AUCTION_ID}", "domain:foo.example"],
  ["https://foo.example/%%SITE%%/x", "domain:foo.example"],
  ["https://foo.example/?a=1&amp;b=%%X%%", "domain:foo.example"],
  ["https://app.appsflyer.com/com.foo.bar?af_siteid=%%SITE%%&clickid={gaid}", "android:com.foo.bar"],
  [`%%CLICK_URL_ESC%%${esc(`https://app.adjust.com/a?redirect=${esc(store)}`)}`, "android:com.tidalpine.dropfrenzy"],
  ["%%CLICK_URL_UNESC%%", "none"],
  ["%%CLICK_URL_UNESC%%%%UNKNOWN_MACRO%%", "none"],
  ["  https://foo.example/\n", "domain:foo.example"],
];

const domains: [string, string][] = [
  ["https://www.foo.example/", "domain:foo.example"],
  ["https://m.shop.foo.example/x", "domain:foo.example"],
  ["http://FOO.Example./x", "domain:foo.example"],
  ["https://foo.example:8443/x", "domain:foo.example"],
  ["//foo.example/x", "domain:foo.example"],
  ["foo.example/x", "domain:foo.example"],
  ["www.foo.example", "domain:foo.example"],
  ["https://loja.foo.com.br/", "domain:foo.com.br"],
  ["https://www.foo.co.uk/a", "domain:foo.co.uk"],
  ["https://lumen.myshopify.com/collections", "domain:lumen.myshopify.com"],
  ["https://a.lumen.myshopify.com/collections", "domain:lumen.myshopify.com"],
  ["https://casa.myshopify.com/", "domain:casa.myshopify.com"],
  ["https://foo.github.io/landing", "domain:foo.github.io"],
  ["https://foo.netlify.app/offer", "domain:foo.netlify.app"],
  ["https://foo.blogspot.com/", "domain:foo.blogspot.com"],
  ["https://myshopify.com/", "shared"],
  ["https://www.amazon.com/dp/B0ABC", "shared"],
  ["https://www.amazon.co.jp/dp/B0ABC", "shared"],
  ["https://produto.mercadolivre.com.br/MLB-1", "shared"],
  ["https://shopee.co.id/x", "shared"],
  ["https://www.facebook.com/casaverde", "shared"],
  ["https://sites.google.com/view/casaverde", "shared"],
  ["https://www.google.com.br/maps/casaverde", "shared"],
  ["https://x.com/casaverde", "shared"],
  ["https://example-x.com/casaverde", "domain:example-x.com"],
  ["https://amazon.evil.example/", "domain:evil.example"],
  ["https://wa.me/5511999", "shared"],
  ["https://linktr.ee/foo", "shared"],
  ["https://xn--mnchen-3ya.example/", "domain:münchen.example"],
  ["https://münchen.example/", "domain:münchen.example"],
  ["https://192.0.2.7/x", "site"],
  ["https://[2001:db8::1]/x", "site"],
  ["http://localhost/x", "site"],
  ["https://play.google.com@foo.example/store/apps/details?id=com.a.b", "domain:foo.example"],
  ["https:\\\\foo.example\\x", "domain:foo.example"],
  ["dropfrenzy://open?level=3", "scheme:dropfrenzy"],
  ["app://open", "app"],
];

const hostile: [string, string][] = [
  ["", "none"],
  ["   ", "none"],
  ["not an address", "none"],
  ["https://", "none"],
  ["https://%", "none"],
  ["https://foo bar.example/", "none"],
  ["javascript:alert(1)", "none"],
  ["data:text/html,<script>alert(1)</script>", "none"],
  ["mailto:ana@foo.example", "none"],
  ["tel:+5511999999999", "none"],
  ["file:///etc/passwd", "none"],
  ["https://foo.example/%E0%A4%A", "domain:foo.example"],
  ["https://foo.example/?q=%ZZ%", "domain:foo.example"],
  ["https%3A%2F%2Ffoo.example%2F%E0%A4%A", "domain:foo.example"],
  ["https://foo.example/\u0000\u202Egpj.exe", "domain:foo.example"],
  [`https://${"a".repeat(64)}.example/`, "site"],
  ["https://../", "site"],
  ["https://foo..example/", "site"],
  ["constructor", "none"],
  ["__proto__://x", "none"],
];

const all = [...stores, ...trackers, ...wrapped, ...macros, ...domains, ...hostile];

describe.each([
  ["a store's page is its app", stores],
  ["a tracker's link is what it passes on to, or whose link it is", trackers],
  ["up to three trackers are unwrapped, and only trackers", wrapped],
  ["macros are no part of an address", macros],
  ["a site is its registrable domain, private suffixes too", domains],
  ["what is hostile or broken leads nowhere", hostile],
])("%s:", (_, cases) => {
  test.each(cases)("%s is %s", (text, expected) => expect(says(text)).toBe(expected));
});

test("a host with letters such as ü is one at the ten thousandth call, too", () => {
  const found = new Set(Array.from({ length: 10_000 }, () => says("https://münchen.example/")));
  expect([...found]).toEqual(["domain:münchen.example"]);
});

test("there are over a hundred cases", () => {
  expect(all.length).toBeGreaterThan(140);
});

test("what is kept of an address has no query: that is about a click, and may be about a person", () => {
  expect(readLanding("https://www.foo.example/lp/2?email=ana@foo.example&gclid=1#x")).toMatchObject({
    url: "https://foo.example/lp/2",
    host: "foo.example",
    domain: "foo.example",
    via: [],
    kind: "site",
  });
  expect(readLanding(`${store}&referrer=ana`).url).toBe(store);
});

test("the trackers a click passes are named in order", () => {
  expect(readLanding(`https://ad.doubleclick.net/ddm/clk/1;2;a?${nested(1, store)}`).via).toEqual([
    "ad.doubleclick.net",
    "app.adjust.com",
  ]);
});

test.each([
  [store, "Dropfrenzy"],
  ["https://play.google.com/store/apps/details?id=com.skyhop.app", "Skyhop"],
  ["https://play.google.com/store/apps/details?id=br.centavo.android.prod", "Centavo"],
  ["https://apps.apple.com/app/id1559000101", null],
  ["https://apps.apple.com/us/app/drop-frenzy/id1559000101", "Drop Frenzy"],
  ["https://www.stride-outlet.example/", "Stride Outlet"],
  ["https://loja.casaverde.com.br/", "Casaverde"],
  ["https://lumen-and-loom.myshopify.com/", "Lumen And Loom"],
  ["https://munchly-alternate.app.link/a", "Munchly"],
  ["https://www.amazon.com/dp/B0ABC", null],
  ["https://app.adjust.com/abc", null],
  ["dropfrenzy://open", "Dropfrenzy"],
  ["", null],
])("the name in %s is %p", (text, name) => {
  expect(brandName(readLanding(text))).toBe(name);
});

test("the words of a page are those of its path, without its ending and numbers", () => {
  expect(pathWords(readLanding("https://foo.example/campaigns/Ver%C3%A3o-2026/lp.html?x=secret"))).toEqual([
    "campaigns",
    "verão",
  ]);
  expect(pathWords(readLanding(store))).toEqual([]);
});

test("no text makes it throw, and reading again what was read gives the same", () => {
  const part = fc.constantFrom(
    ...[
      "https://",
      "%",
      "%25",
      "%%CLICK_URL_ESC%%",
      "[",
      "]",
      "${",
      "}",
      "{{",
      "app.adjust.com",
      "/",
      "?",
      "redirect=",
      "&",
      "foo.example",
    ],
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(part).map((parts) => parts.join("")),
    fc.webUrl(),
  );
  fc.assert(
    fc.property(text, (written) => {
      const { url, domain } = readLanding(written);
      if (url !== null && domain !== null) expect(readLanding(url).domain).toBe(domain);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ["a megabyte of one letter", "a".repeat(1_000_000)],
  ["a megabyte of percent signs", "%".repeat(1_000_000)],
  ["a megabyte of open macros", "%%A".repeat(333_333)],
  ["a megabyte of brackets", "[".repeat(1_000_000)],
  ["a megabyte of braces", "{".repeat(1_000_000)],
  ["a host of a thousand labels", `https://${"a.".repeat(1_000)}example/`],
  ["a query of thousands of addresses", `https://app.adjust.com/a?${"redirect=https://x.example/&".repeat(30_000)}`],
  ["a path of thousands of addresses", `https://app.adjust.com/${"https://x.example/".repeat(30_000)}`],
  ["an address within itself, thirty times", nested(30, store).slice(0, 100_000)],
  ["thousands of hyphens and dots", `${"a-.".repeat(300_000)}`],
])("%s is read in no time", (_, text) => {
  const began = performance.now();
  readLanding(text);
  expect(performance.now() - began).toBeLessThan(1_000);
});
