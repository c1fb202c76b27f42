/** Hosts that only pass a click on. Where one is asked for, its subdomains are meant too. */
interface Tracker {
  host: string;
  /** Each customer has a subdomain of its own, which says whose link it is where nothing else does. */
  ownSubdomains?: boolean;
}

const trackers: readonly Tracker[] = [
  // Measurement of apps.
  { host: "app.appsflyer.com" },
  { host: "impression.appsflyer.com" },
  { host: "click.appsflyer.com" },
  { host: "onelink.me", ownSubdomains: true },
  { host: "app.adjust.com" },
  { host: "app.adjust.io" },
  { host: "s2s.adjust.com" },
  { host: "adj.st", ownSubdomains: true },
  { host: "go.link", ownSubdomains: true },
  { host: "app.link", ownSubdomains: true },
  { host: "test-app.link", ownSubdomains: true },
  { host: "bnc.lt", ownSubdomains: true },
  { host: "page.link", ownSubdomains: true },
  { host: "app.goo.gl", ownSubdomains: true },
  { host: "sng.link", ownSubdomains: true },
  { host: "smart.link", ownSubdomains: true },
  { host: "control.kochava.com" },
  { host: "click.kochava.com" },
  { host: "track.tenjin.com" },
  // Ad servers.
  { host: "doubleclick.net" },
  { host: "googleadservices.com" },
  { host: "clickserve.dartsearch.net" },
  { host: "servedby.flashtalking.com" },
  { host: "serving-sys.com" },
  { host: "adform.net" },
  { host: "everesttech.net" },
  { host: "xg4ken.com" },
  { host: "adnxs.com" },
  { host: "adsrvr.org" },
  { host: "innovid.com" },
  { host: "trc.taboola.com" },
  { host: "paid.outbrain.com" },
  // Affiliate networks.
  { host: "anrdoezrs.net" },
  { host: "dpbolvw.net" },
  { host: "tkqlhce.com" },
  { host: "jdoqocy.com" },
  { host: "kqzyfj.com" },
  { host: "awin1.com" },
  { host: "click.linksynergy.com" },
  { host: "prf.hn" },
  { host: "shareasale.com" },
  { host: "go.redirectingat.com" },
  { host: "redirect.viglink.com" },
  { host: "clk.tradedoubler.com" },
  { host: "sjv.io" },
  { host: "pxf.io" },
  // Warnings on leaving a network, and short links.
  { host: "l.facebook.com" },
  { host: "lm.facebook.com" },
  { host: "l.instagram.com" },
  { host: "out.reddit.com" },
  { host: "href.li" },
  { host: "bit.ly" },
  { host: "t.co" },
  { host: "tinyurl.com" },
  { host: "goo.gl" },
];

/** Parameters in which such a host carries the address it passes on to: the store first, a page last. */
export const targetParameters: readonly string[] = [
  ...["af_android_url", "af_ios_url", "$android_url", "$ios_url", "afl", "ifl"],
  ...["af_web_dp", "af_r", "$desktop_url", "$fallback_url", "fallback_url", "fallback", "redirect_url", "redirect"],
  ...["adurl", "ds_dest_url", "murl", "ued", "urllink", "rtu", "cpdir", "destination", "dest", "link", "ofl"],
  ...["url", "url[]", "u", "q", "p", "r", "deep_link", "deeplink", "deep_link_value", "$deeplink_path", "af_dp"],
];

/** The passing host that this one is or lies under; null for a host that shows something itself. */
export function trackerOf(host: string): { host: string; ownSubdomains: boolean } | null {
  if (host === "www.google.com" || host === "google.com") return null;
  const found = trackers.find((one) => host === one.host || host.endsWith(`.${one.host}`));
  return found === undefined ? null : { host: found.host, ownSubdomains: found.ownSubdomains === true };
}

/** Sites on which everybody sells or publishes, in whatever country: the name before the public suffix. */
const sharedNames = new Set([
  ...["amazon", "ebay", "etsy", "walmart", "aliexpress", "alibaba", "temu", "shein", "rakuten", "allegro", "zalando"],
  ...[
    "mercadolivre",
    "mercadolibre",
    "shopee",
    "lazada",
    "tokopedia",
    "bukalapak",
    "flipkart",
    "jumia",
    "noon",
    "ozon",
  ],
  ...[
    "google",
    "facebook",
    "instagram",
    "tiktok",
    "youtube",
    "twitter",
    "linkedin",
    "pinterest",
    "reddit",
    "whatsapp",
    "telegram",
  ],
]);
const sharedDomains = new Set([
  ...[
    "x.com",
    "youtu.be",
    "fb.com",
    "fb.me",
    "m.me",
    "t.me",
    "wa.me",
    "vk.com",
    "linktr.ee",
    "snapchat.com",
    "google.com",
  ],
  ...["apple.com", "typeform.com", "jotform.com", "forms.gle", "eventbrite.com", "patreon.com", "kickstarter.com"],
  ...["medium.com", "substack.com", "amzn.to", "a.co", "huawei.com", "samsung.com", "microsoft.com"],
]);

export function isShared(domain: string, name: string): boolean {
  return sharedDomains.has(domain) || sharedNames.has(name);
}
